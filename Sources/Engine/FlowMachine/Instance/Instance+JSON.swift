import CEL
import FlowIR
public import FlowJSON

// The two documents of an instance in a store.
extension Instance {
  /// The position: active states, timers, calls, and the extended state.
  public func positionJSON(in machine: Machine) -> JSON { positionJSON(withItems: true, in: machine) }

  /// The position without the items of calls over lists, which a store has as rows of their own.
  public func storedPositionJSON(in machine: Machine) -> JSON { positionJSON(withItems: false, in: machine) }

  private func positionJSON(withItems: Bool, in machine: Machine) -> JSON {
    let flow = machine.program.flows[flow]
    let leaves = machine.flows[self.flow].leafPaths(active)
    var members: [JSON.Member] = [.init("states", .array(leaves.map { .string($0) }))]
    if !timers.isEmpty { members.append(.init("timers", .array(timers.map(\.json)))) }
    if !calls.isEmpty { members.append(.init("calls", .array(calls.map(\.json)))) }
    if let box { members += box.state.members(withItems: withItems, flow, machine) }
    return .object(members)
  }

  /// True if ``positionJSON(in:)`` is certainly the same for both; false when it may differ.
  public func isPlaced(like other: Instance) -> Bool {
    box == nil && other.box == nil && flow == other.flow && active == other.active && timers == other.timers
      && calls == other.calls
  }

  /// The data: the fields by name, and the results of calls under `$results`.
  public func dataJSON(in machine: Machine) -> JSON {
    var members: [JSON.Member] = []
    for (index, field) in machine.flows[flow].flow.fields.enumerated() {
      guard let value = value(ofField: index, in: machine) else { continue }
      members.append(.init(field.name, value.json(in: machine.types)))
    }
    let results = resultMembers(in: machine)
    if !results.isEmpty { members.append(.init("$results", .object(results))) }
    return .object(members)
  }

  private func resultMembers(in machine: Machine) -> [JSON.Member] {
    let loaded = machine.flows[flow]
    guard loaded.hasCalls else { return [] }
    var results: [JSON.Member] = []
    for call in loaded.flow.calls where !results.contains(where: { $0.name == call.name }) {
      let index = call.resultSlot - FrameLayout.firstField
      guard index < data.count, let value = data.value(at: index, types: machine.types) else { continue }
      results.append(.init(call.name, value.json(in: machine.types)))
    }
    return results
  }

  /// The changes of a step to the data, for the journal: the fields that were assigned, and all results when one is
  /// new. The changes of all steps, merged in order, are the data.
  public func changesJSON(_ step: Step, in machine: Machine) -> JSON {
    let loaded = machine.flows[flow]
    var members: [JSON.Member] = step.changedFields.map { field in
      .init(loaded.flow.fields[field].name, value(ofField: field, in: machine)?.json(in: machine.types) ?? .null)
    }
    let results = step.areResultsChanged ? resultMembers(in: machine) : []
    if !results.isEmpty { members.append(.init("$results", .object(results))) }
    return .object(members)
  }
}

extension JSON {
  /// The data document of an instance as views show it: the data, and the fields of each active state by its path.
  /// - Parameter leaves: The paths of the innermost active states.
  public func dividedByState(activeIn leaves: [String]) -> (data: JSON, stateData: JSON) {
    guard let members, members.contains(where: { $0.name.contains(".") }) else { return (self, .object([])) }
    var data: [Member] = []
    var states: [Member] = []
    for member in members {
      guard let dot = member.name.lastIndex(of: ".") else {
        data.append(member)
        continue
      }
      let path = String(member.name[..<dot])
      guard leaves.contains(where: { $0 == path || $0.hasPrefix(path + ".") }) else { continue }
      let field = Member(String(member.name[member.name.index(after: dot)...]), member.value)
      if let index = states.firstIndex(where: { $0.name == path }) {
        states[index].value = .object((states[index].value.members ?? []) + [field])
      } else {
        states.append(Member(path, .object([field])))
      }
    }
    return (.object(data), .object(states))
  }
}

extension ArmedTimer {
  var json: JSON {
    var members: [JSON.Member] = [
      .init("transition", .int(Int64(transition))), .init("due", .int(due)), .init("armed", .int(Int64(armed))),
    ]
    if let period { members.append(.init("period", .int(period))) }
    if chain > 0 { members.append(.init("chain", .int(Int64(chain)))) }
    return .object(members)
  }

  init?(_ json: JSON, _ flow: Flow) {
    guard let transition = json["transition"]?.int, flow.transitions.indices.contains(transition),
      flow.transitions[transition].trigger.isTimer, let due = json["due"]?.int, let armed = json["armed"]?.int
    else { return nil }
    self.init(
      transition: transition, due: Int64(due), armed: armed, period: json["period"]?.int.map { max(Int64($0), 1) },
      chain: json["chain"]?.int ?? 0)
  }
}

extension JobReference {
  var json: JSON { [.int(Int64(revision)), .int(Int64(number))] }

  init?(_ json: JSON?) {
    guard let job = json?.array?.compactMap(\.int), job.count == 2 else { return nil }
    self.init(revision: job[0], number: job[1])
  }
}

extension PendingCall {
  var json: JSON {
    var members: [JSON.Member] = [.init("call", .int(Int64(call.rawValue))), .init("job", job.json)]
    if let item { members.append(.init("item", .int(Int64(item)))) }
    if let once { members.append(.init("once", .string(once))) }
    return .object(members)
  }

  init?(_ json: JSON, _ flow: Flow) {
    guard let call = flow.call(json["call"]), let job = JobReference(json["job"])
    else { return nil }
    self.init(call: call, job: job, item: json["item"]?.int, once: json["once"]?.string)
  }
}

extension DeferredEvent {
  func json(_ machine: Machine) -> JSON {
    var members: [JSON.Member] = [
      .init("event", .string(machine.program.events[event].name)), .init("payload", payload.json(in: machine.types)),
    ]
    if let caller {
      members.append(.init("caller", .string(caller.id)))
      members.append(.init("roles", .array(caller.roles.map { .string($0) })))
      if let flow = caller.flow { members.append(.init("sender", .string(flow))) }
    }
    return .object(members)
  }

  init?(_ json: JSON, _ machine: Machine) {
    guard let name = json["event"]?.string, let event = machine.event(named: name),
      case .success(let payload) = Value.from(json["payload"] ?? .null, as: .record(name), in: machine.types)
    else { return nil }
    let caller = json["caller"]?.string.map { id in
      Caller(id: id, roles: json["roles"]?.array?.compactMap(\.string) ?? [], flow: json["sender"]?.string)
    }
    self.init(event: event, payload: payload, caller: caller)
  }
}
