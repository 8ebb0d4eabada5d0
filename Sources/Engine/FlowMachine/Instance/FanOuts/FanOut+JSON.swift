import CEL
public import FlowIR
public import FlowJSON

extension FanOut {
  /// The document of the position.
  /// - Parameter withItems: False to omit the items, which a store has as rows of their own: then the size of the
  ///   document does not depend on their number.
  func json(withItems: Bool, _ machine: Machine) -> JSON {
    var members: [JSON.Member] = [.init("call", .int(Int64(call.rawValue))), .init("begun", .int(Int64(begun)))]
    if withItems {
      members.append(.init("items", .array(items.elements.map { $0.json(machine) })))
    } else {
      members.append(.init("count", .int(Int64(items.count))))
      members.append(.init("finished", .int(Int64(finished))))
    }
    return .object(members)
  }

  /// - Parameters:
  ///   - stored: The documents of the items, if the position does not have them.
  ///   - jobs: The jobs of items in documents of earlier versions, which have them among the calls.
  init?(
    _ json: JSON, stored: [Int: [JSON]], jobs: [CallIndex: [Int: JobReference]], flow: Flow, machine: Machine
  ) {
    guard let call = flow.call(json["call"]), let documents = json["items"]?.array ?? stored[call.position],
      json["count"]?.int ?? documents.count == documents.count
    else { return nil }
    var items = documents.compactMap { Item($0, call: flow.calls[call], machine: machine) }
    let begun = json["begun"]?.int ?? 0
    guard items.count == documents.count, 0...items.count ~= begun else { return nil }
    for (index, job) in jobs[call] ?? [:] where items.indices.contains(index) { items[index].job = job }
    // Earlier versions did not keep the jobs of finished items, whose order the search for a job needs.
    var last = JobReference(revision: 0, number: 0)
    for index in 0..<begun {
      if let job = items[index].job { last = job } else if items[index].outcome != nil { items[index].job = last }
    }
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

extension JSON {
  /// True if a position has calls over lists whose items are rows of their own.
  public var refersToItems: Bool { self["lists"]?.array?.contains { $0["count"] != nil } ?? false }

  /// True if a position of an earlier version contains items.
  public var containsItems: Bool { self["lists"]?.array?.contains { $0["items"] != nil } ?? false }
}

/// A change of the row of an item.
public struct ItemChange: Sendable {
  public var call: CallIndex
  /// The position in the list.
  public var index: Int
  /// Nil when it is removed.
  public var document: JSON?
}

extension Instance {
  /// The changes of the rows of items since an earlier state of the instance. Their cost is that of the changes, not of
  /// the items.
  /// - Parameter old: Nil when no row of the instance is stored.
  public func itemChanges(since old: Instance?, in machine: Machine) -> [ItemChange] {
    let (before, after) = (old?.box?.state.fanOuts ?? [], box?.state.fanOuts ?? [])
    guard !before.isEmpty || !after.isEmpty else { return [] }
    var changes: [ItemChange] = []
    for fanOut in before {
      let count = after.first { $0.call == fanOut.call }?.items.count ?? 0
      changes += fanOut.items.indices.dropFirst(count).map { ItemChange(call: fanOut.call, index: $0, document: nil) }
    }
    for fanOut in after {
      let other = before.first { $0.call == fanOut.call && $0.items.count == fanOut.items.count }
      let changed = other.map { fanOut.items.differences(from: $0.items) } ?? Array(fanOut.items.indices)
      changes += changed.map {
        ItemChange(call: fanOut.call, index: $0, document: fanOut.items[$0].json(machine))
      }
    }
    return changes
  }
}

extension FanOut.Item {
  func json(_ machine: Machine) -> JSON {
    var members: [JSON.Member] = [.init("value", value.json(in: machine.types))]
    if !arguments.isEmpty {
      members.append(.init("arguments", .array(arguments.map { $0.json(in: machine.types) })))
    }
    if let once { members.append(.init("once", .string(once))) }
    if priority != 0, job == nil { members.append(.init("priority", .int(priority))) }
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
      value: value, arguments: arguments, once: json["once"]?.string,
      priority: json["priority"]?.int.map { Int64($0) } ?? 0, job: JobReference(json["job"]), outcome: nil)
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
