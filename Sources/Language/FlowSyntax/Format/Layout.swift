import CEL
import FlowSource

/// Reads the tokens of a file without syntax errors, and determines their layout.
///
/// A simplified recursive descent next to the parser's: it decides by the same single token, but only determines which
/// tokens belong together. Each token is consumed once and in order, so that none can be lost.
struct Layout {
  let source: SourceFile
  let tokens: [Token]
  var position = 0
  /// As in ``ExpressionParser/takesRecords``.
  var takesRecords = true
  /// The token whose comments are already written.
  private var commentsTakenAt = -1

  init(_ file: ParsedFile) {
    source = file.source
    tokens = file.tokens
  }

  // MARK: - The cursor

  var token: Token { tokens[min(position, tokens.count - 1)] }

  func peek(_ distance: Int = 1) -> Token { tokens[min(position + distance, tokens.count - 1)] }

  var isAtEnd: Bool { token.kind == .endOfFile }

  func at(_ kind: TokenKind) -> Bool { token.kind == kind }

  func at(_ keyword: String) -> Bool { isWord(token, keyword) }

  func isWord(_ token: Token, _ word: String) -> Bool {
    token.kind == .identifier && token.range.count == word.utf8.count
      && source.slice(token.range).elementsEqual(word.utf8)
  }

  var word: String { token.kind == .identifier ? source.string(token.range) : "" }

  /// True if two tokens touch each other, as those of `30m` do.
  var touchesNext: Bool { token.range.upper == peek().range.lower }

  /// The white space and comments before the token at `index`.
  func gap(before index: Int) -> Gap {
    guard index < tokens.count else { return Gap(SourceRange(0, 0), in: source, isFirst: false) }
    let start = index > 0 ? tokens[index - 1].range.upper : source.base
    let end = tokens[index].range.lower
    return start == end ? Gap() : Gap(SourceRange(start, end), in: source, isFirst: index == 0)
  }

  var hasNewlineBefore: Bool { gap(before: position).hasNewline }

  /// Returns whether the text has a line end between the ends of two tokens.
  func hasNewline(from first: Token, to last: Token) -> Bool {
    source.slice(SourceRange(first.range.upper, last.range.upper)).contains(UInt8(ascii: "\n"))
  }

  // MARK: - Consuming tokens

  /// The next token with the comments before it and on its line.
  mutating func next() -> Doc { next(isShown: true) }

  /// The comments around the next token, without the token itself.
  mutating func drop() -> Doc { next(isShown: false) }

  private mutating func next(isShown: Bool) -> Doc {
    let token = self.token
    let trailing = gap(before: position + 1).trailing
    let leading = leadingComments(isShown: isShown)
    if !isAtEnd { position += 1 }
    if leading == nil, trailing == nil, isShown { return .token(token.range) }
    var parts = leading ?? []
    if isShown { parts.append(.token(token.range)) }
    if let trailing { parts.append(.comment(trailing, isTrailing: true)) }
    return .concat(parts)
  }

  /// The comments on lines of their own before the next token; nil when all of them have been written.
  private func leadingComments(isShown: Bool) -> [Doc]? {
    guard commentsTakenAt != position else { return nil }
    let gap = gap(before: position)
    guard !gap.comments.isEmpty else { return nil }
    var parts = comments(of: gap)
    if isShown, gap.endsInBlankLine { parts.append(.blankLine) }
    return parts
  }

  private func comments(of gap: Gap) -> [Doc] {
    var parts: [Doc] = []
    for (index, comment) in gap.comments.enumerated() {
      if index > 0, comment.hasBlankLine { parts.append(.blankLine) }
      parts.append(.comment(comment.range, isTrailing: false))
    }
    return parts
  }

  /// The comments before the end of a block, which belong to the block.
  mutating func commentsBeforeEnd(isEmpty: Bool) -> [Doc] {
    let gap = gap(before: position)
    commentsTakenAt = position
    guard !gap.comments.isEmpty else { return [] }
    return [gap.startsWithBlankLine && !isEmpty ? .blankLine : .hardLine] + comments(of: gap)
  }

  /// The next token and a space.
  mutating func nextWord() -> Doc { .concat([next(), .space]) }

  /// The next token if it is of that kind.
  mutating func next(if kind: TokenKind) -> Doc { at(kind) ? next() : .empty }

  // MARK: - Blocks

  /// Items between braces: on one line if the author had them there and they fit, otherwise on separate lines.
  /// - Parameters:
  ///   - mayBeShort: True if they may be on one line.
  ///   - spaces: The text between them in that case.
  ///   - opening: The text before the opening brace, in the same group.
  mutating func block(
    isShort mayBeShort: Bool = true, spaces: Int = 2, opening: (Doc) -> Doc = { $0 }, _ item: (inout Layout) -> Doc
  ) -> Doc {
    guard at(.leftBrace) else { return .empty }
    let first = token
    let open = opening(next())
    var items: [Doc] = []
    var separators: [Doc] = []
    while !at(.rightBrace), !isAtEnd {
      separators.append(gap(before: position).startsWithBlankLine && !items.isEmpty ? .blankLine : .hardLine)
      let before = position
      var doc = item(&self)
      if position == before { doc = next() }
      items.append(doc)
    }
    let isOneLine = !hasNewline(from: first, to: token) && !items.contains(where: \.hasHardBreak)
    let isShort = mayBeShort && isOneLine
    let last = commentsBeforeEnd(isEmpty: items.isEmpty)
    let close = next(if: .rightBrace)
    if items.isEmpty, last.isEmpty, isShort || !open.hasHardBreak { return .concat([open, close]) }
    if isShort {
      let inner = [.line(1)] + joined(items, by: .line(spaces))
      return .group(.concat([open, .indent(2, .concat(inner)), .line(1), close]))
    }
    let inner = zip(separators, items).flatMap { [$0, $1] } + last
    return .concat([open, .fresh(.concat([.indent(2, .concat(inner)), .hardLine, close]))])
  }

  func joined(_ items: [Doc], by separator: Doc) -> [Doc] {
    Array(items.map { [$0] }.joined(separator: [separator]))
  }

  /// Items with commas between brackets: on one line if they fit, otherwise one per line.
  mutating func list(until close: TokenKind, _ item: (inout Layout) -> Doc) -> Doc {
    let open = next()
    var items: [Doc] = []
    while !at(close), !isAtEnd {
      let before = position
      var doc = item(&self)
      if at(.comma) { doc = .concat([doc, next()]) }
      if position == before { doc = next() }
      items.append(doc)
    }
    let end = next(if: close)
    if items.isEmpty { return .concat([open, end]) }
    let inner = [.softLine] + joined(items, by: .line(1))
    return .group(.concat([open, .indent(2, .concat(inner)), .softLine, end]))
  }
}
