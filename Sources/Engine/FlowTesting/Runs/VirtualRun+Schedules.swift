import CEL
import FlowIR
import FlowMachine

/// The scheduled starts of a virtual run. An instance that an event has started has none.
struct VirtualSchedules {
  /// The next due times by the index of the start, in milliseconds since 1970.
  var due: [Int: Int64] = [:]
  /// The start of the instance.
  var running: Int?
  /// The due time of the run that waits for the end of the instance.
  var waiting: Int64?

  /// The next start that is due, the first of the text among equals.
  var next: (start: Int, due: Int64)? {
    due.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
  }
}

// Starts by the clock, until an event starts an instance.
extension VirtualRun {
  /// The instant at which the next timer or scheduled start is due, in milliseconds since 1970.
  public var nextDue: Int64? {
    [nextTimer?.due, schedules.next?.due, canStartWaiting ? now : nil].compactMap { $0 }.min()
  }

  mutating func armSchedules() {
    for start in program.flows[flow].starts.indices { armSchedule(start, after: now) }
  }

  private mutating func armSchedule(_ start: Int, after instant: Int64) {
    guard program.flows[flow].starts[start].isScheduled else { return }
    let next = try? stepper.nextStart(flow: flow, schedule: start, after: instant).get()
    schedules.due[start] = next ?? nil
  }

  /// Fires a scheduled start that is due. While the instance runs, its policy decides; an instance that would run
  /// beside it is not followed.
  mutating func fireSchedule(_ start: Int, due: Int64) -> [RunEvent] {
    now = max(now, due)
    armSchedule(start, after: now)
    guard let instance, instance.status == .running else { return begin(start, due: due) }
    guard schedules.running == start else { return [] }
    switch program.flows[flow].starts[start].overlap {
    case .allow, .skip: return []
    case .queue:
      if schedules.waiting == nil { schedules.waiting = due }
      return []
    case .replace:
      return [record(stepper.abort(instance, now: now), cause: "replaced by a schedule")] + begin(start, due: due)
    }
  }

  private var canStartWaiting: Bool { schedules.waiting != nil && instance?.status != .running }

  /// Starts the run that waits for the end of the instance; nil when no run can start.
  mutating func startWaiting() -> RunEvent? {
    guard canStartWaiting, let due = schedules.waiting, let start = schedules.running else { return nil }
    schedules.waiting = nil
    return begin(start, due: due).first
  }

  /// Starts an instance, unless the guard of the start is false.
  private mutating func begin(_ start: Int, due: Int64) -> [RunEvent] {
    let earlier = instance?.revision ?? 0
    var key = Timestamp(milliseconds: due).description
    var outcome = stepper.start(flow: flow, schedule: start, key: key, now: now, after: earlier)
    if case .accepted(let step) = outcome, let field = program.flows[flow].key,
      case .string(let given)? = step.next.value(ofField: field, in: stepper.machine), !given.isEmpty, given != key
    {
      key = given
      outcome = stepper.start(flow: flow, schedule: start, key: key, now: now, after: earlier)
    }
    if case .refused(let refusal) = outcome, refusal.reason == .notStarted { return [] }
    if case .accepted = outcome { schedules.running = start }
    return [record(outcome, cause: "schedule")]
  }
}
