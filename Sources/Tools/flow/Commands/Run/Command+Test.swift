import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowSource
import FlowTesting

extension Command {
  static let test = Command(
    name: "test", group: .run, summary: "Run the tests of flows on a virtual clock.", operands: "PATH…",
    completion: .flowFiles, options: TestOptions.all, example: "flow test samples/order.flow --coverage text",
    action: { arguments throws(UsageError) in
      guard !arguments.operands.isEmpty else {
        throw UsageError("`flow test` requires files or folders", help: "flow test samples/order.flow")
      }
      let options = TestOptions(arguments)
      let files = try namedFiles(arguments.operands)
      // A program that does not compile fails the run, after the tests of the others.
      let compilations = compilePrograms(files, load: readSource)
      compilations.forEach(printFindings)
      let suites = compilations.compactMap { TestSuite($0, style: options.style) }
      guard !suites.isEmpty else { return ExitCode.findings }
      let code = try options.run(suites)
      return suites.count < compilations.count ? ExitCode.findings : code
    })
}

/// The tests of one program, with their runner.
private struct TestSuite {
  let tests: [TestCase]
  let runner: TestRunner

  /// Nil for a compilation with errors.
  init?(_ compilation: Compilation, style: TerminalStyle) {
    guard let program = compilation.program else { return nil }
    do throws(ProgramError) {
      runner = try TestRunner(program, style: style)
      tests = compilation.tests
    } catch {
      Terminal.error(error.message)
      return nil
    }
  }
}

/// The options of `flow test`, and their values.
private struct TestOptions {
  enum Format: String, CaseIterable { case pretty, json, junit, tap }
  enum CoverageFormat: String, CaseIterable { case text, json, lcov }

  private static let filter = Option.text("filter", "TEXT", help: "run only tests whose name contains TEXT")
  private static let seed = Option<UInt64?>.number(
    "seed", "N", in: 0...UInt64.max, help: "run the tests in a random order; equal seeds give equal orders")
  private static let failFast = Option.flag("fail-fast", help: "stop at the first failure")
  private static let trace = Option.flag("trace", help: "print every step, of passing tests as well")
  private static let format = Option.choice("format", short: "f", default: Format.pretty, help: "report format")
  private static let coverage = Option.optionalChoice(
    "coverage", of: CoverageFormat.self, help: "report the states and transitions that no test covers",
    withoutValue: .text)

  static let all: [any CommandOption] = [filter, seed, failFast, trace, format, coverage]

  let format: Format
  let coverage: CoverageFormat?
  let filter: String?
  let seed: UInt64?
  let isFailFast: Bool
  let isTraced: Bool

  init(_ arguments: CommandArguments) {
    filter = arguments[TestOptions.filter]
    seed = arguments[TestOptions.seed]
    isFailFast = arguments[TestOptions.failFast]
    isTraced = arguments[TestOptions.trace]
    format = arguments[TestOptions.format]
    coverage = arguments[TestOptions.coverage]
  }

  var style: TerminalStyle { format == .pretty ? Terminal.outputStyle : .plain }

  /// Runs the selected tests and prints the reports; the result is the exit code.
  func run(_ suites: [TestSuite]) throws(UsageError) -> Int32 {
    var selected = suites.flatMap { suite in suite.tests.map { (test: $0, runner: suite.runner) } }
      .filter { selected in filter.map { selected.test.name.contains($0) } ?? true }
    if let seed { selected.shuffle(seed: seed) }
    guard !selected.isEmpty else {
      let hasNone = suites.allSatisfy(\.tests.isEmpty)
      throw UsageError(hasNone ? "there are no tests" : "no test has `\(filter ?? "")` in its name")
    }
    let reports = reports(of: selected)
    Terminal.output(render(reports))
    if let coverage { Terminal.output(render(suites.map(\.runner), coverage: coverage)) }
    return reports.allSatisfy(\.hasPassed) ? ExitCode.success : ExitCode.findings
  }

  private func reports(of selected: [(test: TestCase, runner: TestRunner)]) -> [TestReport] {
    let tracesPassed = isTraced || [.json, .junit].contains(format)
    guard isFailFast else { return TestRunner.run(selected, tracesPassed: tracesPassed, parallelism: .threads) }
    var reports: [TestReport] = []
    for (test, runner) in selected {
      reports.append(runner.run(test, tracesPassed: tracesPassed))
      if reports.last?.hasPassed == false { break }
    }
    return reports
  }

  private func render(_ reports: [TestReport]) -> String {
    switch format {
    case .pretty: renderPretty(reports, style: Terminal.outputStyle, isTraced: isTraced)
    case .json: renderJSON(reports).text(.indented) + "\n"
    case .junit: renderJUnit(reports)
    case .tap: renderTAP(reports)
    }
  }

  private func render(_ runners: [TestRunner], coverage format: CoverageFormat) -> String {
    switch format {
    case .text: return runners.map { $0.coverage.text(of: $0.program, style: Terminal.outputStyle) }.joined()
    case .lcov: return runners.map { $0.coverage.lcov(of: $0.program) }.joined()
    case .json:
      let found = runners.map { $0.coverage.json(of: $0.program) }
      return (found.count == 1 ? found[0] : .array(found)).text(.indented) + "\n"
    }
  }
}

extension Array {
  /// Shuffles deterministically (Fisher and Yates, with SplitMix64 as the generator).
  fileprivate mutating func shuffle(seed: UInt64) {
    var state = seed
    for index in indices.dropFirst().reversed() {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      swapAt(index, Int((mixed ^ (mixed >> 31)) % UInt64(index + 1)))
    }
  }
}
