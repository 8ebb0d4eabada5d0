import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

/// Mistakes that were made on purpose are found, and what is printed of them is a test that shows them.
@Suite struct SimulationTests {
  static let samples = Sample.all(in: "Tests/FlowTestingTests/Corpus/simulation")

  private func compiled(_ text: String) throws -> Compilation {
    let compilation = compile("sample.flow") { _ in Array(text.utf8) }
    try #require(compilation.program != nil)
    return compilation
  }

  private func report(_ sample: Sample, seed: UInt64 = 1) throws -> Simulation.Report {
    let program = try #require(try compiled(sample.text).program)
    return try Simulation(program, flow: 0).run(count: 500, seed: seed)
  }

  @Test(arguments: samples) func aMistakeIsFoundAndShown(_ sample: Sample) throws {
    let finding = try #require(try report(sample).finding)
    #expect(finding.moves <= 4, "the shortest way")
    let again = try compiled(sample.text + "\n" + finding.test)
    let runner = try TestRunner(try #require(again.program), style: .plain)
    let result = runner.run(try #require(again.tests.last))
    #expect(result.hasPassed, "\(result.failure?.message ?? "")")
    try expectGolden("\(finding.message)\n\n\(finding.test)", at: sample.golden)
  }

  @Test(arguments: samples) func theSameSeedFindsTheSame(_ sample: Sample) throws {
    #expect(try report(sample, seed: 9).finding?.test == report(sample, seed: 9).finding?.test)
  }

  /// Flows without such a mistake go everywhere and nothing is found.
  @Test(arguments: ["saga", "steps", "called-flows"]) func whatIsRightIsLeftAlone(_ name: String) throws {
    let sample = try #require(TestRunnerTests.behaviours.first { $0.name == name })
    let program = try #require(try compiled(sample.text).program)
    for flow in program.flows.indices {
      let report = try Simulation(program, flow: flow).run(count: 300, seed: 3)
      #expect(report.finding == nil && report.runs == 300 && report.steps > 500)
      #expect(report.coverage.states[flow].count > program.flows[flow].states.count / 2)
    }
  }
}
