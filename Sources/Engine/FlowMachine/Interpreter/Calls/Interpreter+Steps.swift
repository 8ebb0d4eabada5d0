import CEL
import FlowIR

// The steps of a state: each starts when its prerequisites are done.
extension Interpreter {
  /// Starts the steps that are ready, and raises `done` of the state after the last one.
  mutating func advanceSteps(of state: StateIndex) throws(StepFailure) {
    guard active.contains(state), !extended.stopped.contains(state) else { return }
    let steps = flow.states[state].steps
    isExtendedStateChanged = true
    // Each step follows its prerequisites, so that one pass is enough.
    for index in steps.range {
      let call = CallIndex(rawValue: flow.indices[index])
      if !extended.stepsBegun.contains(call.position), isReady(call) { try startStep(call) }
    }
    let isDone = steps.range.allSatisfy { extended.stepsDone.contains(Int(flow.indices[$0])) }
    let isRaised = queue[queueHead...].contains { event in
      if case .state(.done, state, _) = event { true } else { false }
    }
    if isDone, !isRaised { queue.append(.state(.done, state, .unset)) }
  }

  private func isReady(_ call: CallIndex) -> Bool {
    flow.calls[call].after.range.allSatisfy { extended.stepsDone.contains(Int(flow.indices[$0])) }
  }

  private mutating func startStep(_ call: CallIndex) throws(StepFailure) {
    let row = flow.calls[call]
    extended.stepsBegun.insert(call.position)
    if let condition = row.condition.wrapped, try !isTrue(condition, at: row.location) {
      // A step that is skipped counts as done and has no result.
      extended.stepsDone.insert(call.position)
      let nothing = try resultSlot(of: call, row.loop.isNil ? .optional(nil) : .list([]))
      setResult(nothing, of: call)
      return
    }
    try prepareCall(call)
  }

  mutating func removeSteps(of state: StateIndex, _ row: StateRow) {
    for index in row.steps.range {
      extended.stepsBegun.remove(Int(flow.indices[index]))
      extended.stepsDone.remove(Int(flow.indices[index]))
    }
    extended.stopped.remove(state)
    isExtendedStateChanged = true
  }
}
