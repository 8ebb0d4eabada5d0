import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowSource
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

@Suite("Test runner") struct TestRunnerTests {
  static let folder = "Tests/FlowTestingTests/Corpus"

  private func compiled(_ sample: Sample) throws -> (program: Program, tests: [TestCase]) {
    let folder = sample.url.deletingLastPathComponent()
    let compilation = compile(sample.url.lastPathComponent) { path in
      (try? Data(contentsOf: folder.appending(path: path))).map { Array($0) }
    }
    #expect(!compilation.diagnostics.hasErrors)
    return (try #require(compilation.program), compilation.tests)
  }

  private func reports(_ sample: Sample) throws -> (reports: [TestReport], runner: TestRunner) {
    let (program, tests) = try compiled(sample)
    let runner = try TestRunner(program, style: .plain)
    return (tests.map { runner.run($0, tracesPassed: true) }, runner)
  }

  /// The report of a failing test contains the information for a diagnosis.
  @Test(
    "the report of a failing test equals its golden file",
    arguments: Sample.all(in: folder)) func failures(_ sample: Sample) throws
  {
    let (reports, runner) = try reports(sample)
    let coverage = runner.coverage.text(of: runner.program, style: .plain)
    try expectGolden(renderPretty(reports, style: .plain) + coverage, at: sample.golden)
  }

  static let behaviours = ["rules", "semantics", "scxml", "together"].flatMap { Sample.all(in: folder + "/" + $0) }

  /// The semantics of the language, as flows with passing tests and the trace of each. Cases of the W3C tests of SCXML
  /// are named for their numbers.
  @Test(
    "the behaviour of a flow equals the trace in its golden file",
    arguments: behaviours) func traces(_ sample: Sample) throws
  {
    let (reports, _) = try reports(sample)
    for report in reports { #expect(report.hasPassed, "\(report.name)") }
    try expectGolden(renderPretty(reports, style: .plain, isTraced: true), at: sample.golden)
  }

  /// The required W3C tests of SCXML, by number. Tests that need two instances
  /// are tests of the engine: 191, 192, 232, 236, 250 and 347.
  @Test("all required W3C SCXML tests are present") func requiredSCXMLTests() {
    let minimum = [
      144, 147, 148, 149, 158, 175, 185, 186, 187, 189, 193, 207, 208, 220, 226, 228, 233, 235, 237, 243, 247, 252, 294,
      310, 318, 338, 339, 348, 364, 372, 375, 377, 396, 401, 402, 403, 404, 405, 406, 407, 409, 411, 415, 416, 417, 419,
      421, 422, 423, 436, 495, 503, 504, 505, 527, 529, 570,
    ]
    let numbers = Sample.all(in: TestRunnerTests.folder + "/scxml").flatMap { sample in
      sample.name.split(separator: "-").map { $0.prefix(3) }.prefix { Int($0) != nil }.compactMap { Int($0) }
    }
    #expect(Set(minimum).subtracting(numbers) == [])
  }

  @Test("the tests of the samples pass") func samples() throws {
    var count = 0
    for sample in Sample.all(below: "samples") {
      for report in try reports(sample).reports {
        count += 1
        #expect(report.hasPassed, "\(report.name): \(report.failure?.message ?? "")")
      }
    }
    #expect(count >= 4)
  }

  @Test("the JSON, TAP and JUnit reports agree") func reportFormats() throws {
    let sample = try #require(Sample.all(in: TestRunnerTests.folder).first { $0.name == "failing" })
    let (reports, runner) = try reports(sample)
    let failed = reports.filter { !$0.hasPassed }.count
    #expect(failed > 5 && failed < reports.count)
    #expect(renderJSON(reports)["summary"]?["failed"] == .int(Int64(failed)))
    let tap = renderTAP(reports).split(separator: "\n")
    #expect(tap[0] == "TAP version 14" && tap[1] == "1..\(reports.count)")
    #expect(tap.filter { $0.hasPrefix("not ok") }.count == failed)
    let junit = renderJUnit(reports)
    #expect(junit.contains("<testsuite name=\"Bill\" tests=\"\(reports.count)\" failures=\"\(failed)\">"))
    #expect(junit.contains("paid * 2 == 100 || paid &lt; 0") && !junit.contains("< 0"))
    let lcov = runner.coverage.lcov(of: runner.program)
    #expect(lcov.hasPrefix("TN:\nSF:failing.flow\n") && lcov.hasSuffix("end_of_record\n"))
    #expect(runner.coverage.json(of: runner.program)["flows"]?.array?.count == 1)
  }

  /// A report does not depend on the machine or the time.
  @Test("a test always gives the same report") func determinism() throws {
    let sample = try #require(Sample.all(in: TestRunnerTests.folder).first { $0.name == "failing" })
    #expect(renderJSON(try reports(sample).reports) == renderJSON(try reports(sample).reports))
  }

  private static var all: [Sample] { behaviours + Sample.all(in: folder) + Sample.all(below: "samples") }

  /// A test whose trace is not wanted changes its instance in place.
  @Test("reports and coverage do not depend on a trace", arguments: all) func traceless(_ sample: Sample) throws {
    let (traced, tracing) = try reports(sample)
    let (program, tests) = try compiled(sample)
    let runner = try TestRunner(program, style: .plain)
    for (expected, test) in zip(traced, tests) {
      let report = runner.run(test)
      #expect(report.steps == expected.steps && report.hasPassed == expected.hasPassed)
      #expect(report.trace == (expected.hasPassed ? [] : expected.trace))
      #expect(renderPretty([report], style: .plain) == renderPretty([expected], style: .plain))
    }
    #expect(runner.coverage.json(of: program) == tracing.coverage.json(of: program))
    #expect(runner.coverage.lcov(of: program) == tracing.coverage.lcov(of: program))
  }

  @Test("tests that run in any order have reports in their order, and the same coverage") func batches() throws {
    let backwards = Parallelism { count, body in for number in (0..<count).reversed() { body(number) } }
    var selected: [(test: TestCase, runner: TestRunner)] = []
    var expected: [TestReport] = []
    var runners: [(one: TestRunner, other: TestRunner)] = []
    for sample in TestRunnerTests.all {
      let (program, tests) = try compiled(sample)
      let (one, other) = (try TestRunner(program, style: .plain), try TestRunner(program, style: .plain))
      expected += tests.map { one.run($0) }
      selected += tests.map { ($0, other) }
      runners.append((one, other))
    }
    #expect(selected.count > 200)
    let found = TestRunner.run(selected, parallelism: backwards)
    #expect(renderJSON(found) == renderJSON(expected))
    for (one, other) in runners {
      #expect(one.coverage.json(of: one.program) == other.coverage.json(of: other.program))
    }
    #expect(TestRunner.run([], parallelism: backwards).isEmpty)
  }

  @Test("a false guard counts for coverage if it is not evaluated, or reads `self`") func guards() throws {
    let text = """
      event Go { size: int }
      flow Sizes {
        start on Go -> small
        state small {
          on Go when event.size > 1 -> large
          on Go when event.size < 0 -> large
          on Go when self.state == "other" -> large
        }
        final large
      }
      test "grows" {
        send Go{size: 1}  expect state small
        send Go{size: 5}  expect state large
      }
      """
    let compilation = compile("main.flow") { _ in Array(text.utf8) }
    let program = try #require(compilation.program)
    let test = try #require(compilation.tests.first)
    for isTraced in [false, true] {
      let runner = try TestRunner(program, style: .plain)
      #expect(runner.run(test, tracesPassed: isTraced).hasPassed)
      let flow = try #require(runner.coverage.json(of: runner.program)["flows"]?.array?.first)
      let refused = flow["transitions"]?.array?.map { $0["guardRefused"]?.bool }
      #expect(refused == [false, true, true])
    }
  }
}
