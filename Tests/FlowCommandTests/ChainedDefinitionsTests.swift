import FlowTestSupport
import Foundation
import Testing

/// Definitions each of which uses the one before twice: written out, the last one would have 2⁴⁰ parts.
@Suite struct ChainedDefinitionsTests {
  private static func chain(_ name: String, _ next: (String) -> String) -> String {
    (1...40).map { "  let \(name)\($0) = \(next("\(name)\($0 - 1)"))" }.joined(separator: "\n")
  }

  private static let source = """
    event Begin { id: string }
    event Step { n: int }
    action price(id: string) -> int
    flow Chained {
      key id
      data { id: string  n0: int = 0  s0: string = ""  l0: list<int> = []  b0: bool = false }
      /// Numbers, texts, lists, conditions, and the result of a call.
    \(chain("n") { "\($0) + \($0)" })
    \(chain("s") { "\($0) + \($0)" })
    \(chain("l") { "\($0) + \($0).map(x, x + n1)" })
    \(chain("b") { "(\($0) || n0 > 3) && \($0)" })
      let r0 = asked.?result.orValue(0)
    \(chain("r") { "\($0) + (has(asked.result) ? \($0) : 1)" })
      invariant n40 >= 0
      start on Begin -> waiting do id = event.id
      state waiting {
        call price(id: id) as asked
        on asked.done when r40 > 0 -> over
        on asked.done -> waiting
        on Step when event.n == 1 && n40 > 5 -> over
        on Step when event.n == 2 && s40 == "x" && l40.size() > 1 && l40.exists(x, x > n40) -> over
        on Step when event.n == 3 && b40 -> over
        on Step when event.n == 4 do n0 = event.n
      }
      final over
    }
    test "the guards are false" {
      send Begin{id: "1"}
      send Step{n: 3}
      expect refused
    }
    test "an expectation fails and is explained" {
      send Begin{id: "1"}
      expect data n40 > 1
    }
    """

  @Test(
    "Every command ends in time", .timeLimit(.minutes(5)),
    arguments: [
      ["check"], ["lint", "--preset", "strict"], ["verify", "--solver", "none", "--situations", "20"],
      ["simulate", "--runs", "20"], ["test"], ["graph"],
    ])
  func commandsEnd(_ words: [String]) throws {
    let folder = try TestFolder()
    let file = try folder.write("chained.flow", ChainedDefinitionsTests.source)
    let result = try FlowProcess.run(words + [file])
    #expect([0, 1].contains(result.code), "\(result.code) \(result.errors)")
    #expect(!result.errors.contains("error[F1"), "\(result.errors)")
    if words == ["test"] { #expect(result.output.contains("n40"), "\(result.output)") }
  }
}
