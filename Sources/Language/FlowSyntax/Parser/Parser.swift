import CEL
public import FlowSource

/// Reads a `.flow` file. Never fails: what is wrong becomes a diagnostic, and the rest is read all the same.
///
/// Recursive descent with one token of lookahead around CEL's own parser, which reads every expression from the
/// same tokens.
/// - Complexity: O(n) in the length of the text.
public func parse(_ source: SourceFile) -> ParsedFile {
  var parser = Parser(source)
  let declarations = parser.parseFile()
  let diagnostics = (encodingProblem(source) + parser.diagnostics + parser.expressions.diagnostics).sortedByRange()
  return ParsedFile(
    source: source, tokens: parser.tokens, declarations: declarations, qualified: parser.qualified,
    diagnostics: parser.limited(diagnostics))
}

/// F101: the text is UTF-8.
func encodingProblem(_ source: SourceFile) -> [Diagnostic] {
  guard source.text.contains(where: { $0 >= 0x80 }), String(validating: source.text, as: UTF8.self) == nil else {
    return []
  }
  var decoder = UTF8()
  var bytes = source.text.makeIterator()
  var offset = source.base
  while case .scalarValue(let scalar) = decoder.decode(&bytes) { offset += UInt32(UTF8.width(scalar)) }
  return [
    Diagnostic(
      "F101", "the file is not valid UTF-8", at: SourceRange(offset, offset + 1), label: "from here on",
      help: "save it as UTF-8")
  ]
}

/// The tokens with a cursor, and the few moves that every production is made of.
struct Parser {
  /// The maximum nesting depth of states.
  static let maximumDepth = 32
  /// The maximum number of mistakes reported for one file.
  static let maximumDiagnostics = 20

  let source: SourceFile
  let tokens: [Token]
  var expressions: ExpressionParser
  var diagnostics: [Diagnostic] = []
  var depth = 0
  /// The names that imports gave to files, and what was written with one of them.
  var aliases: Set<String> = []
  var qualified: [QualifiedName] = []
  private var lastReport = -1

  init(_ source: SourceFile) {
    self.source = source
    self.tokens = tokenize(source.text, base: source.base)
    self.expressions = ExpressionParser(
      tokens: tokens, text: source.text, base: source.base, stopWords: Parser.stopWords)
  }

  /// Words that can't begin an expression, so that a missing one is seen where it is missing.
  static let stopWords: Set<String> = ["do", "when", "by", "on", "always", "entry", "exit", "call", "state"]

  var position: Int {
    get { expressions.position }
    set { expressions.position = newValue }
  }

  var token: Token { tokens[min(position, tokens.count - 1)] }

  func peek(_ distance: Int = 1) -> Token { tokens[min(position + distance, tokens.count - 1)] }

  func text(_ token: Token) -> String { source.string(token.range) }

  /// The identifier at the cursor, or nothing.
  var word: String { token.kind == .identifier ? text(token) : "" }

  var isAtEnd: Bool { token.kind == .endOfFile }

  func at(_ kind: TokenKind) -> Bool { token.kind == kind }

  func at(_ keyword: String) -> Bool { token.kind == .identifier && text(token) == keyword }

  mutating func advance() { if !isAtEnd { position += 1 } }

  /// Takes the token when it is of that kind.
  mutating func take(_ kind: TokenKind) -> Bool {
    guard at(kind) else { return false }
    advance()
    return true
  }

  mutating func take(_ keyword: String) -> Bool {
    guard at(keyword) else { return false }
    advance()
    return true
  }

  /// Takes the token, or says what should have been here.
  @discardableResult
  mutating func expect(_ kind: TokenKind, _ what: String) -> Bool {
    if take(kind) { return true }
    reportExpected("expected \(what)")
    return false
  }

  /// The range from a start to the end of the last token taken.
  func range(from start: SourceRange) -> SourceRange {
    let last = position > 0 ? tokens[min(position, tokens.count) - 1].range : start
    return last.upper >= start.lower ? SourceRange(start.lower, max(last.upper, start.upper)) : start
  }

  /// Reports a mistake at the cursor; a second one at the same token is a consequence and is not reported.
  mutating func reportExpected(_ message: String, help: String? = nil) {
    guard lastReport != position else { return }
    lastReport = position
    // A mistake that the expression parser has reported at this token is not reported again.
    guard expressions.diagnostics.last?.range != token.range else { return }
    let found = isAtEnd ? "the end of the file" : "`\(text(token))`"
    diagnostics.append(
      Diagnostic("F101", "\(message), found \(found)", at: token.range, label: "here", help: help))
  }

  /// A name. The words that begin what may follow one are none, so that a missing name is seen where it is missing.
  mutating func name(_ what: String) -> NameNode {
    let start = token.range
    guard at(.identifier), !Parser.stopWords.contains(word) else {
      reportExpected("expected \(what)")
      return NameNode(text: "", range: SourceRange(start.lower, start.lower))
    }
    let text = word
    advance()
    return NameNode(text: text, range: start)
  }

  mutating func path(_ what: String) -> PathNode {
    let start = token.range
    var names = [name(what)]
    while at(.dot), peek().kind == .identifier {
      advance()
      names.append(name(what))
    }
    let path = PathNode(names: names, range: names[0].isMissing ? names[0].range : range(from: start))
    return aliases.isEmpty ? path : withoutAlias(path)
  }

  mutating func names(_ what: String) -> [NameNode] {
    var found = [name(what)]
    while take(.comma) { found.append(name(what)) }
    return found
  }

  mutating func expression() -> Expression {
    let expression = expressions.parseExpression()
    return aliases.isEmpty ? expression : withoutAlias(expression)
  }

  /// Reads members up to the closing brace; each turn takes at least one token.
  mutating func members(of what: String, _ member: (inout Parser) -> Bool) {
    guard expect(.leftBrace, "`{`") else { return }
    while !at(.rightBrace), !isAtEnd {
      let before = position
      if !member(&self) {
        reportExpected("this can't stand in \(what)")
        skipToMember()
      }
      if position == before { advance() }
    }
    expect(.rightBrace, "`}` at the end of \(what)")
  }

  /// Skips what can't be read, up to something that begins a member, or the brace that ends the block.
  mutating func skipToMember() {
    var nesting = 0
    advance()
    while !isAtEnd {
      switch token.kind {
      case .leftBrace, .leftParen, .leftBracket: nesting += 1
      case .rightBrace, .rightParen, .rightBracket:
        if nesting == 0 { return }
        nesting -= 1
      case .identifier where nesting == 0 && Parser.memberWords.contains(word): return
      default: break
      }
      advance()
    }
  }

  static let memberWords: Set<String> = [
    "import", "type", "enum", "const", "fn", "role", "event", "action", "flow", "test", "version", "key", "data",
    "let", "invariant", "never", "migrate", "start", "on", "after", "every", "at", "cron", "always", "state",
    "parallel", "region", "initial", "final", "failed", "entry", "exit", "call", "steps", "rollback", "returns",
    "ongoing", "ignore", "defer", "read", "internal", "send", "expect", "mock", "complete", "fail", "advance",
  ]

  func limited(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
    Array(diagnostics.prefix(Parser.maximumDiagnostics))
  }
}
