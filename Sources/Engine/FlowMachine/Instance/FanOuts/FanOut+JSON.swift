import CEL
import FlowIR
import FlowJSON

extension FanOut {
  func json(_ flow: Flow, _ machine: Machine) -> JSON {
    [
      "call": .int(Int64(call.rawValue)), "begun": .int(Int64(begun)),
      "items": .array(items.elements.map { $0.json(machine) }),
    ]
  }

  /// - Parameter jobs: The jobs of items in documents of earlier versions, which have them among the calls.
  init?(_ json: JSON, jobs: [CallIndex: [Int: JobReference]], flow: Flow, machine: Machine) {
    guard let call = flow.call(json["call"]), let documents = json["items"]?.array else { return nil }
    var items = documents.compactMap { Item($0, call: flow.calls[call], machine: machine) }
    let begun = json["begun"]?.int ?? 0
    guard items.count == documents.count, 0...items.count ~= begun else { return nil }
    for (index, job) in jobs[call] ?? [:] where items.indices.contains(index) { items[index].job = job }
    self.init(call: call, items: items, begun: begun)
  }

  /// The jobs of items among the calls of a position.
  static func jobs(_ calls: JSON?, _ flow: Flow) -> [CallIndex: [Int: JobReference]] {
    var found: [CallIndex: [Int: JobReference]] = [:]
    for pending in (calls?.array ?? []).compactMap({ PendingCall($0, flow) }) {
      if let item = pending.item { found[pending.call, default: [:]][item] = pending.job }
    }
    return found
  }
}

extension FanOut.Item {
  func json(_ machine: Machine) -> JSON {
    var members: [JSON.Member] = [.init("value", value.json(in: machine.types))]
    if !arguments.isEmpty {
      members.append(.init("arguments", .array(arguments.map { $0.json(in: machine.types) })))
    }
    if let once { members.append(.init("once", .string(once))) }
    if let job { members.append(.init("job", job.json)) }
    switch outcome {
    case .done(let result)?: members.append(.init("result", result.json(in: machine.types)))
    case .failed?: members.append(.init("failed", true))
    case nil: break
    }
    return .object(members)
  }

  init?(_ json: JSON, call: Call, machine: Machine) {
    guard let value = Value(json["value"], type: call.itemType, machine: machine) else { return nil }
    var arguments: [Value] = []
    for (argument, type) in zip(json["arguments"]?.array ?? [], machine.program.parameterTypes(of: call.target)) {
      guard let value = Value(argument, type: type, machine: machine) else { return nil }
      arguments.append(value)
    }
    self.init(
      value: value, arguments: arguments, once: json["once"]?.string, job: JobReference(json["job"]), outcome: nil)
    if json["failed"] == true {
      outcome = .failed
    } else if let result = json["result"] {
      guard let value = Value(result, type: machine.program.resultType(of: call.target), machine: machine) else {
        return nil
      }
      outcome = .done(value)
    }
  }
}
