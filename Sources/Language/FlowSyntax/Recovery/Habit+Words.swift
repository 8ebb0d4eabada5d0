import CEL
import FlowSource

extension Habit {
  /// Words of other languages inside expressions and reactions.
  static let words: [Rule] = [
    { _, at, reader in
      guard reader.word(at) == "and" || reader.word(at) == "or", reader.endsOperand(at - 1),
        reader.beginsOperand(at + 1)
      else { return nil }
      let (kind, text): (TokenKind, String) = reader.word(at) == "and" ? (.andAnd, "&&") : (.orOr, "||")
      return .sign(kind, text, insteadOf: at, message: "`\(reader.word(at))` is written `\(text)`", reader)
    },
    { _, at, reader in
      // `x not in y`
      guard reader.word(at) == "not", reader.word(at + 1) == "in", reader.endsOperand(at - 1) else { return nil }
      var first = at - 1
      while first > 0, reader.kind(first - 1) == .dot { first -= 2 }
      let last = operandEnd(at + 2, reader)
      let text = "!(\(reader.text(first, at - 1)) in \(reader.text(at + 2, last)))"
      return .write(
        text, insteadOf: first, to: last, message: "`not in` is written `!(… in …)`",
        as: [.init(.bang, reader.range(at)), .init(.leftParen, reader.range(at))]
          + (first..<at).map { reader.stream.item($0) }
          + ((at + 1)..<(last + 1)).map { reader.stream.item($0) } + [.init(.rightParen, reader.range(last))], reader)
    },
    { _, at, reader in
      guard let index = [at, at - 1].first(where: { reader.word($0) == "not" }), reader.beginsOperand(index + 1),
        ["when", "invariant", "let", "const", "expect", "call", "do"].contains(reader.clause(before: index)),
        !["called", "emitted", "state", "log", "ended"].contains(reader.word(index + 1)),
        !isInstance(after: index, reader)
      else { return nil }
      var habit = sign(.bang, "!", insteadOf: index, message: "`not` is written `!`", reader)
      let range = SourceRange(reader.range(index).lower, reader.range(index + 1).lower)
      habit.diagnostic.fixes = [Fix("write `!`", .safe, [.init(range, "!")])]
      return habit
    },
    { _, at, reader in
      guard reader.word(at) == "is", reader.endsOperand(at - 1) else { return nil }
      if reader.word(at + 1) == "not" {
        return .sign(.bangEqual, "!=", insteadOf: at, to: at + 1, message: "`is not` is written `!=`", reader)
      }
      return .sign(.equalEqual, "==", insteadOf: at, message: "`is` is written `==`", reader)
    },
    { _, at, reader in
      let words = ["eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=", "equals": "==", "mod": "%"]
      let kinds: [String: TokenKind] = [
        "==": .equalEqual, "!=": .bangEqual, "<": .less, ">": .greater, "<=": .lessEqual, ">=": .greaterEqual,
        "%": .percent,
      ]
      guard let text = words[reader.word(at)], let kind = kinds[text], reader.endsOperand(at - 1),
        reader.beginsOperand(at + 1), reader.clause(before: at) == "when"
      else { return nil }
      return .sign(kind, text, insteadOf: at, message: "`\(reader.word(at))` is written `\(text)`", reader)
    },
    { _, at, reader in
      // `1_000`
      guard reader.kind(at) == .int, reader.word(at + 1).hasPrefix("_"), reader.touches(at) else { return nil }
      let text = reader.text(at, at + 1).filter { $0 != "_" }
      return .write(
        text, insteadOf: at, to: at + 1, message: "numbers have no `_`", as: [.init(.int, reader.range(at))], reader)
    },
    // Conditions
    { _, at, reader in
      guard ["if", "unless", "where", "provided", "guard"].contains(reader.word(at)), reader.beginsOperand(at + 1),
        at > 0, reader.kind(at - 1) != .leftBrace
      else { return nil }
      // A separate statement: the condition follows its actions.
      if reader.isFirstOnLine(at) || blockFollows(at, reader) { return nil }
      return .word("when", insteadOf: at, message: "a guard is written `when`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .leftBracket, reader.clause(before: at) == "on" || reader.clause(before: at) == "always",
        reader.kind(at - 1) == .identifier
      else { return nil }
      let last = reader.end(ofBracketAt: at) - 1
      let text = "when \(reader.text(at + 1, last - 1))"
      return .write(
        text, insteadOf: at, to: last, message: "a guard is written `when`",
        as: [.init(.identifier, reader.range(at), word: "when")]
          + ((at + 1)..<last).map { reader.stream.item($0) }, reader)
    },
    { _, at, reader in
      guard ["if", "unless", "switch", "match", "while", "case"].contains(reader.word(at)),
        reader.isFirstOnLine(at) || blockFollows(at, reader)
      else { return nil }
      let last = statementEnd(at, reader)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "there is no `\(reader.word(at))`", at: reader.range(at), label: "not a statement",
          help: "branch with guarded reactions, or put a condition behind an action: `paid = 0 when late`"),
        tokens: at..<(last + 1))
    },
    { _, at, reader in
      guard ["else", "elif", "elsif", "elseif", "otherwise", "default"].contains(reader.word(at)),
        reader.kind(at + 1) != .colon, reader.kind(at + 1) != .assign
      else { return nil }
      let last = statementEnd(at, reader)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "there is no `\(reader.word(at))`", at: reader.range(at), label: "not a reaction",
          help: "write another reaction to the same event below, without a guard"),
        tokens: at..<(last + 1))
    },
    // Targets
    { _, at, reader in
      guard reader.kind(at) == .arrow, ["goto", "state", "to"].contains(reader.word(at + 1)),
        reader.kind(at + 2) == .identifier
      else { return nil }
      return .remove(at + 1, message: "a target is `->` and the name of the state", reader)
    },
    { _, at, reader in
      guard reader.kind(at - 1) == .arrow, ["goto", "state", "to"].contains(reader.word(at)),
        reader.kind(at + 1) == .identifier
      else { return nil }
      return .remove(at, message: "a target is `->` and the name of the state", reader)
    },
    { _, at, reader in
      let words = ["goto", "go", "transition", "then", "enter", "become", "jump", "next"]
      guard words.contains(reader.word(at)) else { return nil }
      var last = at
      if reader.word(last + 1) == "to" { last += 1 }
      guard reader.kind(last + 1) == .identifier, !Parser.stopWords.contains(reader.word(last + 1)),
        reader.kind(last + 2) != .assign, reader.kind(last + 2) != .colon
      else { return nil }
      if reader.word(at) == "enter", reader.clause(before: at) == "on" { return nil }
      return .sign(
        .arrow, "->", insteadOf: at, to: last, message: "a target is written `->`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .string, reader.kind(at - 1) == .arrow else { return nil }
      return unquoted(at, what: "the name of a state", reader)
    },
  ]

  /// A name in quotes that is written without.
  static func unquoted(_ at: Int, what: String, _ reader: TokenReader) -> Habit {
    let range = reader.range(at)
    let inner = SourceRange(range.lower + 1, max(range.upper, range.lower + 2) - 1)
    let name = String(reader.source.string(inner).map { $0 == " " || $0 == "-" ? "_" : $0 })
    return Habit(
      diagnostic: Diagnostic(
        "F101", "\(what) is written without quotes", at: range, label: "write `\(name)`",
        fixes: [Fix("write `\(name)`", .safe, [.init(range, name)])]),
      tokens: at..<(at + 1), replacement: [.init(.identifier, inner, word: name)])
  }

  /// Returns whether a block follows on the same line, as after `if (x) {`.
  static func blockFollows(_ index: Int, _ reader: TokenReader) -> Bool {
    let end = reader.lineEnd(index)
    guard index < end else { return false }
    var position = index + 1
    while position <= end {
      if reader.kind(position) == .arrow || reader.word(position) == "do" { return false }
      if reader.kind(position) == .leftBrace {
        return !(reader.kind(position - 1) == .identifier && reader.touches(position - 1))
      }
      position += 1
    }
    return false
  }

  /// The last token of a foreign statement: with its block and an `else`, or to the end of the line.
  static func statementEnd(_ index: Int, _ reader: TokenReader) -> Int {
    var position = index + 1
    let end = reader.lineEnd(index)
    var last = index
    while position <= max(end, last), position < reader.count - 1 {
      if reader.kind(position) == .rightBrace { break }
      if [.leftBrace, .leftParen, .leftBracket].contains(reader.kind(position)) {
        position = reader.end(ofBracketAt: position)
        last = position - 1
        if reader.word(position) == "else" { last = position }
        continue
      }
      last = position
      position += 1
    }
    if reader.word(last + 1) == "else" { return statementEnd(last + 1, reader) }
    return last
  }

  /// The last token of a primary with its selections and calls.
  static func operandEnd(_ index: Int, _ reader: TokenReader) -> Int {
    var last = index
    if [.leftParen, .leftBracket].contains(reader.kind(index)) { last = reader.end(ofBracketAt: index) - 1 }
    while reader.kind(last + 1) == .dot, reader.kind(last + 2) == .identifier {
      last += 2
      if reader.kind(last + 1) == .leftParen { last = reader.end(ofBracketAt: last + 1) - 1 }
    }
    return last
  }
}
