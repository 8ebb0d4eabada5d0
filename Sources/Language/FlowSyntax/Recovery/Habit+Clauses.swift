import CEL
import FlowSource
import FlowTime

extension Habit {
  /// Clauses of reactions, calls and policies in another order or form.
  static let clauses: [Rule] = [
    // Durations
    { error, at, reader in
      guard reader.kind(at) == .string, isDurationExpected(at, reader) else { return nil }
      let range = reader.range(at)
      let inner = SourceRange(range.lower + 1, range.upper - 1)
      guard let text = duration(reader.source.string(inner)) else { return nil }
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a duration is written without quotes", at: range, label: "write `\(text)`",
          fixes: [Fix("write `\(text)`", .safe, [.init(range, text)])]),
        tokens: at..<(at + 1), replacement: durationItems(range, text))
    },
    { _, at, reader in
      // `30 minutes`, `30 m`, `3days`
      let index = reader.kind(at) == .int ? at : at - 1
      guard reader.kind(index) == .int, reader.kind(index + 1) == .identifier, isDurationExpected(index, reader),
        let text = duration(reader.text(index) + " " + reader.word(index + 1)),
        reader.text(index, index + 1) != text
      else { return nil }
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a duration is written `\(text)`", at: reader.range(index, index + 1), label: "write `\(text)`",
          fixes: [Fix("write `\(text)`", .safe, [.init(reader.range(index, index + 1), text)])]),
        tokens: index..<(index + 2), replacement: durationItems(reader.range(index, index + 1), text))
    },
    { error, at, reader in
      guard reader.kind(at) == .int, ["timeout", "backoff", "per", "advance", "for"].contains(reader.word(at - 1)),
        error.diagnostic.message.contains("such as `30m`")
      else { return nil }
      let text = reader.text(at) + (reader.word(at - 1) == "for" ? "d" : "s")
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a duration needs a unit", at: reader.range(at), label: "of what?",
          help: "write `\(text)`, or another unit: d, h, m, s or ms",
          fixes: [Fix("write `\(text)`", .maybe, [.init(reader.range(at), text)])]),
        tokens: at..<(at + 1), replacement: durationItems(reader.range(at), text))
    },
    // The order of clauses
    { _, at, reader in moved(.arrow, word: nil, at: at, reader) },
    { _, at, reader in moved(nil, word: "when", at: at, reader) },
    { _, at, reader in moved(nil, word: "by", at: at, reader) },
    // Blocks after triggers
    { _, at, reader in
      guard reader.kind(at) == .leftBrace,
        ["on", "->", "after", "every", "always", "when", "start"].contains(reader.clause(before: at)),
        reader.endsOperand(at - 1)
      else { return nil }
      let range = SourceRange(reader.range(at).lower, reader.range(at).lower)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the actions of a reaction follow `do`", at: reader.range(at), label: "write `do {`",
          fixes: [Fix("write `do {`", .safe, [.init(range, "do ")])]),
        tokens: at..<at, replacement: [.init(.identifier, reader.range(at), word: "do")])
    },
    { _, at, reader in
      // `on Paid(event) -> x`
      guard reader.kind(at) == .leftParen, reader.word(at - 2) == "on", reader.kind(at - 1) == .identifier else {
        return nil
      }
      let last = reader.end(ofBracketAt: at) - 1
      return .remove(
        at, to: last, message: "a trigger takes no parameters", help: "read the payload as `event.field`", reader)
    },
    { _, at, reader in
      // `on Paid: -> x`, `state open: {`, `timeout: 10s`, `key: id`
      guard reader.kind(at) == .colon || reader.kind(at) == .assign, reader.kind(at - 1) == .identifier else {
        return nil
      }
      let settings: Set<String> = [
        "timeout", "retry", "limit", "backoff", "version", "key", "worker", "returns", "start", "entry", "exit", "data",
        "hmac", "header", "secret", "signed", "expect", "priority", "once", "send", "always", "do", "when", "invariant",
        "initial", "steps",
      ]
      let isAfterTrigger = reader.word(at - 2) == "on" && reader.clause(before: at) == "on"
      let beforeBlock =
        reader.kind(at) == .colon && reader.kind(at + 1) == .leftBrace
        && declarationKeywords.contains(reader.word(at - 2))
      guard settings.contains(reader.word(at - 1)) || isAfterTrigger || beforeBlock else { return nil }
      return .remove(at, message: "`\(reader.word(at - 1))` takes no `\(reader.text(at))`", reader)
    },
    // Arguments
    { error, at, reader in
      guard error.diagnostic.message.hasPrefix("expected `:`"), reader.kind(at) == .assign,
        isInParentheses(at, reader) || reader.kind(at - 1) == .identifier
      else { return nil }
      return .sign(.colon, ":", insteadOf: at, message: "a name and its value are separated by `:`", reader)
    },
    { error, at, reader in
      // Positional arguments
      guard isInParentheses(at, reader), let open = openParenthesis(before: at, reader),
        reader.kind(open - 1) == .identifier,
        reader.kind(open + 1) != .rightParen, reader.kind(open + 2) != .colon,
        error.diagnostic.message.hasPrefix("expected `:`")
          || error.diagnostic.message.hasPrefix("expected `)` after the arguments")
      else { return nil }
      let last = reader.end(ofBracketAt: open) - 1
      return Habit(
        diagnostic: Diagnostic(
          "F101", "arguments are named", at: reader.range(open + 1, last - 1), label: "without a name",
          help: "write `\(reader.text(open - 1))(name: \(argument(after: open, before: last, reader)))`"),
        tokens: (open + 1)..<last)
    },
    { error, at, reader in
      // `call ship` without arguments
      guard error.diagnostic.message.hasPrefix("expected `(` and the arguments"), reader.kind(at - 1) == .identifier,
        at == error.index
      else { return nil }
      let location = SourceRange(reader.range(at - 1).upper, reader.range(at - 1).upper)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a call has parentheses", at: reader.range(at - 1), label: "write `\(reader.text(at - 1))()`",
          fixes: [Fix("write `()`", .safe, [.init(location, "()")])]),
        tokens: at..<at, replacement: [.init(.leftParen, location), .init(.rightParen, location)])
    },
    { error, at, reader in
      // `emit Done(id: 1)`
      guard reader.kind(at) == .colon, let open = openParenthesis(before: at, reader),
        ["emit", "raise", "send", "emitted"].contains(reader.word(open - 2)), reader.kind(open - 1) == .identifier
      else { return nil }
      let last = reader.end(ofBracketAt: open) - 1
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the fields of an event are written in braces", at: reader.range(open, last),
          label: "write `{\(reader.text(open + 1, last - 1))}`",
          fixes: [
            Fix("write braces", .safe, [.init(reader.range(open), "{"), .init(reader.range(last), "}")])
          ]),
        tokens: open..<(last + 1),
        replacement: [.init(.leftBrace, reader.range(open))] + ((open + 1)..<last).map { reader.stream.item($0) }
          + [.init(.rightBrace, reader.range(last))])
    },
    { _, at, reader in
      // `-> asked{token: x}`
      guard reader.kind(at) == .leftBrace, reader.kind(at - 1) == .identifier, reader.kind(at - 2) == .arrow,
        reader.kind(at + 1) == .identifier, reader.kind(at + 2) == .colon
      else { return nil }
      let last = reader.end(ofBracketAt: at) - 1
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the fields of a state are given in parentheses", at: reader.range(at, last),
          label: "write `(\(reader.text(at + 1, last - 1)))`",
          fixes: [
            Fix("write parentheses", .safe, [.init(reader.range(at), "("), .init(reader.range(last), ")")])
          ]),
        tokens: at..<(last + 1),
        replacement: [.init(.leftParen, reader.range(at))] + ((at + 1)..<last).map { reader.stream.item($0) }
          + [.init(.rightParen, reader.range(last))])
    },
    { error, at, reader in
      // `data { … }` in a state
      guard error.diagnostic.message.hasPrefix("unexpected `data` in a state"), reader.matches(at, "data", "{") else {
        return nil
      }
      let last = reader.end(ofBracketAt: at + 1) - 1
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the data of a state follows its name in parentheses", at: reader.range(at, last),
          label: "not a member of a state", help: "write `state name(field: type = value) { … }`"),
        tokens: at..<(last + 1))
    },
    { _, at, reader in
      guard reader.kind(at) == .comma, !isInParentheses(at, reader), reader.endsOperand(at - 1) else { return nil }
      guard reader.kind(at + 1) == .identifier || reader.kind(at + 1) == .rightBrace,
        ["do", "entry", "exit", "->", "on", "after"].contains(reader.clause(before: at))
      else { return nil }
      return .remove(at, message: "nothing separates actions and members but white space", reader)
    },
  ]

  static let declarationKeywords: Set<String> = [
    "state", "flow", "event", "type", "enum", "action", "final", "failed", "region", "parallel",
  ]

  private static func isDurationExpected(_ at: Int, _ reader: TokenReader) -> Bool {
    ["after", "every", "timeout", "backoff", "per", "advance", "for"].contains(reader.word(at - 1))
      || reader.kind(at - 1) == .dotDot
  }

  /// `30 minutes` as `30m`; nil when it is no duration.
  static func duration(_ text: String) -> String? {
    let plain = text.lowercased().filter { $0 != " " }
    if DurationText.milliseconds(plain) != nil { return plain }
    let number = plain.prefix { $0.isNumber }
    let unit = String(plain.dropFirst(number.count))
    let units = [
      "day": "d", "days": "d", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "minute": "m", "minutes": "m",
      "min": "m", "mins": "m", "second": "s", "seconds": "s", "sec": "s", "secs": "s", "milliseconds": "ms",
      "millis": "ms", "msec": "ms",
    ]
    guard let value = Int(number) else { return nil }
    if unit == "week" || unit == "weeks" || unit == "w" { return "\(value * 7)d" }
    return units[unit].map { "\(value)\($0)" }
  }

  /// A valid duration in place of an invalid one.
  private static func durationItems(_ range: SourceRange, _ text: String) -> [TokenStream.Item] {
    [.init(.int, range, word: text)]
  }

  static func openParenthesis(before index: Int, _ reader: TokenReader) -> Int? {
    var depth = 0
    var position = index - 1
    while position >= 0, index - position < 100 {
      switch reader.kind(position) {
      case .rightParen, .rightBracket, .rightBrace: depth += 1
      case .leftParen where depth == 0: return position
      case .leftParen, .leftBracket, .leftBrace:
        if depth == 0 { return nil }
        depth -= 1
      default: break
      }
      position -= 1
    }
    return nil
  }

  /// A clause after one that it has to precede: `do … -> x`, `-> x when …`.
  private static func moved(_ kind: TokenKind?, word: String?, at: Int, _ reader: TokenReader) -> Habit? {
    guard kind.map({ reader.kind(at) == $0 }) ?? (reader.word(at) == word) else { return nil }
    let later: Set<String> = kind == .arrow ? ["do"] : word == "when" ? ["do", "->"] : ["when", "do", "->"]
    guard let first = clauseStart(before: at, among: later, reader) else { return nil }
    let last = clauseEnd(at, reader)
    guard last >= at, last + 1 > at else { return nil }
    let text = reader.text(at, last)
    let start = SourceRange(reader.range(first).lower, reader.range(first).lower)
    let gap = SourceRange(reader.range(at - 1).upper, reader.range(last).upper)
    let order = "`by`, `when`, `->`, `do`"
    return Habit(
      diagnostic: Diagnostic(
        "F101", "`\(reader.text(at))` stands before `\(reader.text(first))`", at: reader.range(at, last),
        label: "in the wrong order", labels: [.init(reader.range(first), "has to come later")],
        help: "the order of a reaction is \(order)",
        fixes: [Fix("move it", .maybe, [.init(start, text + " "), .init(gap, "")])]),
      tokens: first..<(last + 1),
      replacement: (at...last).map { reader.stream.item($0) } + (first..<at).map { reader.stream.item($0) })
  }

  private static func clauseStart(before index: Int, among words: Set<String>, _ reader: TokenReader) -> Int? {
    var depth = 0
    var position = index - 1
    var found: Int?
    while position >= 0, index - position < 200 {
      switch reader.kind(position) {
      case .rightBrace, .rightParen, .rightBracket: depth += 1
      case .leftBrace, .leftParen, .leftBracket:
        if depth == 0 { return found }
        depth -= 1
      case .arrow where depth == 0 && words.contains("->"): found = position
      case .identifier where depth == 0:
        let word = reader.word(position)
        if words.contains(word) { found = position }
        if ["on", "always", "after", "every", "cron", "at", "start"].contains(word), reader.kind(position - 1) != .dot {
          return found
        }
        if Parser.memberWords.contains(word), reader.isFirstOnLine(position) { return nil }
      default: break
      }
      position -= 1
    }
    return nil
  }

  /// The last token of a clause: before the next clause or member.
  private static func clauseEnd(_ index: Int, _ reader: TokenReader) -> Int {
    var depth = 0
    var position = index + 1
    while position < reader.count - 1 {
      switch reader.kind(position) {
      case .leftBrace, .leftParen, .leftBracket: depth += 1
      case .rightBrace, .rightParen, .rightBracket:
        if depth == 0 { return position - 1 }
        depth -= 1
      case .arrow where depth == 0: return position - 1
      case .identifier where depth == 0 && reader.kind(position - 1) != .dot && reader.kind(position - 1) != .arrow:
        let word = reader.word(position)
        if ["do", "when", "by"].contains(word) || Parser.memberWords.contains(word) { return position - 1 }
      default: break
      }
      position += 1
    }
    return position - 1
  }

  /// The text of the first argument of a call.
  private static func argument(after open: Int, before end: Int, _ reader: TokenReader) -> String {
    var last = open + 1
    while last + 1 < end, reader.kind(last + 1) != .comma {
      let isBracket = [.leftParen, .leftBracket, .leftBrace].contains(reader.kind(last + 1))
      last = isBracket ? min(reader.end(ofBracketAt: last + 1), end) - 1 : last + 1
    }
    return reader.text(open + 1, last)
  }
}
