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
        call: call, item: nil, arguments: try values(row.arguments, at: row.location), once: try onceKey(of: row),
        priority: try priority(of: row)))
  }

  mutating func onceKey(of row: CallRow) throws(StepFailure) -> String? {
    guard let once = row.once.wrapped else { return nil }
    return text(try value(once, at: row.location))
  }

  mutating func priority(of row: CallRow) throws(StepFailure) -> Int64 {
    guard let priority = row.priority.wrapped, case .int(let value) = try value(priority, at: row.location) else {
      return 0
    }
    return value
  }

  /// Requests the jobs of the calls that start, and of the next undo.
  mutating func startWork() {
    if !starting.isEmpty {
      for call in starting { start(call) }
      starting.removeAll(keepingCapacity: true)
    }
    if flow.hasExtendedState { startUndo() }
  }

  private mutating func start(_ starting: StartingCall) {
    let reference = nextJob()
    let once = flow.calls[starting.call].hasUndo ? starting.once : nil
    if let item = starting.item {
      startItem(item, of: starting.call, as: reference)
    } else {
      calls.append(PendingCall(call: starting.call, job: reference, once: once))
      areCallsChanged = true
    }
    let target = flow.flow.calls[starting.call].target
    effects.append(
      .job(
        Job(
          reference: reference, target: target, arguments: record(of: target, starting.arguments),
          call: starting.call, once: starting.once, priority: starting.priority)))
  }

  // MARK: - Completion

  /// Applies the outcome of a pending call.
  /// - Returns: Whether a reaction or a step handles it.
  mutating func complete(_ pending: PendingCall, _ outcome: CallOutcome) throws(StepFailure) -> Bool {
    switch outcome {
    case .done(let value):
      try requireBound(of: value, from: pending.call)
      if let item = pending.item { return try completeItem(item, of: pending, value) }
      let slot = try resultSlot(of: pending.call, value)
      setResult(slot, of: pending.call)
      try armUndo(of: pending.call, once: pending.once, item: nil)
      return try finish(pending.call, result: slot)
    case .failed(let code, let message, let attempts):
      if let item = pending.item {
        return try failItem(item, of: pending, code: code, message: message, attempts: attempts)
      }
      let name = flow.flow.calls[pending.call].name
      return try fail(pending.call, failure(code: code, message: message, attempts: attempts, call: name))
    }
  }

  /// Checks the size of a result. That of an action was checked when it arrived.
  private mutating func requireBound(of value: Value, from call: CallIndex) throws(StepFailure) {
    guard let maximum = machine.resultMaximum(of: flow.flow.calls[call].target),
      let excess = value.excess(over: maximum)
    else { return }
    let range = flow.flow.calls[call].arguments.first?.tree.range
    problem = EvaluationError("the result holds \(excess)", at: range ?? .init(0, 0))
    throw StepFailure(.failed, location: flow.calls[call].location)
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
      throw misfit(of: call)
    }
    return slot
  }

  mutating func misfit(of call: CallIndex) -> StepFailure {
    let range = flow.flow.calls[call].arguments.first?.tree.range
    problem = EvaluationError("the result does not fit its type", at: range ?? .init(0, 0))
    return StepFailure(.failed, location: flow.calls[call].location)
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

  mutating func fail(_ call: CallIndex, _ failure: Slot) throws(StepFailure) -> Bool {
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
    withdrawPlainCalls(of: state)
    abandonFanOuts { [flow] in flow.calls[$0].state == state }
  }

  private mutating func withdrawPlainCalls(of state: StateIndex) {
    var kept = 0
    for index in calls.indices {
      let pending = calls[index]
      let row = flow.calls[pending.call]
      guard row.state == state else {
        calls[kept] = pending
        kept += 1
        continue
      }
      areCallsChanged = true
      if row.hasUndo {
        extended.uncertainCalls.append(UncertainCall(call: pending.call, job: pending.job, once: pending.once))
        isExtendedStateChanged = true
      } else {
        effects.append(.withdraw(pending.job))
      }
    }
    calls.removeLast(calls.count - kept)
  }
}
