import CEL
import FlowIR

// Deferred events.
extension Interpreter {
  mutating func deferEvent(_ event: EventIndex, payload: Slot) throws(StepFailure) {
    guard extended.deferred.count < Stepper.maximumDeferred else { throw StepFailure(.tooManyDeferred) }
    let value = evaluator.value(payload, as: .record(machine.program.events[event].name))
    extended.deferred.append(DeferredEvent(event: event, payload: value, caller: hasCaller ? caller : nil))
    isExtendedStateChanged = true
  }

  /// Offers the deferred events that the active states no longer defer, oldest first, each in a macrostep of its own.
  ///
  /// The macrostep before an event is not affected by it: an event that fails, or that no state handles, is recorded in
  /// ``refused``.
  mutating func offerDeferred() {
    var index = 0
    var offers = 0
    while index < extended.deferred.count, status == .running {
      let event = extended.deferred[index]
      let checkpoint = checkpoint()
      do throws(StepFailure) {
        bind(event)
        try select(flow.trigger(of: event.event))
        if selected.isEmpty, isDeferred {
          index += 1
          continue
        }
        offers += 1
        extended.deferred.remove(at: index)
        isExtendedStateChanged = true
        guard !selected.isEmpty else {
          if isIgnored { continue }
          throw StepFailure(.notHandled)
        }
        guard offers <= Stepper.maximumMicrosteps else { throw StepFailure(.tooManyMicrosteps) }
        try runMacrostepOfDeferred()
        index = 0
      } catch {
        refuse(event, at: index, failure: error, checkpoint: checkpoint)
      }
    }
  }

  private mutating func bind(_ event: DeferredEvent) {
    frame[FrameLayout.event] = evaluator.slot(
      event.payload, as: .record(machine.program.events[event.event].name))
    // The caller of the deferred event applies, not that of the input in progress.
    hasCaller = event.caller != nil
    caller = event.caller ?? Caller()
    if flow.usesCaller { bind(caller) }
  }

  private mutating func runMacrostepOfDeferred() throws(StepFailure) {
    let total = microsteps
    microsteps = 0
    try microstep()
    try settle()
    try checkInvariants()
    microsteps += total
  }

  /// Restores the state before the offer, explains the refusal, and drops the event.
  private mutating func refuse(
    _ event: DeferredEvent, at index: Int, failure: StepFailure, checkpoint: Checkpoint
  ) {
    let (input, first) = (trigger, before)
    trigger = .event(event.event)
    before = checkpoint.active
    let refusal = refusal(failure)
    (trigger, before) = (input, first)
    restore(checkpoint)
    refused.append(RefusedEvent(event: event, refusal: refusal))
    extended.deferred.remove(at: index)
    isExtendedStateChanged = true
  }
}

/// The state of a step between two macrosteps.
struct Checkpoint {
  var slots: [Slot]
  var active: StateSet
  var timers: [ArmedTimer]
  var calls: [PendingCall]
  var starting: [StartingCall]
  var extended: ExtendedState
  var changed: BitSet
  var flags: [Bool]
  var effects: Int
  var taken: Int
  var microsteps: Int
  var jobs: Int
  var result: Value?
}

extension Interpreter {
  private func checkpoint() -> Checkpoint {
    var slots: [Slot] = []
    for slot in FrameLayout.firstField..<flow.frameSize { slots.append(frame[slot]) }
    return Checkpoint(
      slots: slots, active: active, timers: timers, calls: calls, starting: starting, extended: extended,
      changed: changed, flags: [isDataChanged, areResultsChanged, areTimersChanged, areCallsChanged],
      effects: effects.count, taken: taken.count, microsteps: microsteps, jobs: jobs, result: result)
  }

  private mutating func restore(_ checkpoint: Checkpoint) {
    for (offset, slot) in checkpoint.slots.enumerated() { frame[FrameLayout.firstField + offset] = slot }
    active = checkpoint.active
    timers = checkpoint.timers
    calls = checkpoint.calls
    starting = checkpoint.starting
    extended = checkpoint.extended
    changed = checkpoint.changed
    isDataChanged = checkpoint.flags[0]
    areResultsChanged = checkpoint.flags[1]
    areTimersChanged = checkpoint.flags[2]
    areCallsChanged = checkpoint.flags[3]
    effects.removeLast(effects.count - checkpoint.effects)
    taken.removeAll(from: checkpoint.taken)
    microsteps = checkpoint.microsteps
    jobs = checkpoint.jobs
    result = checkpoint.result
    status = .running
    queue.removeAll(keepingCapacity: true)
    queueHead = 0
    isSelfStale = flow.usesSelf
    problem = nil
  }
}
