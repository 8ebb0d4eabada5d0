import CEL
import FlowIR

extension Interpreter {
  mutating func armTimers(of row: StateRow, _ flow: LoadedFlow) throws(StepFailure) {
    for index in row.timers.range { try arm(flow.indices[index], after: now, flow) }
  }

  mutating func arm(_ transition: Int32, after instant: Int64, _ flow: LoadedFlow) throws(StepFailure) {
    let row = flow.transitions[transition]
    var timer = ArmedTimer(transition: Int(transition), due: 0, armed: revision + 1)
    if row.timer == .cron {
      guard let due = try nextDue(transition, after: instant, flow) else { return }
      timer.due = due
    } else {
      let length = try evaluate(row.due, row.place, flow).milliseconds
      if row.timer == .at {
        timer.due = max(length, now)
      } else {
        let (due, overflow) = now.addingReportingOverflow(max(length, 0))
        timer.due = overflow ? .max : due
        if row.timer == .every { timer.period = max(length, 1) }
      }
    }
    add(timer)
  }

  private mutating func add(_ timer: ArmedTimer) {
    timers.append(timer)
    areTimersChanged = true
    effects.append(.arm(timer))
  }

  /// When a `cron` falls due next; nil when it never does again.
  private mutating func nextDue(_ transition: Int32, after instant: Int64, _ flow: LoadedFlow) throws(StepFailure)
    -> Int64?
  {
    guard let schedule = flow.schedules[Int(transition)] else { return nil }
    return try nextDue(schedule, after: instant, flow.transitions[transition].place, flow)
  }

  mutating func nextDue(
    _ schedule: Schedule, after instant: Int64, _ place: Int32, _ flow: LoadedFlow
  ) throws(StepFailure) -> Int64? {
    var zone = "UTC"
    if schedule.zone != none {
      guard case .string(let name) = try value(schedule.zone, place, flow), TimeZones.isKnown(name) else {
        let range = flow.sources[Int(schedule.zone)].tree.range
        throw failed(EvaluationError("there is no such time zone", at: range), schedule.zone, place)
      }
      zone = name
    }
    return schedule.schedule.next(after: instant, zone: zone)
  }

  /// Ends a timer that has fired; one that repeats is set again, counted from when it was due. What was missed
  /// meanwhile collapses into this one firing.
  mutating func rearm(_ index: Int, _ flow: LoadedFlow) throws(StepFailure) {
    var timer = timers.remove(at: index)
    areTimersChanged = true
    effects.append(.disarm(timer))
    if let period = timer.period {
      let missed = max(now - timer.due, 0) / period
      let (due, overflow) = (timer.due + missed * period).addingReportingOverflow(period)
      timer.due = overflow ? .max : due
      timer.armed = revision + 1
      add(timer)
    } else if flow.transitions[timer.transition].timer == .cron {
      try arm(Int32(timer.transition), after: max(now, timer.due), flow)
    }
  }

  mutating func disarmTimers(of state: Int, _ flow: LoadedFlow) {
    var kept = 0
    for index in timers.indices {
      let timer = timers[index]
      if Int(flow.transitions[timer.transition].source) == state {
        effects.append(.disarm(timer))
        areTimersChanged = true
      } else {
        timers[kept] = timer
        kept += 1
      }
    }
    timers.removeLast(timers.count - kept)
  }
}
