import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  mutating func acts(_ nodes: [ActNode], _ environment: Environment) -> [CheckedAct] {
    nodes.compactMap { act($0, environment) }
  }

  private mutating func act(_ node: ActNode, _ outer: Environment) -> CheckedAct? {
    var environment = outer
    var loop: (slot: Int, list: CheckedExpression)?
    if let suffix = node.loop {
      guard let list = expression(suffix.list, outer) else { return nil }
      let element = element(of: list, suffix)
      // Loops of different acts never run at once, so that they can share a slot behind the fields and calls.
      let slot = Slots.firstField + keptCount
      frameSize = max(frameSize, slot + 1)
      _ = environment.declare(variable: suffix.variable.text, type: element, slot: slot)
      loop = (slot, list)
    }
    var condition: CheckedExpression?
    if let node = node.condition { condition = self.condition(node, environment, what: "a condition") }
    guard let kind = kind(node, environment) else { return nil }
    return CheckedAct(kind: kind, loop: loop, condition: condition, range: node.range)
  }

  private mutating func element(of list: CheckedExpression, _ suffix: LoopNode) -> ValueType {
    switch list.tree.type {
    case .list(let element): return element
    case .dyn: return .dyn
    case .error: return .error
    default:
      problems.append(
        Diagnostic(
          "F201", "`for` goes over a list", at: suffix.list.range, label: "this is `\(list.tree.type)`"))
      return .error
    }
  }

  private mutating func kind(_ node: ActNode, _ environment: Environment) -> CheckedAct.Kind? {
    switch node.kind {
    case .assign(let path, let indices, let value): return assignment(path, indices, value, environment)
    case .perform(let path, let arguments):
      guard let action = action(path) else { return nil }
      return .perform(action: action, self.arguments(arguments, of: action, at: path.range, environment))
    case .emit(let value): return payload(value, environment).map { .emit(event: $0, $1) }
    case .raise(let value): return payload(value, environment).map { .raise(event: $0, $1) }
    case .log(let value): return expression(value, environment).map { .log($0) }
    }
  }

  private mutating func assignment(
    _ path: PathNode, _ indices: [Expression], _ value: Expression, _ environment: Environment
  ) -> CheckedAct.Kind? {
    guard let name = path.names.first, !path.isMissing else { return nil }
    guard let index = fields.firstIndex(where: { $0.name == name.text }) else {
      problems.append(notAssignable(name))
      return nil
    }
    guard path.names.count == 1, indices.isEmpty else {
      problems.append(
        Diagnostic(
          "F114", "a part of a data field can't be assigned yet", at: path.range,
          help: "assign the whole of `\(name.text)`"))
      return nil
    }
    guard let checked = expression(value, environment, expecting: fields[index].type) else { return nil }
    return .assign(slot: Slots.firstField + index, checked)
  }

  private func notAssignable(_ name: NameNode) -> Diagnostic {
    if node.lets.contains(where: { $0.name.text == name.text }) {
      return Diagnostic(
        "F106", "`\(name.text)` is a `let` and can't be assigned", at: name.range, label: "computed from other data")
    }
    return unknown(
      "F106", "data field", name.text, at: name.range, candidates: fields.map(\.name),
      others: [("an action", symbols.actions.map(\.name.text))])
  }

  /// What is emitted or raised is an event with its fields. F214.
  private mutating func payload(_ value: Expression, _ environment: Environment) -> (Int, CheckedExpression)? {
    // An event without fields may be written as its bare name.
    if let name = value.dottedName, name.count == 1, let event = symbols.eventIndices[name[0]] {
      let (parsed, _) = parse("\(name[0]){}")
      let checked = environment.check(parsed)
      problems += checked.diagnostics.map { problem in
        var moved = problem
        moved.range = value.range
        return moved
      }
      return checked.expression.map { (event, CheckedExpression(tree: $0, range: value.range)) }
    }
    guard let checked = expression(value, environment) else { return nil }
    if case .record(let name) = checked.tree.type, let event = symbols.eventIndices[name] { return (event, checked) }
    if checked.tree.type != .error {
      problems.append(
        Diagnostic(
          "F214", "this is not an event", at: value.range, label: "it is `\(checked.tree.type)`",
          help: "write `Event{field: value}`"))
    }
    return nil
  }
}
