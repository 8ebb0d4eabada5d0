import CEL
import FlowGenerator
import FlowSource
import FlowSyntax
import FlowTestSupport
import FlowTime

/// The terminals of the grammars: sample texts, and their possible ends in a text.
enum Terminals {
  /// The words that the parser does not accept as a name or the start of an expression.
  static let stopWords = reservedWords

  static let names = ["alpha", "beta2", "order_id", "Gamma", "_x", "items", "caller", "self"]
  static let quoted = [#""text""#, "'single'", "'''three'''", #"r"\d+""#, #""a\"b""#]
  static let durations = ["30m", "1h30m", "2d", "250ms", "1d2h3m4s5ms"]
  static let numbers = ["0", "1", "42", "500"]

  /// Expressions for the outer language; the first ones hold no record, so that a block may follow them.
  static let expressions =
    [
      "1", "-2", "3u", "4.5", "1e9", "true", "null", "'text'", "b'bytes'", "\"\"\"lo\nng\"\"\"", "a", "a.b.c", ".a.b",
      "a + b * c - d / e % f", "!a && b || c", "a == b", "a in b", "a < 1 || a >= 2", "a ? b : c ? d : e", "(a)",
      "-(a + b)", "[1, 2, 3]", "[]", "{}", "{'a': 1, 'b': [2]}", "[?a, b,]", "{?'a': b}", "f(x, y)", "a.f(x).g()",
      "a[0]['b']", "a.?b[?c]", "items.map(i, i.qty * 2).sum()", "has(a.b)", "duration('30m')", "a.`b-c`",
      "items.all(i, i > 0) && !(caller.id in votes)", "now - joined > duration('240h')", "env('URL') + '/x'",
    ] + records

  static let records = [
    "Item{}", "Item{sku: 'x', qty: 2}", "a.b.Item{?x: y,}", ".Item{list: [Item{}]}", "f(Item{a: {'b': 1}})",
  ]

  /// Separators between two words, mostly spaces.
  static let gaps =
    [String](repeating: " ", count: 30)
    + ["\n", "\n  ", "\n\n\n", " // a\n", "\n// b\n", "\n\n  /// c\n\n", " // d\n// e\n"]

  /// A text for a terminal within the productions of `path`.
  static func text(_ name: String, in path: [String], _ random: inout SplitMix64) -> String {
    switch name {
    case "ID", "NAME": random.pick(names)
    case "MEMBER": random.pick(names + ["when", "state", "on"])
    case "FIELD": random.pick(names + ["if", "`a-b/c d.e`"])
    case "INT": random.pick(numbers)
    case "UINT": random.pick(["0u", "7U", "0xFFu"])
    case "DOUBLE": random.pick(["1.5", ".5", "1e9", "2.5E-3"])
    case "STRING": random.pick(quoted)
    case "BYTES": random.pick(["b'x'", #"br"\x""#, "B'''y'''"])
    case "DURATION": random.pick(durations)
    case "CEL": random.pick(path.contains("binding") ? Array(expressions.dropLast(records.count)) : expressions)
    default: name
    }
  }

  // MARK: - Rules outside of the grammar

  /// A sentence of flow.ebnf that follows its notes: on adjacent words, and on expressions that would continue.
  static func repaired(_ words: [String]) -> [String] {
    var words = words
    for index in words.indices.dropFirst(2) {
      if words[index] == "xx" { words[index - 1] = "5xx" }
      if words[index - 2] == "publish" { words[index] = "'key'" }
      if words[index] == "{", words[index - 2] == "log" { words[index - 1] = "'text'" }
    }
    return words.filter { $0 != "xx" }
  }

  // MARK: - Recognition

  static func wordEnd(in file: ParsedFile) -> (String, Int) -> Int? {
    { word, location in
      let token = file.tokens[location]
      return token.kind != .endOfFile && file.source.string(token.range) == word ? location + 1 : nil
    }
  }

  /// The possible ends of a terminal of flow.ebnf.
  static func ends(in file: ParsedFile) -> (String, Int) -> Set<Int> {
    { name, location in
      let token = file.tokens[location]
      switch name {
      case "CEL": return expressionEnds(in: file, at: location)
      case "DURATION":
        guard token.kind == .int || token.kind == .double else { return [] }
        let next = file.tokens[location + 1]
        guard next.kind == .identifier, next.range.lower == token.range.upper else { return [] }
        return DurationText.milliseconds(file.source.string(token.range.union(next.range))) == nil ? [] : [location + 2]
      case "ID":
        return token.kind == .identifier && !stopWords.contains(file.source.string(token.range)) ? [location + 1] : []
      case "MEMBER": return token.kind == .identifier ? [location + 1] : []
      default: return fits(token.kind, "", name) ? [location + 1] : []
      }
    }
  }

  /// The end by the expression parser, with or without a following block.
  private static func expressionEnds(in file: ParsedFile, at location: Int) -> Set<Int> {
    var ends: Set<Int> = []
    for takesRecords in [true, false] {
      var parser = ExpressionParser(
        tokens: file.tokens, text: file.source.text, base: file.source.base, stopWords: stopWords)
      parser.position = location
      parser.takesRecords = takesRecords
      _ = parser.parseExpression()
      if parser.diagnostics.isEmpty { ends.insert(parser.position) }
    }
    return ends
  }

  /// Whether a token belongs to a terminal of cel.ebnf.
  static func fits(_ kind: TokenKind, _ text: String, _ name: String) -> Bool {
    switch name {
    case "NAME": kind == .identifier && !keywords.contains(text)
    case "FIELD": kind == .quotedIdentifier || kind == .identifier && !keywords.contains(text)
    case "INT": kind == .int
    case "UINT": kind == .uint
    case "DOUBLE": kind == .double
    case "STRING": kind == .string
    case "BYTES": kind == .bytes
    default: false
    }
  }

  private static let keywords: Set<String> = ["true", "false", "null", "in"]
}
