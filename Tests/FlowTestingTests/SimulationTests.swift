import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowMachine
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

/// Planted mistakes are found, and the printed finding is a test that reproduces them.
@Suite("flow simulate") struct SimulationTests {
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

  @Test(
    "a planted mistake is found and exported as a shortest test",
    arguments: samples) func finding(_ sample: Sample) throws
  {
    let finding = try #require(try report(sample).finding)
    #expect(finding.moves <= 4, "the shortest way")
    let again = try compiled(sample.text + "\n" + finding.test)
    let runner = try TestRunner(try #require(again.program), style: .plain)
    let result = runner.run(try #require(again.tests.last))
    #expect(result.hasPassed, "\(result.failure?.message ?? "")")
    try expectGolden("\(finding.message)\n\n\(finding.test)", at: sample.golden)
  }

  static let together = Sample.all(in: "Tests/FlowTestingTests/Corpus/simulation-together")

  private func groupReports(_ program: Program, seed: UInt64 = 1) throws -> [Simulation.Report] {
    try GroupSimulation.groups(of: program).map {
      try GroupSimulation(program, flows: $0).run(count: 500, seed: seed)
    }
  }

  @Test(
    "a mistake that needs two flows is found and exported as a shortest test",
    arguments: together) func findingTogether(_ sample: Sample) throws
  {
    let program = try #require(try compiled(sample.text).program)
    let report = try #require(try groupReports(program).first)
    let finding = try #require(report.finding)
    #expect(finding.moves <= 4, "the shortest way")
    let again = try compiled(sample.text + "\n" + finding.test)
    let runner = try TestRunner(try #require(again.program), style: .plain)
    let result = runner.run(try #require(again.tests.last))
    #expect(result.hasPassed, "\(result.failure?.message ?? "")")
    try expectGolden("\(finding.message)\n\n\(finding.test)", at: sample.golden)
    let others = try (0..<2).map { _ in try groupReports(program, seed: 9).first?.finding?.test }
    #expect(others[0] == others[1])
  }

  @Test(
    "correct flows that run together have no finding and high coverage",
    arguments: Sample.all(in: "Tests/FlowTestingTests/Corpus/together")) func correctTogether(_ sample: Sample) throws
  {
    let program = try #require(try compiled(sample.text).program)
    for report in try groupReports(program) {
      #expect(report.finding == nil, "\(report.finding?.test ?? "")")
      #expect(report.runs == 500 && report.steps > 500)
    }
  }

  @Test("the events of a run have the key of the instance") func keys() throws {
    let program = try #require(
      try compiled(
        """
        event Begin { id: string }
        event Reply { id: string  n: int }
        flow F {
          key id
          data { id: string  last: string = ""  n: int = 0 }
          invariant last == "" || last == id
          start on Begin -> open do id = event.id
          state open {
            on Reply when n < 3 do {
              last = event.id
              n = n + 1
            }
            on Reply -> over
          }
          final over
        }
        """
      ).program)
    let report = try Simulation(program, flow: 0).run(count: 200, seed: 1)
    #expect(report.finding == nil && report.steps > 400, "\(report.finding?.test ?? "")")
  }

  @Test(
    "the same seed gives the same finding",
    arguments: samples) func seed(_ sample: Sample) throws
  {
    #expect(try report(sample, seed: 9).finding?.test == report(sample, seed: 9).finding?.test)
  }

  /// Correct flows are explored widely without a finding.
  @Test(
    "a correct flow has no finding and high coverage",
    arguments: ["saga", "steps", "called-flows"]) func correctFlows(_ name: String) throws
  {
    let sample = try #require(TestRunnerTests.behaviours.first { $0.name == name })
    let program = try #require(try compiled(sample.text).program)
    for flow in program.flows.indices {
      let report = try Simulation(program, flow: flow).run(count: 300, seed: 3)
      #expect(report.finding == nil && report.runs == 300 && report.steps > 500)
      #expect(report.coverage.states[flow].count > program.flows[flow].states.count / 2)
    }
  }

  @Test("a state that only an event of another flow leaves is not stuck") func internalEvents() throws {
    let program = try #require(
      try compiled(
        """
        event Begin { id: string }
        internal event Measured { id: string  value: int }
        flow Meter {
          start on Begin -> done do emit Measured{id: event.id, value: 1}
          final done
        }
        flow Sensor {
          key id
          ongoing
          data { id: string  last: int = 0 }
          start on Measured by Meter -> calm do take id
          on Measured by Meter do last = event.value
          state calm {}
        }
        """
      ).program)
    for flow in program.flows.indices {
      #expect(try Simulation(program, flow: flow).run(count: 200, seed: 3).finding == nil)
    }
  }
}
