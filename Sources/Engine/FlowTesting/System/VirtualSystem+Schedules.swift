import FlowIR
import FlowMachine

// Scheduled starts of the only instance, until an event or a call starts it.
extension VirtualSystem {
  /// Determines the next due times of all scheduled starts. With several flows, no start is scheduled.
  mutating func armSchedules() {
    if isIsolated { schedules = VirtualSchedules(of: flows[0], stepper, after: now) }
  }

  private var runningName: Name? { names.first.flatMap { self[$0]?.status == .running ? $0 : nil } }

  /// Fires a scheduled start that is due.
  mutating func fireSchedule(_ start: Int, due: Int64) {
    now = max(now, due)
    let running = runningName
    switch schedules.fire(start, due: due, of: flows[0], stepper, now: now, isRunning: running != nil) {
    case .nothing: return
    case .begin: break
    case .replace:
      if let running, let instance = self[running] {
        record(stepper.abort(instance, now: now), of: running, .cancellation, cause: "replaced by a schedule")
      }
    }
    begin(start, due: due)
  }

  /// Starts the run that waits for the end of the instance.
  /// - Returns: False when none waits.
  mutating func startWaiting() -> Bool {
    guard runningName == nil, let (start, due) = schedules.takeWaiting() else { return false }
    begin(start, due: due)
    return true
  }

  /// Starts the instance, unless the guard of the start is false.
  private mutating func begin(_ start: Int, due: Int64) {
    let earlier = names.first.flatMap { self[$0]?.revision } ?? 0
    let (outcome, key) = stepper.start(flow: flows[0], schedule: start, due: due, now: now, after: earlier)
    let name = Name(flow: flows[0], key: key)
    switch outcome {
    case .refused(let refusal) where refusal.reason == .notStarted: return
    case .refused: break
    case .accepted(let step):
      schedules.began(start)
      (names, members) = ([], [:])
      add(name, step)
    }
    record(outcome, of: name, .timer, cause: "schedule")
  }
}
