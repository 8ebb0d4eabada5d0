import CEL
public import FlowIR
public import FlowJSON

/// The columns of an instance in a store, next to its two documents.
public struct InstanceHeader: Sendable {
  public var flow: FlowIndex
  public var key: String
  public var status: Instance.Status
  public var revision: Int
  public var startedAt: Int64

  public init(flow: FlowIndex, key: String, status: Instance.Status, revision: Int, startedAt: Int64) {
    self.flow = flow
    self.key = key
    self.status = status
    self.revision = revision
    self.startedAt = startedAt
  }
}

extension Stepper {
  /// Restores an instance from a store.
  /// - Parameter items: The documents of the items that are rows of their own, by the number of the call and in order.
  /// - Throws: `ProgramError` when the documents do not fit the program.
  public func restore(
    _ header: InstanceHeader, position: JSON, data: JSON, items: [Int: [JSON]] = [:]
  ) throws(ProgramError) -> Instance {
    let flow = machine.program.flows[header.flow]
    let paths = Dictionary(flow.states.indexed.map { ($0.element.path, $0.index) }) { first, _ in first }
    guard let leaves = position["states"]?.array?.map({ $0.string.flatMap { paths[$0] } }),
      !leaves.contains(nil)
    else { throw ProgramError("the kept instance `\(header.key)` is in a state that the flow does not have") }
    var active = StateSet([.root])
    for leaf in leaves.compactMap({ $0 }) {
      for state in flow.around(leaf) { active.insert(state) }
    }
    let box: ExtendedStateBox? =
      machine.flows[header.flow].hasExtendedState
      ? ExtendedStateBox(
        ExtendedState(position, items: items, flow: flow, paths: paths, machine: machine)) : nil
    guard box?.state.fanOuts.count ?? 0 == position["lists"]?.array?.count ?? 0 else {
      throw ProgramError("the kept instance `\(header.key)` has items that do not fit its calls")
    }
    return Instance(
      flow: header.flow, key: header.key, status: header.status, revision: header.revision,
      startedAt: header.startedAt, active: active, data: try restore(data, flow: flow, key: header.key),
      timers: position["timers"]?.array?.compactMap { ArmedTimer($0, flow) } ?? [],
      calls: position["calls"]?.array?.compactMap { PendingCall($0, flow) }.filter { $0.item == nil } ?? [], box: box)
  }

  private func restore(_ data: JSON, flow: Flow, key: String) throws(ProgramError) -> FrozenSlots {
    evaluator.reset()
    frame.clear()
    for (index, field) in flow.fields.enumerated() {
      guard let json = data[field.name] else { continue }
      // In the journal, null is also the field of a state that was left.
      if json == .null, field.state != nil, case .failure = Value.from(json, as: field.type, in: machine.types) {
        continue
      }
      try restore(json, type: field.type, at: FrameLayout.firstField + index, key: key)
    }
    for call in flow.calls {
      guard let json = data["$results"]?[call.name] else { continue }
      let type = ValueType.record(call.resultRecord)
      try restore(json, type: type, at: call.resultSlot, key: key)
    }
    do throws(EvaluationError) {
      return try FrozenSlots(copying: frame, range: flow.keptSlots)
    } catch {
      throw ProgramError("the kept instance `\(key)`: \(error.message)")
    }
  }

  private func restore(_ json: JSON, type: ValueType, at slot: Int, key: String) throws(ProgramError) {
    switch Value.from(json, as: type, in: machine.types) {
    case .success(let value): frame[slot] = evaluator.slot(value, as: type)
    case .failure: throw ProgramError("the kept instance `\(key)` has data that does not fit the flow")
    }
  }
}

extension Flow {
  /// A state and its ancestors, without the flow itself.
  func around(_ state: StateIndex) -> [StateIndex] {
    var found: [StateIndex] = []
    var current = state
    while current != .root {
      found.append(current)
      current = states[current].parent
    }
    return found
  }
}
