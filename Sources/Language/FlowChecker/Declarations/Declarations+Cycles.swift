import CEL
import FlowSource
import FlowSyntax

/// A name, its place, and the names that it needs.
struct DependencyNode {
  var name: String
  var range: SourceRange
  var needs: [(name: String, range: SourceRange)]
}

/// Orders names so that each comes behind what it needs.
///
/// Depth-first search (Tarjan 1972); a cycle is reported once, with a place for each of its edges.
/// - Complexity: O(names + needs).
func ordered(
  _ nodes: [DependencyNode], code: String, message: (String) -> String, help: String,
  into problems: inout [Diagnostic]
) -> [Int] {
  let indices = Dictionary(nodes.enumerated().map { ($1.name, $0) }) { first, _ in first }
  var order: [Int] = []
  var state = [Int](repeating: 0, count: nodes.count)
  for root in nodes.indices where state[root] == 0 {
    var stack: [(node: Int, edge: Int)] = [(root, 0)]
    state[root] = 1
    while let (node, edge) = stack.last {
      guard edge < nodes[node].needs.count else {
        state[node] = 2
        order.append(node)
        stack.removeLast()
        continue
      }
      stack[stack.count - 1].edge += 1
      guard let next = indices[nodes[node].needs[edge].name] else { continue }
      if state[next] == 0 {
        state[next] = 1
        stack.append((next, 0))
      } else if state[next] == 1 {
        let start = stack.firstIndex { $0.node == next } ?? 0
        let edges = stack[start...].map { nodes[$0.node].needs[$0.edge == 0 ? 0 : $0.edge - 1] }
        problems.append(cycle(from: nodes[next], edges: edges, code: code, message: message, help: help))
      }
    }
  }
  return order
}

private func cycle(
  from first: DependencyNode, edges: [(name: String, range: SourceRange)], code: String,
  message: (String) -> String, help: String
) -> Diagnostic {
  let path = ([first.name] + edges.map(\.name)).map { "`\($0)`" }.joined(separator: " → ")
  return Diagnostic(
    code, message(path), at: edges[0].range, label: "depends on `\(edges[0].name)`",
    labels: edges.dropFirst().map { .init($0.range, "depends on `\($0.name)`") }, help: help)
}

extension Declarations {
  /// F117: a type may not contain itself, except through a list, a map or an optional.
  func checkContainment(into problems: inout [Diagnostic]) {
    let nodes = symbols.types.map { type in
      DependencyNode(
        name: type.name.text, range: type.name.range,
        needs: type.fields.filter { !$0.type.isOptional && $0.type.arguments.isEmpty }
          .map { ($0.type.name.text, $0.type.range) })
    }
    _ = ordered(
      nodes, code: "F117", message: { "a type contains itself: \($0)" },
      help: "put it in a `list` or make it optional with `?`", into: &problems)
  }

  /// F116: constants and functions are defined in the order in which they need each other.
  mutating func checkDefinitions(into problems: inout [Diagnostic]) {
    let constants = symbols.constants.map { ($0.name, needs($0.value)) }
    let functions = symbols.functions.map { ($0.name, needs($0.body)) }
    let nodes = (constants + functions).map { DependencyNode(name: $0.text, range: $0.range, needs: $1) }
    // Until it is checked, a constant agrees with everything: a cycle is one mistake.
    for constant in symbols.constants { _ = environment.declare(variable: constant.name.text, type: .error, slot: 0) }
    let order = ordered(
      nodes, code: "F116", message: { "a definition depends on itself: \($0)" },
      help: "remove one of the dependencies", into: &problems)
    for index in order {
      if index < constants.count {
        declare(symbols.constants[index], into: &problems)
      } else {
        declare(symbols.functions[index - constants.count], into: &problems)
      }
    }
  }

  private func needs(_ expression: Expression) -> [(name: String, range: SourceRange)] {
    expression.references.map { ($0.name, $0.nameRange) } + expression.calledNames.map { ($0.name, $0.range) }
  }

  private mutating func declare(_ node: ConstantNode, into problems: inout [Diagnostic]) {
    let checked = environment.check(node.value)
    problems += self.problems(of: node.value, checked.diagnostics)
    // After a mistake the name stays declared, and agrees with everything.
    guard let tree = checked.expression else { return }
    environment.remove(node.name.text)
    environment.declare(definition: node.name.text, tree)
  }

  private mutating func declare(_ node: FunctionNode, into problems: inout [Diagnostic]) {
    let parameters = record(node.name.text, fields: node.parameters, environment: nil, problems: &problems).fields
    let result = resolve(node.result, into: &problems)
    var scope = environment
    for (slot, parameter) in parameters.enumerated() {
      _ = scope.declare(variable: parameter.name, type: parameter.type, slot: slot)
    }
    let isInCycle = node.body.calledNames.contains { called in
      environment.signatures(of: called.name).isEmpty && !environment.functionNames.contains(called.name)
        && symbols.functions.contains { $0.name.text == called.name }
    }
    guard !isInCycle else {
      environment.declare(Signature(node.name.text, parameters: parameters.map(\.type), result: result))
      return
    }
    let checked = scope.check(node.body, expecting: result)
    problems += self.problems(of: node.body, checked.diagnostics)
    guard let body = checked.expression else {
      environment.declare(Signature(node.name.text, parameters: parameters.map(\.type), result: result))
      return
    }
    environment.declare(
      function: node.name.text, parameterTypes: parameters.map(\.type), parameterSlots: Array(parameters.indices),
      body: body)
  }

  func definitionOrder(
    _ nodes: [ConstantNode], what: String, into problems: inout [Diagnostic]
  ) -> [Int] {
    ordered(
      nodes.map { node in
        DependencyNode(
          name: node.name.text, range: node.name.range,
          needs: node.value.references.map { ($0.name, $0.nameRange) })
      },
      code: "F116", message: { "\(what) depends on itself: \($0)" },
      help: "remove one of the dependencies", into: &problems)
  }
}
