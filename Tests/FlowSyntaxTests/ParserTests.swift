import CEL
import FlowSource
import FlowSyntax
import FlowTestSupport
import Testing

@Suite struct ParserTests {
  private func read(_ text: String) -> ParsedFile { parse(SourceFile(name: "test.flow", text: Array(text.utf8))) }

  @Test("the samples parse without diagnostics", arguments: Sample.all(below: "samples"))
  func samplesParse(_ sample: Sample) {
    #expect(read(sample.text).diagnostics.map(\.message) == [])
  }

  @Test("tokens and the text between them add up to the file", arguments: Sample.all(below: "samples"))
  func tokensCoverTheText(_ sample: Sample) {
    let file = read(sample.text)
    var text: [UInt8] = []
    var end: UInt32 = 0
    for token in file.tokens {
      text += file.source.slice(SourceRange(end, token.range.lower)) + file.source.slice(token.range)
      end = token.range.upper
    }
    #expect(text == file.source.text)
  }

  /// Deleting or doubling a token neither crashes nor hangs the parser, and is reported if the file becomes invalid.
  @Test("deleting or doubling a token neither crashes nor hangs the parser", arguments: Sample.all(below: "samples"))
  func tokenEditsAreSafe(_ sample: Sample) {
    let file = read(sample.text)
    for (index, token) in file.tokens.enumerated() where !token.range.isEmpty && index % 11 == 0 {
      var cut = file.source.text
      cut.removeSubrange(Int(token.range.lower)..<Int(token.range.upper))
      _ = parse(SourceFile(name: "cut", text: cut))
      var doubled = file.source.text
      doubled.insert(contentsOf: Array(file.source.slice(token.range)) + [0x20], at: Int(token.range.lower))
      _ = parse(SourceFile(name: "doubled", text: doubled))
    }
  }

  @Test("one mistake gives one message, and the rest is parsed") func recovery() {
    let file = read("flow A { start on -> s  state s { on X -> t } final t }  event X  event { }  role r")
    #expect(
      file.diagnostics.map(\.message) == [
        "expected the name of an event, found `->`", "expected the name of the event, found `{`",
      ])
    #expect(file.declarations.count == 4)
  }

  @Test("an expression ends at the first token that cannot continue it") func expressionEnd() throws {
    let file = read("flow A { state a { on E when x > 1 && y -> b do n = n + 1 after 3d -> c } }")
    #expect(file.diagnostics.isEmpty)
    guard case .flow(let flow) = file.declarations[0] else { throw Unexpected() }
    #expect(flow.states[0].reactions.count == 2)
    #expect(flow.states[0].reactions[0].rest.target?.text == "b")
    #expect(flow.states[0].reactions[0].rest.statements.count == 1)
  }

  @Test("a block of settings may follow the URL of a request") func settingsAfterURL() {
    let file = read(#"action a(id: string) { http POST env("U") + id { body: {"x": id} } }"#)
    #expect(file.diagnostics.map(\.message) == [])
  }

  @Test("the nesting depth of states and types is limited") func nestingLimit() {
    let deep = "flow A { " + String(repeating: "state s { ", count: 100_000)
    #expect(read(deep).diagnostics.contains { $0.message.hasPrefix("states nest deeper than 32 levels") })
    let types = "type T { a: " + String(repeating: "list<", count: 100_000)
    #expect(!read(types).diagnostics.isEmpty)
  }

  struct Unexpected: Error {}
}
