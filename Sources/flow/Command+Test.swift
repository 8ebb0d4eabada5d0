import FlowCompiler
import FlowIR
import FlowSource
import FlowTesting

extension Command {
  static let test = Command(
    name: "test", summary: "Run the tests of flows on a virtual clock.", operands: "FILE…",
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
        Terminal.complain("`flow test` takes at least one file", help: "flow test samples/order.flow")
        return ExitCode.usage
      }
      guard let choices = TestChoices(arguments) else { return ExitCode.usage }
      if let missing = arguments.operands.first(where: { readFile($0) == nil }) {
        Terminal.complain("cannot read `\(missing)`")
        return ExitCode.usage
      }
      guard let compilation = compileForUse(arguments.operands), let program = compilation.program else {
        return ExitCode.findings
      }
      do throws(ProgramError) {
        let runner = try TestRunner(program, style: choices.format == .pretty ? Terminal.outputStyle : .plain)
        return choices.run(compilation.tests, with: runner)
      } catch {
        Terminal.complain(error.message)
        return ExitCode.findings
      }
    })
}

/// How tests are chosen, run and reported.
private struct TestChoices {
  enum Format: String, CaseIterable { case pretty, json, junit, tap }
  enum CoverageFormat: String, CaseIterable { case text, json, lcov }

  var format = Format.pretty
  var coverage: CoverageFormat?
  var filter: String?
  var seed: UInt64?
  var isFailFast: Bool
  var isTraced: Bool

  init?(_ arguments: Arguments) {
    filter = arguments.value("filter")
    isFailFast = arguments.has("fail-fast")
    isTraced = arguments.has("trace")
    if let name = arguments.value("format") {
      guard let format = Format(rawValue: name) else {
        Terminal.complain("there is no format `\(name)`", help: "the formats are pretty, json, junit and tap")
        return nil
      }
      self.format = format
    }
    if let name = arguments.value("coverage") {
      guard let coverage = CoverageFormat(rawValue: name) else {
        Terminal.complain("there is no coverage format `\(name)`", help: "the formats are text, json and lcov")
        return nil
      }
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

  func run(_ tests: [TestCase], with runner: TestRunner) -> Int32 {
    var chosen = tests.filter { test in filter.map { test.name.contains($0) } ?? true }
    if let seed { chosen.shuffle(seed: seed) }
    guard !chosen.isEmpty else {
      Terminal.complain(tests.isEmpty ? "there are no tests" : "no test has `\(filter ?? "")` in its name")
      return ExitCode.usage
    }
    var reports: [TestReport] = []
    for test in chosen {
      reports.append(runner.run(test))
      if isFailFast, reports.last?.hasPassed == false { break }
    }
    Terminal.output(render(reports))
    if let coverage { Terminal.output(render(runner.coverage, coverage, runner.program)) }
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

  private func render(_ found: Coverage, _ format: CoverageFormat, _ program: Program) -> String {
    switch format {
    case .text: found.text(of: program, style: Terminal.outputStyle)
    case .json: found.json(of: program).text(.indented) + "\n"
    case .lcov: found.lcov(of: program)
    }
  }
}

extension [TestCase] {
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
