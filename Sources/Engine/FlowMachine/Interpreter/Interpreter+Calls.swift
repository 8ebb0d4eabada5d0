import CEL
import FlowIR
import FlowSource

// The calls of states: started at the end of the step, completed by a result.
extension Interpreter {
  // MARK: - Start

  /// Evaluates the arguments of a call. It starts at the end of the step if its state is still active (SCXML 6.4,
  /// test 422).
  mutating func prepareCall(_ call: CallIndex) throws(StepFailure) {
    let row = flow.calls[call]
    if let list = row.loop.wrapped { return try prepareFanOut(call, over: list) }
    starting.append(
      StartingCall(
        call: call, item: nil, arguments: try values(row.arguments, at: row.location), once: try onceKey(of: row)))
  }

  private mutating func onceKey(of row: CallRow) throws(StepFailure) -> String? {
    guard let once = row.once.wrapped else { return nil }
    return text(try value(once, at: row.location))
  }

  private mutating func prepareFanOut(_ call: CallIndex, over list: ExpressionIndex) throws(StepFailure) {
    let row = flow.calls[call]
    let items = try evaluate(list, at: row.location)
    let tree = flow.sources[list.position].tree
    let count = try count(items, in: list, at: row.location)
    guard count <= Stepper.maximumItems else {
      let error = EvaluationError("more than \(Stepper.maximumItems) items", at: tree.range)
      throw failed(error, in: list, at: row.location)
    }
    var fanOut = FanOut(call: call, items: [])
    let element: ValueType = if case .list(let element) = tree.type { element } else { .dyn }
    for index in 0..<count {
      frame[Int(row.loopSlot)] = evaluator.element(items, index)
      fanOut.items.append(
        FanOut.Item(
          value: evaluator.value(frame[Int(row.loopSlot)], as: element),
          arguments: try values(row.arguments, at: row.location), once: try onceKey(of: row)))
    }
    guard count > 0 else { return queue.append(.called(call, try resultSlot(of: call, .list([])))) }
    var limit = count
    if let most = row.limit.wrapped, case .int(let most) = try value(most, at: row.location) {
      limit = Int(min(max(most, 1), Int64(count)))
    }
    extended.fanOuts.append(fanOut)
    isExtendedStateChanged = true
    for _ in 0..<limit { prepareNextItem(of: extended.fanOuts.count - 1) }
  }

  /// Starts the next item of a list that has not started.
  private mutating func prepareNextItem(of index: Int) {
    let fanOut = extended.fanOuts[index]
    guard fanOut.begun < fanOut.items.count else { return }
    let item = fanOut.items[fanOut.begun]
    starting.append(
      StartingCall(call: fanOut.call, item: fanOut.begun, arguments: item.arguments, once: item.once))
    extended.fanOuts[index].items[fanOut.begun].arguments = []
    extended.fanOuts[index].begun += 1
  }

  /// Requests the jobs of the calls that start, and of the next undo.
  mutating func startWork() {
    if !starting.isEmpty {
      for call in starting { start(call) }
      starting.removeAll(keepingCapacity: true)
      areCallsChanged = true
    }
    if flow.hasExtendedState { startUndo() }
  }

  private mutating func start(_ starting: StartingCall) {
    let reference = nextJob()
    let once = flow.calls[starting.call].hasUndo ? starting.once : nil
    calls.append(PendingCall(call: starting.call, job: reference, item: starting.item, once: once))
    let target = flow.flow.calls[starting.call].target
    effects.append(
      .job(
        Job(
          reference: reference, target: target, arguments: record(of: target, starting.arguments),
          call: starting.call, once: starting.once)))
  }

  // MARK: - Completion

  /// Applies the outcome of a pending call.
  /// - Returns: Whether a reaction or a step handles it.
  mutating func complete(_ pending: PendingCall, _ outcome: CallOutcome) throws(StepFailure) -> Bool {
    switch outcome {
    case .done(let value):
      if let item = pending.item { return try completeItem(item, of: pending, value) }
      let slot = try resultSlot(of: pending.call, value)
      setResult(slot, of: pending.call)
      try armUndo(of: pending.call, once: pending.once, item: nil)
      return try finish(pending.call, result: slot)
    case .failed(let code, let message, let attempts):
      if pending.item != nil { abandonFanOut(of: pending.call) }
      let name = flow.flow.calls[pending.call].name
      return try fail(pending.call, failure(code: code, message: message, attempts: attempts, call: name))
    }
  }

  mutating func setResult(_ result: Slot, of call: CallIndex) {
    frame[Int(flow.calls[call].resultSlot)] = result
    isDataChanged = true
    areResultsChanged = true
  }

  /// The result of a call as the record that expressions read.
  mutating func resultSlot(of call: CallIndex, _ value: Value) throws(StepFailure) -> Slot {
    let type = flow.flow.calls[call].resultRecord
    let slot = evaluator.slot(
      .record(RecordValue(typeName: type, fields: [.init("result", value)])), as: .record(type))
    guard slot.tag == .record else {
      let range = flow.flow.calls[call].arguments.first?.tree.range
      problem = EvaluationError("the result does not fit its type", at: range ?? .init(0, 0))
      throw StepFailure(.failed, location: flow.calls[call].location)
    }
    return slot
  }

  private mutating func completeItem(
    _ item: Int, of pending: PendingCall, _ value: Value
  ) throws(StepFailure) -> Bool {
    let call = pending.call
    guard let index = extended.fanOuts.firstIndex(where: { $0.call == call }),
      extended.fanOuts[index].items.indices.contains(item)
    else { return false }
    isExtendedStateChanged = true
    extended.fanOuts[index].items[item].result = value
    try armUndo(of: call, once: pending.once, item: (extended.fanOuts[index].items[item].value, value))
    let results = extended.fanOuts[index].items.compactMap(\.result)
    guard results.count == extended.fanOuts[index].items.count else {
      prepareNextItem(of: index)
      return true
    }
    extended.fanOuts.remove(at: index)
    return try finish(call, result: try resultSlot(of: call, .list(results)))
  }

  /// Runs the reaction to a call that is done, and starts the steps that wait for it.
  mutating func finish(_ call: CallIndex, result: Slot) throws(StepFailure) -> Bool {
    let row = flow.calls[call]
    frame[FrameLayout.event] = result
    setResult(result, of: call)
    if row.isStep {
      extended.stepsDone.insert(call.position)
      isExtendedStateChanged = true
    }
    try select(flow.trigger(doneOf: call))
    let isHandled = !selected.isEmpty
    if isHandled { try microstep() }
    if row.isStep { try advanceSteps(of: row.state) }
    return isHandled || row.isStep
  }

  private mutating func fail(_ call: CallIndex, _ failure: Slot) throws(StepFailure) -> Bool {
    let row = flow.calls[call]
    frame[FrameLayout.event] = failure
    try select(flow.trigger(failureOf: call))
    let isHandled = !selected.isEmpty
    guard row.isStep else {
      if isHandled, row.isResultOptional { setResult(try resultSlot(of: call, .optional(nil)), of: call) }
      if isHandled { try microstep() }
      return isHandled
    }
    isExtendedStateChanged = true
    if isHandled {
      // A step whose failure is handled counts as done.
      extended.stepsDone.insert(call.position)
      if row.isResultOptional { setResult(try resultSlot(of: call, .optional(nil)), of: call) }
      try microstep()
      try advanceSteps(of: row.state)
    } else {
      extended.stopped.insert(row.state)
      queue.append(.state(.failed, row.state, failure))
    }
    return true
  }

  // MARK: - Withdrawal

  /// Ends the calls of a state that is left. A call with an `undo` continues, and its outcome is uncertain.
  mutating func withdrawCalls(of state: StateIndex) {
    starting.removeAll { [flow] in flow.calls[$0.call].state == state }
    withdraw { row, _ in row.state == state }
    if flow.hasExtendedState, extended.fanOuts.contains(where: { [flow] in flow.calls[$0.call].state == state }) {
      extended.fanOuts.removeAll { [flow] in flow.calls[$0.call].state == state }
      isExtendedStateChanged = true
    }
  }

  /// Ends the remaining items of a call over a list, after one has failed.
  mutating func abandonFanOut(of call: CallIndex) {
    withdraw { _, index in index == call }
    extended.fanOuts.removeAll { $0.call == call }
    isExtendedStateChanged = true
  }

  private mutating func withdraw(where isMeant: (CallRow, CallIndex) -> Bool) {
    var kept = 0
    for index in calls.indices {
      let pending = calls[index]
      let row = flow.calls[pending.call]
      if isMeant(row, pending.call) {
        areCallsChanged = true
        if row.hasUndo {
          addUncertainCall(pending)
        } else {
          effects.append(.withdraw(pending.job))
        }
      } else {
        calls[kept] = pending
        kept += 1
      }
    }
    calls.removeLast(calls.count - kept)
  }

  private mutating func addUncertainCall(_ pending: PendingCall) {
    var uncertain = UncertainCall(call: pending.call, job: pending.job, once: pending.once)
    if let item = pending.item, let fanOut = extended.fanOuts.first(where: { $0.call == pending.call }),
      fanOut.items.indices.contains(item)
    {
      uncertain.item = fanOut.items[item].value
    }
    extended.uncertainCalls.append(uncertain)
    isExtendedStateChanged = true
  }
}
