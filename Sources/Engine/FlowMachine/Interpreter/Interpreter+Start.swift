import CEL
import FlowIR
import FlowSource

/// The trigger that starts an instance.
enum StartTrigger {
  case event(EventIndex, Value, Caller)
  /// The arguments of the call, in the order of the parameters.
  case called([Value])
  /// The index of the start.
  case schedule(Int)

  var stepTrigger: StepTrigger {
    switch self {
    case .event(let event, _, _): .event(event)
    case .called: .called
    case .schedule(let start): .schedule(start)
    }
  }
}

extension Interpreter {
  /// Starts an instance.
  /// - Parameters:
  ///   - now: Milliseconds since 1970.
  ///   - revision: The last revision of an earlier run with the same key.
  mutating func start(
    _ index: FlowIndex, key: String, _ start: StartTrigger, now: Int64, after revision: Int
  ) -> Outcome {
    var instance = Instance(
      flow: index, key: key, status: .running, revision: revision, startedAt: now, active: StateSet(),
      data: FrozenSlots(), timers: [], calls: [], box: nil)
    prepare(instance, start.stepTrigger, now: now)
    do throws(StepFailure) {
      try bind(start)
      let row = flow.starts[try selectStart()]
      try evaluate(row.arguments, at: row.location)
      active.insert(.root)
      try perform(row.statements)
      if flow.hasTimers { try armTimers(of: flow.states[.root]) }
      for index in row.entering.range { try enter(StateIndex(rawValue: flow.indices[index])) }
      try finishMacrostep()
      let disposition = try commit(.applied, to: &instance)
      return .accepted(step(disposition, instance))
    } catch {
      return .refused(refusal(error))
    }
  }

  /// Initializes the fields: with the arguments of the call, and with defaults for the others.
  private mutating func bind(_ start: StartTrigger) throws(StepFailure) {
    var given = 0
    switch start {
    case .event(let event, let payload, let caller):
      guard machine.program.events.indices.contains(event) else { throw StepFailure(.notStarted) }
      if caller.flow == nil, machine.program.events[event].isInternal { throw StepFailure(.internalEvent) }
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
    for field in given..<flow.ownFieldCount {
      guard let expression = flow.defaults[field].wrapped else { continue }
      let value = try evaluate(expression, at: nil)
      frame[FrameLayout.firstField + field] = value
    }
    isDataChanged = true
  }

  /// The first start for the trigger whose roles and guard permit it.
  private mutating func selectStart() throws(StepFailure) -> Int {
    for (index, start) in flow.flow.starts.enumerated() where isMeant(start, index) {
      let row = flow.starts[index]
      if row.hasRoles, !isAdmitted(roles: start.roles, senders: start.senders) { continue }
      guard let condition = row.condition.wrapped else { return index }
      if try isTrue(condition, at: row.location) { return index }
    }
    throw StepFailure(.notStarted)
  }

  /// The instant at which a scheduled start falls due after the current one. An interval counts from the last due time.
  mutating func nextStart(
    _ index: FlowIndex, schedule: Int, after last: Int64, now: Int64
  ) -> Result<Int64?, EvaluationError> {
    flow = machine.flows[index]
    guard flow.flow.starts.indices.contains(schedule) else { return .success(nil) }
    evaluator.reset()
    frame.clear()
    isSelfStale = false
    let instant = max(last, now)
    frame[FrameLayout.now] = .timestamp(Timestamp(milliseconds: instant))
    let row = flow.starts[schedule]
    do throws(StepFailure) {
      if let cron = flow.startSchedules[schedule] {
        return .success(try nextDue(cron, after: instant, at: row.location))
      }
      guard let interval = row.due.wrapped else { return .success(nil) }
      let period = try evaluate(interval, at: row.location).milliseconds
      if period <= 0 { throw notPositive(interval, at: row.location) }
      let (due, overflow) = (instant - (instant - last) % period).addingReportingOverflow(period)
      return .success(overflow ? nil : due)
    } catch {
      return .failure(problem ?? EvaluationError("the schedule can't be read", at: .init(0, 0)))
    }
  }
}
