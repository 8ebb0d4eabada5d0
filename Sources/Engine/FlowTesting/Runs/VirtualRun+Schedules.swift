import FlowIR
import FlowMachine

// Starts by the clock, until an event starts an instance.
extension VirtualRun {
  private var isRunning: Bool { instance?.status == .running }
  private var canStartWaiting: Bool { schedules.hasWaiting && !isRunning }

  /// The instant at which the next timer or scheduled start is due, in milliseconds since 1970.
  public var nextDue: Int64? {
    [nextTimer?.due, schedules.next?.due, canStartWaiting ? now : nil].compactMap { $0 }.min()
  }

  /// Fires a scheduled start that is due.
  mutating func fireSchedule(_ start: Int, due: Int64) -> [RunEvent] {
    now = max(now, due)
    switch schedules.fire(start, due: due, of: flow, stepper, now: now, isRunning: isRunning) {
    case .nothing: return []
    case .begin: return begin(start, due: due)
    case .replace:
      let replaced = instance.map { record(stepper.abort($0, now: now), cause: "replaced by a schedule") }
      return (replaced.map { [$0] } ?? []) + begin(start, due: due)
    }
  }

  /// Starts the run that waits for the end of the instance; nil when no run can start.
  mutating func startWaiting() -> RunEvent? {
    guard canStartWaiting, let (start, due) = schedules.takeWaiting() else { return nil }
    return begin(start, due: due).first
  }

  /// Starts an instance, unless the guard of the start is false.
  private mutating func begin(_ start: Int, due: Int64) -> [RunEvent] {
    let outcome = stepper.start(
      flow: flow, schedule: start, due: due, now: now, after: instance?.revision ?? 0
    ).outcome
    if case .refused(let refusal) = outcome, refusal.reason == .notStarted { return [] }
    if case .accepted = outcome { schedules.began(start) }
    return [record(outcome, cause: "schedule")]
  }
}
