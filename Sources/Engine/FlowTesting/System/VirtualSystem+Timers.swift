import FlowMachine

// The clock.
extension VirtualSystem {
  /// The instant at which the next timer or scheduled start is due, in milliseconds since 1970.
  public var nextDue: Int64? { [nextTimer, nextSchedule].compactMap { $0 }.min() }

  private var nextTimer: Int64? { members.nextTimer }

  /// Advances the clock to the next instant at which timers are due, and fires them: earliest first, then in the order
  /// of the instances.
  /// - Parameter limit: Milliseconds since 1970.
  /// - Returns: False when none is due by then.
  public mutating func fireNext(upTo limit: Int64) -> Bool {
    guard let due = nextDue, due <= limit else { return false }
    if let scheduled = nextSchedule, scheduled < nextTimer ?? .max {
      fireNextSchedule()
      settle()
      return true
    }
    now = max(now, due)
    fireTimers()
    return true
  }

  /// Fires the timers that are due already, as the engine does after each step.
  /// - Returns: False when none is due.
  mutating func fireDue() -> Bool {
    guard let due = nextTimer, due <= now else { return false }
    fireTimers()
    return true
  }

  private mutating func fireTimers() {
    var timers: [(name: Name, timer: ArmedTimer, order: Int)] = []
    for (order, name) in names.enumerated() {
      timers += members[order].instance.timers.filter { $0.due <= now }.map { (name, $0, order) }
    }
    timers.sort { ($0.timer.due, $0.order, $0.timer.transition) < ($1.timer.due, $1.order, $1.timer.transition) }
    for (name, timer, _) in timers { fire(timer, of: name) }
    settle()
  }

  /// Advances the clock when no timer is due until then.
  public mutating func moveClock(to instant: Int64) { now = max(now, instant) }

  /// Sets the clock to any instant. No instance may have started.
  public mutating func setClock(to instant: Int64) {
    now = instant
    armSchedules()
  }

  private mutating func fire(_ timer: ArmedTimer, of name: Name) {
    // A timer before it may have left its state.
    guard let position = members.position(of: name), members[position].instance.timers.contains(timer) else { return }
    let input = Input.timer(transition: timer.transition, armed: timer.armed)
    let outcome = stepper.step(members[position].instance, input, now: now)
    record(outcome, of: name, .timer, cause: "timer")
    if case .refused = outcome {
      members[position].instance = members[position].instance.withoutTimer(timer)
    }
  }
}
