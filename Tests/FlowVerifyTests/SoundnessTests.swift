import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowSource
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

@testable import FlowVerify

/// The scope of the tests that compare verdicts with runs; `FLOW_LONG_TESTS` extends it.
enum Soundness {
  static let isLong = ProcessInfo.processInfo.environment["FLOW_LONG_TESTS"] != nil
  static let folders = ["Tests/FlowVerifyTests/Corpus/proved", "Tests/FlowVerifyTests/Corpus/broken"]
  static let samples = [
    "samples", "samples/approvals", "samples/data", "samples/devices", "samples/operations", "samples/payments",
    "samples/queues",
  ]
  static let flows = (folders + (isLong ? ["Tests/Peers/spin"] + samples : [])).flatMap { Sample.all(in: $0) }

  /// The program of a sample; nil for one that needs other files.
  static func program(_ sample: Sample) -> Program? {
    compile(sample.url.path(percentEncoded: false)) { path in
      (try? Data(contentsOf: URL(filePath: path))).map { Array($0) }
    }.program
  }

  /// Deterministic: the end of a verification after a number of questions.
  static func report(_ program: Program, _ flow: FlowIndex) throws -> VerificationReport {
    var questions = 0
    return try Verification(program, flow: flow, maximumSituations: 1500).run {
      questions += 1
      return questions > 6000
    }
  }
}

/// Verdicts beside runs: no run contradicts a proof, and every counter-example is a run.
@Suite struct SoundnessTests {
  @Test("No random run contradicts a proof", arguments: Soundness.flows)
  func proofs(_ sample: Sample) throws {
    guard let program = Soundness.program(sample) else { return }
    for flow in program.flows.indices {
      let report = try Soundness.report(program, flow)
      let isProved = report.properties.allSatisfy { result in
        switch result.verdict {
        case .proved: return true
        case .unknown: return false
        case .refuted(let example): return example.severity == .warning
        }
      }
      guard isProved else { continue }
      let runs = try Simulation(program, flow: flow).run(count: Soundness.isLong ? 100_000 : 100, seed: 1)
      #expect(runs.finding == nil, "\(report.flow): \(runs.finding?.message ?? "")\n\(runs.finding?.test ?? "")")
      if Soundness.isLong { print("proved: \(sample) \(report.flow), \(runs.runs) runs, \(runs.steps) steps") }
    }
  }

  @Test("Every counter-example passes as a test", arguments: Soundness.flows)
  func counterExamples(_ sample: Sample) throws {
    guard let program = Soundness.program(sample) else { return }
    for flow in program.flows.indices {
      for result in try Soundness.report(program, flow).properties {
        guard case .refuted(let example) = result.verdict, let test = example.test else { continue }
        let path = sample.url.path(percentEncoded: false)
        let again = compile(path) { other in
          guard let data = try? Data(contentsOf: URL(filePath: other)) else { return nil }
          return Array(data) + (other == path ? Array("\n\(test)".utf8) : [])
        }
        let runner = try TestRunner(try #require(again.program), style: .plain)
        let last = again.tests.last(where: { test.contains($0.name) })
        let added = try #require(last, "\(again.diagnostics.map(\.message))")
        let outcome = runner.run(added)
        #expect(outcome.hasPassed, "\(result.text): \(outcome.failure?.message ?? "")\n\(test)")
        if Soundness.isLong { print("counter-example: \(sample), \(result.text)") }
      }
    }
  }
}
