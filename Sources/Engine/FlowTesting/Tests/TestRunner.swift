public import FlowDiagnostics
public import FlowIR
import FlowMachine

/// Runs the `test`s of a program on a virtual clock.
///
/// A test is a function of the program alone: the clock starts at a fixed instant, and there is no access to the
/// outside.
public final class TestRunner {
  /// The initial time of the clock: 2026-01-01T00:00:00Z, in milliseconds since 1970.
  public static let start: Int64 = 1_767_225_600_000

  public let program: Program
  public private(set) var coverage: Coverage
  let stepper: Stepper
  let text: StepText

  /// - Throws: `ProgramError` when the program can't be run.
  public init(_ program: Program, style: TerminalStyle) throws(ProgramError) {
    let machine = try Machine(program)
    self.program = program
    stepper = Stepper(machine)
    text = StepText(machine: machine, style: style)
    coverage = Coverage(flowCount: program.flows.count)
  }

  /// Runs one test to its end, or to the first statement that fails.
  /// - Parameter tracesPassed: True to write the trace also of a test that passes.
  public func run(_ test: TestCase, tracesPassed: Bool = false) -> TestReport {
    var scene = TestScene(test, stepper: stepper, text: text)
    var report = TestReport(
      name: test.name, flow: program.flows[test.flow].name, location: test.location, failure: nil, trace: [], steps: 0)
    for statement in test.statements {
      do throws(Mismatch) {
        try scene.perform(statement.kind)
      } catch {
        report.failure = .init(
          statement: statement.text, location: statement.location, message: error.message, details: error.details)
        break
      }
    }
    if report.failure == nil, let refusal = scene.unexpected, let last = test.statements.last {
      report.failure = unexpected(refusal, last)
    }
    if tracesPassed || !report.hasPassed {
      report.trace = scene.system.occurrences.map { text.describe($0, in: scene.system, start: scene.start) }
    }
    report.steps = scene.system.occurrences.count
    coverage.add(scene.coverage)
    return report
  }

  private func unexpected(_ refusal: Refusal, _ statement: TestCase.Statement) -> TestReport.Failure {
    .init(
      statement: statement.text, location: statement.location, message: "this was refused",
      details: text.describe(refusal))
  }
}

/// The reason why a statement of a test fails.
struct Mismatch: Error {
  var message: String
  var details = ""
}
