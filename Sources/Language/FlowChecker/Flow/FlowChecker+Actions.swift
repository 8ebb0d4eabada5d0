import CEL
import FlowIR
import FlowSource
import FlowSyntax

extension FlowChecker {
  mutating func statements(_ nodes: [ActionStatementNode], _ environment: Environment) -> [CheckedActionStatement] {
    nodes.flatMap { statements($0, environment) }
  }

  /// The statements that one of the text stands for: `take` is an assignment per field.
  private mutating func statements(_ node: ActionStatementNode, _ environment: Environment) -> [CheckedActionStatement]
  {
    guard case .take(let taken) = node.kind else { return act(node, environment).map { [$0] } ?? [] }
    guard environment.hasVariable("event") else {
      problems.append(
        Diagnostic(
          "F106", "`take` needs an event", at: node.range, label: "no event here",
          help: "assign the fields with `=`, or use it in a reaction to an event"))
      return []
    }
    let names = taken.filter { !$0.isMissing }
    if let problem = fieldsOfTarget(names) {
      problems.append(problem)
      return []
    }
    return names.compactMap { name in
      var assignment = node
      assignment.kind = .assign(
        TargetNode(field: name, range: name.range), .member(name.text, of: "event", at: name.range))
      return act(assignment, environment)
    }
  }

  /// F106: `take` assigns data fields; the fields of the target are its arguments.
  private func fieldsOfTarget(_ names: [NameNode]) -> Diagnostic? {
    guard let target = enteredState else { return nil }
    let own = states[target].fields.map { fields[$0].plainName }
    let meant = names.filter { own.contains($0.text) && field(named: $0.text) == nil }
    guard let first = meant.first, let last = meant.last else { return nil }
    let arguments = meant.map { "\($0.text): event.\($0.text)" }.joined(separator: ", ")
    let rest = names.filter { name in !meant.contains { $0.text == name.text } }.map(\.text).joined(separator: ", ")
    return Diagnostic(
      "F106", "`take` assigns data fields, not the fields of the target `\(states[target].path)`",
      at: SourceRange(first.range.lower, last.range.upper), label: "fields of the target",
      help: "write `-> \(states[target].name.text)(\(arguments))"
        + (rest.isEmpty ? "` and remove `take`" : " do take \(rest)`"))
  }

  private mutating func act(_ node: ActionStatementNode, _ outer: Environment) -> CheckedActionStatement? {
    var environment = outer
    var loop: (slot: Int, list: CheckedExpression)?
    if let suffix = node.loop {
      guard let found = self.loop(suffix, &environment) else { return nil }
      loop = found
    }
    var condition: CheckedExpression?
    if let node = node.condition { condition = self.condition(node, environment, what: "a condition") }
    guard let kind = kind(node, environment) else { return nil }
    return CheckedActionStatement(kind: kind, loop: loop, condition: condition, range: node.range)
  }

  /// Declares the variable of `for x in list`.
  mutating func loop(_ suffix: LoopNode, _ environment: inout Environment) -> (slot: Int, list: CheckedExpression)? {
    guard let list = expression(suffix.list, environment) else { return nil }
    let element = element(of: list, suffix)
    // Loops of different statements never run at the same time, so they share one slot after the fields and calls.
    let slot = FrameLayout.firstField + keptCount
    frameSize = max(frameSize, slot + 1)
    _ = environment.declare(variable: suffix.variable.text, type: element, slot: slot)
    return (slot, list)
  }

  private mutating func element(of list: CheckedExpression, _ suffix: LoopNode) -> ValueType {
    switch list.tree.type {
    case .list(let element): return element
    case .dyn: return .dyn
    case .error: return .error
    default:
      problems.append(
        Diagnostic(
          "F201", "`for` needs a list", at: suffix.list.range, label: "this is `\(list.tree.type)`",
          help: mapHelp(of: list, suffix)))
      return .error
    }
  }

  /// The way to visit the keys of a map.
  private func mapHelp(of list: CheckedExpression, _ suffix: LoopNode) -> String? {
    guard case .map = list.tree.type, let map = suffix.list.dottedName?.joined(separator: ".") else { return nil }
    let key = suffix.variable.text
    return "for the keys of the map, write `for \(key) in \(map).map(\(key), \(key))`; "
      + "the value of a key is `\(map)[\(key)]`"
  }

  private mutating func kind(
    _ statement: ActionStatementNode, _ environment: Environment
  ) -> CheckedActionStatement.Kind? {
    switch statement.kind {
    case .assign(let location, let value): return assignment(to: location, value: value, in: environment)
    case .perform(let path, let arguments):
      guard let action = action(path), let callee = callees[path.text] else { return nil }
      return .perform(action: action, self.arguments(arguments, of: callee, at: path.range, environment))
    case .emit(let node, let flow): return emission(node, to: flow, environment, by: statement)
    case .raise(let value): return payload(value, environment).map { .raise(event: $0, $1) }
    case .log(let value): return expression(value, environment).map { .log($0) }
    case .take: return nil
    }
  }

  private mutating func emission(
    _ node: Expression, to flow: NameNode?, _ environment: Environment, by statement: ActionStatementNode
  ) -> CheckedActionStatement.Kind? {
    let receivers = flow.flatMap { self.receivers($0) }
    guard let (event, value) = payload(node, environment) else { return nil }
    checkEmitted(event, by: statement)
    if let flow, let receivers {
      let clause = SourceRange(node.range.upper, flow.range.upper)
      broadcasts.append(CheckedBroadcast(event: event, flow: receivers, range: flow.range, clause: clause))
    }
    return .emit(event: event, value, to: receivers)
  }

  private mutating func assignment(
    to location: TargetNode, value: Expression, in environment: Environment
  ) -> CheckedActionStatement.Kind? {
    guard !location.field.isMissing else { return nil }
    guard let index = field(named: location.field.text) else {
      problems.append(notAssignable(location.field))
      return nil
    }
    guard index >= parameterCount || index == key && startEvent == true else {
      problems.append(
        Diagnostic(
          "F106", "`\(location.field.text)` is a parameter and can't be assigned", at: location.field.range,
          label: "set by the caller", help: "use a data field for values that change"))
      return nil
    }
    if index == key, !isIdentity(value, key: fields[index].name) {
      problems.append(
        Diagnostic(
          "F106", "`\(location.field.text)` is the key and can't be assigned another value", at: location.field.range,
          label: "names the instance",
          help: "only `start on Event … do \(location.field.text) = event.\(location.field.text)` sets it"))
      return nil
    }
    guard let (part, type, isEntry) = part(of: location, in: fields[index].type, environment) else { return nil }
    if isEntry, let problem = removal(at: location, value, of: type) {
      problems.append(problem)
      return nil
    }
    guard let checked = expression(value, environment, expecting: type) else { return nil }
    if part.isEmpty { checkSize(of: checked, maximum: fields[index].maximum, fields[index].plainName) }
    return .assign(slot: FrameLayout.firstField + index, part: part, checked)
  }

  /// Returns true if an assignment of the key field agrees with the key that identifies the instance. A start with an
  /// event reads the key from the event; a start without one defines it by the assignment.
  private func isIdentity(_ value: Expression, key: String) -> Bool {
    switch startEvent {
    case .none: false
    case .some(false): true
    case .some(true): value.dottedName == ["event", key]
    }
  }

  /// F201: no value for an entry of a map, which is how other languages remove it.
  private func removal(at location: TargetNode, _ value: Expression, of type: ValueType) -> Diagnostic? {
    guard case .index(let key)? = location.steps.last, value.isNoValue else { return nil }
    if case .optional = type { return nil }
    let edits = [
      Fix.Edit(SourceRange(key.range.lower, key.range.lower), "?"), Fix.Edit(value.range, "optional.none()"),
    ]
    return Diagnostic(
      "F201", "expected `\(type)`, found no value", at: value.range, label: "an entry has a value",
      help: "to remove the entry, write `\(location.field.text)[?…] = optional.none()`",
      fixes: [Fix("remove the entry", .maybe, edits)])
  }

  /// The selections of `a.b[0]` after `a`, and the type of their result.
  private mutating func part(
    of location: TargetNode, in root: ValueType, _ environment: Environment
  ) -> (steps: [CheckedActionStatement.PartStep], type: ValueType, isEntry: Bool)? {
    var type = root
    var isEntry = false
    var steps: [CheckedActionStatement.PartStep] = []
    for step in location.steps {
      switch (step, type) {
      case (_, .error): return nil
      case (.field(let name), .dyn): steps.append(.field(name.text))
      case (.index(let index), .dyn):
        guard let checked = expression(index, environment) else { return nil }
        steps.append(.index(checked))
      case (.field(let name), .record(let record)):
        guard let declaration = environment.types.record(named: record) else { return nil }
        guard let field = declaration.field(name.text) else {
          problems.append(
            unknown(
              "field", named: name.text, code: "F203", at: name.range, candidates: declaration.fields.map(\.name),
              location: " in `\(record)`"))
          return nil
        }
        steps.append(.field(name.text))
        type = field.type
      case (.index(let index), .list(let element)):
        guard let checked = expression(index, environment, expecting: .int) else { return nil }
        steps.append(.index(checked))
        type = element
      case (.index(let key), .map(let keys, let values)):
        guard let checked = expression(key, environment, expecting: keys) else { return nil }
        steps.append(.index(checked))
        type = values
        isEntry = true
        continue
      case (.entry(let key), .map(let keys, let values)) where steps.count == location.steps.count - 1:
        guard let checked = expression(key, environment, expecting: keys) else { return nil }
        steps.append(.entry(checked))
        type = .optional(values)
      case (.entry(let key), .map):
        problems.append(
          Diagnostic(
            "F203", "`[?…]` can only be the last part of what is assigned", at: key.range, label: "an optional entry",
            help: "write `[…]` to assign a part of an entry, which must exist"))
        return nil
      case (.entry(let key), _):
        problems.append(
          Diagnostic(
            "F203", "only entries of a map can be removed, and this is a `\(type)`", at: key.range,
            label: "`[?…]` needs a map", help: "write `[…]` to replace an element of a list"))
        return nil
      default:
        problems.append(
          Diagnostic(
            "F203", "\(article(type)) has no such member", at: location.range,
            label: "`\(location.field.text)` can't be assigned like this"))
        return nil
      }
      isEntry = false
    }
    return (steps, type, isEntry)
  }

  private func article(_ type: ValueType) -> String { "a `\(type)`" }

  private func notAssignable(_ name: NameNode) -> Diagnostic {
    if node.lets.contains(where: { $0.name.text == name.text }) {
      return Diagnostic(
        "F106", "`\(name.text)` is a `let` and can't be assigned", at: name.range, label: "a computed value")
    }
    if let problem = outOfScope(name.text, at: name.range) { return problem }
    return unknown(
      "data field", named: name.text, code: "F106", at: name.range, candidates: fieldNames,
      others: [("an action", symbols.actions.map(\.name.text))])
  }

  /// F214: the operand of `emit`, `raise` and `send` is an event.
  mutating func payload(_ value: Expression, _ environment: Environment) -> (Int, CheckedExpression)? {
    // An event without fields may be written as its bare name.
    if let name = value.dottedName, name.count == 1, let event = eventIndex(name[0]) {
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

extension Expression {
  /// True for `null` and `optional.none()`.
  fileprivate var isNoValue: Bool {
    switch kind {
    case .literal(.null): true
    case .call(let call): call.function.name == "none" && call.target?.dottedName == ["optional"]
    default: false
    }
  }
}
