import CEL
import FlowIR
import FlowTime

extension Interpreter {
  mutating func armTimers(of row: StateRow) throws(StepFailure) {
    for index in row.timers.range { try arm(flow.indices[index], after: now) }
  }

  /// Arms the timer of a transition.
  /// - Parameter instant: Milliseconds since 1970; a `cron` falls due after it.
  mutating func arm(_ transition: Int32, after instant: Int64) throws(StepFailure) {
    let row = flow.transitions[transition]
    var timer = ArmedTimer(transition: Int(transition), due: 0, armed: revision + 1)
    if row.timer == .cron {
      guard let due = try nextDue(transition, after: instant) else { return }
      timer.due = due
    } else if let due = row.due.wrapped {
      let length = try evaluate(due, at: row.location).milliseconds
      if row.timer != .at, length <= 0 { throw notPositive(due, at: row.location) }
      if row.timer == .at {
        timer.due = max(length, now)
      } else {
        let (due, overflow) = now.addingReportingOverflow(length)
        timer.due = overflow ? .max : due
        if row.timer == .every { timer.period = length }
      }
    }
    // Timers that are due as soon as another has fired can form an endless chain while no time passes.
    if let chain, timer.due <= now {
      timer.chain = chain + 1
      guard timer.chain <= Stepper.maximumMicrosteps else { throw StepFailure(.tooManyMicrosteps) }
    }
    add(timer)
  }

  /// The failure of an interval of zero or less.
  mutating func notPositive(_ interval: ExpressionIndex, at location: LocationIndex) -> StepFailure {
    let range = flow.sources[interval.position].tree.range
    return failed(EvaluationError("the duration must be positive", at: range), in: interval, at: location)
  }

  private mutating func add(_ timer: ArmedTimer) {
    timers.append(timer)
    areTimersChanged = true
    effects.append(.arm(timer))
  }

  /// The next instant of a `cron`; nil when it is never due again.
  private mutating func nextDue(_ transition: Int32, after instant: Int64) throws(StepFailure) -> Int64? {
    guard let schedule = flow.schedules[Int(transition)] else { return nil }
    return try nextDue(schedule, after: instant, at: flow.transitions[transition].location)
  }

  mutating func nextDue(
    _ schedule: Schedule, after instant: Int64, at location: LocationIndex
  ) throws(StepFailure) -> Int64? {
    var zone = "UTC"
    if let expression = schedule.zone {
      let text = try string(expression, at: location)
      guard TimeZones.isKnown(text) else {
        throw failed("there is no time zone \"\(text.prefix(60))\"", in: expression, at: location)
      }
      zone = text
    }
    return try fields(of: schedule, at: location)?.next(after: instant, zone: zone)
  }

  /// The fields of a schedule, read from data if it is not constant.
  private mutating func fields(
    of schedule: Schedule, at location: LocationIndex
  ) throws(StepFailure) -> CronSchedule? {
    guard let spec = schedule.spec else { return schedule.schedule }
    switch CronSchedule.read(try string(spec, at: location)) {
    case .success(let fields): return fields
    case .failure(let mistake):
      throw failed("the schedule is not valid: \(mistake.message)", in: spec, at: location)
    }
  }

  private mutating func string(
    _ expression: ExpressionIndex, at location: LocationIndex
  ) throws(StepFailure) -> String {
    guard case .string(let text) = try value(expression, at: location) else {
      throw failed("this is no string", in: expression, at: location)
    }
    return text
  }

  private mutating func failed(
    _ message: String, in expression: ExpressionIndex, at location: LocationIndex
  ) -> StepFailure {
    let range = flow.sources[expression.position].tree.range
    return failed(EvaluationError(message, at: range), in: expression, at: location)
  }

  /// Arms the timers of active states again whose schedule has changed with the data, and validates those of other
  /// states that the step has assigned.
  mutating func refreshSchedules() throws(StepFailure) {
    guard status == .running else { return }
    for schedule in flow.dataSchedules {
      guard active.contains(flow.transitions[schedule.transition].source) else {
        if schedule.fields.contains(where: { changed.contains($0) }) {
          _ = try nextDue(schedule.transition, after: now)
        }
        continue
      }
      let next = try nextDue(schedule.transition, after: now)
      guard let index = timers.firstIndex(where: { $0.transition == Int(schedule.transition) }) else {
        if next != nil { try arm(schedule.transition, after: now) }
        continue
      }
      // One that is due already fires first. Otherwise an unchanged schedule has the same next time.
      guard timers[index].due > now, timers[index].due != next else { continue }
      effects.append(.disarm(timers.remove(at: index)))
      areTimersChanged = true
      try arm(schedule.transition, after: now)
    }
  }

  /// Removes a timer that has fired, and arms one that repeats again, counted from the instant at which it was due.
  /// Firings that were missed collapse into this one.
  mutating func rearm(_ index: Int) throws(StepFailure) {
    var timer = timers.remove(at: index)
    chain = timer.chain
    areTimersChanged = true
    effects.append(.disarm(timer))
    if let period = timer.period {
      let missed = max(now - timer.due, 0) / period
      let (due, overflow) = (timer.due + missed * period).addingReportingOverflow(period)
      timer.due = overflow ? .max : due
      timer.armed = revision + 1
      timer.chain = 0
      add(timer)
    } else if flow.transitions[timer.transition].timer == .cron {
      try arm(Int32(timer.transition), after: max(now, timer.due))
    }
  }

  mutating func disarmTimers(of state: StateIndex) {
    var kept = 0
    for index in timers.indices {
      let timer = timers[index]
      if flow.transitions[timer.transition].source == state {
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
