public import FlowSource

/// The kind of a token, by its spelling alone.
public enum TokenKind: UInt8, Sendable {
  case identifier, quotedIdentifier, int, uint, double, string, bytes, unterminated
  case leftParen, rightParen, leftBracket, rightBracket, leftBrace, rightBrace
  case dot, comma, colon, question
  case plus, minus, star, slash, percent, bang
  case less, lessEqual, greater, greaterEqual, equalEqual, bangEqual, andAnd, orOr
  // Not of CEL; lexed for the flow language that embeds it.
  case assign, arrow, dotDot
  case unknown, endOfFile
}

/// A run of bytes with a kind; its text is read from the source by its range.
public struct Token: Hashable, Sendable {
  public var kind: TokenKind
  public var range: SourceRange

  public init(kind: TokenKind, range: SourceRange) {
    self.kind = kind
    self.range = range
  }
}
