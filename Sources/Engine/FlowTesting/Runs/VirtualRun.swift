public import CEL
public import FlowIR
public import FlowMachine

/// One instance on a virtual clock, with its timers and its outstanding jobs. A value: an earlier state is restored
/// from a copy.
///
/// Actions are not executed: each waits until its outcome is supplied.
public struct VirtualRun {
  /// A requested action of the instance.
  public struct Work {
    public var job: Job
    /// True if the instance waits for the result.
    public var isAwaited: Bool { job.call != nil }
  }

  /// An effect of an input.
  public struct RunEvent {
    public var cause: String
    public var at: Int64
    public var outcome: Outcome
  }

  public let stepper: Stepper
  /// Work that is done once.
  private struct OnceKey: Hashable {
    var target: Call.Target
    var key: String
  }

  /// The results of calls with a `once` key.
  private var onceResults: [OnceKey: CallOutcome] = [:]
  public let flow: FlowIndex
  /// Milliseconds since 1970.
  public internal(set) var now: Int64
  public private(set) var instance: Instance?
  var schedules: VirtualSchedules
  /// The instant at which the last run has ended.
  private var endedAt: Int64 = 0
  /// The requested work that has not ended.
  public private(set) var outstanding: [Work] = []
  /// The accepted inputs, without refused ones.
  public private(set) var moves: [RunInput] = []

  public var program: Program { stepper.machine.program }

  /// The innermost active states, as paths.
  public var leafPaths: [String] { instance.map { stepper.leafPaths(of: $0) } ?? [] }

  public init(stepper: Stepper, flow: FlowIndex, now: Int64) {
    self.stepper = stepper
    self.flow = flow
    self.now = now
    schedules = VirtualSchedules(of: flow, stepper, after: now)
  }

  /// Sends an event; the first one has to start the flow.
  public mutating func send(event: EventIndex, payload: Value, caller: Caller) -> RunEvent {
    let name = program.events[event].name
    let outcome: Outcome
    if let instance, !startsAgain(on: event) {
      outcome = stepper.step(instance, .event(event, payload: payload, caller: caller), now: now)
    } else {
      outcome = stepper.start(
        flow: flow, key: key(of: payload), event: event, payload: payload, caller: caller, now: now,
        after: instance?.revision ?? 0)
      if case .accepted = outcome { schedules = VirtualSchedules() }
    }
    if case .accepted = outcome { moves.append(.send(event: event, payload: payload, caller: caller)) }
    return record(outcome, cause: name)
  }

  /// Returns true if an event starts another run after the end of the last one: at any time, or after the lifetime of
  /// its key.
  private func startsAgain(on event: EventIndex) -> Bool {
    guard let instance, instance.status != .running else { return false }
    if let lifetime = program.flows[flow].keyLifetime, lifetime.end(ofKeyEndedAt: endedAt) <= now,
      stepper.machine.starts(flow: flow, on: event)
    {
      return true
    }
    return stepper.machine.startsAgain(flow: flow, on: event)
  }

  /// Calls the flow.
  /// - Parameter arguments: A record with the parameters by their names.
  public mutating func start(arguments: Value) -> RunEvent {
    let key = stepper.machine.argumentKey(of: flow, arguments) ?? "1"
    let outcome = stepper.start(flow: flow, key: key, arguments: arguments, now: now)
    if case .accepted = outcome {
      moves.append(.start(arguments))
      schedules = VirtualSchedules()
    }
    return record(outcome, cause: "called")
  }

  /// Ends the awaited job that goes first of those for which `isMeant` is true: of those with the highest priority, the
  /// oldest; nil when there is no such job.
  public mutating func end(where isMeant: (Job) -> Bool, _ outcome: CallOutcome) -> RunEvent? {
    let found = outstanding.indices.filter { outstanding[$0].isAwaited && isMeant(outstanding[$0].job) }
    guard let instance, let index = found.first(by: { outstanding[$0].job.priority }) else { return nil }
    let work = outstanding.remove(at: index)
    moves.append(.end(work.job.target, outcome))
    return finish(work.job, outcome, of: instance)
  }

  /// Ends the oldest call whose `once` key has a result; nil when there is no such call.
  mutating func endKnown() -> (job: Job, outcome: CallOutcome, event: RunEvent)? {
    guard let instance else { return nil }
    for (index, work) in outstanding.enumerated() where work.isAwaited {
      guard let key = work.job.once,
        let outcome = onceResults[OnceKey(target: work.job.target, key: key)]
      else { continue }
      outstanding.remove(at: index)
      return (work.job, outcome, finish(work.job, outcome, of: instance))
    }
    return nil
  }

  private mutating func finish(_ job: Job, _ outcome: CallOutcome, of instance: Instance) -> RunEvent {
    // A failure is not a result: the next call with the key does the work again.
    if let key = job.once, case .done = outcome { onceResults[OnceKey(target: job.target, key: key)] = outcome }
    let name = stepper.machine.name(of: job.target)
    return record(stepper.step(instance, .result(job.reference, outcome), now: now), cause: "result of \(name)")
  }

  /// Advances the clock and fires, in order, the timers and the scheduled starts that become due.
  public mutating func advance(to instant: Int64) -> [RunEvent] {
    note(wait: max(instant - now, 0))
    var runEvents: [RunEvent] = []
    for _ in 0..<VirtualRun.maximumFirings {
      let scheduled = schedules.next
      if let timer = nextTimer, timer.due <= min(instant, scheduled?.due ?? .max) {
        runEvents.append(fire(timer))
      } else if let waiting = startWaiting() {
        runEvents.append(waiting)
      } else if let scheduled, scheduled.due <= instant {
        runEvents += fireSchedule(scheduled.start, due: scheduled.due)
      } else {
        break
      }
    }
    now = max(now, instant)
    return runEvents
  }

  /// Applies an input; nil for the end of work that does not exist.
  public mutating func make(_ move: RunInput) -> [RunEvent]? {
    switch move {
    case .send(let event, let payload, let caller):
      [send(event: event, payload: payload, caller: caller)] + endAllKnown()
    case .start(let arguments): [start(arguments: arguments)] + endAllKnown()
    case .end(let target, let outcome): end(where: { $0.target == target }, outcome).map { [$0] + endAllKnown() }
    case .advance(let wait): advance(to: now.addingClamped(wait)) + endAllKnown()
    }
  }

  private mutating func endAllKnown() -> [RunEvent] {
    var events: [RunEvent] = []
    while events.count < VirtualRun.maximumAnswers, let known = endKnown() { events.append(known.event) }
    if let waiting = startWaiting() { events.append(waiting) }
    return events
  }

  /// Consecutive waits are merged.
  private mutating func note(wait: Int64) {
    guard wait > 0 else { return }
    if case .advance(let before)? = moves.last {
      moves[moves.count - 1] = .advance(before.addingClamped(wait))
    } else {
      moves.append(.advance(wait))
    }
  }

  /// The maximum number of timers that one call of ``advance(to:)`` fires.
  public static let maximumFirings = 100_000

  /// The timer with the earliest due time.
  public var nextTimer: ArmedTimer? {
    instance?.timers.min { ($0.due, $0.transition) < ($1.due, $1.transition) }
  }

  private mutating func fire(_ timer: ArmedTimer) -> RunEvent {
    now = max(now, timer.due)
    guard let instance else { return record(.refused(noInstance), cause: "timer") }
    let input = Input.timer(transition: timer.transition, armed: timer.armed)
    let runEvent = record(stepper.step(instance, input, now: now), cause: "timer")
    if case .refused = runEvent.outcome { self.instance = instance.withoutTimer(timer) }
    return runEvent
  }

  private var noInstance: Refusal { Refusal(reason: .notStarted, input: "timer", states: [], accepted: []) }

  mutating func record(_ outcome: Outcome, cause: String) -> RunEvent {
    if case .accepted(let step) = outcome {
      instance = step.next
      if step.next.status != .running { endedAt = now }
      for effect in step.effects {
        switch effect {
        case .job(let job): outstanding.append(Work(job: job))
        case .withdraw(let job): outstanding.removeAll { $0.job.reference == job }
        case .forget(let key, let target): onceResults[OnceKey(target: target, key: key)] = nil
        case .arm, .disarm, .emit, .log, .discard: break
        }
      }
    }
    return RunEvent(cause: cause, at: now, outcome: outcome)
  }

  private func key(of payload: Value) -> String { stepper.key(of: flow, in: payload) ?? "1" }
}
