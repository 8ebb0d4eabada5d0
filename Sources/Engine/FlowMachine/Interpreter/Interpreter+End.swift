import CEL
import FlowIR

// The end of an instance.
extension Interpreter {
  var isInTopFinal: Bool {
    guard let top = active.next(from: 1) else { return false }
    return flow.states[top].isFinal
  }

  /// True if the instance is in a `final` or `failed` state of the flow, or every active leaf is final and no active
  /// state can react any more.
  var hasEnded: Bool {
    guard !isInTopFinal else { return true }
    var state = active.next(from: 1)
    guard state != nil else { return false }
    while let found = state {
      if flow.isLeaf(found, in: active), !flow.states[found].isFinal { return false }
      state = active.next(from: found.next)
    }
    return !canReact
  }

  /// True if an event, a timer or a result may still cause a reaction.
  private var canReact: Bool {
    guard timers.isEmpty, extended.rolling.isEmpty else { return true }
    for state in active.ascending where flow.states[state].reactsToEvents { return true }
    for pending in calls where canReact(toResultOf: pending.call) { return true }
    for fanOut in extended.fanOuts where canReact(toResultOf: fanOut.call) { return true }
    for starting in starting where canReact(toResultOf: starting.call) { return true }
    return false
  }

  private func canReact(toResultOf call: CallIndex) -> Bool {
    if flow.calls[call].isStep { return true }
    for trigger in flow.triggers(of: call) {
      for index in flow.triggers[trigger].range where active.contains(flow.reactions[index].state) { return true }
    }
    return false
  }

  /// Ends the instance: runs the `exit` of every active state (SCXML, exitInterpreter), then evaluates the result. The
  /// last states stay visible.
  mutating func end() throws(StepFailure) {
    let last = active
    discardDeferred(.ended)
    try leave(from: 1, upTo: flow.flow.states.endIndex)
    active = last
    isSelfStale = flow.usesSelf
    status = .done
    for state in active.ascending where flow.states[state].isFailed { status = .failed }
    if status == .done {
      for state in active.ascending {
        if let program = flow.states[state].result.wrapped { result = try value(program, at: nil) }
      }
    }
    endWork()
  }

  private mutating func endWork() {
    for timer in timers { effects.append(.disarm(timer)) }
    for call in calls { effects.append(.withdraw(call.job)) }
    for fanOut in extended.fanOuts {
      for job in fanOut.pending.compactMap({ fanOut.items[$0].job }) { effects.append(.withdraw(job)) }
    }
    for uncertain in extended.uncertainCalls { effects.append(.withdraw(uncertain.job)) }
    if let job = extended.rollingJob { effects.append(.withdraw(job)) }
    timers.removeAll(keepingCapacity: true)
    calls.removeAll(keepingCapacity: true)
    starting.removeAll(keepingCapacity: true)
    queue.removeAll(keepingCapacity: true)
    queueHead = 0
    extended = ExtendedState()
    areTimersChanged = flow.hasTimers
    areCallsChanged = flow.hasCalls
    isExtendedStateChanged = flow.hasExtendedState
  }

  /// Leaves all states of an instance, with or without their `exit` statements.
  mutating func cancel(_ old: Instance, now: Int64, runsExits: Bool) -> Outcome {
    var instance = old
    prepare(instance, .called, now: now)
    discardDeferred(.ended)
    do throws(StepFailure) {
      if runsExits { try leave(from: 1, upTo: flow.flow.states.endIndex) }
      active = StateSet([.root])
      endWork()
      status = .failed
      let disposition = try commit(.applied, to: &instance)
      return .accepted(step(disposition, instance))
    } catch {
      return .refused(refusal(error))
    }
  }
}
