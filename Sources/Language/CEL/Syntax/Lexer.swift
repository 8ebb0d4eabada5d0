public import FlowSource

/// Cuts `text` into tokens; never fails, and ends with `.endOfFile`.
///
/// White space and `//` comments are skipped: they are the gaps between the ranges. Ranges start at `base`.
/// - Complexity: O(n).
public func tokenize(_ text: [UInt8], base: UInt32 = 0) -> [Token] {
  var lexer = Lexer(text: text, base: base)
  var tokens: [Token] = []
  tokens.reserveCapacity(text.count / 4 + 1)
  while true {
    let token = lexer.next()
    tokens.append(token)
    if token.kind == .endOfFile { return tokens }
  }
}

/// The tokens of a part of a text that begins and ends between tokens, and the end of the text.
public func tokenize(_ text: [UInt8], base: UInt32, part: SourceRange) -> [Token] {
  var lexer = Lexer(text: text, base: base)
  lexer.at = Int(part.lower - base)
  var tokens: [Token] = []
  tokens.reserveCapacity(part.count / 4 + 1)
  while true {
    let token = lexer.next()
    guard token.range.lower < part.upper, token.kind != .endOfFile else { break }
    tokens.append(token)
  }
  tokens.append(Token(kind: .endOfFile, range: SourceRange(part.upper, part.upper)))
  return tokens
}

private struct Lexer {
  let text: [UInt8]
  let base: UInt32
  var at = 0

  private func peek(_ distance: Int = 0) -> UInt8 {
    let index = at + distance
    return index < text.count ? text[index] : 0
  }

  mutating func next() -> Token {
    skipTrivia()
    let start = at
    let kind = scan()
    return Token(kind: kind, range: SourceRange(base + UInt32(start), base + UInt32(at)))
  }

  private mutating func skipTrivia() {
    while at < text.count {
      switch text[at] {
      case 0x20, 0x09, 0x0A, 0x0C, 0x0D: at += 1
      case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
        while at < text.count, text[at] != 0x0A { at += 1 }
      default: return
      }
    }
  }

  private mutating func scan() -> TokenKind {
    guard at < text.count else { return .endOfFile }
    let byte = text[at]
    if isDigit(byte) || (byte == UInt8(ascii: ".") && isDigit(peek(1))) { return scanNumber() }
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return scanQuoted(isRaw: false, kind: .string) }
    if isIdentifierStart(byte) { return scanWord() }
    if byte == UInt8(ascii: "`") { return scanQuotedIdentifier() }
    return scanPunctuation(byte)
  }

  private mutating func scanPunctuation(_ byte: UInt8) -> TokenKind {
    at += 1
    switch byte {
    case UInt8(ascii: "("): return .leftParen
    case UInt8(ascii: ")"): return .rightParen
    case UInt8(ascii: "["): return .leftBracket
    case UInt8(ascii: "]"): return .rightBracket
    case UInt8(ascii: "{"): return .leftBrace
    case UInt8(ascii: "}"): return .rightBrace
    case UInt8(ascii: "."): return accept(".") ? .dotDot : .dot
    case UInt8(ascii: ","): return .comma
    case UInt8(ascii: ":"): return .colon
    case UInt8(ascii: "?"): return .question
    case UInt8(ascii: "+"): return .plus
    case UInt8(ascii: "-"): return accept(">") ? .arrow : .minus
    case UInt8(ascii: "*"): return .star
    case UInt8(ascii: "/"): return .slash
    case UInt8(ascii: "%"): return .percent
    case UInt8(ascii: "!"): return accept("=") ? .bangEqual : .bang
    case UInt8(ascii: "<"): return accept("=") ? .lessEqual : .less
    case UInt8(ascii: ">"): return accept("=") ? .greaterEqual : .greater
    case UInt8(ascii: "="): return accept("=") ? .equalEqual : .assign
    case UInt8(ascii: "&"): return accept("&") ? .andAnd : .unknown
    case UInt8(ascii: "|"): return accept("|") ? .orOr : .unknown
    default:
      while at < text.count, text[at] & 0xC0 == 0x80 { at += 1 }
      return .unknown
    }
  }

  private mutating func accept(_ wanted: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: wanted) else { return false }
    at += 1
    return true
  }

  /// An identifier, or a string with a prefix of `r` and `b`.
  private mutating func scanWord() -> TokenKind {
    var prefix = 0
    var isBytes = false
    var isRaw = false
    if isLetter(peek(), "b") {
      isBytes = true
      prefix = 1
    }
    if isLetter(peek(prefix), "r") {
      isRaw = true
      prefix += 1
    }
    let quote = peek(prefix)
    if prefix > 0, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
      at += prefix
      return scanQuoted(isRaw: isRaw, kind: isBytes ? .bytes : .string)
    }
    while isIdentifierPart(peek()) { at += 1 }
    return .identifier
  }

  private mutating func scanQuotedIdentifier() -> TokenKind {
    at += 1
    while at < text.count, text[at] != 0x0A, text[at] != 0x0D {
      at += 1
      if text[at - 1] == UInt8(ascii: "`") { return .quotedIdentifier }
    }
    return .unterminated
  }

  private mutating func scanQuoted(isRaw: Bool, kind: TokenKind) -> TokenKind {
    let quote = text[at]
    let isTriple = peek(1) == quote && peek(2) == quote
    at += isTriple ? 3 : 1
    while at < text.count {
      let byte = text[at]
      if byte == quote, !isTriple || (peek(1) == quote && peek(2) == quote) {
        at += isTriple ? 3 : 1
        return kind
      }
      if !isTriple, byte == 0x0A || byte == 0x0D { return .unterminated }
      let isEscape = byte == UInt8(ascii: "\\") && !isRaw && at + 1 < text.count
      at += isEscape && (isTriple || (peek(1) != 0x0A && peek(1) != 0x0D)) ? 2 : 1
    }
    return .unterminated
  }

  private mutating func scanNumber() -> TokenKind {
    if peek() == UInt8(ascii: "0"), peek(1) == UInt8(ascii: "x"), isHexDigit(peek(2)) {
      at += 2
      while isHexDigit(peek()) { at += 1 }
      return scanUnsignedSuffix() ? .uint : .int
    }
    while isDigit(peek()) { at += 1 }
    var isDouble = false
    if peek() == UInt8(ascii: "."), isDigit(peek(1)) {
      isDouble = true
      at += 1
      while isDigit(peek()) { at += 1 }
    }
    if let length = exponentLength() {
      isDouble = true
      at += length
      while isDigit(peek()) { at += 1 }
    }
    if isDouble { return .double }
    return scanUnsignedSuffix() ? .uint : .int
  }

  /// The bytes of `e`, `e+` or `e-` before an exponent's digits.
  private func exponentLength() -> Int? {
    guard isLetter(peek(), "e") else { return nil }
    let hasSign = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-")
    let length = hasSign ? 2 : 1
    return isDigit(peek(length)) ? length : nil
  }

  /// `5u` is one token, `5us` is a number and a unit.
  private mutating func scanUnsignedSuffix() -> Bool {
    guard isLetter(peek(), "u"), !isIdentifierPart(peek(1)) else { return false }
    at += 1
    return true
  }
}

private func isLetter(_ byte: UInt8, _ lower: Unicode.Scalar) -> Bool { byte | 0x20 == UInt8(ascii: lower) }

private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

private func isHexDigit(_ byte: UInt8) -> Bool {
  isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"))
}

private func isIdentifierStart(_ byte: UInt8) -> Bool {
  (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")) || byte == UInt8(ascii: "_")
}

private func isIdentifierPart(_ byte: UInt8) -> Bool { isIdentifierStart(byte) || isDigit(byte) }
