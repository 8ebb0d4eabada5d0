import CEL
import FlowGenerator
import FlowSource
import FlowSyntax
import FlowTestSupport
import Foundation
import Testing

/// The grammar and the parser agree: each accepts the sentences of the other.
@Suite struct GrammarTests {
  /// `FLOW_THOROUGH=1` runs ten times as many.
  static let sentenceCount = ProcessInfo.processInfo.environment["FLOW_THOROUGH"] == nil ? 2000 : 20_000
  static let files = Sample.allFlows()

  @Test("every sentence of the grammar parses") func sentencesParse() throws {
    var generator = SentenceGenerator(try Grammar(named: "flow.ebnf"), seed: 1, terminal: Terminals.text)
    for _ in 0..<GrammarTests.sentenceCount {
      let text = Terminals.repaired(generator.sentence(depth: 14)).joined(separator: " ")
      let problems = parse(SourceFile(name: "x.flow", text: Array(text.utf8))).diagnostics
      try #require(problems.isEmpty, "\(problems[0].message) at \(problems[0].range.lower) of\n\(text)")
    }
    expectAllSeen(generator)
  }

  /// With random line ends and comments.
  @Test("every sentence of the grammar can be formatted") func sentencesAreFormatted() throws {
    var generator = SentenceGenerator(try Grammar(named: "flow.ebnf"), seed: 2, terminal: Terminals.text)
    var random = SplitMix64(state: 3)
    for _ in 0..<GrammarTests.sentenceCount / 2 {
      let words = Terminals.repaired(generator.sentence(depth: 14))
      let text = words.reduce(into: "") { $0 += $1 + random.pick(Terminals.gaps) }
      let formatted = try #require(FormatTests.formatted(text), "\(text)")
      try #require(Words(formatted) == Words(text), "\(text)\n---\n\(formatted)")
      try #require(FormatTests.formatted(formatted) == formatted, "\(text)\n---\n\(formatted)")
    }
  }

  private func expectAllSeen(_ generator: SentenceGenerator) {
    for way in generator.ways where generator.seen[way] == nil {
      Issue.record("`\(way.production)` never went way \(way.choice) of \(way.rule)")
    }
  }

  /// A file can be derived from the grammar if and only if it parses.
  @Test("every file of the corpus is derived by the grammar", arguments: files) func filesAreDerived(_ sample: Sample)
    throws
  {
    let source = SourceFile(name: sample.name, text: Array(sample.text.utf8))
    let file = parse(source)
    var recogniser = Recogniser(
      try Grammar(named: "flow.ebnf"), wordEnd: Terminals.wordEnd(in: file),
      terminalEnds: Terminals.ends(in: file))
    // The parser skips an invisible character, as the grammar does, but reports it. The grammar does not count rows.
    let isAccepted = !file.diagnostics.contains { diagnostic in
      diagnostic.severity == .error && !diagnostic.message.contains("invisible character")
        && !diagnostic.message.contains("has at most 128 rows")
    }
    let isDerived = recogniser.ends(of: "file").contains(file.tokens.count - 1)
    let location = source.position(of: file.tokens[recogniser.furthest].range.lower)
    #expect(
      isDerived == isAccepted, "the grammar goes as far as line \(location.line), column \(location.column)")
  }

  /// The random programs contain all words of the language.
  @Test("generated programs use every word of the grammar") func generatorCoversWords() throws {
    let all = try Grammar(named: "flow.ebnf").productions.values.flatMap(\.words)
    let words = Set(all).filter { $0.allSatisfy(\.isLetter) }
    let programs = (0..<300 as Range<UInt64>).map { generateProgram(seed: $0, size: 5) }
    let texts = programs + generateProject(lines: 1000).map(\.text)
    var used: Set<String> = []
    for text in texts {
      let source = SourceFile(name: "x.flow", text: Array(text.utf8))
      for token in tokenize(source.text) where token.kind == .identifier { used.insert(source.string(token.range)) }
    }
    #expect(words.subtracting(used) == [])
  }

  @Test("every sentence of the CEL grammar parses") func expressionsParse() throws {
    var generator = SentenceGenerator(try Grammar(named: "cel.ebnf"), seed: 1, terminal: Terminals.text)
    for _ in 0..<GrammarTests.sentenceCount {
      let text = generator.sentence(depth: 40).joined(separator: " ")
      let problems = CEL.parse(text).1
      try #require(problems.isEmpty, "\(problems[0].message) in\n\(text)")
    }
    expectAllSeen(generator)
  }

  @Test("every expression of the corpus is derived by the CEL grammar", arguments: Terminals.expressions)
  func expressionsAreDerived(_ text: String) throws {
    let tokens = tokenize(Array(text.utf8))
    let texts = tokens.map { token in String(decoding: Array(text.utf8)[token.range.indices], as: UTF8.self) }
    var recogniser = Recogniser(
      try Grammar(named: "cel.ebnf"), wordEnd: { word, location in texts[location] == word ? location + 1 : nil },
      terminalEnds: { name, location in
        Terminals.fits(tokens[location].kind, texts[location], name) ? [location + 1] : []
      })
    #expect(recogniser.ends(of: "expression").contains(tokens.count - 1))
  }

  @Test(
    "an invalid grammar is rejected",
    arguments: ["a = b", "a = { \"x\" ;", "a = [ \"x\" } ;", "a = \"x\" ; a = \"y\" ;", "= ;"])
  func invalidGrammar(_ text: String) {
    #expect(throws: Grammar.Malformed.self) { try Grammar(text) }
  }
}

extension SourceRange {
  var indices: Range<Int> { Int(lower)..<Int(upper) }
}
