import CEL
import FlowIR

// What each kind of input does.
extension Interpreter {
  mutating func take(
    _ event: Int, _ payload: Slot, _ caller: Caller, _ instance: inout Instance, _ flow: LoadedFlow
  ) throws(StepFailure) -> Step.Disposition {
    guard instance.status == .running else { throw StepFailure(.ended) }
    frame[FrameLayout.event] = payload
    if flow.hasRoles || flow.hasLedger { self.caller = caller }
    if flow.usesCaller { bind(caller) }
    try select(event, flow)
    if !selected.isEmpty {
      try macrostep(flow)
      return try commit(.applied, &instance, flow)
    }
    if isDeferred {
      try putOff(event, payload)
      return try commit(.deferred, &instance, flow)
    }
    guard isIgnored else { throw StepFailure(.notHandled) }
    return try commit(.ignored, &instance, flow)
  }

  mutating func putOff(_ event: Int, _ payload: Slot) throws(StepFailure) {
    guard ledger.deferred.count < Stepper.maximumDeferred else { throw StepFailure(.tooManyDeferred) }
    let value = evaluator.value(payload, as: .record(machine.program.events[event].name))
    ledger.deferred.append(DeferredEvent(event: event, payload: value, caller: hasCaller ? caller : nil))
    isLedgerChanged = true
  }

  mutating func take(
    _ transition: Int, armed: Int, _ instance: inout Instance, _ flow: LoadedFlow
  ) throws(StepFailure) -> Step.Disposition {
    guard instance.status == .running,
      let index = timers.firstIndex(where: { $0.transition == transition && $0.armed == armed })
    else { return .stale }
    try rearm(index, flow)
    guard try isEnabled(Int32(transition), flow) else { return try commit(.ignored, &instance, flow) }
    selected.removeAll()
    selected.append(Int32(transition))
    try macrostep(flow)
    return try commit(.applied, &instance, flow)
  }

  mutating func take(
    _ job: JobReference, _ outcome: CallOutcome, _ instance: inout Instance, _ flow: LoadedFlow
  ) throws(StepFailure) -> Step.Disposition {
    guard instance.status == .running else { return .stale }
    selected.removeAll()
    let isTaken: Bool
    if let index = calls.firstIndex(where: { $0.job == job }) {
      isTaken = try end(calls.remove(at: index), outcome, flow)
      areCallsChanged = true
    } else if ledger.rollingJob == job {
      isTaken = try endUndo(outcome, flow)
    } else if let index = ledger.doubts.firstIndex(where: { $0.job == job }) {
      isTaken = try settle(ledger.doubts.remove(at: index), outcome, flow)
    } else {
      return .stale
    }
    guard isTaken else { return try commit(.ignored, &instance, flow) }
    try settle(flow)
    return try commit(.applied, &instance, flow)
  }

  // MARK: - When a step fails

  /// Gives a timer or a result whose step failed to `on error` of an active state: the instance as it was, without the
  /// timer or the call.
  /// - Returns: Nil when no reaction takes it, or when that fails too.
  mutating func recover(
    from refusal: Refusal, _ instance: inout Instance, _ input: Input, _ flow: LoadedFlow, _ now: Int64
  ) -> Step.Disposition? {
    if case .event = input { return nil }
    begin(instance, flow, occasion, now)
    do throws(StepFailure) {
      var call = ""
      switch input {
      case .event: return nil
      case .timer(let transition, let armed):
        guard let index = timers.firstIndex(where: { $0.transition == transition && $0.armed == armed })
        else { return nil }
        try rearm(index, flow)
      case .result(let job, _): call = drop(job, flow)
      }
      frame[FrameLayout.event] = failure(code: refusal.code, message: refusal.message, attempts: 1, call: call)
      try select(flow.errorTrigger, flow)
      guard !selected.isEmpty else { return nil }
      try macrostep(flow)
      return try commit(.applied, &instance, flow)
    } catch {
      return nil
    }
  }

  /// Forgets a job, with all that belongs to its call.
  /// - Returns: The name of the call.
  private mutating func drop(_ job: JobReference, _ flow: LoadedFlow) -> String {
    if let index = calls.firstIndex(where: { $0.job == job }) {
      let pending = calls.remove(at: index)
      areCallsChanged = true
      if pending.item != nil { abandonFanOut(of: pending.call, flow) }
      return flow.flow.calls[pending.call].name
    }
    isLedgerChanged = true
    if ledger.rollingJob == job { ledger.rollingJob = nil }
    guard let index = ledger.doubts.firstIndex(where: { $0.job == job }) else { return "" }
    return flow.flow.calls[ledger.doubts.remove(at: index).call].name
  }
}
