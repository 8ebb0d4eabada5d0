import CEL
import FlowJSON
import FlowSource

/// A CEL condition of a request, compiled once.
struct Predicate: Sendable {
  /// The budget of one evaluation.
  static let limits = Limits(fuel: 100_000, memoryBytes: 4 << 20, valueBytes: 1 << 20)
  /// The fuel of one evaluation for a live subscription, whose filter runs for every entry.
  static let liveFuel = 10_000
  /// The maximum length of the text, in bytes of UTF-8.
  static let maximumBytes = 4096

  private let program: ExpressionProgram
  private let names: [String]
  private let types: TypeRegistry

  /// - Parameters:
  ///   - name: The parameter of the request, for messages.
  ///   - variables: The variables of the text; their values are passed in the same order.
  ///   - strict: The same variables with narrower types, by which more errors are detected.
  /// - Throws: 400 with the diagnostics.
  init(
    _ text: String, parameter name: String, variables: [(name: String, type: ValueType)],
    strict: [(name: String, type: ValueType)]? = nil, types: TypeRegistry, strictTypes: TypeRegistry? = nil
  ) throws(Problem) {
    guard text.utf8.count <= Predicate.maximumBytes else {
      throw .badRequest("`\(name)` has more than \(Predicate.maximumBytes) bytes")
    }
    if let strict { _ = try Predicate.compile(text, parameter: name, strict, in: strictTypes ?? types) }
    program = try Predicate.compile(text, parameter: name, variables, in: types)
    names = variables.map(\.name)
    self.types = types
  }

  private static func compile(
    _ text: String, parameter name: String, _ variables: [(name: String, type: ValueType)], in types: TypeRegistry
  ) throws(Problem) -> ExpressionProgram {
    var environment = Environment(types: types)
    for (slot, variable) in variables.enumerated() {
      _ = environment.declare(variable: variable.name, type: variable.type, slot: slot)
    }
    do throws(CompilationError) {
      return try environment.compile(text, expecting: .bool)
    } catch {
      let messages = error.diagnostics.map { JSON.string("\($0.code): \($0.message)") }
      throw Problem(
        .invalidQuery, "`\(name)`: " + (error.diagnostics.first?.message ?? "it can't be compiled"),
        members: [.init("diagnostics", .array(messages))])
    }
  }

  /// An evaluator of the condition, for many values; it must be used by one thread only.
  /// - Parameter fuel: The fuel of one evaluation; lower than that of a request for frequent evaluations.
  func makeTest(fuel: Int = Predicate.limits.fuel) -> Test {
    var limits = Predicate.limits
    limits.fuel = fuel
    return Test(
      program: program, evaluator: Evaluator(types: types, limits: limits), frame: Frame(count: names.count))
  }

  struct Test {
    fileprivate let program: ExpressionProgram
    fileprivate let evaluator: Evaluator
    fileprivate let frame: Frame

    /// Returns true if the condition is true; one that can't be evaluated is false.
    func holds(_ values: [Value]) -> Bool {
      evaluator.reset()
      frame.clear()
      for (slot, value) in values.enumerated() { frame[slot] = evaluator.slot(value) }
      do throws(EvaluationError) {
        return try evaluator.isTrue(program, frame: frame)
      } catch {
        return false
      }
    }
  }
}
