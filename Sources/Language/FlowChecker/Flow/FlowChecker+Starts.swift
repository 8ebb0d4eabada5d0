import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  mutating func checkStarts() {
    if node.starts.isEmpty {
      problems.append(
        Diagnostic(
          "F110", "the flow `\(node.name.text)` has no `start`", at: node.name.range, label: "can never run",
          help: node.parameters == nil ? "write `start on Event -> state`" : "write `start -> state`"))
    }
    for start in node.starts {
      let triggers = triggers(of: start)
      let policies = schedulePolicies(of: start)
      if triggers.isEmpty {
        if case .on = start.trigger { startEvent = true } else { startEvent = false }
        _ = rest(start.rest, from: 0, environment(event: .error))
        startEvent = nil
      }
      for (trigger, event) in triggers {
        startEvent = .some(event != nil)
        let rest = rest(start.rest, from: 0, environment(event: event))
        startEvent = nil
        if start.rest.target == nil {
          problems.append(
            Diagnostic("F110", "a `start` needs a target state", at: start.range, help: "write `-> state`"))
        }
        starts.append(
          CheckedStart(
            trigger: trigger, overlap: policies.overlap, catchUp: policies.catchUp, rest: rest, range: start.range))
        checkAssigned(by: start)
      }
    }
    checkCallable()
  }

  /// Each trigger of a start, with the type of `event` in it.
  private mutating func triggers(of start: StartNode) -> [(CheckedStart.Trigger, event: ValueType?)] {
    switch start.trigger {
    case .on(let names, let isAgain):
      return names.compactMap { name in
        event(name).map { (.event($0, isAgain: isAgain), .record(symbols.events[$0].name.text)) }
      }
    case .every(let delay): return duration(delay).map { [(.every($0), nil)] } ?? []
    case .cron(let node): return cron(node, isStart: true).map { [(.cron($0), nil)] } ?? []
    case .called: return [(.called, nil)]
    }
  }

  /// F110: a flow with parameters declares the initial state of a call; a flow without parameters is not callable.
  private mutating func checkCallable() {
    let called = node.starts.filter {
      if case .called = $0.trigger { true } else { false }
    }
    if node.parameters == nil, let first = called.first {
      problems.append(
        Diagnostic(
          "F110", "this start is never used", at: first.range, label: "for calls, but the flow has no parameters",
          help: "write `flow \(node.name.text)(parameters)` to let it be called, or `start on Event`"))
    } else if node.parameters != nil, called.isEmpty, !node.starts.isEmpty {
      problems.append(
        Diagnostic(
          "F110", "`\(node.name.text)` has parameters, but no start for calls", at: node.name.range,
          label: "calls have no first state", help: "write `start -> state`"))
    }
    checkKeyOfCall()
  }

  /// F110: the key of a called instance is an argument of its call.
  private mutating func checkKeyOfCall() {
    guard node.parameters != nil, let key, key >= parameterCount, let name = node.key else { return }
    problems.append(
      Diagnostic(
        "F110", "a call gives the key `\(name.text)` no value", at: name.range, label: "not a parameter",
        help: "make it a parameter: `flow \(node.name.text)(\(name.text): string)`"))
  }

  // MARK: - Assignment

  /// F503: after the start every field without a default has a value, and no field is read before it has one.
  private mutating func checkAssigned(by start: StartNode) {
    let required = node.data.filter { $0.defaultValue == nil && !$0.type.isOptional && !$0.name.isMissing }
    var unset = Dictionary(required.map { ($0.name.text, $0.name.range) }) { first, _ in first }
    if let condition = start.rest.guardExpression { checkReads(of: condition, unset) }
    // The arguments of the target are evaluated before the actions.
    for argument in start.rest.arguments { checkReads(of: argument.value, unset) }
    for act in start.rest.statements {
      if let list = act.loop?.list { checkReads(of: list, unset) }
      var visible = unset
      if let variable = act.loop?.variable.text { visible[variable] = nil }
      for expression in act.expressions where expression.range != act.loop?.list.range {
        checkReads(of: expression, visible)
      }
      guard act.loop == nil, act.condition == nil else { continue }
      switch act.kind {
      case .assign(let location, _) where location.steps.isEmpty: unset[location.field.text] = nil
      case .take(let names): for name in names { unset[name.text] = nil }
      default: break
      }
    }
    for field in required where unset[field.name.text] != nil {
      problems.append(
        Diagnostic(
          "F503", "`\(field.name.text)` has no value after this start", at: start.range, label: "does not assign it",
          labels: [.init(field.name.range, "has no default")],
          help: "assign it in `do`, give it a default, or make it optional with `?`"))
    }
  }

  private mutating func checkReads(of expression: Expression, _ unset: [String: SourceRange]) {
    for reference in expression.references {
      for name in fieldsRead(by: reference.name) {
        guard let declared = unset[name] else { continue }
        problems.append(
          Diagnostic(
            "F503", "`\(name)` is read before it is assigned", at: reference.nameRange,
            label: name == reference.name ? "not assigned yet" : "depends on `\(name)`",
            labels: [.init(declared, "has no default")], help: "assign it first"))
      }
    }
  }

  /// A name and, for a `let`, its dependencies; `key` is another name of its field.
  private func fieldsRead(by name: String) -> [String] {
    var seen: Set<String> = []
    var found: [String] = []
    var rest = [name]
    while let next = rest.popLast() {
      guard seen.insert(next).inserted else { continue }
      if let definition = node.lets.first(where: { $0.name.text == next }) {
        rest += definition.value.references.map(\.name).reversed()
      } else {
        found.append(next == "key" ? node.key?.text ?? next : next)
      }
    }
    return found
  }
}

extension ActionStatementNode {
  /// Its expressions, in the order in which they are evaluated.
  var expressions: [Expression] {
    var found = [loop?.list, condition].compactMap { $0 }
    switch kind {
    case .assign(let location, let value):
      found += location.steps.compactMap(\.expression) + [value]
    case .perform(_, let arguments): found += arguments.map(\.value)
    case .emit(let value, to: _), .raise(let value), .log(let value): found.append(value)
    case .take: break
    }
    return found
  }
}
