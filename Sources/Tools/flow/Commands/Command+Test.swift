import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowTesting

extension Command {
  static let test = Command(
    name: "test", summary: "Run the tests of flows on a virtual clock.", operands: "PATH…",
    options: [
      Option(name: "filter", value: "TEXT", help: "only tests whose name holds this text"),
      Option(name: "seed", value: "N", help: "run them in another order, the same for the same number"),
      Option(name: "fail-fast", value: nil, help: "stop at the first that fails"),
      Option(name: "trace", value: nil, help: "show every step, of tests that pass as well"),
      Option(name: "format", value: "pretty|json|junit|tap", help: "how to report; pretty by default"),
      Option(name: "coverage", value: "text|json|lcov", help: "say which states and transitions no test went through"),
    ],
    example: "flow test samples/order.flow --coverage text",
    action: { arguments in
      guard !arguments.operands.isEmpty else {
        Terminal.complain("`flow test` takes files and folders", help: "flow test samples/order.flow")
        return ExitCode.usage
      }
      guard let choices = TestChoices(arguments), let files = namedFiles(arguments.operands) else {
        return ExitCode.usage
      }
      // Files that are named are one program; those of a folder may be many.
      let isOne = !arguments.operands.contains(where: isFolder)
      var suites: [TestSuite] = []
      for paths in isOne ? [files] : programRoots(among: files, load: readFile).map({ [$0] }) {
        guard let suite = TestSuite(paths, choices.style) else { return ExitCode.findings }
        suites.append(suite)
      }
      return choices.run(suites)
    })
}

/// The tests of one program, with what runs them.
private struct TestSuite {
  let tests: [TestCase]
  let runner: TestRunner

  /// Nil when the program is not one, which has been said then.
  init?(_ paths: [String], _ style: TerminalStyle) {
    guard let compilation = compileFiles(paths), let program = compilation.program else { return nil }
    do throws(ProgramError) {
      runner = try TestRunner(program, style: style)
      tests = compilation.tests
    } catch {
      Terminal.complain(error.message)
      return nil
    }
  }
}

/// How tests are chosen, run and reported.
private struct TestChoices {
  enum Format: String, CaseIterable { case pretty, json, junit, tap }
  enum CoverageFormat: String, CaseIterable { case text, json, lcov }

  let format: Format
  var coverage: CoverageFormat?
  var filter: String?
  var seed: UInt64?
  var isFailFast: Bool
  var isTraced: Bool

  init?(_ arguments: CommandArguments) {
    filter = arguments.value("filter")
    isFailFast = arguments.has("fail-fast")
    isTraced = arguments.has("trace")
    guard let format = arguments.choice("format", of: Format.allCases.map(\.rawValue)).flatMap(Format.init) else {
      return nil
    }
    self.format = format
    if arguments.has("coverage") {
      let words = CoverageFormat.allCases.map(\.rawValue)
      guard let coverage = arguments.choice("coverage", of: words).flatMap(CoverageFormat.init) else { return nil }
      self.coverage = coverage
    }
    if let text = arguments.value("seed") {
      guard let seed = UInt64(text) else {
        Terminal.complain("`--seed` takes a whole number, not `\(text)`")
        return nil
      }
      self.seed = seed
    }
  }

  var style: TerminalStyle { format == .pretty ? Terminal.outputStyle : .plain }

  func run(_ suites: [TestSuite]) -> Int32 {
    var chosen = suites.flatMap { suite in suite.tests.map { (test: $0, runner: suite.runner) } }
      .filter { chosen in filter.map { chosen.test.name.contains($0) } ?? true }
    if let seed { chosen.shuffle(seed: seed) }
    guard !chosen.isEmpty else {
      let hasNone = suites.allSatisfy(\.tests.isEmpty)
      Terminal.complain(hasNone ? "there are no tests" : "no test has `\(filter ?? "")` in its name")
      return ExitCode.usage
    }
    var reports: [TestReport] = []
    for (test, runner) in chosen {
      reports.append(runner.run(test))
      if isFailFast, reports.last?.hasPassed == false { break }
    }
    Terminal.output(render(reports))
    if let coverage { Terminal.output(render(suites.map(\.runner), coverage)) }
    return reports.allSatisfy(\.hasPassed) ? ExitCode.fine : ExitCode.findings
  }

  private func render(_ reports: [TestReport]) -> String {
    switch format {
    case .pretty: renderPretty(reports, style: Terminal.outputStyle, isTraced: isTraced)
    case .json: renderJSON(reports).text(.indented) + "\n"
    case .junit: renderJUnit(reports)
    case .tap: renderTAP(reports)
    }
  }

  private func render(_ runners: [TestRunner], _ format: CoverageFormat) -> String {
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
  /// The same order for the same number (Fisher and Yates, with SplitMix64 for the numbers).
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
