import CEL
public import FlowSource

/// Parses a `.flow` file. Never fails: an error becomes a diagnostic, and the rest of the file is parsed.
///
/// Recursive descent with one token of lookahead around CEL's own parser, which parses every expression from the same
/// tokens. A file with syntax errors is repaired token by token, so that one mistake gives one message.
/// - Complexity: O(n) in the length of the text.
public func parse(_ source: SourceFile) -> ParsedFile {
  let (tokens, invisible) = withoutInvisibleCharacters(tokenize(source.text, base: source.base), source)
  var parser = Parser(source, TokenStream(tokens))
  var declarations = parser.parseFile()
  var errors: [Diagnostic] = []
  var broken = BrokenParts()
  if parser.hasSyntaxErrors, tokens.count > Recovery.maximumTokens {
    errors = parser.syntaxErrors.prefix(Parser.maximumDiagnostics).map(\.diagnostic)
    broken.ranges = [source.range]
  } else if parser.hasSyntaxErrors {
    var recovery = Recovery(source, TokenStream(tokens))
    (declarations, parser) = recovery.run()
    errors = recovery.diagnostics
    broken = recovery.brokenParts(declarations, parser)
  }
  let diagnostics = (encodingProblem(source) + invisible + errors + parser.diagnostics).sortedByRange()
  return ParsedFile(
    source: source, tokens: tokens, declarations: declarations, qualified: parser.qualified,
    diagnostics: Array(diagnostics.prefix(Parser.maximumDiagnostics)), broken: broken)
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

/// The words that are names only after `.` and before `:`, as names of members.
public let reservedWords: Set<String> = ["do", "when", "by", "on", "always", "entry", "exit", "call", "state"]

/// A syntax error at a token.
struct SyntaxError {
  var index: Int
  var diagnostic: Diagnostic
}

/// The tokens with a cursor, and the basic operations of all productions.
struct Parser {
  /// The maximum nesting depth of states.
  static let maximumDepth = 32
  /// The maximum number of errors reported for one file.
  static let maximumDiagnostics = 20

  let source: SourceFile
  let tokens: [Token]
  /// The words of repaired tokens, by index.
  let words: [Int: String]
  var expressions: ExpressionParser
  /// Errors that leave the structure intact, such as an invalid duration.
  var diagnostics: [Diagnostic] = []
  /// Syntax errors with the index of their token, without those of expressions.
  private var structural: [SyntaxError] = []
  /// The end of the text before the first token.
  var firstGap: UInt32
  /// The indices of tokens that belong to no declaration.
  private(set) var skipped: [Int] = []
  var depth = 0
  /// The names that imports assign to files, and the names qualified with one of them.
  var aliases: Set<String> = []
  var qualified: [QualifiedName] = []
  /// True if only the text of states is kept.
  var isOutline = false
  private var lastReport = -1

  init(_ source: SourceFile, _ stream: TokenStream) {
    self.source = source
    tokens = stream.tokens
    words = stream.words
    firstGap = source.base
    self.expressions = ExpressionParser(
      tokens: tokens, text: source.text, base: source.base, stopWords: Parser.stopWords)
  }

  /// The word of a repaired token in place of a string.
  static let repairedName = "\u{0}"

  /// Words that can't start an expression, so that a missing expression is reported at its location.
  static let stopWords = reservedWords

  var position: Int {
    get { expressions.position }
    set { expressions.position = newValue }
  }

  var token: Token { tokens[min(position, tokens.count - 1)] }

  func peek(_ distance: Int = 1) -> Token { tokens[min(position + distance, tokens.count - 1)] }

  func text(_ token: Token) -> String { source.string(token.range) }

  /// The identifier at the cursor; empty for any other token.
  var word: String { token.kind == .identifier ? words[position] ?? text(token) : "" }

  /// The duration of a repaired token.
  var repairedDuration: String? { token.kind == .int ? words[position] : nil }

  var isAtEnd: Bool { token.kind == .endOfFile }

  func at(_ kind: TokenKind) -> Bool { token.kind == kind }

  func at(_ keyword: String) -> Bool { token.kind == .identifier && word == keyword }

  mutating func advance() { if !isAtEnd { position += 1 } }

  /// Consumes the token if it is of this kind.
  mutating func accept(_ kind: TokenKind) -> Bool {
    guard at(kind) else { return false }
    advance()
    return true
  }

  mutating func accept(_ keyword: String) -> Bool {
    guard at(keyword) else { return false }
    advance()
    return true
  }

  /// Consumes the token, or reports the expected one.
  @discardableResult
  mutating func expect(_ kind: TokenKind, _ what: String) -> Bool {
    if accept(kind) { return true }
    reportExpected("expected \(what)")
    return false
  }

  /// The range from a start to the end of the last consumed token.
  func range(from start: SourceRange) -> SourceRange {
    let last = position > 0 ? tokens[min(position, tokens.count) - 1].range : start
    return last.upper >= start.lower ? SourceRange(start.lower, max(last.upper, start.upper)) : start
  }

  /// Reports an error at the cursor; a second one at the same token is a consequence and is not reported.
  mutating func reportExpected(_ message: String, help: String? = nil) {
    guard lastReport != position else { return }
    lastReport = position
    // An error that the expression parser has reported at this token is not reported again.
    guard expressions.diagnostics.last?.range != token.range else { return }
    structural.append(
      SyntaxError(
        index: position,
        diagnostic: Diagnostic("F101", "\(message), found \(foundToken)", at: token.range, label: "here", help: help)))
  }

  /// The token at the cursor as a message names it. A brace that was inserted for a missing one has no text.
  private var foundToken: String {
    if isAtEnd { return "the end of the file" }
    let text = text(token)
    return text.isEmpty ? "the end of the block" : "`\(text)`"
  }

  /// Reports a token that belongs to no production, and skips to the next member.
  mutating func reportUnexpected(in what: String) {
    if lastReport != position, expressions.diagnostics.last?.range != token.range {
      structural.append(
        SyntaxError(
          index: position,
          diagnostic: Diagnostic("F101", "unexpected \(foundToken) in \(what)", at: token.range, label: "here")))
    }
    lastReport = position
    skipToMember()
  }

  var hasSyntaxErrors: Bool { !structural.isEmpty || !expressions.diagnostics.isEmpty }

  /// The syntax errors in the order of the text.
  var syntaxErrors: [SyntaxError] {
    let inExpressions = expressions.diagnostics.map { SyntaxError(index: index(of: $0.range.lower), diagnostic: $0) }
    return (structural + inExpressions).sorted {
      ($0.index, $0.diagnostic.range.lower) < ($1.index, $1.diagnostic.range.lower)
    }
  }

  /// The last token that starts at or before an offset.
  private func index(of offset: UInt32) -> Int {
    var (low, high) = (0, tokens.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if tokens[middle].range.lower <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// A name. The keywords that start a following clause are not names, so that a missing name is reported at its
  /// location.
  mutating func name(_ what: String) -> NameNode {
    let start = token.range
    guard at(.identifier), !Parser.stopWords.contains(word) else {
      reportExpected("expected \(what)", help: reservedHelp)
      return NameNode(text: "", range: SourceRange(start.lower, start.lower))
    }
    let text = word
    advance()
    return NameNode(text: text, range: start)
  }

  /// The help for a reserved word in place of a name; nil for one that begins the next line.
  var reservedHelp: String? {
    guard position > 0, Parser.stopWords.contains(word) else { return nil }
    let gap = SourceRange(tokens[position - 1].range.upper, token.range.lower)
    guard !source.slice(gap).contains(0x0A) else { return nil }
    return "`\(word)` is a reserved word; it is a name only after `.` and before `:`"
  }

  /// The name of a member before `:`, which may be a reserved word.
  mutating func memberName(_ what: String) -> NameNode {
    Parser.stopWords.contains(word) && peek().kind == .colon ? anyWord() : name(what)
  }

  /// The name of a member after `.`, which may be a reserved word.
  mutating func nameAfterDot(_ what: String) -> NameNode { at(.identifier) ? anyWord() : name(what) }

  /// The identifier at the cursor as a name, reserved or not.
  private mutating func anyWord() -> NameNode {
    let node = NameNode(text: word, range: token.range)
    advance()
    return node
  }

  mutating func path(_ what: String) -> PathNode {
    let start = token.range
    var names = [name(what)]
    while at(.dot), peek().kind == .identifier {
      advance()
      names.append(nameAfterDot(what))
    }
    let path = PathNode(names: names, range: names[0].isMissing ? names[0].range : range(from: start))
    return aliases.isEmpty ? path : withoutAlias(path)
  }

  mutating func names(_ what: String) -> [NameNode] {
    var found = [name(what)]
    while accept(.comma) { found.append(name(what)) }
    return found
  }

  mutating func expression() -> Expression {
    let first = position
    let expression = expressions.parseExpression()
    if expressions.isTooDeep { skipExpression(from: first) }
    return aliases.isEmpty ? expression : withoutAlias(expression)
  }

  /// Reads members up to the closing brace; each iteration consumes at least one token.
  mutating func members(of what: String, _ member: (inout Parser) -> Bool) {
    guard expect(.leftBrace, "`{`") else { return }
    while !at(.rightBrace), !isAtEnd {
      let before = position
      if !member(&self) {
        reportUnexpected(in: what)
      }
      if position == before { skip() }
    }
    expect(.rightBrace, "`}` at the end of \(what)")
  }

  /// Skips unparsable tokens up to the start of a member, or the brace that ends the block.
  mutating func skipToMember() {
    var nesting = 0
    skip()
    while !isAtEnd {
      switch token.kind {
      case .leftBrace, .leftParen, .leftBracket: nesting += 1
      case .rightBrace, .rightParen, .rightBracket:
        if nesting == 0 { return }
        nesting -= 1
      case .identifier where nesting == 0 && Parser.memberWords.contains(word): return
      default: break
      }
      skip()
    }
  }

  /// Skips a token that belongs to no production.
  mutating func skip() {
    if !isAtEnd { skipped.append(position) }
    advance()
  }

  /// Skips the rest of an expression that is nested too deeply: up to its last bracket, and operators with their
  /// operands behind it.
  private mutating func skipExpression(from start: Int) {
    var nesting = (start..<position).reduce(0) { $0 + tokens[$1].kind.nesting }
    var isOperandNext = nesting == 0
    while !isAtEnd {
      let change = token.kind.nesting
      if nesting == 0 {
        let isOperand = token.kind.isOperand && !Parser.stopWords.contains(word)
        guard token.kind.isOperator || at(.leftParen) || at(.leftBracket) || isOperandNext && isOperand else { return }
        isOperandNext = token.kind.isOperator
      }
      nesting += change
      advance()
    }
  }

  static let memberWords: Set<String> = [
    "import", "type", "enum", "const", "fn", "role", "event", "action", "flow", "test", "version", "key", "data",
    "let", "invariant", "never", "migrate", "start", "on", "after", "every", "at", "cron", "always", "state",
    "parallel", "region", "initial", "final", "failed", "entry", "exit", "call", "steps", "rollback", "returns",
    "ongoing", "ignore", "defer", "read", "internal", "send", "expect", "mock", "complete", "fail", "advance",
  ]
}

extension [Token] {
  /// The index after the bracket that closes the one at `index`; nil if none does before the end of the text, which is
  /// the last token.
  func end(ofBracketAt index: Int) -> Int? {
    var nesting = 0
    for position in Swift.max(index, 0)..<Swift.max(index, count - 1) {
      let change = self[position].kind.nesting
      nesting += change
      if change < 0, nesting == 0 { return position + 1 }
    }
    return nil
  }
}

extension TokenKind {
  /// 1 for an opening bracket, -1 for a closing one, 0 for any other token.
  fileprivate var nesting: Int {
    switch self {
    case .leftParen, .leftBracket, .leftBrace: 1
    case .rightParen, .rightBracket, .rightBrace: -1
    default: 0
    }
  }

  /// True for a name, a literal, or the opening bracket of one.
  fileprivate var isOperand: Bool {
    switch self {
    case .identifier, .quotedIdentifier, .int, .uint, .double, .string, .bytes, .leftBrace: true
    default: false
    }
  }

  /// True for a sign that an operand follows.
  fileprivate var isOperator: Bool {
    switch self {
    case .dot, .colon, .question, .plus, .minus, .star, .slash, .percent, .bang, .less, .lessEqual, .greater,
      .greaterEqual, .equalEqual, .bangEqual, .andAnd, .orOr:
      true
    default: false
    }
  }
}
