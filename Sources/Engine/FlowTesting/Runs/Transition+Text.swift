public import FlowIR

extension Transition {
  /// The head of the reaction in the syntax of a flow, without its actions: `on Paid by clerk when amount > 0 → paid`.
  public func text(of flow: Flow, in program: Program) -> String {
    let callers = roles.map { program.roles[$0] } + senders.map { program.flows[$0].name }
    let by = callers.isEmpty ? "" : " by " + callers.joined(separator: ", ")
    let condition = guardExpression.map { " when \($0.text)" } ?? ""
    let goal = target.map { " → \(flow.states[$0].path)" } ?? ""
    return trigger.text(of: flow, in: program) + by + condition + goal
  }
}

extension Trigger {
  fileprivate func text(of flow: Flow, in program: Program) -> String {
    switch self {
    case .event(let event): "on \(program.events[event].name)"
    case .any: "on any"
    case .always: "always"
    case .after(let delay): "after \(delay.text)"
    case .every(let delay): "every \(delay.text)"
    case .at(let instant): "at \(instant.text)"
    case .callDone(let call): "on \(flow.calls[call].name).done"
    case .callFailed(let call): "on \(flow.calls[call].name).failed"
    case .itemDone(let call): "on \(flow.calls[call].name).item.done"
    case .itemFailed(let call): "on \(flow.calls[call].name).item.failed"
    case .done: "on done"
    case .cron(let cron): cron.spec.map { "cron \($0.text)" } ?? "cron \"\(cron.schedule)\""
    case .failed: "on failed"
    case .rollbackDone: "on rollback.done"
    case .rollbackFailed: "on rollback.failed"
    case .error: "on error"
    }
  }
}
