import CEL
import FlowIR

// The kinds of input of a step.
extension Interpreter {
  /// Applies an event with a prepared payload to an instance.
  mutating func advance(
    _ instance: inout Instance, event: EventIndex, payload: Payload, caller: Caller, now: Int64
  ) throws(Refusal) -> Step.Disposition {
    prepare(instance, .event(event), now: now)
    do throws(StepFailure) {
      return try acceptEvent(event, payload: payload.slot, caller: caller, &instance)
    } catch {
      throw refusal(error)
    }
  }

  /// Applies an event to an instance whose payload is a literal.
  /// - Parameter falseGuards: Receives the transitions that could react but whose guard is false.
  /// - Returns: Nil for another payload; nothing has changed then.
  mutating func advance(
    _ instance: inout Instance, event: EventIndex, literal: TypedExpression, caller: Caller, now: Int64,
    falseGuards: inout TransitionSet
  ) throws(Refusal) -> Step.Disposition? {
    prepare(instance, .event(event), now: now)
    guard let payload = evaluator.literal(literal) else { return nil }
    self.falseGuards.assign(falseGuards.bits)
    recordsGuards = true
    do throws(StepFailure) {
      let disposition = try acceptEvent(event, payload: payload, caller: caller, &instance)
      recordsGuards = false
      falseGuards.assign(self.falseGuards)
      return disposition
    } catch {
      recordsGuards = false
      throw refusal(error)
    }
  }

  /// Applies any input to an instance.
  mutating func advance(
    _ instance: inout Instance, _ input: Input, now: Int64
  ) throws(Refusal) -> Step.Disposition {
    prepare(instance, StepTrigger(input), now: now)
    do throws(StepFailure) {
      switch input {
      case .event(let event, let payload, let caller):
        guard machine.program.events.indices.contains(event) else { throw StepFailure(.notHandled) }
        let slot = evaluator.slot(payload, as: .record(machine.program.events[event].name))
        return try acceptEvent(event, payload: slot, caller: caller, &instance)
      case .timer(let transition, let armed): return try acceptTimer(transition, armed: armed, &instance)
      case .result(let job, let outcome): return try acceptResult(of: job, outcome, &instance)
      }
    } catch {
      let refusal = refusal(error)
      if flow.hasErrors, let disposition = recover(from: refusal, input, &instance, now: now) { return disposition }
      throw refusal
    }
  }

  private mutating func acceptEvent(
    _ event: EventIndex, payload: Slot, caller: Caller, _ instance: inout Instance
  ) throws(StepFailure) -> Step.Disposition {
    guard instance.status == .running else { throw StepFailure(.ended) }
    if flow.hasInternalEvents, caller.flow == nil, machine.program.events[event].isInternal {
      throw StepFailure(.internalEvent)
    }
    frame[FrameLayout.event] = payload
    if flow.hasRoles || flow.hasExtendedState { self.caller = caller }
    if flow.usesCaller { bind(caller) }
    try select(flow.trigger(of: event))
    if recordsGuards { recordFalseGuards(of: event) }
    if !selected.isEmpty {
      try macrostep()
      return try commit(.applied, to: &instance)
    }
    if isDeferred {
      try deferEvent(event, payload: payload)
      return try commit(.deferred, to: &instance)
    }
    guard isIgnored else { throw StepFailure(.notHandled) }
    return try commit(.ignored, to: &instance)
  }

  private mutating func acceptTimer(
    _ transition: Int, armed: Int, _ instance: inout Instance
  ) throws(StepFailure) -> Step.Disposition {
    guard instance.status == .running,
      let index = timers.firstIndex(where: { $0.transition == transition && $0.armed == armed })
    else { return .stale }
    try rearm(index)
    guard try isEnabled(Int32(transition)) else { return try commitIgnored(to: &instance) }
    selected.removeAll()
    selected.append(Int32(transition))
    // It may have been the last reaction that kept the instance from its end.
    mayHaveEnded = true
    try macrostep()
    return try commit(.applied, to: &instance)
  }

  private mutating func acceptResult(
    of job: JobReference, _ outcome: CallOutcome, _ instance: inout Instance
  ) throws(StepFailure) -> Step.Disposition {
    guard instance.status == .running else { return .stale }
    selected.removeAll()
    let isHandled: Bool
    if let index = calls.firstIndex(where: { $0.job == job }) {
      isHandled = try complete(calls.remove(at: index), outcome)
      areCallsChanged = true
    } else if let pending = pendingItem(of: job) {
      isHandled = try complete(pending, outcome)
    } else if extended.rollingJob == job {
      isHandled = try completeUndo(outcome)
    } else if let index = extended.uncertainCalls.firstIndex(where: { $0.job == job }) {
      isHandled = try resolve(extended.uncertainCalls.remove(at: index), outcome)
    } else {
      return .stale
    }
    guard isHandled else { return try commitIgnored(to: &instance) }
    mayHaveEnded = true
    try finishMacrostep()
    return try commit(.applied, to: &instance)
  }

  /// Commits a timer or a result that no reaction handles. It may have been the last input that kept the instance from
  /// its end.
  private mutating func commitIgnored(to instance: inout Instance) throws(StepFailure) -> Step.Disposition {
    if hasEnded {
      try end()
      try checkInvariants()
    }
    return try commit(.ignored, to: &instance)
  }

  // MARK: - Errors

  /// Offers a timer or a result whose step failed to `on error` of an active state. The instance is as before, without
  /// the timer or the call.
  /// - Returns: Nil when no reaction is enabled, or when that step fails, too.
  private mutating func recover(
    from refusal: Refusal, _ input: Input, _ instance: inout Instance, now: Int64
  ) -> Step.Disposition? {
    if case .event = input { return nil }
    prepare(instance, trigger, now: now)
    do throws(StepFailure) {
      var call = ""
      switch input {
      case .event: return nil
      case .timer(let transition, let armed):
        guard let index = timers.firstIndex(where: { $0.transition == transition && $0.armed == armed })
        else { return nil }
        try rearm(index)
      case .result(let job, _): call = discard(job)
      }
      frame[FrameLayout.event] = failure(code: refusal.code, message: refusal.message, attempts: 1, call: call)
      try select(flow.errorTrigger)
      guard !selected.isEmpty else { return nil }
      try macrostep()
      return try commit(.applied, to: &instance)
    } catch {
      return nil
    }
  }

  /// Removes a job and the call that it belongs to.
  /// - Returns: The name of the call.
  private mutating func discard(_ job: JobReference) -> String {
    if let index = calls.firstIndex(where: { $0.job == job }) {
      let pending = calls.remove(at: index)
      areCallsChanged = true
      return flow.flow.calls[pending.call].name
    }
    if let pending = pendingItem(of: job) {
      abandon(pending)
      return flow.flow.calls[pending.call].name
    }
    isExtendedStateChanged = true
    if extended.rollingJob == job { extended.rollingJob = nil }
    guard let index = extended.uncertainCalls.firstIndex(where: { $0.job == job }) else { return "" }
    return flow.flow.calls[extended.uncertainCalls.remove(at: index).call].name
  }
}

extension Interpreter {
  /// Ends a call over a list because of an item whose result can't be applied.
  private mutating func abandon(_ pending: PendingCall) {
    if let item = pending.item, let index = fanOut(of: pending.call) {
      extended.fanOuts[index].finish(item, .failed)
    }
    abandonFanOut(of: pending.call)
  }
}

extension StepTrigger {
  init(_ input: Input) {
    switch input {
    case .event(let event, _, _): self = .event(event)
    case .timer(let transition, _): self = .timer(transition)
    case .result(let job, _): self = .result(job)
    }
  }
}
