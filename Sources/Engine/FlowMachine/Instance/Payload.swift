public import CEL
public import FlowIR

/// The payload of an event in the form that steps read: created once, shared by any number of instances.
public struct Payload: Sendable {
  let slots: FrozenSlots
  var slot: Slot { slots[0] }
}

extension Stepper {
  /// Creates a payload from a record of the event's type; nil when it does not fit or is too large.
  public func payload(of event: EventIndex, _ value: Value) -> Payload? {
    guard machine.program.events.indices.contains(event) else { return nil }
    evaluator.reset()
    frame[FrameLayout.event] = evaluator.slot(value, as: .record(machine.program.events[event].name))
    guard evaluator.isRecord(frame[FrameLayout.event]),
      let slots = try? FrozenSlots(copying: frame, range: FrameLayout.event..<(FrameLayout.event + 1))
    else { return nil }
    return Payload(slots: slots)
  }
}

extension Evaluator {
  fileprivate func isRecord(_ slot: Slot) -> Bool { slot.tag == .record }
}
