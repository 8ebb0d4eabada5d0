public import CEL
import FlowIR
import FlowSource

// How instances begin.
extension Stepper {
  /// Begins an instance with an event.
  /// - Parameters:
  ///   - now: Milliseconds since 1970, the instant recorded with the event.
  ///   - revision: Where an earlier run under the same key has ended, so that no number is given twice.
  public func start(
    flow: Int, key: String, event: Int, payload: Value, caller: Caller, now: Int64, after revision: Int = 0
  ) -> Outcome {
    interpreter.start(flow, key, .event(event, payload, caller), now, revision)
  }

  /// Begins an instance of a flow that is called.
  /// - Parameter arguments: A record with the parameters by their names.
  public func start(flow: Int, key: String, arguments: Value, now: Int64) -> Outcome {
    guard case .record(let record) = arguments else { return interpreter.start(flow, key, .called([]), now, 0) }
    let values = machine.program.flows[flow].parameters.fields.map { record[$0.name] ?? .null }
    return interpreter.start(flow, key, .called(values), now, 0)
  }

  /// Leaves everything, as whoever called the flow no longer waits for it (SCXML 6.4, tests 237 and 250).
  public func cancel(_ instance: Instance, now: Int64) -> Outcome {
    interpreter.cancel(instance, now)
  }

  /// Begins an instance because a schedule has fallen due.
  /// - Parameter schedule: The index of the start.
  public func start(
    flow: Int, schedule: Int, key: String, now: Int64, after revision: Int = 0
  ) -> Outcome {
    interpreter.start(flow, key, .schedule(schedule), now, revision)
  }

  /// When a scheduled start falls due after an instant; nil when it never does again, or is no schedule.
  /// - Parameter instant: Milliseconds since 1970: when it fell due last, or when the flow was deployed.
  public func nextStart(flow: Int, schedule: Int, after instant: Int64) -> Result<Int64?, EvaluationError> {
    interpreter.nextStart(machine.flows[flow], schedule, after: instant)
  }
}

/// What begins an instance.
enum StartTrigger {
  case event(Int, Value, Caller)
  case called([Value])
  case schedule(Int)

  var occasion: StepTrigger {
    switch self {
    case .event(let event, _, _): .event(event)
    case .called: .called
    case .schedule(let start): .schedule(start)
    }
  }
}

extension Interpreter {
  mutating func cancel(_ old: Instance, _ now: Int64) -> Outcome {
    var instance = old
    let flow = machine.flows[old.flow]
    begin(instance, flow, .called, now)
    do throws(StepFailure) {
      try leave(1, Int32(flow.flow.states.count), flow)
      try end(flow)
      status = .failed
      result = nil
      let disposition = try commit(.applied, &instance, flow)
      return .accepted(step(disposition, instance))
    } catch {
      return .refused(refusal(error, flow))
    }
  }

  mutating func start(
    _ index: Int, _ key: String, _ beginning: StartTrigger, _ now: Int64, _ revision: Int
  ) -> Outcome {
    let flow = machine.flows[index]
    var instance = Instance(
      flow: index, key: key, status: .running, revision: revision, startedAt: now, active: StateSet(),
      data: FrozenSlots(), timers: [], calls: [], box: nil)
    begin(instance, flow, beginning.occasion, now)
    do throws(StepFailure) {
      try bind(beginning, flow)
      let row = flow.starts[try selectStart(flow)]
      active.insert(0)
      try perform(row.acts, flow)
      for index in row.entering.range { try enter(Int(flow.indices[index]), flow) }
      try settle(flow)
      let disposition = try commit(.applied, &instance, flow)
      return .accepted(step(disposition, instance))
    } catch {
      return .refused(refusal(error, flow))
    }
  }

  /// Gives the fields their first values: what was given, defaults for the others.
  private mutating func bind(_ beginning: StartTrigger, _ flow: LoadedFlow) throws(StepFailure) {
    var given = 0
    switch beginning {
    case .event(let event, let payload, let caller):
      guard machine.program.events.indices.contains(event) else { throw StepFailure(.notStarted) }
      self.caller = caller
      if flow.usesCaller { bind(caller) }
      frame[FrameLayout.event] = evaluator.slot(payload, as: .record(machine.program.events[event].name))
    case .called(let arguments):
      for argument in arguments.prefix(flow.flow.parameterCount) {
        frame[FrameLayout.firstField + given] = evaluator.slot(argument, as: flow.flow.fields[given].type)
        given += 1
      }
    case .schedule: break
    }
    for field in given..<flow.defaults.count where flow.defaults[field] != none {
      let value = try evaluate(flow.defaults[field], none, flow)
      frame[FrameLayout.firstField + field] = value
    }
    isDataChanged = true
  }

  /// The first start that is meant and whose roles and guard agree.
  private mutating func selectStart(_ flow: LoadedFlow) throws(StepFailure) -> Int {
    for (index, start) in flow.flow.starts.enumerated() where isMeant(start, index) {
      let row = flow.starts[index]
      if row.hasRoles, !holdsRole(start.roles) { continue }
      if row.condition == none { return index }
      if try isTrue(row.condition, row.place, flow) { return index }
    }
    throw StepFailure(.notStarted)
  }

  mutating func nextStart(
    _ flow: LoadedFlow, _ schedule: Int, after instant: Int64
  ) -> Result<Int64?, EvaluationError> {
    guard flow.flow.starts.indices.contains(schedule) else { return .success(nil) }
    evaluator.reset()
    frame.clear()
    isSelfStale = false
    frame[FrameLayout.now] = .timestamp(Timestamp(milliseconds: instant))
    let row = flow.starts[schedule]
    do throws(StepFailure) {
      if let cron = flow.startSchedules[schedule] {
        return .success(try nextDue(cron, after: instant, row.place, flow))
      }
      guard row.due != none else { return .success(nil) }
      let period = max(try evaluate(row.due, row.place, flow).milliseconds, 1)
      let (due, overflow) = instant.addingReportingOverflow(period)
      return .success(overflow ? nil : due)
    } catch {
      return .failure(problem ?? EvaluationError("the schedule can't be read", at: .init(0, 0)))
    }
  }
}
