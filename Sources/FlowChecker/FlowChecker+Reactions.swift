import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  mutating func checkReactions(_ nodes: [ReactionNode], in state: Int) {
    for node in nodes {
      for (trigger, event) in triggers(node.trigger, in: state) {
        let rest = rest(node.rest, from: state, environment(event: event))
        reactions.append(CheckedReaction(source: state, trigger: trigger, rest: rest, range: node.range))
      }
    }
  }

  /// Each trigger that a reaction is written for, with the type of `event` in it.
  private mutating func triggers(
    _ node: TriggerNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    switch node.kind {
    case .on(let paths): return paths.flatMap { triggers(on: $0, in: state) }
    case .always: return [(.always, nil)]
    case .after(let delay): return duration(delay).map { [(.after($0), nil)] } ?? []
    case .every(let delay): return duration(delay).map { [(.every($0), nil)] } ?? []
    case .at(let instant):
      return expression(instant, environment, expecting: .timestamp).map { [(.at($0), nil)] } ?? []
    }
  }

  private mutating func triggers(
    on path: PathNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    guard let first = path.names.first, !path.isMissing else { return [] }
    if path.names.count == 1 {
      if first.text == "any" { return [(.any, nil)] }
      if first.text == "done" { return done(first, in: state) }
      return event(first).map { [(.event($0), .record(symbols.events[$0].name.text))] } ?? []
    }
    let name = path.names.dropLast().map(\.text).joined(separator: ".")
    guard let calls = callNames[name] else {
      if unresolvedCalls.contains(name) { return [] }
      problems.append(unknown("F106", "call", name, at: path.range, candidates: callNames.keys))
      return []
    }
    switch path.names.last?.text {
    case "done":
      let action = actions[self.calls[calls[0]].action].node.name.text
      let type = ValueType.record(BuiltInRecords.result(of: action, nil).name)
      return calls.map { (.callDone($0), type) }
    case "failed": return calls.map { (.callFailed($0), .record(BuiltInRecords.failure.name)) }
    default:
      problems.append(
        Diagnostic(
          "F105", "a call ends in `\(name).done` or `\(name).failed`", at: path.range, label: "not one of them"))
      return []
    }
  }

  /// F309: only what has states inside can be done.
  private mutating func done(
    _ name: NameNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    guard states[state].children.isEmpty else { return [(.done, nil)] }
    problems.append(
      Diagnostic(
        "F309", "`\(states[state].path)` has no states inside and is never done", at: name.range,
        label: "never happens", help: "for a call write `on name.done`"))
    return []
  }

  private mutating func duration(_ delay: DelayNode) -> CheckedExpression? {
    switch delay {
    case .expression(let node): return expression(node, environment, expecting: .duration)
    case .literal(let node):
      let (parsed, _) = parse("duration('\(node.milliseconds)ms')")
      return environment.check(parsed).expression.map { CheckedExpression(tree: $0, range: node.range) }
    }
  }

  mutating func rest(_ node: ReactionRest, from state: Int, _ environment: Environment) -> CheckedRest {
    var rest = CheckedRest()
    rest.roles = node.roles.compactMap { role($0) }
    rest.guardExpression = node.guardExpression.flatMap { condition($0, environment, what: "a guard") }
    if let path = node.target, let target = target(path, from: state) {
      rest.target = target.state
      rest.isHistory = target.isHistory
      checkEntry(target.state, path)
    }
    rest.isReenter = node.isReenter
    rest.acts = acts(node.acts, environment)
    return rest
  }

  /// F110: what is entered by its name has to say which of its states comes first.
  private mutating func checkEntry(_ state: Int, _ path: PathNode) {
    let node = states[state]
    if node.kind == .parallel {
      for region in node.children { checkEntry(region, path) }
    } else if !node.children.isEmpty, node.initial == nil {
      problems.append(
        Diagnostic(
          "F110", "`\(node.path)` is entered here, and none of its states is `initial`", at: path.range,
          label: "where to?", labels: [.init(node.name.range, "has no initial state")],
          help: "mark one of its states `initial`, or name one as the target"))
    } else if let initial = node.initial {
      checkEntry(initial, path)
    }
  }

  // MARK: - Starts

  mutating func checkStarts() {
    if node.starts.isEmpty {
      problems.append(
        Diagnostic(
          "F110", "the flow `\(node.name.text)` has no `start`", at: node.name.range, label: "nothing begins it",
          help: "write `start on Event -> state`"))
    }
    for start in node.starts {
      for name in start.events {
        guard let event = event(name) else { continue }
        let type = ValueType.record(symbols.events[event].name.text)
        let rest = rest(start.rest, from: 0, environment(event: type))
        if start.rest.target == nil {
          problems.append(
            Diagnostic("F110", "a `start` names the first state", at: start.range, help: "write `-> state`"))
        }
        starts.append(CheckedStart(event: event, isAgain: start.isAgain, rest: rest, range: start.range))
        checkAssigned(by: start)
      }
    }
  }

  /// F503: after the start every field without a default has a value.
  private mutating func checkAssigned(by start: StartNode) {
    var assigned: Set<String> = []
    for act in start.rest.acts where act.loop == nil && act.condition == nil {
      if case .assign(let path, let indices, _) = act.kind, path.names.count == 1, indices.isEmpty {
        assigned.insert(path.text)
      }
    }
    for field in node.data where field.defaultValue == nil && !field.type.isOptional && !field.name.isMissing {
      guard !assigned.contains(field.name.text) else { continue }
      problems.append(
        Diagnostic(
          "F503", "`\(field.name.text)` has no value after this start", at: start.range, label: "does not assign it",
          labels: [.init(field.name.range, "has no default")],
          help: "assign it in `do`, give it a default, or make it optional with `?`"))
    }
  }
}
