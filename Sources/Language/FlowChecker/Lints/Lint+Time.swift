import CEL
import FlowSource
import FlowSyntax

/// F602, F604: timers without a delay, or with an interval under a second.
func checkTimers(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  for reaction in flow.reactions {
    switch reaction.trigger {
    case .after(let delay): checkPositive(delay, into: &problems)
    case .every(let delay):
      if checkPositive(delay, into: &problems) { checkInterval(delay, into: &problems) }
    default: break
    }
  }
  for start in flow.starts {
    if case .every(let delay) = start.trigger, checkPositive(delay, into: &problems) {
      checkInterval(delay, into: &problems)
    }
  }
}

@discardableResult
private func checkPositive(_ delay: CheckedExpression, into problems: inout [Diagnostic]) -> Bool {
  guard case .duration(let length) = delay.tree.constant, length.nanoseconds <= 0 else { return true }
  problems.append(
    Diagnostic(
      "F602", "a timer's duration must be positive", at: delay.range, label: "not positive",
      help: "for an immediate reaction, write `always`"))
  return false
}

private func checkInterval(_ delay: CheckedExpression, into problems: inout [Diagnostic]) {
  guard case .duration(let length) = delay.tree.constant, length.nanoseconds < 1_000_000_000 else { return }
  problems.append(
    Diagnostic(
      "F604", .warning, "this timer fires more than once a second", at: delay.range,
      label: "each firing is written to disk",
      help: "wait for an event instead, or use a longer interval"))
}

/// F601: a state that waits for external inputs without a timeout.
func checkTimeouts(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  let calling = Set(flow.calls.map(\.state))
  for (index, state) in flow.states.enumerated() where state.kind == .plain && state.children.isEmpty {
    let around = flow.states.around(index)
    let reactions = around.flatMap { flow.reactions(of: $0) }
    let waits = reactions.contains { reaction in
      if case .event = reaction.trigger { reaction.source == index && reaction.rest.target != nil } else { false }
    }
    let ends = reactions.contains { reaction in
      switch reaction.trigger {
      case .after, .every, .at, .cron, .always: true
      default: false
      }
    }
    let isOngoing = around.contains { isMarkedOngoing($0, flow) }
    guard waits, !ends, !isOngoing, calling.isDisjoint(with: around) else { continue }
    problems.append(
      Diagnostic(
        "F601", .warning, "`\(state.path)` may wait indefinitely", at: state.name.range, label: "waits for events only",
        help: "add `after 30d -> …`, or write `ongoing` if that is meant"))
  }
}

private func isMarkedOngoing(_ state: Int, _ flow: CheckedFlow) -> Bool {
  state == 0 ? flow.node.ongoing != nil : flow.states[state].isOngoing
}
