import CEL
import FlowIR

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
      guard case .string(let name) = try value(expression, at: location), TimeZones.isKnown(name) else {
        let range = flow.sources[expression.position].tree.range
        throw failed(EvaluationError("there is no such time zone", at: range), in: expression, at: location)
      }
      zone = name
    }
    return schedule.schedule.next(after: instant, zone: zone)
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
