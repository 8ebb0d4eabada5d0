import CEL
import FlowIR

// The end of an instance.
extension Interpreter {
  var isInTopFinal: Bool {
    guard let top = active.next(from: 1) else { return false }
    return flow.states[top].isFinal
  }

  /// Whether every active leaf is final.
  var hasEnded: Bool {
    var state = active.next(from: 1)
    guard state != nil else { return false }
    while let found = state {
      if flow.isLeaf(found, in: active), !flow.states[found].isFinal { return false }
      state = active.next(from: found.next)
    }
    return true
  }

  mutating func end() throws(StepFailure) {
    status = .done
    for state in active.ascending where flow.states[state].isFailed { status = .failed }
    if status == .done {
      for state in active.ascending {
        if let program = flow.states[state].result.wrapped { result = try value(program, at: nil) }
      }
    }
    for timer in timers { effects.append(.disarm(timer)) }
    for call in calls { effects.append(.withdraw(call.job)) }
    for uncertain in extended.uncertainCalls { effects.append(.withdraw(uncertain.job)) }
    if let job = extended.rollingJob { effects.append(.withdraw(job)) }
    timers.removeAll(keepingCapacity: true)
    calls.removeAll(keepingCapacity: true)
    starting.removeAll(keepingCapacity: true)
    extended = ExtendedState()
    areTimersChanged = flow.hasTimers
    areCallsChanged = flow.hasCalls
    isExtendedStateChanged = flow.hasExtendedState
  }

  /// Leaves everything because the caller of the flow no longer waits for it.
  mutating func cancel(_ old: Instance, now: Int64) -> Outcome {
    var instance = old
    prepare(instance, .called, now: now)
    do throws(StepFailure) {
      try leave(from: 1, upTo: flow.flow.states.endIndex)
      try end()
      status = .failed
      result = nil
      let disposition = try commit(.applied, to: &instance)
      return .accepted(step(disposition, instance))
    } catch {
      return .refused(refusal(error))
    }
  }
}
