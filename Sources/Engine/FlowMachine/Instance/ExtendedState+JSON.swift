public import CEL
public import FlowIR
import FlowJSON

extension ExtendedState {
  /// The members of the position document; empty parts are omitted.
  func members(withItems: Bool, _ flow: Flow, _ machine: Machine) -> [JSON.Member] {
    var members: [JSON.Member] = []
    func add(_ name: String, _ items: [JSON]) { if !items.isEmpty { members.append(.init(name, .array(items))) } }
    func paths(_ states: some Sequence<StateIndex>) -> [JSON] { states.map { .string(flow.states[$0].path) } }
    func numbers(_ set: BitSet) -> [JSON] { set.ascending.map { .int(Int64($0)) } }
    if !history.isEmpty {
      members.append(
        .init("history", .object(history.map { .init(flow.states[$0.state].path, .array(paths($0.leaves))) })))
    }
    add("deferred", deferred.map { $0.json(machine) })
    add("lists", fanOuts.map { $0.json(withItems: withItems, machine) })
    add("stepsBegun", numbers(stepsBegun))
    add("stepsDone", numbers(stepsDone))
    add("stopped", paths(stopped.ascending))
    add("undos", undos.map { $0.json(machine) })
    add("doubts", uncertainCalls.map { $0.json(machine) })
    add("rolling", paths(rolling.ascending))
    if let rollingJob { members.append(.init("rollingJob", rollingJob.json)) }
    return members
  }

  /// - Parameter items: The documents of items that are rows of their own, by call and in order.
  init(_ position: JSON, items: [Int: [JSON]], flow: Flow, paths: [String: StateIndex], machine: Machine) {
    func states(_ json: JSON?) -> [StateIndex] { json?.array?.compactMap { $0.string.flatMap { paths[$0] } } ?? [] }
    func steps(_ json: JSON?) -> BitSet {
      BitSet(json?.array?.compactMap { flow.call($0)?.position } ?? [])
    }
    history = (position["history"]?.members ?? []).compactMap { member in
      paths[member.name].map { HistoryEntry(state: $0, leaves: states(member.value)) }
    }
    deferred = position["deferred"]?.array?.compactMap { DeferredEvent($0, machine) } ?? []
    let jobs = FanOut.jobs(position["calls"], flow)
    fanOuts = (position["lists"]?.array ?? []).compactMap {
      FanOut($0, stored: items, jobs: jobs, flow: flow, machine: machine)
    }
    stepsBegun = steps(position["stepsBegun"])
    stepsDone = steps(position["stepsDone"])
    stopped = StateSet(states(position["stopped"]))
    undos = position["undos"]?.array?.compactMap { ArmedUndo($0, flow: flow, machine: machine) } ?? []
    uncertainCalls = position["doubts"]?.array?.compactMap { UncertainCall($0, flow: flow, machine: machine) } ?? []
    rolling = StateSet(states(position["rolling"]))
    rollingJob = JobReference(position["rollingJob"])
  }
}

extension ArmedUndo {
  func json(_ machine: Machine) -> JSON {
    var members: [JSON.Member] = [
      .init("action", .string(machine.program.actions[action].name)),
      .init("arguments", arguments.json(in: machine.types)), .init("call", .int(Int64(call.rawValue))),
    ]
    if let once { members.append(.init("once", .string(once))) }
    return .object(members)
  }

  init?(_ json: JSON, flow: Flow, machine: Machine) {
    guard let name = json["action"]?.string, let call = flow.call(json["call"]),
      let action = machine.program.actions.firstIndex(where: { $0.name == name }),
      let arguments = Value(
        json["arguments"], type: .record(machine.program.actions[action].parameters.name), machine: machine)
    else { return nil }
    self.init(action: action, arguments: arguments, call: call, once: json["once"]?.string)
  }
}

extension UncertainCall {
  func json(_ machine: Machine) -> JSON {
    var members: [JSON.Member] = [.init("call", .int(Int64(call.rawValue))), .init("job", job.json)]
    if let once { members.append(.init("once", .string(once))) }
    if let item { members.append(.init("item", item.json(in: machine.types))) }
    return .object(members)
  }

  init?(_ json: JSON, flow: Flow, machine: Machine) {
    guard let call = flow.call(json["call"]), let job = JobReference(json["job"])
    else { return nil }
    self.init(call: call, job: job, once: json["once"]?.string, item: nil)
    if let item = json["item"] { self.item = Value(item, type: flow.calls[call].itemType, machine: machine) }
  }
}

extension Flow {
  /// The call with the index in a document; nil for an invalid index.
  func call(_ json: JSON?) -> CallIndex? {
    guard let number = json?.int, calls.elements.indices.contains(number) else { return nil }
    return CallIndex(number)
  }
}

extension Value {
  /// The value of a document; nil when it is missing or does not fit the type.
  init?(_ json: JSON?, type: ValueType, machine: Machine) {
    guard let json, case .success(let value) = Value.from(json, as: type, in: machine.types) else { return nil }
    self = value
  }
}

extension Call {
  /// The type of an item of the list over which the call iterates.
  var itemType: ValueType {
    if let loop, case .list(let element) = loop.list.tree.type { element } else { .dyn }
  }
}

extension Program {
  /// The types of the arguments of a call.
  public func parameterTypes(of target: Call.Target) -> [ValueType] {
    switch target {
    case .action(let action): actions[action].parameters.fields.map(\.type)
    case .flow(let flow): flows[flow].fields.prefix(flows[flow].parameterCount).map(\.type)
    }
  }

  /// The result type of a call.
  public func resultType(of target: Call.Target) -> ValueType {
    switch target {
    case .action(let action): actions[action].result ?? .dyn
    case .flow(let flow): flows[flow].result ?? .dyn
    }
  }
}
