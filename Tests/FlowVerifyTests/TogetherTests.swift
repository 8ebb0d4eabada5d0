import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowMachine
import FlowSource
import FlowTestSupport
import Testing

@testable import FlowTesting
@testable import FlowVerify

/// Flows that are verified together, one instance of each.
@Suite struct TogetherTests {
  static let proved = Sample.all(in: "Tests/FlowVerifyTests/Corpus/together-proved")
  static let broken = Sample.all(in: "Tests/FlowVerifyTests/Corpus/together-broken")

  private func program(_ text: String) throws -> Program {
    let compilation = compile("sample.flow") { _ in Array(text.utf8) }
    return try #require(compilation.program, "\(compilation.diagnostics.map(\.message))")
  }

  private func reports(_ program: Program) throws -> [VerificationReport] {
    let group = try #require(GroupVerification.groups(of: program).first)
    return try GroupVerification(program, flows: group).run(isGivenUp: { false })
  }

  @Test("Properties that hold with the other flows are proved", arguments: proved)
  func propertiesThatHold(_ sample: Sample) throws {
    for report in try reports(try program(sample.text)) {
      for result in report.properties {
        guard case .proved = result.verdict else {
          Issue.record("\(report.flow), \(result.text): \(result.verdict)")
          continue
        }
      }
    }
  }

  @Test("A property that holds with the other flows may be broken without them")
  func surroundings() throws {
    let sample = try #require(TogetherTests.proved.first { $0.name == "door" })
    let alone = try Verification(try program(sample.text), flow: 1).run(isGivenUp: { false })
    let invariant = try #require(alone.properties.first { $0.kind == .invariant })
    guard case .refuted = invariant.verdict else {
      Issue.record("\(invariant.verdict)")
      return
    }
  }

  @Test("A broken property is shown by a test of several flows that passes", arguments: broken)
  func brokenProperties(_ sample: Sample) throws {
    let tests = try reports(try program(sample.text)).flatMap(\.properties).compactMap { result -> String? in
      if case .refuted(let example) = result.verdict { example.test } else { nil }
    }
    #expect(!tests.isEmpty)
    for test in tests {
      let again = compile("sample.flow") { _ in Array((sample.text + "\n" + test).utf8) }
      let runner = try TestRunner(try #require(again.program), style: .plain)
      let outcome = runner.run(try #require(again.tests.last))
      #expect(outcome.hasPassed, "\(outcome.failure?.message ?? "")\n\(test)")
    }
  }

  @Test("Random runs of one instance of each flow make no mistake that is not expected", arguments: proved + broken)
  func randomRuns(_ sample: Sample) throws {
    let program = try program(sample.text)
    let group = try #require(GroupVerification.groups(of: program).first)
    let simulation = try GroupSimulation(program, flows: group)
    let reports = try reports(program)
    for seed in 0..<UInt64(Soundness.isLong ? 20_000 : 200) {
      var system = VirtualSystem(stepper: simulation.stepper, flows: group, now: TestRunner.start)
      for input in simulation.inputs(seed: seed) {
        _ = system.make(input)
        // More instances are outside of what the verification covers.
        guard group.allSatisfy({ system.names(of: $0).count < 2 }) else { break }
      }
      for occurrence in system.occurrences where group.allSatisfy({ system.names(of: $0).count < 2 }) {
        guard case .refused(let refusal) = occurrence.outcome, case .invariant(let text, _) = refusal.reason else {
          continue
        }
        let report = reports.first { $0.flow == program.flows[occurrence.name.flow].name }
        let result = report?.properties.first { $0.text == "invariant \(text)" }
        if case .proved? = result?.verdict { Issue.record("seed \(seed): \(text)") }
      }
    }
  }
}
