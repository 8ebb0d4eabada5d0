import CEL
import FlowIR
import FlowSource

// The calls of states: begun when the step ends, answered by a result.
extension Interpreter {
  // MARK: - Begin

  /// Reads what a call is given. It begins when the step ends, if its state is still active (SCXML 6.4, test 422).
  mutating func begin(_ call: Int, _ flow: LoadedFlow) throws(StepFailure) {
    let row = flow.calls[call]
    guard row.loop == none else { return try beginFanOut(call, row, flow) }
    starting.append(
      StartingCall(
        call: call, item: nil, arguments: try values(row.arguments, row.place, flow), once: try once(row, flow)))
  }

  private mutating func once(_ row: CallRow, _ flow: LoadedFlow) throws(StepFailure) -> String? {
    row.once == none ? nil : text(try value(row.once, row.place, flow))
  }

  private mutating func beginFanOut(_ call: Int, _ row: CallRow, _ flow: LoadedFlow) throws(StepFailure) {
    let list = try evaluate(row.loop, row.place, flow)
    let type = flow.sources[Int(row.loop)].tree.type
    let count = evaluator.count(list) ?? 0
    guard count <= Stepper.maximumItems else {
      let range = flow.sources[Int(row.loop)].tree.range
      throw failed(EvaluationError("more than \(Stepper.maximumItems) items", at: range), row.loop, row.place)
    }
    var fanOut = FanOut(call: call, items: [])
    let element: ValueType = if case .list(let element) = type { element } else { .dyn }
    for index in 0..<count {
      frame[Int(row.loopSlot)] = evaluator.element(list, index)
      fanOut.items.append(
        FanOut.Item(
          value: evaluator.value(frame[Int(row.loopSlot)], as: element),
          arguments: try values(row.arguments, row.place, flow), once: try once(row, flow)))
    }
    guard count > 0 else { return queue.append(.called(call, try resultSlot(of: call, .list([]), flow))) }
    var limit = count
    if row.limit != none, case .int(let most) = try value(row.limit, row.place, flow) {
      limit = Int(min(max(most, 1), Int64(count)))
    }
    ledger.fanOuts.append(fanOut)
    isLedgerChanged = true
    for _ in 0..<limit { beginItem(of: ledger.fanOuts.count - 1) }
  }

  /// Begins the next item that waits.
  private mutating func beginItem(of index: Int) {
    let fanOut = ledger.fanOuts[index]
    guard fanOut.begun < fanOut.items.count else { return }
    let item = fanOut.items[fanOut.begun]
    starting.append(
      StartingCall(call: fanOut.call, item: fanOut.begun, arguments: item.arguments, once: item.once))
    ledger.fanOuts[index].items[fanOut.begun].arguments = []
    ledger.fanOuts[index].begun += 1
  }

  /// Asks the outside for what was begun, and for the next undo.
  mutating func startWork(_ flow: LoadedFlow) {
    if !starting.isEmpty {
      for call in starting { start(call, flow) }
      starting.removeAll(keepingCapacity: true)
      areCallsChanged = true
    }
    if flow.hasLedger { startUndo() }
  }

  private mutating func start(_ starting: StartingCall, _ flow: LoadedFlow) {
    let reference = nextJob()
    calls.append(PendingCall(call: starting.call, job: reference, item: starting.item))
    let target = flow.flow.calls[starting.call].target
    effects.append(
      .job(
        Job(
          reference: reference, target: target, arguments: record(of: target, starting.arguments),
          call: starting.call, once: starting.once)))
  }

  // MARK: - End

  /// Takes the outcome of a call that the instance waits for.
  /// - Returns: Whether anything came of it.
  mutating func end(_ pending: PendingCall, _ outcome: CallOutcome, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    switch outcome {
    case .done(let value):
      if let item = pending.item { return try endItem(item, of: pending.call, value, flow) }
      let slot = try resultSlot(of: pending.call, value, flow)
      keep(slot, asResultOf: pending.call, flow)
      try armUndo(of: pending.call, item: nil, flow)
      return try finish(pending.call, slot, flow)
    case .failed(let code, let message, let attempts):
      if pending.item != nil { abandonFanOut(of: pending.call, flow) }
      let name = flow.flow.calls[pending.call].name
      return try fail(
        pending.call, failure(code: code, message: message, attempts: attempts, call: name), flow)
    }
  }

  mutating func keep(_ result: Slot, asResultOf call: Int, _ flow: LoadedFlow) {
    frame[Int(flow.calls[call].resultSlot)] = result
    isDataChanged = true
    areResultsChanged = true
  }

  /// The record that a call's result is to expressions.
  mutating func resultSlot(of call: Int, _ value: Value, _ flow: LoadedFlow) throws(StepFailure) -> Slot {
    let type = flow.flow.calls[call].resultRecord
    let slot = evaluator.slot(
      .record(RecordValue(typeName: type, fields: [.init("result", value)])), as: .record(type))
    guard slot.tag == .record else {
      let range = flow.flow.calls[call].arguments.first?.tree.range
      problem = EvaluationError("the result does not fit its type", at: range ?? .init(0, 0))
      throw StepFailure(.failed, place: flow.calls[call].place)
    }
    return slot
  }

  private mutating func endItem(_ item: Int, of call: Int, _ value: Value, _ flow: LoadedFlow) throws(StepFailure)
    -> Bool
  {
    guard let index = ledger.fanOuts.firstIndex(where: { $0.call == call }),
      ledger.fanOuts[index].items.indices.contains(item)
    else { return false }
    isLedgerChanged = true
    ledger.fanOuts[index].items[item].result = value
    try armUndo(of: call, item: (ledger.fanOuts[index].items[item].value, value), flow)
    let results = ledger.fanOuts[index].items.compactMap(\.result)
    guard results.count == ledger.fanOuts[index].items.count else {
      beginItem(of: index)
      return true
    }
    ledger.fanOuts.remove(at: index)
    return try finish(call, try resultSlot(of: call, .list(results), flow), flow)
  }

  /// A call is done: its reaction, and what it means to the steps beside it.
  mutating func finish(_ call: Int, _ result: Slot, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    let row = flow.calls[call]
    frame[FrameLayout.event] = result
    keep(result, asResultOf: call, flow)
    if row.isStep {
      ledger.stepsDone.insert(call)
      isLedgerChanged = true
    }
    try select(flow.trigger(doneOf: call), flow)
    let isTaken = !selected.isEmpty
    if isTaken { try microstep(flow) }
    if row.isStep { try advanceSteps(of: Int(row.state), flow) }
    return isTaken || row.isStep
  }

  private mutating func fail(_ call: Int, _ failure: Slot, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    let row = flow.calls[call]
    frame[FrameLayout.event] = failure
    try select(flow.trigger(failureOf: call), flow)
    let isTaken = !selected.isEmpty
    guard row.isStep else {
      if isTaken { try microstep(flow) }
      return isTaken
    }
    isLedgerChanged = true
    if isTaken {
      // A failure that was dealt with where it happened settles the step.
      ledger.stepsDone.insert(call)
      try microstep(flow)
      try advanceSteps(of: Int(row.state), flow)
    } else {
      ledger.stopped.insert(Int(row.state))
      queue.append(.state(.failed, Int(row.state), failure))
    }
    return true
  }

  // MARK: - Withdraw

  /// Ends the calls of a state that is left. One with an `undo` goes on, in doubt.
  mutating func withdrawCalls(of state: Int, _ flow: LoadedFlow) {
    starting.removeAll { Int(flow.calls[$0.call].state) == state }
    withdraw(flow) { Int(flow.calls[$0].state) == state }
    if flow.hasLedger, ledger.fanOuts.contains(where: { Int(flow.calls[$0.call].state) == state }) {
      ledger.fanOuts.removeAll { Int(flow.calls[$0.call].state) == state }
      isLedgerChanged = true
    }
  }

  /// Ends what is left of a call over a list, of which one item has failed.
  mutating func abandonFanOut(of call: Int, _ flow: LoadedFlow) {
    withdraw(flow) { $0 == call }
    ledger.fanOuts.removeAll { $0.call == call }
    isLedgerChanged = true
  }

  private mutating func withdraw(_ flow: LoadedFlow, _ isMeant: (Int) -> Bool) {
    var kept = 0
    for index in calls.indices {
      let pending = calls[index]
      if isMeant(pending.call) {
        areCallsChanged = true
        if flow.calls[pending.call].undo == none {
          effects.append(.withdraw(pending.job))
        } else {
          doubt(pending)
        }
      } else {
        calls[kept] = pending
        kept += 1
      }
    }
    calls.removeLast(calls.count - kept)
  }

  private mutating func doubt(_ pending: PendingCall) {
    var doubt = UncertainCall(call: pending.call, job: pending.job)
    if let item = pending.item, let fanOut = ledger.fanOuts.first(where: { $0.call == pending.call }),
      fanOut.items.indices.contains(item)
    {
      doubt.item = fanOut.items[item].value
    }
    ledger.doubts.append(doubt)
    isLedgerChanged = true
  }
}
