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

  /// Offers the deferred events, oldest first, each as a macrostep of its own.
  mutating func offerDeferred() throws(StepFailure) {
    var index = 0
    while index < extended.deferred.count, status == .running {
      let event = extended.deferred[index]
      frame[FrameLayout.event] = evaluator.slot(
        event.payload, as: .record(machine.program.events[event.event].name))
      // Its own caller counts, not that of the input in progress.
      hasCaller = event.caller != nil
      caller = event.caller ?? Caller()
      if flow.usesCaller { bind(caller) }
      try select(flow.trigger(of: event.event))
      if selected.isEmpty, isDeferred {
        index += 1
        continue
      }
      extended.deferred.remove(at: index)
      isExtendedStateChanged = true
      if !selected.isEmpty {
        try microstep()
        try settle()
        index = 0
      } else if !isIgnored {
        let name = machine.program.events[event.event].name
        let states = flow.leafPaths(active).joined(separator: ", ")
        effects.append(.log("`\(name)` was put off and is not handled in \(states)"))
      }
    }
  }
}
