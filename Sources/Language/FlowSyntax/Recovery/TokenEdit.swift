import CEL
import FlowSource

/// A small change of the tokens that may undo a mistake.
struct TokenEdit {
  enum Change { case none, delete, insert, replace, swap }

  var change: Change
  var range: Range<Int>
  var items: [TokenStream.Item]
  /// Lower is tried first.
  var cost: Int
  /// The text that the edit puts in, when it can be offered as a fix.
  var text: String?

  var isNone: Bool { change == .none }

  /// No change: the parser's own recovery.
  static func none(at index: Int) -> TokenEdit {
    TokenEdit(change: .none, range: index..<index, items: [], cost: 0)
  }

  // MARK: - Candidates

  private static let signs: [(kind: TokenKind, text: String)] = [
    (.colon, ":"), (.assign, "="), (.comma, ","), (.arrow, "->"), (.dot, "."), (.leftParen, "("), (.rightParen, ")"),
    (.rightBracket, "]"), (.leftBracket, "["), (.leftBrace, "{"), (.rightBrace, "}"), (.equalEqual, "=="),
    (.plus, "+"), (.less, "<"), (.greater, ">"),
  ]

  private static let words = [
    "on", "do", "when", "state", "event", "final", "in", "for", "as", "by", "per", "expect", "emit", "failed", "call",
    "after", "data", "to", "and", "leads", "from", "send", "let", "flow", "type", "action", "http", "timeout", "retry",
    "backoff", "role", "fails", "entry", "start", "region", "parallel",
  ]

  /// The edits to try at an error, by cost.
  static func candidates(around index: Int, _ reader: TokenReader) -> [TokenEdit] {
    var found: [TokenEdit] = [none(at: index)]
    let last = reader.count - 1
    for (position, cost) in [(index, 2), (index - 1, 3), (index - 2, 5)] where position >= 0 && position < last {
      found.append(TokenEdit(change: .delete, range: position..<(position + 1), items: [], cost: cost))
    }
    for (position, cost) in [(index - 1, 3), (index, 4), (index - 2, 5)] where position >= 0 && position + 1 < last {
      let items = [reader.stream.item(position + 1), reader.stream.item(position)]
      found.append(TokenEdit(change: .swap, range: position..<(position + 2), items: items, cost: cost))
    }
    found += insertions(at: index, cost: 3, reader)
    if index > 0 { found += insertions(at: index - 1, cost: 4, reader).filter { $0.items.first?.word == nil } }
    if index < last { found += replacements(at: index, cost: 4, reader) }
    if index > 0 { found += replacements(at: index - 1, cost: 5, reader) }
    return found.enumerated().sorted { ($0.element.cost, $0.offset) < ($1.element.cost, $1.offset) }.map(\.element)
  }

  private static func insertions(at index: Int, cost: Int, _ reader: TokenReader) -> [TokenEdit] {
    let location = SourceRange(reader.range(index).lower, reader.range(index).lower)
    var found = signs.map { sign in
      TokenEdit(
        change: .insert, range: index..<index, items: [.init(sign.kind, location)], cost: cost, text: sign.text)
    }
    // An empty list represents a missing expression.
    found.append(
      TokenEdit(
        change: .insert, range: index..<index, items: [.init(.leftBracket, location), .init(.rightBracket, location)],
        cost: cost))
    found += words.map { word in
      TokenEdit(
        change: .insert, range: index..<index, items: [.init(.identifier, location, word: word)], cost: cost + 1,
        text: word)
    }
    return found
  }

  private static func replacements(at index: Int, cost: Int, _ reader: TokenReader) -> [TokenEdit] {
    let location = reader.range(index)
    var found = signs.map { sign in
      TokenEdit(
        change: .replace, range: index..<(index + 1), items: [.init(sign.kind, location)], cost: cost, text: sign.text)
    }
    found.append(
      TokenEdit(
        change: .replace, range: index..<(index + 1),
        items: [.init(.leftBracket, location), .init(.rightBracket, location)],
        cost: cost))
    return found
  }

  // MARK: - The message

  /// The error with the edit as its fix.
  func diagnostic(for error: SyntaxError, _ reader: TokenReader) -> Diagnostic {
    var diagnostic = error.diagnostic
    guard diagnostic.fixes.isEmpty else { return diagnostic }
    // A brace that was inserted for a missing one is not in the text, and cannot be edited there.
    guard change == .insert || !range.contains(where: { reader.text($0).isEmpty }) else { return diagnostic }
    switch change {
    case .none: break
    case .delete:
      let text = reader.text(range.lowerBound)
      let other = [range.lowerBound - 1, range.lowerBound + 1].first { reader.text($0) == text }
      if other != nil {
        diagnostic.message = "`\(text)` is written twice"
        diagnostic.range = reader.range(range.lowerBound)
        diagnostic.label = "the second one"
      }
      diagnostic.fixes = [Fix("remove `\(text)`", .maybe, [.init(reader.range(range.lowerBound), "")])]
    case .insert:
      guard let text else { break }
      let location = insertionPoint(reader)
      diagnostic.fixes = [
        Fix("insert `\(text)`", .maybe, [.init(SourceRange(location, location), padded(text, at: location, reader))])
      ]
    case .replace:
      guard let text else { break }
      diagnostic.fixes = [
        Fix(
          "write `\(text)` instead of `\(reader.text(range.lowerBound))`", .maybe,
          [.init(reader.range(range.lowerBound), text)])
      ]
    case .swap:
      let (first, second) = (reader.range(range.lowerBound), reader.range(range.lowerBound + 1))
      diagnostic.fixes = [
        Fix(
          "swap `\(reader.text(range.lowerBound))` and `\(reader.text(range.lowerBound + 1))`", .maybe,
          [.init(first, reader.text(range.lowerBound + 1)), .init(second, reader.text(range.lowerBound))])
      ]
    }
    return diagnostic
  }

  /// Closing signs, commas and colons touch the token before them.
  private func insertionPoint(_ reader: TokenReader) -> UInt32 {
    let isClosing = [":", ",", ")", "]", "."].contains(text ?? "") && range.lowerBound > 0
    return isClosing ? reader.range(range.lowerBound - 1).upper : reader.range(range.lowerBound).lower
  }

  private func padded(_ text: String, at location: UInt32, _ reader: TokenReader) -> String {
    switch text {
    case ":", ",", ")", "]", ".", "(", "[": text
    default: text + " "
    }
  }
}
