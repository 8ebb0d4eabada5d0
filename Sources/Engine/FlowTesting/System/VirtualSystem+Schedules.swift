import FlowIR
import FlowMachine

// Scheduled starts of the only instance, until an event or a call starts it.
extension VirtualSystem {
  /// Determines the next due times of all scheduled starts.
  mutating func armSchedules() {
    if isIsolated { schedules = VirtualSchedules(of: flows[0], stepper, after: now) }
    if hasSharedSchedules { sharedSchedules = SharedSchedules(of: flows, stepper, after: now) }
  }

  /// The instant at which the next scheduled start is due.
  var nextSchedule: Int64? { schedules.next?.due ?? sharedSchedules.next?.due }

  /// Fires the scheduled start that is due next.
  mutating func fireNextSchedule() {
    if let scheduled = schedules.next {
      fireSchedule(scheduled.start, due: scheduled.due)
    } else if let scheduled = sharedSchedules.next {
      fireShared(scheduled.id, due: scheduled.due)
    }
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
    if let (id, due) = sharedSchedules.takeWaiting(isRunning: members.isRunning) {
      begin(id, due: due)
      return true
    }
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
      members = MemberTable()
      add(name, step)
    }
    record(outcome, of: name, .timer, cause: "schedule")
  }

  // MARK: - Several flows

  /// Fires a scheduled start of one of several flows: its policy decides while the last instance runs.
  private mutating func fireShared(_ id: SharedSchedules.ID, due: Int64) {
    now = max(now, due)
    sharedSchedules.arm(id, stepper, after: now)
    let running = sharedSchedules.last(id).flatMap { members.isRunning($0) ? $0 : nil }
    if let running, let instance = self[running] {
      switch program.flows[id.flow].starts[id.start].overlap {
      case .allow: break
      case .skip: return
      case .queue: return sharedSchedules.wait(id, due: due)
      case .replace:
        record(stepper.abort(instance, now: now), of: running, .cancellation, cause: "replaced by a schedule")
      }
    }
    begin(id, due: due)
  }

  private mutating func begin(_ id: SharedSchedules.ID, due: Int64) {
    var (outcome, key) = stepper.start(flow: id.flow, schedule: id.start, due: due, now: now, after: 0)
    let name = Name(flow: id.flow, key: key)
    if let known = members[name] {
      // A scheduled start does not use the key of an instance again.
      guard isKeyFree(name, known) else { return }
      (outcome, key) = stepper.start(
        flow: id.flow, schedule: id.start, due: due, now: now, after: known.instance.revision)
    }
    switch outcome {
    case .refused(let refusal) where refusal.reason == .notStarted: return
    case .refused: break
    case .accepted(let step):
      sharedSchedules.began(id, name)
      add(name, step)
    }
    record(outcome, of: name, .timer, cause: "schedule")
  }
}
