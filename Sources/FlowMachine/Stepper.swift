public import CEL
import FlowIR

/// Makes steps. Owns the scratch memory that evaluation needs, so each thread has its own.
///
/// A step is a function of its arguments alone: the same instance, input and instant give the same outcome.
/// The algorithm is that of SCXML (W3C, 2015, appendix D) with Flow's changes: what nothing handles is refused,
/// and what fails changes nothing.
public final class Stepper {
  /// How many microsteps one input may cause.
  public static let maximumMicrosteps = 1000
  /// How many events an instance may put off.
  public static let maximumDeferred = 64

  public let machine: Machine
  let evaluator: Evaluator
  let frame: Frame
  private let noData: FrozenSlots

  public init(_ machine: Machine) {
    self.machine = machine
    self.evaluator = Evaluator(types: machine.types)
    self.frame = Frame(count: machine.program.flows.map(\.frameSize).max() ?? FrameLayout.firstField)
    self.noData = FrozenSlots()
  }

  /// Begins an instance with an event.
  /// - Parameters:
  ///   - now: Milliseconds since 1970, the instant recorded with the event.
  ///   - revision: Where an earlier run under the same key has ended, so that no number is given twice.
  public func start(
    flow: Int, key: String, event: Int, payload: Value, caller: Caller, now: Int64, after revision: Int = 0
  ) -> Outcome {
    let input = Input.event(event, payload: payload, caller: caller)
    return start(flow, key, .event(event), input, after: revision, now: now)
  }

  /// Begins an instance that is called.
  /// - Parameter arguments: A record with the parameters by their names.
  public func start(flow: Int, key: String, arguments: Value, now: Int64) -> Outcome {
    start(flow, key, .call, .call(arguments: arguments), after: 0, now: now)
  }

  /// Begins an instance because its schedule is due.
  /// - Parameter start: The index of the start with the schedule.
  public func start(flow: Int, key: String, schedule start: Int, now: Int64) -> Outcome {
    self.start(flow, key, .schedule(start), .schedule(start), after: 0, now: now)
  }

  private func start(
    _ flow: Int, _ key: String, _ cause: StartCause, _ input: Input, after revision: Int, now: Int64
  ) -> Outcome {
    evaluator.reset()
    var step = RunningStep(
      flow: machine.flows[flow], input: input, now: now,
      instance: Instance(
        flow: flow, key: key, status: .running, revision: revision, startedAt: now, active: StateSet(), data: noData,
        timers: [], calls: [], history: [], deferred: []))
    do throws(Refusal) {
      try prepare(&step, isNew: true)
      let start = try selectStart(cause, &step)
      try run(start, &step)
      return .accepted(try finish(&step, disposition: .applied))
    } catch {
      return .refused(error)
    }
  }

  /// Makes one step of an instance.
  /// - Parameter now: Milliseconds since 1970, the instant recorded with the input.
  public func step(_ instance: Instance, _ input: Input, now: Int64) -> Outcome {
    evaluator.reset()
    var step = RunningStep(flow: machine.flows[instance.flow], input: input, now: now, instance: instance)
    do throws(Refusal) {
      return .accepted(try decide(&step))
    } catch {
      return rescued(instance, input, error, now: now).map { .accepted($0) } ?? .refused(error)
    }
  }

  /// What `on error` makes of a timer or a result that could not be taken: a step of its own from the instance as it
  /// was, in which the timer or the result is over. Nil when no active state has such a reaction, or when that fails.
  private func rescued(_ instance: Instance, _ input: Input, _ refusal: Refusal, now: Int64) -> Step? {
    let flow = machine.flows[instance.flow]
    if case .event = input { return nil }
    guard instance.status == .running, instance.active.ascending.contains(where: { !flow.errors[$0].isEmpty }) else {
      return nil
    }
    evaluator.reset()
    var step = RunningStep(flow: flow, input: input, now: now, instance: instance)
    do throws(Refusal) {
      try prepare(&step, isNew: false)
      guard try take(&step) else { return nil }
      frame[FrameLayout.event] = failure(refusal.code, refusal.message, 1, of: "")
      let selection = try select(.error, &step)
      guard !selection.transitions.isEmpty else { return nil }
      try macrostep(selection.transitions, &step)
      return try finish(&step, disposition: .applied)
    } catch {
      return nil
    }
  }

  private func decide(_ step: inout RunningStep) throws(Refusal) -> Step {
    guard step.instance.status == .running else {
      if case .event = step.input { throw refusal(.ended, step) }
      return try finish(&step, disposition: .stale)
    }
    try prepare(&step, isNew: false)
    guard try take(&step) else { return try finish(&step, disposition: .stale) }
    if case .result(_, let outcome) = step.input {
      try take(outcome, &step)
      try offerDeferred(&step)
      return try finish(&step, disposition: step.taken.isEmpty ? .ignored : .applied)
    }
    let selection = try select(&step)
    if !selection.transitions.isEmpty {
      try macrostep(selection.transitions, &step)
      try offerDeferred(&step)
      return try finish(&step, disposition: .applied)
    }
    if selection.isIgnored { return try finish(&step, disposition: .ignored) }
    guard case .event(let event, let payload, let caller) = step.input else {
      return try finish(&step, disposition: .ignored)
    }
    if selection.isDeferred {
      guard step.instance.deferred.count < Stepper.maximumDeferred else { throw refusal(.tooManyDeferred, step) }
      step.instance.deferred.append(DeferredEvent(event: event, payload: payload, caller: caller))
      return try finish(&step, disposition: .deferred)
    }
    throw refuseEvent(event, caller: caller, &step)
  }

  /// Fills the frame: data, instant, and what the input brings along.
  func prepare(_ step: inout RunningStep, isNew: Bool) throws(Refusal) {
    let flow = step.flow
    frame.clear()
    frame[FrameLayout.now] = evaluator.slot(.timestamp(Timestamp(milliseconds: step.now)), as: .timestamp)
    if flow.usesSelf { bindSelf(step) }
    if case .event(let event, let payload, let caller) = step.input {
      bind(event: event, payload: payload, caller: caller, flow)
    } else if flow.usesCaller {
      bind(Caller())
    }
    if isNew {
      for (index, defaultValue) in flow.defaults.enumerated() {
        guard let defaultValue else { continue }
        frame[FrameLayout.firstField + index] = try evaluate(defaultValue, flow.flow.place, step)
      }
      bindParameters(step)
      step.isDataChanged = true
    } else {
      frame.load(step.instance.data, at: FrameLayout.firstField)
    }
  }

  /// What a call gives goes before the defaults.
  private func bindParameters(_ step: RunningStep) {
    guard case .call(.record(let record)) = step.input else { return }
    for (index, field) in step.flow.flow.fields.prefix(step.flow.flow.parameterCount).enumerated() {
      if let value = record[field.name] {
        frame[FrameLayout.firstField + index] = evaluator.slot(value, as: field.type)
      }
    }
  }

  func bind(event: Int, payload: Value, caller: Caller, _ flow: LoadedFlow) {
    frame[FrameLayout.event] = evaluator.slot(payload, as: .record(machine.program.events[event].name))
    if flow.usesCaller { bind(caller) }
  }

  private func bind(_ caller: Caller) {
    let value = Value.record(
      RecordValue(
        typeName: BuiltInTypes.caller,
        fields: [.init("id", .string(caller.id)), .init("roles", .list(caller.roles.map { .string($0) }))]))
    frame[FrameLayout.caller] = evaluator.slot(value, as: .record(BuiltInTypes.caller))
  }

  private func bindSelf(_ step: RunningStep) {
    let leaves = leafPaths(step.instance.active, step.flow.flow)
    let value = Value.record(
      RecordValue(
        typeName: BuiltInTypes.selfRecord,
        fields: [
          .init("id", .string(step.instance.key)), .init("state", .string(leaves.joined(separator: " "))),
          .init("started_at", .timestamp(Timestamp(milliseconds: step.instance.startedAt))),
        ]))
    frame[FrameLayout.selfRecord] = evaluator.slot(value, as: .record(BuiltInTypes.selfRecord))
  }

  /// Makes the step final: one revision on, the data frozen, the end noticed.
  func finish(
    _ step: inout RunningStep, disposition: Step.Disposition
  ) throws(Refusal) -> Step {
    let flow = step.flow.flow
    let from = leafPaths(step.before, flow)
    if disposition != .stale {
      step.instance.revision += 1
      if step.isDataChanged { step.instance.data = try freeze(step) }
    }
    return Step(
      disposition: disposition, next: step.instance, from: from,
      to: step.instance.active == step.before ? from : leafPaths(step.instance.active, flow),
      transitions: step.taken, changedFields: step.changedFields.sorted(), effects: step.effects,
      result: step.result)
  }

  private func freeze(_ step: RunningStep) throws(Refusal) -> FrozenSlots {
    do throws(EvaluationError) {
      return try FrozenSlots(copying: frame, range: step.flow.flow.keptSlots)
    } catch {
      throw refusal(.failed(error.message, step.flow.flow.place), step)
    }
  }

  /// The innermost of the states, as paths in document order.
  func leafPaths(_ active: StateSet, _ flow: Flow) -> [String] {
    active.ascending.filter { flow.isLeaf($0, in: active) }.map { flow.states[$0].path }
  }
}

extension Flow {
  /// Whether a state of the set has none of its children in the set.
  func isLeaf(_ state: Int, in active: StateSet) -> Bool {
    state != 0 && !states[state].children.contains(where: active.contains)
  }
}

/// What a step knows while it is made.
struct RunningStep {
  let flow: LoadedFlow
  let input: Input
  let now: Int64
  /// The instance as it becomes; thrown away when the step fails.
  var instance: Instance
  let before: StateSet
  var isDataChanged = false
  var changedFields: Set<Int> = []
  var effects: [Effect] = []
  var taken: [Int] = []
  var jobs = 0
  /// Who waits for the result that is the input.
  var answer: Answer?
  /// What a flow that was called answers.
  var result: CallOutcome?
  var microsteps = 0
  /// Internal events that wait for their microstep.
  var queue: [InternalEvent] = []
  var queueHead = 0
  /// Calls of states that were entered, with what they were given; they begin when the step ends.
  var startingCalls: [StartingCall] = []

  init(flow: LoadedFlow, input: Input, now: Int64, instance: Instance) {
    self.flow = flow
    self.input = input
    self.now = now
    self.instance = instance
    self.before = instance.active
  }
}

/// An event of the instance's own.
enum InternalEvent {
  case raised(Int, Slot)
  case done(Int)
  /// Steps of a state have failed; with what `event` is then.
  case failed(Int, Slot)
  case rollbackDone(Int)
  case rollbackFailed(Int, Slot)
  /// A call for each item of a list without any.
  case empty(Int)
}

/// Who waits for a result.
enum Answer {
  case call(PendingCall)
  /// A call that was left, and would have to be undone.
  case doubt(Int)
  case undo
}

/// Why an instance begins.
enum StartCause {
  case event(Int)
  case call
  case schedule(Int)

  func fits(_ start: Start, at index: Int) -> Bool {
    switch self {
    case .event(let event): start.event == event
    case .call: start.trigger == .called
    case .schedule(let wanted): index == wanted
    }
  }
}

/// A call that begins if its state is still active at the end of the step.
struct StartingCall {
  let call: Int
  let arguments: Value
  let once: String?
  let item: Int?
}
