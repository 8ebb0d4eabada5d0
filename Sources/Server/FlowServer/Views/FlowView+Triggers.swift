import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// Triggers of starts and transitions in parts, for clients that process them.
extension FlowView {
  /// The event and the roles, or the schedule with its next run.
  func trigger(ofStart index: Int) -> [JSON.Member] {
    let start = flow.starts[index]
    var event: EventIndex?
    var members: [JSON.Member] = []
    switch start.trigger {
    case .event(let number, isAgain: _): event = number
    case .every(let delay): members.append(.init("every", .string(delay.text)))
    case .cron(let cron): members += schedule(cron)
    case .called: members.append(.init("called", true))
    }
    if start.isScheduled {
      members.append(.init("overlap", .string(start.overlap.rawValue)))
      members.append(.init("catchup", .string(start.catchUp.rawValue)))
    }
    if let row = schedules.first(where: { $0.flow == flow.name && $0.start == index }), row.due < .max {
      members.append(.init("nextAt", .string(timeText(row.due))))
    }
    return named(event) + [roles(start.roles)] + members
  }

  /// The event and the roles, or the time.
  func trigger(of transition: Transition) -> [JSON.Member] {
    var event: EventIndex?
    var members: [JSON.Member] = []
    switch transition.trigger {
    case .event(let number): event = number
    case .after(let delay): members.append(.init("after", .string(delay.text)))
    case .every(let delay): members.append(.init("every", .string(delay.text)))
    case .at(let instant): members.append(.init("instant", .string(instant.text)))
    case .cron(let cron): members += schedule(cron)
    case .callDone(let call), .callFailed(let call), .itemDone(let call), .itemFailed(let call):
      members.append(.init("call", .string(flow.calls[call].name)))
    case .any, .always, .done, .failed, .rollbackDone, .rollbackFailed, .error: break
    }
    return named(event) + [roles(transition.roles)] + members
  }

  /// The calls and steps of all states, with the calls for which each waits.
  var calls: [JSON] {
    flow.calls.map { call in
      [
        "name": .string(call.name), "state": .string(flow.states[call.state].path), "target": .string(target(of: call)),
        "isStep": .bool(call.isStep), "after": .array(call.after.map { .string(flow.calls[$0].name) }),
        "when": call.condition.map { .string($0.text) } ?? .null,
      ]
    }
  }

  private func target(of call: Call) -> String {
    switch call.target {
    case .action(let action): program.actions[action].name
    case .flow(let flow): program.flows[flow].name
    }
  }

  private func named(_ event: EventIndex?) -> [JSON.Member] {
    [.init("event", event.map { .string(program.events[$0].name) } ?? .null)]
  }

  private func roles(_ roles: [Int]) -> JSON.Member {
    .init("roles", .array(roles.map { .string(program.roles[$0]) }))
  }

  private func schedule(_ cron: Cron) -> [JSON.Member] {
    [.init("cron", .string(cron.text)), .init("tz", cron.zone.map { .string($0.text.unquoted) } ?? "UTC")]
  }
}

extension String {
  /// The text of a string literal; the source of any other expression.
  fileprivate var unquoted: String {
    count > 1 && hasPrefix("\"") && hasSuffix("\"") ? String(dropFirst().dropLast()) : self
  }
}
