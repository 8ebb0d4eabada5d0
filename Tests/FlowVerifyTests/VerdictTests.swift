import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowSource
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

@testable import FlowVerify

/// Verdicts on small flows whose answers are known.
@Suite struct VerdictTests {
  static let proved = Sample.all(in: "Tests/FlowVerifyTests/Corpus/proved")
  static let broken = Sample.all(in: "Tests/FlowVerifyTests/Corpus/broken")

  private func report(_ text: String) throws -> VerificationReport {
    let compilation = compile("sample.flow") { _ in Array(text.utf8) }
    let program = try #require(compilation.program, "\(compilation.diagnostics.map(\.message))")
    return try Verification(program, flow: 0).run(isGivenUp: { false })
  }

  @Test("Properties that hold are proved", arguments: proved)
  func propertiesThatHold(_ sample: Sample) throws {
    let report = try report(sample.text)
    for result in report.properties {
      guard case .proved = result.verdict else {
        Issue.record("\(result.text): \(result.verdict)")
        continue
      }
    }
  }

  @Test("The time is up also within one long step")
  func timeWithinAStep() throws {
    let text = """
      event Run { id: string  xs: list<int> }
      flow Search {
        key id
        data { id: string  xs: list<int>  n: int = 0 }
        invariant n >= 0
        start on Run -> choosing do take id, xs
        state choosing {
          always when n >= xs.size() -> finished
          always -> choosing do n = n + 1
        }
        final finished
      }
      """
    let program = try #require(compile("search.flow") { _ in Array(text.utf8) }.program)
    var questions = 0
    let report = try Verification(program, flow: 0).run {
      questions += 1
      return questions > 50
    }
    #expect(questions < 1000)
    let unknown = report.properties.filter { if case .unknown = $0.verdict { true } else { false } }
    #expect(!unknown.isEmpty)
  }

  @Test("A broken property is shown by a test that passes", arguments: broken)
  func brokenProperties(_ sample: Sample) throws {
    let report = try report(sample.text)
    #expect(report.properties.contains { if case .refuted = $0.verdict { true } else { false } })
    for result in report.properties {
      guard case .refuted(let example) = result.verdict, let test = example.test else { continue }
      let again = compile("sample.flow") { _ in Array((sample.text + "\n" + test).utf8) }
      let runner = try TestRunner(try #require(again.program), style: .plain)
      let outcome = runner.run(try #require(again.tests.last))
      #expect(outcome.hasPassed, "\(result.text): \(outcome.failure?.message ?? "")\n\(test)")
    }
  }
}
