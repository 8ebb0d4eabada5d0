import FlowCompiler
import FlowIR
import FlowSource
import Testing

@testable import FlowVerify

/// Verdicts on assignments to fields with `max`.
@Suite("Verification of bounds") struct BoundVerdictTests {
  private func expressions(_ reaction: String, news: String = "list<string> max 2") throws -> [PropertyResult] {
    let text = """
      event Begin { id: string  news: list<string> max 2 }
      event Add { text: string }
      event Close
      flow Member {
        key id
        data { id: string  news: \(news)  note: string max 5 = "" }
        start on Begin -> active do take id, news
        state active {
          \(reaction)
          on Close -> over
        }
        final over
      }
      """
    let compilation = compile("sample.flow") { _ in Array(text.utf8) }
    let program = try #require(compilation.program, "\(compilation.diagnostics.map(\.message))")
    return try Verification(program, flow: 0).run(isGivenUp: { false }).properties
      .filter { $0.kind == .expression || $0.kind == .incident }
  }

  private func severities(_ results: [PropertyResult]) -> [CounterExample.Severity] {
    results.compactMap { if case .refuted(let example) = $0.verdict { example.severity } else { nil } }
  }

  private func isProved(_ results: [PropertyResult]) -> Bool {
    results.allSatisfy { if case .proved = $0.verdict { true } else { false } }
  }

  @Test("an event that appends without a guard may be refused") func event() throws {
    #expect(severities(try expressions("on Add do news = news + [event.text]")) == [.info])
  }

  @Test("a timer that appends becomes an incident") func timer() throws {
    #expect(severities(try expressions(#"every 1h do news = news + ["late"]"#)).contains(.error))
  }

  @Test(
    "sizes that a guard keeps within the bound are proved",
    arguments: [
      "on Add when news.size() < 2 do news = news + [event.text]",
      #"every 1h when news.size() < 2 do news = news + ["late"]"#,
      "on Add do news = [event.text]", "on Begin do news = event.news",
    ])
  func guarded(_ reaction: String) throws {
    let results = try expressions(reaction)
    #expect(isProved(results), "\(results.map(\.verdict))")
  }

  @Test("a payload is within its bound, and a smaller field may not hold it") func payload() throws {
    #expect(isProved(try expressions("on Begin do news = event.news")))
    #expect(!isProved(try expressions("on Begin do news = event.news", news: "list<string> max 1")))
  }

  @Test("the sizes of strings are not followed") func strings() throws {
    let results = try expressions("every 1h do note = note + id")
    #expect(!isProved(results))
  }
}
