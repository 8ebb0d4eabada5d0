import CEL
import FlowSource
import FlowSyntax
import FlowTime

extension FlowChecker {
  mutating func checkReactions(_ nodes: [ReactionNode], in state: Int) {
    currentState = state
    defer { currentState = 0 }
    for node in nodes {
      let triggers = triggers(node.trigger, in: state)
      // An unknown trigger does not hide the mistakes after it.
      if triggers.isEmpty { _ = rest(node.rest, from: state, environment(event: .error)) }
      for (trigger, event) in triggers {
        checkRoles(node.rest.roles, trigger)
        switch trigger {
        case .itemDone(let call), .itemFailed(let call): itemCall = call
        default: itemCall = nil
        }
        let rest = rest(node.rest, from: state, environment(event: event))
        itemCall = nil
        reactions.append(CheckedReaction(source: state, trigger: trigger, rest: rest, range: node.range))
      }
    }
  }

  /// Each trigger of a reaction, with the type of `event` in it.
  private mutating func triggers(
    _ node: TriggerNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    switch node.kind {
    case .on(let paths): return paths.flatMap { triggers(on: $0, in: state) }
    case .always: return [(.always, nil)]
    case .after(let delay): return duration(delay).map { [(.after($0), nil)] } ?? []
    case .every(let delay): return duration(delay).map { [(.every($0), nil)] } ?? []
    case .at(let instant):
      return expression(instant, environment(of: state), expecting: .timestamp).map { [(.at($0), nil)] } ?? []
    case .cron(let node): return cron(node).map { [(.cron($0), nil)] } ?? []
    }
  }

  /// F315: only an event has a caller.
  private mutating func checkRoles(_ roles: [NameNode], _ trigger: CheckedReaction.Trigger) {
    guard let first = roles.first else { return }
    switch trigger {
    case .event, .any: break
    default:
      problems.append(
        Diagnostic(
          "F315", "`by` is only allowed on events", at: first.range, label: "this trigger has no caller",
          help: "remove `by`"))
    }
  }

  /// F607: a schedule that is invalid or never due, or that of a start which is not constant. F208: a constant time
  /// zone that does not exist.
  mutating func cron(_ node: CronNode, isStart: Bool = false) -> CheckedCron? {
    guard let spec = node.spec else { return nil }
    var found = CheckedCron(schedule: node.schedule ?? "")
    if node.schedule == nil {
      guard let checked = expression(spec, environment(of: currentState), expecting: .string) else { return nil }
      if case .string(let text)? = checked.tree.constant { found.schedule = text } else { found.spec = checked }
    }
    if found.spec == nil {
      guard checkSchedule(found.schedule, at: spec.range) else { return nil }
    } else if isStart {
      problems.append(
        Diagnostic(
          "F607", "the schedule of a start is constant", at: spec.range, label: "no instance has data yet",
          help: "write it in quotes, or start on an event and use `cron` in a state"))
      return nil
    }
    guard let zone = node.zone else { return found }
    return expression(zone, environment(of: currentState), expecting: .string).map { checked in
      if case .string(let name)? = checked.tree.constant, !TimeZones.isKnown(name) {
        problems.append(
          Diagnostic(
            "F208", "there is no time zone \"\(name.prefix(60))\"", at: zone.range, help: TimeZones.hint(for: name)))
      }
      found.zone = checked
      return found
    }
  }

  private mutating func checkSchedule(_ text: String, at range: SourceRange) -> Bool {
    guard case .failure(let mistake) = CronSchedule.read(text) else { return true }
    problems.append(
      Diagnostic(
        "F607", "this schedule is not valid: \(mistake.message)", at: range,
        help: "write minute, hour, day, month and weekday, such as \"0 9 * * MON\""))
    return false
  }

  private mutating func triggers(
    on path: PathNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    guard let first = path.names.first, !path.isMissing else { return [] }
    if path.names.count == 1 {
      switch first.text {
      case "any": return [(.any, nil)]
      case "error": return [(.error, .record(BuiltInRecords.failure.name))]
      case "done": return done(first, in: state)
      case "failed": return failed(first, in: state)
      default: break
      }
      return event(first).map { [(.event($0), .record(symbols.events[$0].name.text))] } ?? []
    }
    if path.names.count == 3, path.names[1].text == "item" { return items(path) }
    if path.names.count == 3, ["items", "each", "element"].contains(path.names[1].text),
      callNames[path.names[0].text] != nil
    {
      let (call, end) = (path.names[0].text, path.names[2].text)
      problems.append(
        Diagnostic(
          "F105", "the items of `\(call)` end in `\(call).item.\(end)`", at: path.range, label: "not an end of a call",
          help: "write `on \(call).item.\(end)`"))
      return []
    }
    let name = path.names.dropLast().map(\.text).joined(separator: ".")
    if name == "rollback" { return rollback(path, in: state) }
    guard let calls = callNames[name] else {
      if unresolvedCalls.contains(name) { return [] }
      problems.append(unknown("call", named: name, code: "F106", at: path.range, candidates: callNames.keys))
      return []
    }
    switch path.names.last?.text {
    case "done":
      let type = ValueType.record(self.calls[calls[0]].resultRecord)
      return calls.map { (.callDone($0), type) }
    case "failed": return calls.map { (.callFailed($0), .record(BuiltInRecords.failure.name)) }
    default:
      problems.append(
        Diagnostic(
          "F105", "a call ends in `\(name).done` or `\(name).failed`", at: path.range, label: "not one of them",
          help: path.names.last?.text == "item"
            ? "an item of a call over a list ends in `\(name).item.done` or `\(name).item.failed`" : nil))
      return []
    }
  }

  /// F309: only a call over a list has items.
  private mutating func items(_ path: PathNode) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    let name = path.names[0].text
    guard let calls = callNames[name] else {
      if unresolvedCalls.contains(name) { return [] }
      problems.append(unknown("call", named: name, code: "F106", at: path.names[0].range, candidates: callNames.keys))
      return []
    }
    guard self.calls[calls[0]].node.loop != nil else {
      neverHappens(
        "`\(name)` is called once and has no items", at: path.range,
        help: "write `on \(name).done`, or call it with `for x in list`")
      return []
    }
    switch path.names[2].text {
    case "done":
      let type = ValueType.record(ResultShape.item.recordName(self.calls[calls[0]].node.action.text))
      return calls.map { (.itemDone($0), type) }
    case "failed": return calls.map { (.itemFailed($0), .record(BuiltInRecords.itemFailure.name)) }
    default:
      problems.append(
        Diagnostic(
          "F105", "an item ends in `\(name).item.done` or `\(name).item.failed`", at: path.range,
          label: "not one of them"))
      return []
    }
  }

  /// F309: only states with children or steps complete.
  private mutating func done(
    _ name: NameNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    guard states[state].children.isEmpty, !hasSteps(state) else { return [(.done, nil)] }
    neverHappens(
      "`\(states[state].path)` contains no states and never completes", at: name.range,
      help: "for a call, write `on name.done`")
    return []
  }

  /// F309: only states with steps fail as a whole.
  private mutating func failed(
    _ name: NameNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    if hasSteps(state) { return [(.failed, .record(BuiltInRecords.failure.name))] }
    neverHappens(
      "`\(states[state].path)` has no `steps` that could fail", at: name.range,
      help: "for a call, write `on name.failed`")
    return []
  }

  /// F309: only a state with `rollback` rolls back.
  private mutating func rollback(
    _ path: PathNode, in state: Int
  ) -> [(CheckedReaction.Trigger, event: ValueType?)] {
    guard stateNodes[state]?.rollback != nil else {
      neverHappens("`\(states[state].path)` has no `rollback`", at: path.range, help: "write `rollback` in the state")
      return []
    }
    switch path.names.last?.text {
    case "done": return [(.rollbackDone, nil)]
    case "failed": return [(.rollbackFailed, .record(BuiltInRecords.failure.name))]
    default:
      problems.append(
        Diagnostic(
          "F105", "a rollback ends in `rollback.done` or `rollback.failed`", at: path.range, label: "not one of them"))
      return []
    }
  }

  private func hasSteps(_ state: Int) -> Bool { stateNodes[state].map { !$0.steps.isEmpty } ?? false }

  private mutating func neverHappens(_ message: String, at range: SourceRange, help: String) {
    problems.append(Diagnostic("F309", message, at: range, label: "never happens", help: help))
  }

  mutating func duration(_ delay: DelayNode) -> CheckedExpression? {
    switch delay {
    case .expression(let node): return expression(node, environment(of: currentState), expecting: .duration)
    case .literal(let node):
      let (parsed, _) = parse("duration('\(node.milliseconds)ms')")
      return environment.check(parsed).expression.map { CheckedExpression(tree: $0, range: node.range) }
    }
  }

  mutating func rest(_ node: TransitionTailNode, from state: Int, _ environment: Environment) -> CheckedTransitionTail {
    var rest = CheckedTransitionTail()
    (rest.roles, rest.senders) = callers(node.roles)
    rest.guardExpression = node.guardExpression.flatMap { condition($0, environment, what: "a guard") }
    if let path = node.target, let target = target(path, from: state) {
      rest.target = target.state
      rest.isHistory = target.isHistory
      checkEntry(target.state, path)
      rest.arguments = stateArguments(node, from: state, of: target, at: path, environment)
      enteredState = target.isHistory ? nil : target.state
      checkImplicitEntries(node, from: state, to: target, path)
      checkLostAssignments(node, from: state, to: target.state)
    }
    rest.isReenter = node.isReenter
    rest.statements = statements(node.statements, environment)
    enteredState = nil
    return rest
  }

  /// F110: a state that is entered by name has to declare its initial state.
  private mutating func checkEntry(_ state: Int, _ path: PathNode) {
    let node = states[state]
    if node.kind == .parallel {
      for region in node.children { checkEntry(region, path) }
    } else if !node.children.isEmpty, node.initial == nil {
      problems.append(
        Diagnostic(
          "F110", "`\(node.path)` is entered here, and none of its states is `initial`", at: path.range,
          label: "no initial state", labels: [.init(node.name.range, "has no initial state")],
          help: "mark one of its states `initial`, or name one as the target"))
    } else if let initial = node.initial {
      checkEntry(initial, path)
    }
  }
}
