import CEL
import FlowIR

// The calls and steps of states: how they begin, what their results lead to, what becomes of them when a state is left.
extension Stepper {
  /// How many items one call goes through.
  static let maximumItems = 10_000

  func beginCalls(of state: Int, _ step: inout RunningStep) throws(Refusal) {
    let calls = step.flow.flow.states[state].calls
    if calls.isEmpty {
      beginRollback(in: state, &step)
      return
    }
    for call in calls where !step.flow.flow.calls[call].isStep { try begin(call, &step) }
    try startSteps(of: state, &step)
    beginRollback(in: state, &step)
  }

  /// Reads what a call is given, now; it goes out when the step has ended.
  private func begin(_ call: Int, _ step: inout RunningStep) throws(Refusal) {
    let loaded = step.flow.calls[call]
    guard let list = loaded.loopList, let loop = step.flow.flow.calls[call].loop else {
      step.startingCalls.append(try read(call, item: nil, step))
      return
    }
    let items = try evaluate(list, loaded.place, step)
    let count = evaluator.count(items) ?? 0
    guard count <= Stepper.maximumItems else {
      throw refusal(.failed("a call goes through \(Stepper.maximumItems) items at most", loaded.place), step)
    }
    var fan = FanOut(call: call, arguments: [], keys: [], next: 0, results: Array(repeating: nil, count: count))
    for index in 0..<count {
      frame[loop.slot] = evaluator.element(items, index)
      let starting = try read(call, item: index, step)
      fan.arguments.append(starting.arguments)
      fan.keys.append(starting.once)
    }
    var width = count
    if let limit = loaded.limit {
      width = Int(clamping: evaluator.value(try evaluate(limit, loaded.place, step), as: .int).number)
    }
    step.instance.fans.append(fan)
    if count == 0 { step.queue.append(.empty(call)) }
    for _ in 0..<min(max(width, 1), count) { startNext(of: call, &step) }
  }

  private func read(_ call: Int, item: Int?, _ step: RunningStep) throws(Refusal) -> StartingCall {
    let loaded = step.flow.calls[call]
    let arguments = try record(of: step.flow.flow.calls[call].target, loaded.arguments, loaded.place, step)
    var key: String?
    if let once = loaded.once { key = text(try value(once, loaded.place, step)) }
    return StartingCall(call: call, arguments: arguments, once: key, item: item)
  }

  private func startNext(of call: Int, _ step: inout RunningStep) {
    guard let index = step.instance.fans.firstIndex(where: { $0.call == call }) else { return }
    let fan = step.instance.fans[index]
    guard fan.next < fan.arguments.count else { return }
    step.instance.fans[index].next += 1
    step.startingCalls.append(
      StartingCall(call: call, arguments: fan.arguments[fan.next], once: fan.keys[fan.next], item: fan.next))
  }

  /// Calls begin when the step ends, and only if their state is still active (SCXML 6.4, test 422).
  func startCalls(_ step: inout RunningStep) {
    for starting in step.startingCalls {
      let reference = nextJob(&step)
      step.instance.calls.append(PendingCall(call: starting.call, job: reference, item: starting.item))
      step.effects.append(
        .job(
          Job(
            reference: reference, target: step.flow.flow.calls[starting.call].target, arguments: starting.arguments,
            call: starting.call, once: starting.once)))
    }
    step.startingCalls = []
  }

  /// What is under way is withdrawn; what could have to be undone is in doubt until its end is known.
  func leaveCalls(of state: Int, _ step: inout RunningStep) {
    let flow = step.flow.flow
    leaveRollback(of: state, &step)
    guard !flow.states[state].calls.isEmpty else { return }
    let own = flow.states[state].calls
    step.startingCalls.removeAll { own.contains($0.call) }
    step.instance.fans.removeAll { own.contains($0.call) }
    step.instance.finishedSteps.removeAll(where: own.contains)
    step.instance.haltedStates.removeAll { $0 == state }
    for pending in step.instance.calls where own.contains(pending.call) {
      if flow.calls[pending.call].undo == nil {
        step.effects.append(.withdraw(pending.job))
      } else {
        step.instance.doubts.append(pending)
      }
    }
    step.instance.calls.removeAll { own.contains($0.call) }
  }

  // MARK: - Steps

  /// Starts the steps that wait for nothing any more. One whose condition is false counts as done.
  private func startSteps(of state: Int, _ step: inout RunningStep) throws(Refusal) {
    let flow = step.flow.flow
    let steps = flow.states[state].calls.filter { flow.calls[$0].isStep }
    guard !steps.isEmpty, step.instance.active.contains(state), !step.instance.haltedStates.contains(state) else {
      return
    }
    for call in steps where !isUnderWay(call, step) {
      guard flow.calls[call].after.allSatisfy(step.instance.finishedSteps.contains) else { continue }
      let loaded = step.flow.calls[call]
      if let condition = loaded.condition, try !isTrue(condition, loaded.place, step) {
        keep(.optional(nil), of: call, &step)
        step.instance.finishedSteps.append(call)
      } else {
        try begin(call, &step)
      }
    }
    if steps.allSatisfy(step.instance.finishedSteps.contains) { step.queue.append(.done(state)) }
  }

  private func isUnderWay(_ call: Int, _ step: RunningStep) -> Bool {
    step.instance.finishedSteps.contains(call) || step.instance.calls.contains { $0.call == call }
      || step.startingCalls.contains { $0.call == call } || step.instance.fans.contains { $0.call == call }
  }

  // MARK: - Results

  /// Finds who waits for a result; false when nobody does any more.
  func takeResult(_ job: JobReference, _ step: inout RunningStep) -> Bool {
    if let index = step.instance.calls.firstIndex(where: { $0.job == job }) {
      step.answer = .call(step.instance.calls.remove(at: index))
    } else if let index = step.instance.doubts.firstIndex(where: { $0.job == job }) {
      step.answer = .doubt(step.instance.doubts.remove(at: index).call)
    } else if step.instance.rollback?.job == job {
      step.answer = .undo
    } else {
      return false
    }
    return true
  }

  /// Takes a result in, and all that follows.
  func take(_ outcome: CallOutcome, _ step: inout RunningStep) throws(Refusal) {
    switch step.answer {
    case .call(let pending):
      if let item = pending.item {
        try take(outcome, item, pending.call, &step)
      } else {
        try complete(pending.call, outcome, &step)
      }
    case .doubt(let call):
      if case .done(let value) = outcome {
        keep(value, of: call, &step)
        try arm(call, &step)
      }
    case .undo: takeUndo(outcome, &step)
    case nil: break
    }
    try settle(&step)
  }

  /// The result for one item: the last one completes the call, a failure ends it.
  private func take(
    _ outcome: CallOutcome, _ item: Int, _ call: Int, _ step: inout RunningStep
  ) throws(Refusal) {
    guard let index = step.instance.fans.firstIndex(where: { $0.call == call }) else { return }
    guard case .done(let value) = outcome else {
      step.instance.fans.remove(at: index)
      for pending in step.instance.calls where pending.call == call { step.effects.append(.withdraw(pending.job)) }
      step.instance.calls.removeAll { $0.call == call }
      return try complete(call, outcome, &step)
    }
    if step.instance.fans[index].results.indices.contains(item) { step.instance.fans[index].results[item] = value }
    let results = step.instance.fans[index].results.compactMap { $0 }
    guard results.count == step.instance.fans[index].results.count else { return startNext(of: call, &step) }
    step.instance.fans.remove(at: index)
    try complete(call, .done(.list(results)), &step)
  }

  /// A call has ended: its result is kept, its undo armed, the reaction to it taken, the next steps started.
  func complete(_ call: Int, _ outcome: CallOutcome, _ step: inout RunningStep) throws(Refusal) {
    let node = step.flow.flow.calls[call]
    let selection: Selection
    switch outcome {
    case .done(let value):
      frame[FrameLayout.event] = keep(value, of: call, &step)
      try arm(call, &step)
      if node.isStep { step.instance.finishedSteps.append(call) }
      selection = try select(.callDone(call), &step)
      if !selection.transitions.isEmpty { try microstep(selection.transitions, &step) }
    case .failed(let code, let message, let attempts):
      let failure = failure(code, message, attempts, of: node.name)
      frame[FrameLayout.event] = failure
      selection = try select(.callFailed(call), &step)
      if !selection.transitions.isEmpty {
        if node.isStep { step.instance.finishedSteps.append(call) }
        try microstep(selection.transitions, &step)
      } else if node.isStep {
        step.instance.haltedStates.append(node.state)
        step.queue.append(.failed(node.state, failure))
      }
    }
    if node.isStep { try startSteps(of: node.state, &step) }
  }

  func failure(_ code: String, _ message: String, _ attempts: Int, of call: String) -> Slot {
    let record = RecordValue(
      typeName: BuiltInTypes.failure,
      fields: [
        .init("code", .string(code)), .init("message", .string(message)), .init("attempts", .int(Int64(attempts))),
        .init("call", .string(call)),
      ])
    return evaluator.slot(.record(record), as: .record(BuiltInTypes.failure))
  }

  /// Keeps a result where the name of the call reads it.
  @discardableResult
  private func keep(_ value: Value, of call: Int, _ step: inout RunningStep) -> Slot {
    let node = step.flow.flow.calls[call]
    var shaped = value
    if case .optional? = machine.types.record(named: node.resultRecord)?.field("result")?.type {
      if case .optional = value {} else { shaped = .optional(value) }
    }
    let record = RecordValue(typeName: node.resultRecord, fields: [.init("result", shaped)])
    let slot = evaluator.slot(.record(record), as: .record(node.resultRecord))
    frame[node.resultSlot] = slot
    step.isDataChanged = true
    return slot
  }
}

extension Value {
  fileprivate var number: Int64 {
    if case .int(let number) = self { number } else { 0 }
  }
}
