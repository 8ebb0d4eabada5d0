import CEL
import FlowSource

/// A form of another language that is recognised at a syntax error, with the right form as the fix.
struct Habit {
  var diagnostic: Diagnostic
  /// The tokens that are replaced so that parsing continues.
  var tokens: Range<Int>
  var replacement: [TokenStream.Item] = []
  /// Errors up to this token belong to the habit as well.
  var resolvedUpTo: Int?

  typealias Rule = @Sendable (_ error: SyntaxError, _ at: Int, _ reader: TokenReader) -> Habit?

  /// The habits that fit an error. The mistake may be the token before the one where the parser noticed it.
  static func all(at error: SyntaxError, in reader: TokenReader) -> [Habit] {
    let rules = additions + tests + signs + words + clauses + declarations + statements
    return [error.index, error.index - 1].filter { $0 >= 0 }.flatMap { index in
      rules.compactMap { $0(error, index, reader) }
    }
  }

  /// A habit whose tokens from `first` to `last` are written as `text` in Flow.
  static func write(
    _ text: String, insteadOf first: Int, to last: Int? = nil, message: String, help: String? = nil,
    as replacement: [TokenStream.Item], _ reader: TokenReader
  ) -> Habit {
    let end = last ?? first
    let range = reader.range(first, end)
    let title = text.isEmpty ? "remove `\(reader.text(first, end))`" : "write `\(text)`"
    return Habit(
      diagnostic: Diagnostic(
        "F101", message, at: range, label: text.isEmpty ? "not part of the language" : "write `\(text)`", help: help,
        fixes: [Fix(title, .maybe, [.init(range, text)])]),
      tokens: first..<(end + 1), replacement: replacement)
  }

  /// One sign for others.
  static func sign(
    _ kind: TokenKind, _ text: String, insteadOf first: Int, to last: Int? = nil, message: String,
    _ reader: TokenReader
  ) -> Habit {
    write(
      text, insteadOf: first, to: last, message: message, as: [.init(kind, reader.range(first, last ?? first))], reader)
  }

  /// One word for another.
  static func word(
    _ word: String, insteadOf first: Int, to last: Int? = nil, message: String, help: String? = nil,
    _ reader: TokenReader
  ) -> Habit {
    write(
      word, insteadOf: first, to: last, message: message, help: help,
      as: [.init(.identifier, reader.range(first, last ?? first), word: word)], reader)
  }

  /// Tokens that are left out.
  static func remove(_ first: Int, to last: Int? = nil, message: String, help: String? = nil, _ reader: TokenReader)
    -> Habit
  {
    write("", insteadOf: first, to: last, message: message, help: help, as: [], reader)
  }
}

extension TokenReader {
  /// Returns whether the tokens from `index` on have these texts.
  func matches(_ index: Int, _ texts: String...) -> Bool {
    texts.enumerated().allSatisfy { text(index + $0.offset) == $0.element }
  }

  /// Returns whether a token ends an operand, so that an operator may follow.
  func endsOperand(_ index: Int) -> Bool {
    switch kind(index) {
    case .identifier: !Parser.stopWords.contains(word(index))
    case .int, .uint, .double, .string, .bytes, .rightParen, .rightBracket, .rightBrace, .quotedIdentifier: true
    default: false
    }
  }

  /// Returns whether a token starts an operand.
  func beginsOperand(_ index: Int) -> Bool {
    switch kind(index) {
    case .identifier, .int, .uint, .double, .string, .bytes, .leftParen, .leftBracket, .bang, .minus, .quotedIdentifier:
      true
    default: false
    }
  }

  /// The nearest word of the language before a token within the same clause.
  func clause(before index: Int) -> String {
    var position = index - 1
    let words: Set<String> = [
      "when", "do", "on", "always", "after", "every", "at", "invariant", "let", "const", "entry", "exit", "data",
      "call", "emit", "raise", "log", "once", "start", "expect", "send", "event", "type", "enum", "action", "flow",
      "role",
      "fn", "test", "import", "state", "final", "failed", "region", "parallel", "key", "version",
    ]
    while position >= 0, index - position < 200 {
      if words.contains(word(position)), kind(position - 1) != .dot, kind(position + 1) != .dot {
        return word(position)
      }
      if kind(position) == .arrow { return "->" }
      position -= 1
    }
    return ""
  }

  /// The index after the bracket that closes the one at `index`.
  func end(ofBracketAt index: Int) -> Int {
    stream.tokens.end(ofBracketAt: index) ?? max(index, count - 1)
  }
}
