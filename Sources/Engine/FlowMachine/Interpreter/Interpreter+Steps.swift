import CEL
import FlowIR

// The steps of a state: each begins when those that it comes after are done.
extension Interpreter {
  /// Begins the steps that nothing is in the way of any more, and raises `done` of the state behind the last one.
  mutating func advanceSteps(of state: Int, _ flow: LoadedFlow) throws(StepFailure) {
    guard active.contains(state), !ledger.stopped.contains(state) else { return }
    let steps = flow.states[state].steps
    isLedgerChanged = true
    // In this order each step comes behind those that it waits for, so that one turn is enough.
    for index in steps.range {
      let call = Int(flow.indices[index])
      if !ledger.stepsBegun.contains(call), isReady(call, flow) { try beginStep(call, flow) }
    }
    let isDone = steps.range.allSatisfy { ledger.stepsDone.contains(Int(flow.indices[$0])) }
    let isKnown = queue[queueHead...].contains { event in
      if case .state(.done, state, _) = event { true } else { false }
    }
    if isDone, !isKnown { queue.append(.state(.done, state, .unset)) }
  }

  private mutating func isReady(_ call: Int, _ flow: LoadedFlow) -> Bool {
    flow.calls[call].after.range.allSatisfy { ledger.stepsDone.contains(Int(flow.indices[$0])) }
  }

  private mutating func beginStep(_ call: Int, _ flow: LoadedFlow) throws(StepFailure) {
    let row = flow.calls[call]
    ledger.stepsBegun.insert(call)
    if row.condition != none, try !isTrue(row.condition, row.place, flow) {
      // What is passed over counts as done and has no result.
      ledger.stepsDone.insert(call)
      let nothing = try resultSlot(of: call, row.loop == none ? .optional(nil) : .list([]), flow)
      keep(nothing, asResultOf: call, flow)
      return
    }
    try begin(call, flow)
  }

  mutating func forgetSteps(_ row: StateRow, _ state: Int, _ flow: LoadedFlow) {
    for index in row.steps.range {
      ledger.stepsBegun.remove(Int(flow.indices[index]))
      ledger.stepsDone.remove(Int(flow.indices[index]))
    }
    ledger.stopped.remove(state)
    isLedgerChanged = true
  }
}
