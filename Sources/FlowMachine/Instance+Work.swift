import CEL
import FlowIR
import FlowSource

// What an instance keeps of calls for each item, steps, undos and rollbacks, as a part of its position.
extension Instance {
  func workJSON(in machine: Machine) -> [JSON.Member] {
    var members: [JSON.Member] = []
    if !fans.isEmpty { members.append(.init("fans", .array(fans.map { $0.json(machine) }))) }
    if !finishedSteps.isEmpty { members.append(.init("finished", numbers(finishedSteps))) }
    if !haltedStates.isEmpty { members.append(.init("halted", numbers(haltedStates))) }
    if !undos.isEmpty { members.append(.init("undos", .array(undos.map { $0.json(machine) }))) }
    if !doubts.isEmpty {
      members.append(.init("doubts", .array(doubts.map { $0.json(machine.program.flows[flow]) })))
    }
    if let rollback {
      var parts: [JSON.Member] = [.init("state", .int(Int64(rollback.state)))]
      if let job = rollback.job { parts.append(.init("job", job.json)) }
      if let undo = rollback.undo { parts.append(.init("undo", undo.json(machine))) }
      members.append(.init("rollback", .object(parts)))
    }
    return members
  }

  private func numbers(_ values: [Int]) -> JSON { .array(values.map { .int(Int64($0)) }) }

  /// Takes over what ``workJSON(in:)`` wrote; what does not fit the flow is left out.
  mutating func restoreWork(_ position: JSON, in machine: Machine) {
    let node = machine.program.flows[flow]
    fans = position["fans"]?.array?.compactMap { FanOut($0, node, machine) } ?? []
    finishedSteps = position["finished"]?.array?.compactMap(\.int).filter(node.calls.indices.contains) ?? []
    haltedStates = position["halted"]?.array?.compactMap(\.int).filter(node.states.indices.contains) ?? []
    undos = position["undos"]?.array?.compactMap { ArmedUndo($0, node, machine) } ?? []
    doubts = position["doubts"]?.array?.compactMap { PendingCall($0, node) } ?? []
    if let json = position["rollback"], let state = json["state"]?.int, node.states.indices.contains(state) {
      rollback = Rollback(
        state: state, job: JobReference(json["job"]), undo: json["undo"].flatMap { ArmedUndo($0, node, machine) })
    }
  }
}

extension JobReference {
  var json: JSON { [.int(Int64(revision)), .int(Int64(number))] }

  init?(_ json: JSON?) {
    guard let parts = json?.array?.compactMap(\.int), parts.count == 2 else { return nil }
    self.init(revision: parts[0], number: parts[1])
  }
}

extension ArmedUndo {
  fileprivate func json(_ machine: Machine) -> JSON {
    ["call": .int(Int64(call)), "arguments": arguments.json(in: machine.types)]
  }

  fileprivate init?(_ json: JSON, _ flow: Flow, _ machine: Machine) {
    guard let call = json["call"]?.int, flow.calls.indices.contains(call), let undo = flow.calls[call].undo,
      case .success(let arguments) = Value.from(
        json["arguments"] ?? .null, as: .record(machine.program.actions[undo.action].parameters.name),
        in: machine.types)
    else { return nil }
    self.init(call: call, action: undo.action, arguments: arguments)
  }
}

extension FanOut {
  fileprivate func json(_ machine: Machine) -> JSON {
    [
      "call": .int(Int64(call)), "next": .int(Int64(next)),
      "arguments": .array(arguments.map { $0.json(in: machine.types) }),
      "keys": .array(keys.map { $0.map { .string($0) } ?? .null }),
      // In a list each, so that a result of null can be told from none.
      "results": .array(results.map { .array($0.map { [$0.json(in: machine.types)] } ?? []) }),
    ]
  }

  fileprivate init?(_ json: JSON, _ flow: Flow, _ machine: Machine) {
    guard let call = json["call"]?.int, flow.calls.indices.contains(call), let next = json["next"]?.int else {
      return nil
    }
    let target = flow.calls[call].target
    let type = ValueType.record(machine.parameters(of: target).name)
    let arguments = (json["arguments"]?.array ?? []).map { Value.from($0, as: type, in: machine.types) }
    let results = (json["results"]?.array ?? []).map { item -> Value? in
      guard let value = item.array?.first,
        case .success(let read) = Value.from(value, as: machine.result(of: target) ?? .dyn, in: machine.types)
      else { return nil }
      return read
    }
    var values: [Value] = []
    for case .success(let value) in arguments { values.append(value) }
    let keys = (json["keys"]?.array ?? []).map(\.string)
    guard values.count == arguments.count, results.count == values.count, keys.count == values.count,
      0...values.count ~= next
    else { return nil }
    self.init(call: call, arguments: values, keys: keys, next: next, results: results)
  }
}

extension Machine {
  /// The record of the arguments of an action or a flow.
  func parameters(of target: Call.Target) -> RecordDeclaration {
    switch target {
    case .action(let action): program.actions[action].parameters
    case .flow(let flow): program.flows[flow].parameters
    }
  }
}
