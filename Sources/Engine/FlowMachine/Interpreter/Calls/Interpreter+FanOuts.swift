import CEL
import FlowIR

// Calls over a list: a job for each item, and the reactions to the outcomes of items.
extension Interpreter {
  // MARK: - Start

  mutating func prepareFanOut(_ call: CallIndex, over list: ExpressionIndex) throws(StepFailure) {
    let row = flow.calls[call]
    let items = try evaluate(list, at: row.location)
    let tree = flow.sources[list.position].tree
    let count = try count(items, in: list, at: row.location)
    guard count <= Stepper.maximumItems else {
      let error = EvaluationError("more than \(Stepper.maximumItems) items", at: tree.range)
      throw failed(error, in: list, at: row.location)
    }
    var prepared: [FanOut.Item] = []
    let element: ValueType = if case .list(let element) = tree.type { element } else { .dyn }
    for index in 0..<count {
      frame[Int(row.loopSlot)] = evaluator.element(items, index)
      prepared.append(
        FanOut.Item(
          value: evaluator.value(frame[Int(row.loopSlot)], as: element),
          arguments: try values(row.arguments, at: row.location), once: try onceKey(of: row),
          priority: try priority(of: row)))
    }
    guard count > 0 else {
      let results = try resultSlot(of: call, .list([]))
      return queue.append(.called(call, results))
    }
    var limit = count
    if let most = row.limit.wrapped, case .int(let most) = try value(most, at: row.location) {
      limit = Int(min(max(most, 1), Int64(count)))
    }
    extended.fanOuts.append(FanOut(call: call, items: prepared))
    isExtendedStateChanged = true
    for _ in 0..<limit { prepareNextItem(of: extended.fanOuts.count - 1) }
  }

  /// Starts the next item of a list that has not started.
  private mutating func prepareNextItem(of index: Int) {
    guard let next = extended.fanOuts[index].beginNext() else { return }
    starting.append(
      StartingCall(
        call: extended.fanOuts[index].call, item: next.index, arguments: next.item.arguments, once: next.item.once,
        priority: next.item.priority))
  }

  /// Records the job of an item that starts.
  mutating func startItem(_ item: Int, of call: CallIndex, as job: JobReference) {
    guard let index = fanOut(of: call) else { return }
    extended.fanOuts[index].start(item, as: job)
    isExtendedStateChanged = true
  }

  // MARK: - Completion

  /// The pending item of a job, as a call.
  func pendingItem(of job: JobReference) -> PendingCall? {
    guard flow.hasExtendedState else { return nil }
    for fanOut in extended.fanOuts {
      guard let item = fanOut.item(of: job) else { continue }
      let once = flow.calls[fanOut.call].hasUndo ? fanOut.items[item].once : nil
      return PendingCall(call: fanOut.call, job: job, item: item, once: once)
    }
    return nil
  }

  /// Applies the result of an item: its reaction, or the completion of the call if no reaction handles the last one.
  mutating func completeItem(_ item: Int, of pending: PendingCall, _ value: Value) throws(StepFailure) -> Bool {
    guard let index = fanOut(of: pending.call) else { return false }
    let element = extended.fanOuts[index].items[item].value
    try armUndo(of: pending.call, once: pending.once, item: (element, value))
    finishItem(item, at: index, .done(value))
    let trigger = flow.trigger(itemDoneOf: pending.call)
    if !flow.triggers[trigger].isEmpty {
      let event = try itemSlot(of: pending.call, item, value)
      frame[FrameLayout.event] = event
      try select(trigger)
      if !selected.isEmpty {
        try react(toItemOf: pending.call)
        return true
      }
    }
    guard extended.fanOuts[index].isComplete else { return true }
    let results = try completeFanOut(at: index)
    return try finish(pending.call, result: results)
  }

  /// Applies the failure of an item: it counts as finished if a reaction handles it, and is the failure of the call
  /// otherwise.
  mutating func failItem(
    _ item: Int, of pending: PendingCall, code: String, message: String, attempts: Int
  ) throws(StepFailure) -> Bool {
    let trigger = flow.trigger(itemFailureOf: pending.call)
    if !flow.triggers[trigger].isEmpty, let index = fanOut(of: pending.call) {
      frame[FrameLayout.event] = itemFailure(item, code: code, message: message, attempts: attempts)
      try select(trigger)
      if !selected.isEmpty {
        finishItem(item, at: index, .failed)
        try react(toItemOf: pending.call)
        return true
      }
    }
    if let index = fanOut(of: pending.call) { extended.fanOuts[index].finish(item, .failed) }
    abandonFanOut(of: pending.call)
    let name = flow.flow.calls[pending.call].name
    let failure = failure(code: code, message: message, attempts: attempts, call: name)
    return try fail(pending.call, failure)
  }

  private mutating func finishItem(_ item: Int, at index: Int, _ outcome: FanOut.Item.Outcome) {
    extended.fanOuts[index].finish(item, outcome)
    isExtendedStateChanged = true
    prepareNextItem(of: index)
  }

  /// Executes the selected reactions to an item. If it was the last one and its state is still active, the call is
  /// completed next, after `always` and the events that were raised.
  private mutating func react(toItemOf call: CallIndex) throws(StepFailure) {
    try microstep()
    guard let index = fanOut(of: call), extended.fanOuts[index].isComplete else { return }
    let results = try completeFanOut(at: index)
    queue.append(.called(call, results))
  }

  /// Ends a call over a list whose items are all finished.
  /// - Returns: Its result.
  private mutating func completeFanOut(at index: Int) throws(StepFailure) -> Slot {
    let fanOut = extended.fanOuts.remove(at: index)
    let results = fanOut.results(areOptional: flow.calls[fanOut.call].hasAbsentItems)
    return try resultSlot(of: fanOut.call, .list(results))
  }

  func fanOut(of call: CallIndex) -> Int? { extended.fanOuts.firstIndex { $0.call == call } }

  /// The `event` of reactions to the result of an item.
  private mutating func itemSlot(of call: CallIndex, _ item: Int, _ value: Value) throws(StepFailure) -> Slot {
    let type = flow.flow.calls[call].itemRecord
    let record = RecordValue(typeName: type, fields: [.init("index", .int(Int64(item))), .init("result", value)])
    let slot = evaluator.slot(.record(record), as: .record(type))
    guard slot.tag == .record else { throw misfit(of: call) }
    return slot
  }

  /// The `event` of reactions to the failure of an item.
  private func itemFailure(_ item: Int, code: String, message: String, attempts: Int) -> Slot {
    let record = RecordValue(
      typeName: BuiltInTypes.itemFailure,
      fields: [
        .init("index", .int(Int64(item))), .init("code", .string(code)), .init("message", .string(message)),
        .init("attempts", .int(Int64(attempts))),
      ])
    return evaluator.slot(.record(record), as: .record(BuiltInTypes.itemFailure))
  }

  // MARK: - Withdrawal

  /// Ends the remaining items of a call over a list, after one has failed.
  mutating func abandonFanOut(of call: CallIndex) { abandonFanOuts { $0 == call } }

  /// Ends calls over lists. The work of their items is withdrawn; what has an `undo` continues, and its outcome is
  /// uncertain.
  mutating func abandonFanOuts(where isMeant: (CallIndex) -> Bool) {
    guard flow.hasExtendedState else { return }
    for fanOut in extended.fanOuts where isMeant(fanOut.call) {
      isExtendedStateChanged = true
      let hasUndo = flow.calls[fanOut.call].hasUndo
      for index in fanOut.pending {
        let item = fanOut.items[index]
        guard let job = item.job else { continue }
        if hasUndo {
          extended.uncertainCalls.append(
            UncertainCall(call: fanOut.call, job: job, once: item.once, item: item.value))
        } else {
          effects.append(.withdraw(job))
        }
      }
    }
    extended.fanOuts.removeAll { isMeant($0.call) }
  }
}
