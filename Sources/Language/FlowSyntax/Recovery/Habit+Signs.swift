import CEL
import FlowSource

extension Habit {
  /// Signs of other languages.
  static let signs: [Rule] = [
    // Comments
    { _, at, reader in
      guard reader.text(at) == "#" else { return nil }
      let last = reader.lineEnd(at)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "comments begin with `//`", at: reader.range(at), label: "write `//`",
          fixes: [Fix("write `//`", .safe, [.init(reader.range(at), "//")])]),
        tokens: at..<(last + 1))
    },
    { _, at, reader in
      guard reader.kind(at) == .slash, reader.kind(at + 1) == .star, reader.touches(at) else { return nil }
      var last = at + 2
      while last < reader.count - 1, !(reader.kind(last - 1) == .star && reader.kind(last) == .slash) { last += 1 }
      let range = reader.range(at, min(last, reader.count - 2))
      let inner = reader.source.string(range).dropFirst(2).dropLast(2)
      let lines = inner.split(separator: "\n").map { "// " + String($0.drop { $0 == " " || $0 == "*" }) }
      return Habit(
        diagnostic: Diagnostic(
          "F101", "comments begin with `//` and end with the line", at: reader.range(at, at + 1), label: "write `//`",
          fixes: [Fix("write `//` comments", .maybe, [.init(range, lines.joined(separator: "\n") + "\n")])]),
        tokens: at..<(min(last, reader.count - 2) + 1))
    },
    { _, at, reader in
      guard reader.text(at) == ";" else { return nil }
      return .remove(at, message: "statements need no `;`", reader)
    },
    // Arrows
    { _, at, reader in
      guard reader.kind(at) == .assign, reader.kind(at + 1) == .greater, reader.touches(at) else { return nil }
      if reader.clause(before: at) != "on", reader.kind(at - 1) == .identifier, isInParentheses(at, reader) {
        return .sign(
          .comma, ",", insteadOf: at, to: at + 1,
          message: "a macro takes the variable and the expression, separated by a comma", reader)
      }
      return .sign(.arrow, "->", insteadOf: at, to: at + 1, message: "the arrow is written `->`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .minus, reader.kind(at + 1) == .arrow, reader.touches(at) else { return nil }
      return .sign(.arrow, "->", insteadOf: at, to: at + 1, message: "the arrow is written `->`", reader)
    },
    { _, at, reader in
      let signs: [String: (TokenKind, String)] = [
        "→": (.arrow, "->"), "⇒": (.arrow, "->"), "≥": (.greaterEqual, ">="), "≤": (.lessEqual, "<="),
        "≠": (.bangEqual, "!="), "×": (.star, "*"), "÷": (.slash, "/"), "–": (.minus, "-"), "−": (.minus, "-"),
        "&": (.andAnd, "&&"), "|": (.orOr, "||"),
      ]
      guard reader.kind(at) == .unknown, let (kind, text) = signs[reader.text(at)] else { return nil }
      return .sign(kind, text, insteadOf: at, message: "`\(reader.text(at))` is written `\(text)`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .unknown, ["$", "@", "?"].contains(reader.text(at)), reader.kind(at + 1) == .identifier
      else { return nil }
      return .remove(at, message: "names have no `\(reader.text(at))`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .unknown, ["“", "”", "„", "‘", "’"].contains(reader.text(at)) else { return nil }
      var last = at + 1
      while last < reader.lineEnd(at), reader.kind(last) != .unknown { last += 1 }
      let range = reader.range(at, last)
      let inner = reader.source.string(SourceRange(reader.range(at).upper, reader.range(last).lower))
      return Habit(
        diagnostic: Diagnostic(
          "F101", "strings are written in straight quotes", at: range, label: "write `\"\(inner)\"`",
          fixes: [Fix("write `\"\(inner)\"`", .safe, [.init(range, "\"\(inner)\"")])]),
        tokens: at..<(last + 1), replacement: placeholder(range))
    },
    // Comparisons
    { _, at, reader in
      guard reader.kind(at) == .equalEqual, reader.kind(at + 1) == .assign, reader.touches(at) else { return nil }
      return .sign(.equalEqual, "==", insteadOf: at, to: at + 1, message: "equality is written `==`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .assign, reader.kind(at - 1) == .equalEqual, reader.kind(at - 1) == .equalEqual,
        reader.touches(at - 1)
      else { return nil }
      return .sign(.equalEqual, "==", insteadOf: at - 1, to: at, message: "equality is written `==`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .assign, reader.kind(at - 1) == .bangEqual, reader.touches(at - 1) else { return nil }
      return .sign(.bangEqual, "!=", insteadOf: at - 1, to: at, message: "inequality is written `!=`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .greater, reader.kind(at - 1) == .less, reader.touches(at - 1) else { return nil }
      return .sign(.bangEqual, "!=", insteadOf: at - 1, to: at, message: "inequality is written `!=`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .assign, ["when", "invariant"].contains(reader.clause(before: at)),
        reader.endsOperand(at - 1), reader.beginsOperand(at + 1)
      else { return nil }
      return .sign(.equalEqual, "==", insteadOf: at, message: "equality is written `==`", reader)
    },
    // Assignments
    { _, at, reader in
      guard reader.kind(at) == .colon, reader.kind(at + 1) == .assign, reader.touches(at) else { return nil }
      return .sign(.assign, "=", insteadOf: at, to: at + 1, message: "an assignment is written `=`", reader)
    },
    { error, at, reader in
      guard reader.kind(at) == .equalEqual || reader.kind(at) == .colon, reader.kind(at - 1) == .identifier,
        error.diagnostic.message.hasPrefix("expected `=` to assign")
      else { return nil }
      return .sign(.assign, "=", insteadOf: at, message: "an assignment is written `=`", reader)
    },
    { _, at, reader in compoundAssignment(at, reader) },
    { _, at, reader in increment(at, reader) },
    // Others
    { _, at, reader in
      guard reader.kind(at) == .colon, reader.kind(at + 1) == .colon, reader.touches(at) else { return nil }
      return .sign(.dot, ".", insteadOf: at, to: at + 1, message: "names are joined by `.`", reader)
    },
    { error, index, reader in
      var at = index
      if error.diagnostic.message.hasPrefix("expected `:` and the value") {
        while at > reader.lineStart(index), reader.kind(at) != .question { at -= 1 }
      }
      guard reader.kind(at) == .question, reader.kind(at + 1) == .dot, reader.touches(at) else { return nil }
      return .write(
        ".?", insteadOf: at, to: at + 1, message: "an optional member is written `.?`",
        as: [.init(.dot, reader.range(at)), .init(.question, reader.range(at + 1))], reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .question, reader.kind(at - 1) == .question, reader.touches(at - 1) else { return nil }
      return orValue(from: at - 1, reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .question, reader.kind(at + 1) == .question, reader.touches(at) else { return nil }
      return orValue(from: at, reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .star, reader.kind(at - 1) == .star, reader.touches(at - 1) else { return nil }
      return .sign(.star, "*", insteadOf: at - 1, to: at, message: "there is no operator `**`", reader)
    },
  ]

  /// An expression for tokens that can't be read.
  static func placeholder(_ range: SourceRange) -> [TokenStream.Item] {
    [.init(.leftBracket, range), .init(.rightBracket, SourceRange(range.upper, range.upper))]
  }

  static func isInParentheses(_ index: Int, _ reader: TokenReader) -> Bool {
    var depth = 0
    var position = index - 1
    while position >= 0, index - position < 100 {
      switch reader.kind(position) {
      case .rightParen: depth += 1
      case .leftParen:
        if depth == 0 { return true }
        depth -= 1
      case .leftBrace, .rightBrace, .arrow: return false
      default: break
      }
      position -= 1
    }
    return false
  }

  /// `x += 1` is `x = x + 1`.
  private static func compoundAssignment(_ at: Int, _ reader: TokenReader) -> Habit? {
    let kinds: Set<TokenKind> = [.plus, .minus, .star, .slash, .percent]
    guard kinds.contains(reader.kind(at)), reader.kind(at + 1) == .assign, reader.touches(at) else { return nil }
    let first = targetStart(before: at, reader)
    guard first < at else { return nil }
    let name = reader.text(first, at - 1)
    let operation = reader.text(at)
    let copies = (first..<at).map { reader.stream.item($0) }
    return .write(
      "= \(name) \(operation)", insteadOf: at, to: at + 1,
      message: "`\(name) \(operation)= …` is written `\(name) = \(name) \(operation) …`",
      as: [.init(.assign, reader.range(at + 1))] + copies + [.init(reader.kind(at), reader.range(at))], reader)
  }

  /// `x++` is `x = x + 1`.
  private static func increment(_ at: Int, _ reader: TokenReader) -> Habit? {
    guard reader.kind(at) == .plus || reader.kind(at) == .minus, reader.kind(at + 1) == reader.kind(at),
      reader.touches(at)
    else { return nil }
    let first = targetStart(before: at, reader)
    guard first < at, ["do", "entry", "exit", "on", "start"].contains(reader.clause(before: first)) else { return nil }
    let name = reader.text(first, at - 1)
    let copies = (first..<at).map { reader.stream.item($0) }
    return .write(
      " = \(name) \(reader.text(at)) 1", insteadOf: at, to: at + 1,
      message: "`\(name)\(reader.text(at, at + 1))` is written `\(name) = \(name) \(reader.text(at)) 1`",
      as: [.init(.assign, reader.range(at))] + copies, reader)
  }

  /// The first token of `a.b.c` that ends before `index`.
  private static func targetStart(before index: Int, _ reader: TokenReader) -> Int {
    var first = index
    while first > 0, reader.kind(first - 1) == .identifier, !Parser.stopWords.contains(reader.word(first - 1)) {
      first -= 1
      guard first > 0, reader.kind(first - 1) == .dot else { break }
      first -= 1
    }
    return first
  }

  /// `a ?? b` is `a.orValue(b)`.
  private static func orValue(from first: Int, _ reader: TokenReader) -> Habit? {
    guard reader.beginsOperand(first + 2) else { return nil }
    var last = first + 2
    if reader.kind(last) == .leftParen || reader.kind(last) == .leftBracket { last = reader.end(ofBracketAt: last) - 1 }
    while reader.kind(last + 1) == .dot { last += 2 }
    if reader.kind(last + 1) == .leftParen { last = reader.end(ofBracketAt: last + 1) - 1 }
    let other = reader.text(first + 2, last)
    let location = SourceRange(reader.range(first - 1).upper, reader.range(last).upper)
    return Habit(
      diagnostic: Diagnostic(
        "F101", "a fallback is written `.orValue(…)`", at: reader.range(first, first + 1),
        label: "write `.orValue(\(other))`",
        fixes: [Fix("write `.orValue(\(other))`", .maybe, [.init(location, ".orValue(\(other))")])]),
      tokens: first..<(last + 1))
  }
}
