import CEL
import FlowIR

extension Stepper {
  /// Runs a start: its acts, the first state, and all that follows.
  func run(_ start: Int, _ step: inout RunningStep) throws(Refusal) {
    let flow = step.flow
    step.instance.active.insert(0)
    try perform(flow.starts[start].acts, &step)
    try enter(entrySet(target: flow.flow.starts[start].target, domain: 0, isHistory: false, step), &step)
    try settle(&step)
  }

  /// The selected transitions, then whatever they set off, until nothing is enabled.
  func macrostep(_ transitions: [Int], _ step: inout RunningStep) throws(Refusal) {
    try microstep(transitions, &step)
    try settle(&step)
  }

  /// First `always`, then the queue of internal events, each as one more microstep, then what a rollback does next;
  /// in the end the invariants.
  func settle(_ step: inout RunningStep) throws(Refusal) {
    while !hasEnded(step) {
      let always = try select(.always, &step).transitions
      if !always.isEmpty {
        try microstep(always, &step)
      } else if step.queueHead < step.queue.count {
        step.queueHead += 1
        try react(to: step.queue[step.queueHead - 1], &step)
      } else if !continueRollback(&step) {
        break
      }
    }
    if hasEnded(step) { try end(&step) }
    startCalls(&step)
    for invariant in step.flow.invariants where try !isTrue(invariant, step.flow.flow.place, step) {
      throw broken(invariant, step)
    }
  }

  private func react(to event: InternalEvent, _ step: inout RunningStep) throws(Refusal) {
    let selection: Selection
    switch event {
    case .raised(let event, let payload):
      frame[FrameLayout.event] = payload
      selection = try select(.event(event), &step)
    case .done(let state): selection = try select(.done(state), &step)
    case .failed(let state, let failure):
      frame[FrameLayout.event] = failure
      selection = try select(.failed(state), &step)
    case .rollbackDone(let state): selection = try select(.rollbackDone(state), &step)
    case .rollbackFailed(let state, let failure):
      frame[FrameLayout.event] = failure
      selection = try select(.rollbackFailed(state), &step)
    case .empty(let call):
      guard step.instance.fans.contains(where: { $0.call == call }) else { return }
      step.instance.fans.removeAll { $0.call == call }
      return try complete(call, .done(.list([])), &step)
    }
    if !selection.transitions.isEmpty { try microstep(selection.transitions, &step) }
  }

  func microstep(_ transitions: [Int], _ step: inout RunningStep) throws(Refusal) {
    step.microsteps += 1
    guard step.microsteps <= Stepper.maximumMicrosteps else { throw refusal(.tooManyMicrosteps, step) }
    step.taken += transitions
    var entered = StateSet()
    var left = StateSet()
    for transition in transitions { left.formUnion(exitSet(of: transition, step)) }
    try exit(left, &step)
    for transition in transitions { try perform(step.flow.transitions[transition].acts, &step) }
    for transition in transitions {
      let node = step.flow.flow.transitions[transition]
      guard let target = node.target, let domain = domain(of: transition, step.flow.flow) else { continue }
      entered.formUnion(entrySet(target: target, domain: domain, isHistory: node.isHistory, step))
    }
    try enter(entered, &step)
  }

  /// An instance has ended when all that is active is final and nothing waits to react to it.
  private func hasEnded(_ step: RunningStep) -> Bool {
    let flow = step.flow.flow
    var hasPendingDone = false
    for state in step.instance.active.ascending where flow.isLeaf(state, in: step.instance.active) {
      guard flow.states[state].isFinal else { return false }
      if flow.states[state].depth > 1 { hasPendingDone = true }
    }
    return !hasPendingDone || step.queueHead == step.queue.count
  }

  private func end(_ step: inout RunningStep) throws(Refusal) {
    let flow = step.flow.flow
    let failure = step.instance.active.ascending.first { flow.states[$0].kind == .failed }
    step.instance.status = failure == nil ? .done : .failed
    step.result = try result(failure, step)
    for timer in step.instance.timers { step.effects.append(.disarm(timer)) }
    for call in step.instance.calls { step.effects.append(.withdraw(call.job)) }
    step.instance.timers = []
    step.instance.calls = []
    step.instance.deferred = []
    step.instance.fans = []
    step.instance.finishedSteps = []
    step.startingCalls = []
  }

  /// Leaves everything, as whoever called the flow no longer waits for it (SCXML 6.4, tests 237 and 250).
  public func cancel(_ instance: Instance, now: Int64) -> Outcome {
    evaluator.reset()
    var step = RunningStep(
      flow: machine.flows[instance.flow], input: .call(arguments: .null), now: now, instance: instance)
    do throws(Refusal) {
      try prepare(&step, isNew: false)
      try exit(StateSet(instance.active.ascending.dropFirst()), &step)
      try end(&step)
      step.instance.status = .failed
      step.result = nil
      return .accepted(try finish(&step, disposition: .applied))
    } catch {
      return .refused(error)
    }
  }

  /// What a flow that was called answers: the result of the final state, or the name of the failed one.
  private func result(_ failure: Int?, _ step: RunningStep) throws(Refusal) -> CallOutcome? {
    let flow = step.flow.flow
    guard flow.isCallable else { return nil }
    if let failure {
      let message = "the flow ended in `\(flow.states[failure].path)`"
      return .failed(code: flow.states[failure].name, message: message, attempts: 1)
    }
    for state in step.instance.active.ascending {
      if let result = step.flow.results[state] { return .done(try value(result, flow.place, step)) }
    }
    return .done(.null)
  }

  func nextJob(_ step: inout RunningStep) -> JobReference {
    defer { step.jobs += 1 }
    return JobReference(revision: step.instance.revision + 1, number: step.jobs)
  }

  /// Offers the events that were put off, oldest first, as long as the step has moved the instance.
  func offerDeferred(_ step: inout RunningStep) throws(Refusal) {
    guard step.instance.active != step.before else { return }
    var index = 0
    while index < step.instance.deferred.count, step.instance.status == .running {
      let event = step.instance.deferred[index]
      bind(event: event.event, payload: event.payload, caller: event.caller, step.flow)
      let selection = try select(.event(event.event), &step)
      if selection.isDeferred {
        index += 1
        continue
      }
      step.instance.deferred.remove(at: index)
      if !selection.transitions.isEmpty {
        try macrostep(selection.transitions, &step)
        index = 0
      }
    }
  }
}
