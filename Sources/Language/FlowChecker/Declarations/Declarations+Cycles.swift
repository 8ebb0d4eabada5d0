import CEL
import FlowSource
import FlowSyntax

/// A name, its location, and the names on which it depends.
struct DependencyNode {
  var name: String
  var range: SourceRange
  var needs: [(name: String, range: SourceRange)]
}

/// Orders names so that each follows the names on which it depends.
///
/// Depth-first search (Tarjan 1972); a cycle is reported once, with a location for each of its edges.
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

  /// F116: types with their defaults, events, constants and functions are declared in dependency order, regardless of
  /// their order in the source.
  mutating func declareInOrder(into problems: inout [Diagnostic]) {
    var nodes: [DependencyNode] = []
    for node in symbols.types { nodes.append(dependencies(node.name, defaults: node.fields)) }
    for node in symbols.events {
      var found = dependencies(node.name, defaults: node.fields)
      let members = Set(node.fields.map(\.name.text) + node.lets.map(\.name.text))
      found.needs += node.lets.flatMap { needs($0.value) }.filter { !members.contains($0.name) }
      nodes.append(found)
    }
    for node in symbols.constants {
      nodes.append(DependencyNode(name: node.name.text, range: node.name.range, needs: needs(node.value)))
      // Until it is checked, a constant agrees with every type, so that a cycle is one error.
      _ = environment.declare(variable: node.name.text, type: .error, slot: 0)
    }
    for node in symbols.functions {
      let parameters = Set(node.parameters.map(\.name.text))
      // A parameter hides a constant of the same name.
      let needs = needs(node.body).filter { !parameters.contains($0.name) }
      nodes.append(DependencyNode(name: node.name.text, range: node.name.range, needs: needs))
    }
    let order = ordered(
      nodes, code: "F116", message: { "a definition depends on itself: \($0)" }, help: "remove one of the dependencies",
      into: &problems)
    var types = [RecordDeclaration?](repeating: nil, count: symbols.types.count)
    var payloads = [CheckedEvent?](repeating: nil, count: symbols.events.count)
    for index in order {
      var position = index
      if position < types.count {
        types[position] = declareRecord(symbols.types[position].name, symbols.types[position].fields, into: &problems)
        continue
      }
      position -= types.count
      if position < payloads.count {
        payloads[position] = declare(symbols.events[position], into: &problems)
        continue
      }
      position -= payloads.count
      if position < symbols.constants.count {
        declare(symbols.constants[position], into: &problems)
      } else {
        declare(symbols.functions[position - symbols.constants.count], into: &problems)
      }
    }
    records = types.compactMap { $0 }
    events = payloads.compactMap { $0 }
    for (index, node) in symbols.events.enumerated() where events.indices.contains(index) {
      events[index].webhook = webhook(node, into: &problems)
      events[index].queue = queue(node, into: &problems)
    }
  }

  private mutating func declare(_ node: EventNode, into problems: inout [Diagnostic]) -> CheckedEvent {
    let payload = declareRecord(node.name, node.fields, into: &problems)
    return CheckedEvent(
      payload: payload, computed: computedMembers(of: node, payload, into: &problems), isInternal: node.isInternal)
  }

  private mutating func declareRecord(
    _ name: NameNode, _ fields: [FieldNode], into problems: inout [Diagnostic]
  ) -> RecordDeclaration {
    let declaration = record(name.text, fields: fields, environment: environment, problems: &problems)
    environment.types.declare(declaration)
    return declaration
  }

  private func dependencies(_ name: NameNode, defaults fields: [FieldNode]) -> DependencyNode {
    DependencyNode(name: name.text, range: name.range, needs: fields.compactMap(\.defaultValue).flatMap { needs($0) })
  }

  private func needs(_ expression: Expression) -> [(name: String, range: SourceRange)] {
    expression.references.map { ($0.name, $0.nameRange) } + expression.calledNames.map { ($0.name, $0.range) }
  }

  private mutating func declare(_ node: ConstantNode, into problems: inout [Diagnostic]) {
    let checked = environment.check(node.value)
    problems += self.problems(of: node.value, checked.diagnostics, in: environment)
    // After an error the name stays declared, and agrees with every type.
    guard let tree = checked.expression else { return }
    environment.remove(node.name.text)
    environment.declare(definition: node.name.text, tree)
  }

  private mutating func declare(_ node: FunctionNode, into problems: inout [Diagnostic]) {
    let parameters = record(node.name.text, fields: node.parameters, environment: nil, problems: &problems).fields
    let result = resolve(node.result, into: &problems)
    for parameter in node.parameters where parameter.type.maximum != nil {
      // Functions are expanded where they are called, without a check of their arguments.
      problems.append(
        Diagnostic(
          "F201", "a parameter of a function has no `max`", at: parameter.type.range, label: "not possible here",
          help: "remove it: the field that the value comes from is bounded"))
    }
    for parameter in node.parameters where reservedWords.contains(parameter.name.text) {
      problems.append(reservedName(parameter.name, "a parameter of a function"))
    }
    var scope = environment
    for (slot, parameter) in parameters.enumerated() {
      _ = scope.declare(variable: parameter.name, type: parameter.type, slot: slot)
    }
    let isInCycle = node.body.calledNames.contains { called in
      !environment.hasFunction(called.name)
        && symbols.functions.contains { $0.name.text == called.name }
    }
    // Without a body, calls are still checked.
    let signature = Signature(node.name.text, parameters: parameters.map(\.type), result: result)
    guard !isInCycle else { return environment.declare(signature) }
    let hasRows = !node.rows.isEmpty
    guard !hasRows || checkTable(of: node, scope, result: result, into: &problems) else {
      return environment.declare(signature)
    }
    let checked = scope.check(node.body, expecting: result)
    // The findings about rows are known.
    if !hasRows || checked.diagnostics.hasErrors {
      problems += self.problems(of: node.body, checked.diagnostics, in: scope)
    }
    guard let body = checked.expression else { return environment.declare(signature) }
    let function = FunctionDefinition(
      name: node.name.text, parameterSlots: Array(parameters.indices), parameterTypes: parameters.map(\.type),
      body: body)
    guard function.size <= Declarations.maximumFunctionSize else {
      // Its callers are too large as well.
      if !problems.contains(where: { $0.code == "F218" }) { problems.append(tooLarge(node)) }
      return environment.declare(signature)
    }
    environment.declare(function)
  }

  /// The maximum number of operations of a function with the functions that it calls, at each call.
  private static let maximumFunctionSize = 10_000

  /// F218: functions that call each other repeatedly multiply.
  private func tooLarge(_ node: FunctionNode) -> Diagnostic {
    Diagnostic(
      "F218", "`\(node.name.text)` has more than 10,000 operations, with the functions that it calls",
      at: node.name.range, label: "too large",
      help: "call a function once and use its result repeatedly, or compute a part in a `let`")
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
