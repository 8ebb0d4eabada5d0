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
  public convenience init(_ program: Program, style: TerminalStyle) throws(ProgramError) {
    let machine = try Machine(program)
    self.init(machine, StepText(machine: machine, style: style))
  }

  init(_ machine: Machine, _ text: StepText) {
    program = machine.program
    stepper = Stepper(machine)
    self.text = text
    coverage = Coverage(flowCount: machine.program.flows.count)
  }

  func add(_ coverage: Coverage) { self.coverage.add(coverage) }

  /// Runs one test to its end, or to the first statement that fails.
  /// - Parameter tracesPassed: True to write the trace also of a test that passes.
  public func run(_ test: TestCase, tracesPassed: Bool = false) -> TestReport {
    // Most tests pass, and the trace of a test that fails is the same when it is run again.
    if !tracesPassed {
      let report = run(test, isTraced: false)
      if report.hasPassed { return report }
    }
    return run(test, isTraced: true)
  }

  private func run(_ test: TestCase, isTraced: Bool) -> TestReport {
    var scene = TestScene(test, stepper: stepper, text: text, isTraced: isTraced)
    var report = TestReport(
      name: test.name, flow: program.flows[test.flow].name, location: test.location, failure: nil, trace: [], steps: 0)
    for index in test.statements.indices {
      do throws(Mismatch) {
        try scene.perform(test.statements[index].kind)
      } catch {
        let statement = test.statements[index]
        report.failure = .init(
          statement: statement.text, location: statement.location, message: error.message, details: error.details)
        break
      }
    }
    if report.failure == nil, let refusal = scene.unexpected, let last = test.statements.last {
      report.failure = unexpected(refusal, last)
    }
    if isTraced {
      report.trace = scene.system.occurrences.map { text.describe($0, in: scene.system, start: scene.start) }
    }
    report.steps = isTraced ? scene.system.occurrences.count : scene.steps
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
