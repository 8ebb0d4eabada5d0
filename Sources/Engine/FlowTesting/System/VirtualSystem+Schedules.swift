import CEL
import FlowIR
import FlowMachine

// Scheduled starts of the only instance, until an event or a call starts it.
extension VirtualSystem {
  /// Determines the next due times of all scheduled starts. With several flows, no start is scheduled.
  mutating func armSchedules() {
    guard isIsolated else { return }
    for start in program.flows[flows[0]].starts.indices { armSchedule(start) }
  }

  private mutating func armSchedule(_ start: Int) {
    guard program.flows[flows[0]].starts[start].isScheduled else { return }
    schedules.due[start] = (try? stepper.nextStart(flow: flows[0], schedule: start, after: now).get()) ?? nil
  }

  /// Fires a scheduled start that is due. While the instance runs, its policy decides; an instance that would run
  /// beside it is not followed.
  mutating func fireSchedule(_ start: Int, due: Int64) {
    now = max(now, due)
    armSchedule(start)
    guard let name = names.first, let instance = self[name], instance.status == .running else {
      return begin(start, due: due)
    }
    guard schedules.running == start else { return }
    switch program.flows[flows[0]].starts[start].overlap {
    case .allow, .skip: break
    case .queue: schedules.waiting = schedules.waiting ?? due
    case .replace:
      record(stepper.abort(instance, now: now), of: name, .cancellation, cause: "replaced by a schedule")
      begin(start, due: due)
    }
  }

  /// Starts the run that waits for the end of the instance.
  /// - Returns: False when none waits.
  mutating func startWaiting() -> Bool {
    guard let due = schedules.waiting, let start = schedules.running,
      names.first.flatMap({ self[$0]?.status }) != .running
    else { return false }
    schedules.waiting = nil
    begin(start, due: due)
    return true
  }

  /// Starts the instance, unless the guard of the start is false. Its key is the one that the start assigns, or the
  /// due time.
  private mutating func begin(_ start: Int, due: Int64) {
    let flow = flows[0]
    let earlier = names.first.flatMap { self[$0]?.revision } ?? 0
    var name = Name(flow: flow, key: Timestamp(milliseconds: due).description)
    var outcome = stepper.start(flow: flow, schedule: start, key: name.key, now: now, after: earlier)
    if case .accepted(let step) = outcome, let field = program.flows[flow].key,
      case .string(let key)? = step.next.value(ofField: field, in: machine), !key.isEmpty, key != name.key
    {
      name.key = key
      outcome = stepper.start(flow: flow, schedule: start, key: key, now: now, after: earlier)
    }
    switch outcome {
    case .refused(let refusal) where refusal.reason == .notStarted: return
    case .refused: break
    case .accepted(let step):
      schedules.running = start
      (names, members) = ([], [:])
      add(name, step)
    }
    record(outcome, of: name, .timer, cause: "schedule")
  }
}
