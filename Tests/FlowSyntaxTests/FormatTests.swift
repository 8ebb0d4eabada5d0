import CEL
import FlowSource
import FlowSyntax
import FlowTestSupport
import Foundation
import Testing

/// The formatter: its output, that no token is lost, and that it is idempotent.
@Suite struct FormatTests {
  static let samples = Sample.all(in: "Tests/FlowSyntaxTests/Corpus/format")
  static let flows = Sample.allFlows()

  static func formatted(_ text: String) -> String? {
    format(SourceFile(name: "x.flow", text: Array(text.utf8))).text
  }

  @Test("the corpus of flows is found") func corpusIsFound() {
    #expect(FormatTests.samples.count > 3)
    #expect(FormatTests.flows.count > 20)
  }

  @Test("a file is formatted as in its golden file", arguments: samples) func matchesGolden(_ sample: Sample) throws {
    try expectGolden(try #require(FormatTests.formatted(sample.text)), at: sample.golden)
  }

  @Test("formatting keeps every token and comment, and is idempotent", arguments: flows) func formattingKeepsTokens(
    _ sample: Sample
  ) throws {
    guard let text = FormatTests.formatted(sample.text) else { return }
    #expect(Words(text) == Words(sample.text))
    #expect(FormatTests.formatted(text) == text, "formatting again changes it")
    #expect(!text.contains(" \n") && !text.contains("\n\n\n") && !text.hasSuffix("\n\n"))
  }

  @Test("the samples are formatted", arguments: Sample.all(below: "samples"))
  func samplesAreFormatted(_ sample: Sample) {
    #expect(FormatTests.formatted(sample.text) == sample.text)
  }

  @Test("a file with syntax errors is not formatted") func brokenFileIsUnchanged() {
    let result = format(SourceFile(name: "x.flow", text: Array("flow { state".utf8)))
    #expect(result.text == nil)
    #expect(result.diagnostics.hasErrors)
    let invalid = format(SourceFile(name: "x.flow", text: Array("role a // ".utf8) + [0xFF]))
    #expect(invalid.text == nil && invalid.diagnostics.hasErrors)
  }

  @Test(
    "empty files, line endings and trailing comments are normalised",
    arguments: [
      ("", ""), ("\n\n// only\n\n\n// this", "// only\n\n// this\n"),
      ("role a\r\n\r\nrole b // c  \r\n", "role a\n\nrole b  // c\n"),
      ("const A = \"\"\"a\r\n  b\"\"\"  ", "const A = \"\"\"a\r\n  b\"\"\"\n"),
    ]) func edgeCases(_ text: String, _ expected: String)
  {
    #expect(FormatTests.formatted(text) == expected)
  }

  /// As deep as the parser allows, and wider than real programs.
  @Test(
    "very deep and very wide expressions are formatted",
    arguments: [
      String(repeating: "[", count: 190) + String(repeating: "]", count: 190),
      String(repeating: "[", count: 90) + String(repeating: "1, ", count: 5000) + String(repeating: "]", count: 90),
      String(repeating: "f(", count: 150) + String(repeating: ")", count: 150),
      String(repeating: "1 + ", count: 5000) + "1",
      "a" + String(repeating: ".b[1]", count: 90), String(repeating: "!", count: 150) + "a",
      String(repeating: "a ? b : ", count: 150) + "c", "\"" + String(repeating: "long ", count: 5000) + "\"",
    ])
  func extremeExpressions(_ expression: String) throws {
    let text = "const A = \(expression)"
    let form = try #require(FormatTests.formatted(text))
    #expect(Words(form) == Words(text))
    #expect(FormatTests.formatted(form) == form)
  }
}

/// The content that formatting must preserve: comments, and tokens except commas between braces.
struct Words: Equatable {
  var tokens: [String] = []
  var comments: [String] = []

  init(_ text: String) {
    let source = SourceFile(name: "x.flow", text: Array(text.utf8))
    var open: [TokenKind] = []
    var end: UInt32 = 0
    for token in tokenize(source.text) {
      let gap = source.string(SourceRange(end, token.range.lower))
      comments += gap.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        .filter { !$0.isEmpty }
      end = token.range.upper
      switch token.kind {
      case .leftBrace, .leftParen, .leftBracket: open.append(token.kind)
      case .rightBrace, .rightParen, .rightBracket: _ = open.popLast()
      case .comma where open.last == .leftBrace: continue
      default: break
      }
      tokens.append(source.string(token.range))
    }
  }
}
