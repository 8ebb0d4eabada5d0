public import CEL
public import FlowIR

/// Executes steps of instances. Owns the memory for evaluation, so that each thread needs its own.
///
/// A step is a function of its arguments alone: the same instance, input and instant give the same outcome.
/// The algorithm is that of SCXML (W3C, 2015, appendix D) with two changes: an event that no state handles is refused,
/// and a step that fails changes nothing.
///
/// ```swift
/// let stepper = Stepper(try Machine(program))
/// let outcome = stepper.start(flow: 0, key: "o1", event: placed, payload: payload, caller: Caller(), now: now)
/// ```
public final class Stepper {
  /// The maximum number of microsteps of one input.
  public static let maximumMicrosteps = 1000
  /// The maximum number of deferred events of an instance.
  public static let maximumDeferred = 64
  /// The maximum number of items of a call over a list.
  public static let maximumItems = 10_000
  /// The maximum number of armed undos of an instance.
  public static let maximumUndos = 10_000

  public let machine: Machine
  let evaluator: Evaluator
  let frame: Frame
  private let cell: UncheckedBox<Interpreter>

  public init(_ machine: Machine) {
    self.machine = machine
    self.evaluator = Evaluator(types: machine.types)
    self.frame = Frame(count: machine.program.flows.map(\.frameSize).max() ?? FrameLayout.firstField)
    self.cell = UncheckedBox(Interpreter(machine, evaluator, frame: frame))
  }

  var interpreter: Interpreter {
    @inline(__always) _read { yield cell.value }
    @inline(__always) _modify { yield &cell.value }
  }

  // MARK: - Steps in place

  /// Applies an event with a prepared payload to an instance. Nothing is copied; nothing is allocated while only
  /// scalars change and the instance is not shared.
  /// - Throws: `Refusal`; the instance is then unchanged.
  public func advance(
    _ instance: inout Instance, event: EventIndex, payload: Payload, caller: Caller, now: Int64
  ) throws(Refusal) -> Step.Disposition {
    try interpreter.advance(&instance, event: event, payload: payload, caller: caller, now: now)
  }

  /// Applies any input to an instance.
  /// - Throws: `Refusal`; the instance is then unchanged.
  public func advance(_ instance: inout Instance, _ input: Input, now: Int64) throws(Refusal) -> Step.Disposition {
    try interpreter.advance(&instance, input, now: now)
  }

  /// Applies an event to an instance whose payload is a literal: a record of constants.
  /// - Parameter falseGuards: Receives the transitions that could react but whose guard is false.
  /// - Returns: Nil for another payload, and for an event with computed members; nothing has changed then.
  /// - Throws: `Refusal`; the instance is then unchanged.
  public func advance(
    _ instance: inout Instance, event: EventIndex, literal: TypedExpression, caller: Caller, now: Int64,
    falseGuards: inout TransitionSet
  ) throws(Refusal) -> Step.Disposition? {
    guard machine.program.events[event].computed.isEmpty else { return nil }
    return try interpreter.advance(
      &instance, event: event, literal: literal, caller: caller, now: now, falseGuards: &falseGuards)
  }

  /// The transitions of the last step, in order.
  public var taken: [Int] { interpreter.taken.map { Int($0) } }

  /// Adds the transitions of the last step to a set.
  /// - Returns: True if at least one was not a member.
  public func insertTaken(into set: inout TransitionSet) -> Bool {
    var isNew = false
    for position in 0..<interpreter.taken.count where set.insert(Int(interpreter.taken[position])) { isNew = true }
    return isNew
  }

  /// The deferred events that the last step has refused, in order.
  public var refused: [RefusedEvent] { interpreter.refused }
  /// The effects of the last step, in order.
  public var effects: [Effect] { interpreter.effects }

  // MARK: - Steps of values

  /// Executes one step of an instance.
  /// - Parameter now: Milliseconds since 1970, the instant recorded with the input.
  public func step(_ instance: Instance, _ input: Input, now: Int64) -> Outcome {
    if case .event(let event, let payload, _) = input, let refusal = refusal(of: event, payload, by: instance) {
      return .refused(refusal)
    }
    var next = instance
    do throws(Refusal) {
      let disposition = try interpreter.advance(&next, input, now: now)
      return .accepted(interpreter.step(disposition, next))
    } catch {
      return .refused(error)
    }
  }
}
