import FlowGenerator
import FlowSource
import FlowSyntax
import FlowTestSupport
import Testing

/// Files whose states are parsed only when they are needed.
@Suite struct OutlineTests {
  @Test("an outline and its states are the whole tree", arguments: Sample.all(below: "samples").map(\.text))
  func samples(_ text: String) throws { try expectSame(text) }

  @Test("outlines of generated programs and their states are the whole tree", arguments: UInt64(1)...40)
  func generated(_ seed: UInt64) throws {
    for file in generateProject(lines: 600, seed: seed) { try expectSame(file.text) }
  }

  @Test("an outline contains no states, and the failures of a called flow") func outline() throws {
    let file = parseOutline(
      SourceFile(
        name: "test.flow",
        text: Array(
          """
          flow A(id: string) -> int {
            start -> a
            state a { after 1s -> b  state c { on failed -> d  failed d  final e returns 1 } }
            /// Broken.
            failed b
            final f returns 1
          }
          flow B { state a { on X -> b } on Y -> b  final b }
          """.utf8)))
    #expect(file.diagnostics.isEmpty)
    #expect(file.outlineCount == 2)
    let flows = file.declarations.compactMap { if case .flow(let node) = $0 { node } else { nil } }
    #expect(flows.map(\.states.count) == [0, 0])
    #expect(flows[0].unparsedStates?.failures == ["d", "b"])
    #expect(flows[1].reactions.count == 1)
    let parsed = try #require(flows[0].parsingStates(in: file.source)).node
    #expect(parsed.states.map(\.name.text) == ["a", "b", "f"])
    #expect(parsed.states[1].documentation == "Broken.")
  }

  @Test(
    "an error in a state is found when it is parsed, or prevents the outline",
    arguments: [
      "flow A { start on X -> a  state a { on -> b } final b }", "flow A { state a { on X when ( -> b } final b }",
      "flow A { state a { ( } ) final b }", "flow A { state a { } } final b }", "flow A { state a { on X -> b ",
      "flow A { state { on X -> b } }", "flow A { state a on X -> b }", "flow A { state a { after 5x -> b } }",
      "flow A { initial final }", "flow A { state when { } }", "flow A { state a { entry log \"x } final b }",
    ])
  func errors(_ text: String) {
    let source = SourceFile(name: "test.flow", text: Array(text.utf8))
    #expect(!parse(source).diagnostics.isEmpty)
    let outline = parseOutline(source)
    let isFound = outline.declarations.contains {
      if case .flow(let node) = $0 { node.parsingStates(in: source) == nil } else { false }
    }
    #expect(isFound || outline.diagnostics.map(\.message) == parse(source).diagnostics.map(\.message))
  }

  private func expectSame(_ text: String) throws {
    // Not at the start of the sources, as a later file of a program.
    let source = SourceFile(name: "test.flow", text: Array(text.utf8), base: 1000)
    let outline = parseOutline(source)
    var qualified = outline.qualified
    let declarations = try outline.declarations.map { declaration -> Declaration in
      guard case .flow(let node) = declaration else { return declaration }
      #expect(node.unparsedStates != nil && node.states.isEmpty)
      let (parsed, names) = try #require(node.parsingStates(in: source))
      qualified += names
      return .flow(parsed)
    }
    let whole = parse(source)
    #expect(describe(declarations) == describe(whole.declarations))
    #expect(Set(qualified.map { "\($0)" }) == Set(whole.qualified.map { "\($0)" }))
  }

  /// The tree as text, without the numbers of expressions, which depend on the parser.
  private func describe(_ declarations: [Declaration]) -> String {
    "\(declarations)".replacing(/ExpressionID\(rawValue: \d+\)/, with: "")
  }
}
