import CEL
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
  /// How many items a call may go over.
  public static let maximumItems = 10_000
  /// How many undos an instance may have armed.
  public static let maximumUndos = 10_000

  public let machine: Machine
  let evaluator: Evaluator
  let frame: Frame
  private let cell: UncheckedBox<Interpreter>

  public init(_ machine: Machine) {
    self.machine = machine
    self.evaluator = Evaluator(types: machine.types)
    self.frame = Frame(count: machine.program.flows.map(\.frameSize).max() ?? FrameLayout.firstField)
    self.cell = UncheckedBox(Interpreter(machine, evaluator, frame))
  }

  var interpreter: Interpreter {
    @inline(__always) _read { yield cell.value }
    @inline(__always) _modify { yield &cell.value }
  }

  // MARK: - Steps in place

  /// Gives an instance an event whose payload is ready. Nothing is copied and, as long as only scalars change and the
  /// instance is nobody else's, nothing allocated.
  /// - Throws: `Refusal`; the instance is then as it was.
  public func advance(
    _ instance: inout Instance, event: Int, payload: Payload, caller: Caller, now: Int64
  ) throws(Refusal) -> Step.Disposition {
    try interpreter.advance(&instance, event: event, payload: payload, caller: caller, now: now)
  }

  /// Gives an instance any input.
  /// - Throws: `Refusal`; the instance is then as it was.
  public func advance(_ instance: inout Instance, _ input: Input, now: Int64) throws(Refusal) -> Step.Disposition {
    try interpreter.advance(&instance, input, now: now)
  }

  /// The transitions that the last step took, in order.
  public var taken: [Int] { interpreter.taken.map { Int($0) } }
  /// What the last step asked for, in order.
  public var effects: [Effect] { interpreter.effects }

  // MARK: - Steps of values

  /// Makes one step of an instance.
  /// - Parameter now: Milliseconds since 1970, the instant recorded with the input.
  public func step(_ instance: Instance, _ input: Input, now: Int64) -> Outcome {
    var next = instance
    do throws(Refusal) {
      let disposition = try interpreter.advance(&next, input, now: now)
      return .accepted(interpreter.step(disposition, next))
    } catch {
      return .refused(error)
    }
  }
}
