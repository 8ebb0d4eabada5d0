public import FlowSource

/// Reads expressions from an array of tokens: a Pratt parser with one token of look-ahead.
///
/// The parser of a surrounding language embeds one and moves ``position``.
public struct ExpressionParser: Sendable {
  /// The deepest nesting of an expression.
  public static let maximumDepth = 200
  /// The maximum length of a text for ``parse(_:)``, in bytes.
  public static let maximumSourceBytes = 1 << 20

  /// The index of the next token.
  public var position = 0
  public var diagnostics: [Diagnostic] = []
  /// Allows `Name{…}` to build a record. A surrounding language turns it off where a block may follow.
  public var takesRecords = true

  let tokens: [Token]
  let text: [UInt8]
  let base: UInt32
  let stopWords: Set<String>
  var nextID: Int32 = 0
  var depth = 0
  /// Set by the first error of an expression; suppresses consequential errors.
  var hasFailed = false
  /// True if the last expression is nested too deeply; it was not read to its end.
  public internal(set) var isTooDeep = false

  /// - Parameters:
  ///   - tokens: The result of ``tokenize(_:base:)`` for `text`.
  ///   - stopWords: Names that never form an expression alone, such as the keywords of the outer language.
  public init(tokens: [Token], text: [UInt8], base: UInt32 = 0, stopWords: Set<String> = []) {
    let end = SourceRange(base + UInt32(text.count), base + UInt32(text.count))
    self.tokens = tokens.last?.kind == .endOfFile ? tokens : tokens + [Token(kind: .endOfFile, range: end)]
    self.text = text
    self.base = base
    self.stopWords = stopWords
  }

  /// Reads one expression and stops at the first token that can't continue it.
  ///
  /// A syntax error gives one diagnostic and a `.missing` node.
  public mutating func parseExpression() -> Expression {
    if depth == 0 {
      hasFailed = false
      isTooDeep = false
    }
    return nested { $0.parseConditional() }
  }
}

/// Parses a text that is one expression and nothing else.
public func parse(_ text: String) -> (Expression, [Diagnostic]) {
  let bytes = Array(text.utf8)
  guard bytes.count <= ExpressionParser.maximumSourceBytes else {
    let diagnostic = Diagnostic(
      "F101", .error, "the expression is longer than \(ExpressionParser.maximumSourceBytes) bytes",
      at: SourceRange(0, 0))
    return (Expression(id: ExpressionID(rawValue: 0), range: SourceRange(0, 0), kind: .missing), [diagnostic])
  }
  var parser = ExpressionParser(tokens: tokenize(bytes), text: bytes)
  let expression = parser.parseExpression()
  if !parser.hasFailed, parser.kind != .endOfFile { parser.failUnexpected() }
  return (expression, parser.diagnostics)
}

// MARK: - Tokens and nodes

extension ExpressionParser {
  var token: Token { tokens[min(max(position, 0), tokens.count - 1)] }
  var kind: TokenKind { token.kind }

  func kind(ahead distance: Int) -> TokenKind { tokens[min(position + distance, tokens.count - 1)].kind }

  func bytes(_ token: Token) -> ArraySlice<UInt8> {
    text[min(Int(token.range.lower - base), text.count)..<min(Int(token.range.upper - base), text.count)]
  }

  func string(_ token: Token) -> String { String(decoding: bytes(token), as: UTF8.self) }

  func isWord(_ word: String) -> Bool {
    kind == .identifier && string(token) == word
  }

  mutating func advance() -> Token {
    let taken = token
    if taken.kind != .endOfFile { position += 1 }
    return taken
  }

  mutating func accept(_ wanted: TokenKind) -> Bool {
    guard kind == wanted else { return false }
    position += 1
    return true
  }

  mutating func expect(_ wanted: TokenKind, _ what: String) -> Bool {
    if hasFailed { return false }
    if accept(wanted) { return true }
    failUnexpected("expected \(what)")
    return false
  }

  /// The end of the token before the next one.
  var lastEnd: UInt32 { position > 0 ? tokens[min(position, tokens.count) - 1].range.upper : token.range.lower }

  mutating func make(_ range: SourceRange, _ kind: Expression.Kind) -> Expression {
    nextID += 1
    let expression = Expression(id: ExpressionID(rawValue: nextID - 1), range: range, kind: kind)
    if expression.height > Self.maximumDepth {
      failTooDeep(at: token.range)
      return missing()
    }
    return expression
  }

  /// An expression that a surrounding language builds from others: `then` if the condition holds, `otherwise` if not.
  public mutating func makeConditional(
    _ condition: Expression, then: Expression, otherwise: Expression
  ) -> Expression {
    let range = SourceRange(condition.range.lower, max(then.range.upper, otherwise.range.upper))
    return make(range, .conditional(condition, then: then, else: otherwise))
  }

  /// The placeholder for an expression whose absence the surrounding language reports.
  public mutating func makeMissing() -> Expression { missing() }

  mutating func missing() -> Expression {
    nextID += 1
    return Expression(id: ExpressionID(rawValue: nextID - 1), range: token.range, kind: .missing)
  }

  /// Counts the nesting of `body`, and reports an error beyond the limit.
  mutating func nested(_ body: (inout ExpressionParser) -> Expression) -> Expression {
    guard depth < Self.maximumDepth else {
      failTooDeep(at: token.range)
      return missing()
    }
    depth += 1
    defer { depth -= 1 }
    return body(&self)
  }
}

// MARK: - Errors

extension ExpressionParser {
  mutating func failTooDeep(at range: SourceRange) {
    isTooDeep = !hasFailed
    fail("the expression is nested deeper than \(Self.maximumDepth) levels", at: range)
  }

  mutating func fail(
    _ message: String, code: String = "F101", at range: SourceRange, label: String = "", help: String? = nil,
    fixes: [Fix] = []
  ) {
    guard !hasFailed else { return }
    hasFailed = true
    diagnostics.append(Diagnostic(code, .error, message, at: range, label: label, help: help, fixes: fixes))
  }

  /// Reports the next token as unexpected.
  mutating func failUnexpected(_ message: String = "expected the expression to end") {
    let found = token
    switch found.kind {
    case .unterminated: failUnterminated(found)
    case .endOfFile: fail(message, at: found.range, label: "the text ends here")
    case .assign:
      fail(
        message + ", found `=`", at: found.range, help: "equality is written `==`",
        fixes: [Fix("write `==`", .maybe, [Fix.Edit(found.range, "==")])])
    default: fail(message + ", found `\(string(found))`", at: found.range)
    }
  }

  mutating func failUnterminated(_ token: Token) {
    let isName = bytes(token).first == UInt8(ascii: "`")
    fail(
      isName ? "this quoted name has no end" : "this string has no end", code: "F102", at: token.range,
      label: "opened here", help: isName ? "close it with a backtick" : "close it with the quote that opened it")
  }
}
