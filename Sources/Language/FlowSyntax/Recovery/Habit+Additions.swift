import CEL
import FlowSource

extension Habit {
  /// Calls, events, schedules, migrations and tests in another form. They are tried first.
  static let additions: [Rule] = [
    // `take`
    { _, at, reader in
      guard reader.word(at - 1) == "take", reader.kind(at) == .star else { return nil }
      return mistake(
        "`take` names each member", from: at - 1, to: at,
        help: "write `take id, email`: a new member changes nothing then",
        removing: (reader.word(at - 2) == "do" ? at - 2 : at - 1)..<(at + 1), reader)
    },
    { _, at, reader in
      guard reader.word(at - 1) == "take", reader.kind(at) == .leftBrace else { return nil }
      let last = reader.end(ofBracketAt: at) - 1
      guard last > at + 1 else { return nil }
      return .write(
        reader.text(at + 1, last - 1), insteadOf: at, to: last, message: "the names after `take` stand without braces",
        as: ((at + 1)..<last).map { reader.stream.item($0) }, reader)
    },
    { _, at, reader in
      guard reader.word(at) == "from", reader.word(at + 1) == "event", isTaken(before: at, reader) else { return nil }
      return .remove(at, to: at + 1, message: "`take` always reads from `event`", reader)
    },
    { _, at, reader in
      guard reader.word(at) == "as", reader.kind(at + 1) == .identifier, isTaken(before: at, reader) else { return nil }
      return mistake(
        "`take` keeps the names of the members", from: at, to: at + 1,
        help: "write `\(reader.word(at + 1)) = event.\(reader.word(at - 1))`", removing: at..<(at + 2), reader)
    },
    // Calls
    { error, at, reader in
      guard ["as", "for", "limit"].contains(reader.word(at)), error.index == at,
        error.diagnostic.message.hasPrefix("unexpected `\(reader.word(at))` in a s")
      else { return nil }
      let length = reader.word(at) == "for" && reader.word(at + 2) == "in" ? 4 : 2
      return mistake(
        "`\(reader.word(at))` stands before the other clauses of a call", from: at, to: at + length - 1,
        help: "the order is `call a(…) as name for x in list limit n`, then `once`, `priority`, `retry` and others",
        removing: at..<(at + length), reader)
    },
    { _, at, reader in
      guard reader.word(at) == "with", reader.word(at + 1) == "priority" else { return nil }
      return .remove(at, message: "`priority` takes no `with`", reader)
    },
    { _, at, reader in
      guard ["prio", "precedence", "urgency"].contains(reader.word(at)), reader.beginsOperand(at + 1),
        reader.kind(at + 1) != .leftParen, !reader.isFirstOnLine(at)
      else { return nil }
      return .word("priority", insteadOf: at, message: "`\(reader.word(at))` is written `priority`", reader)
    },
    { error, at, reader in
      guard reader.word(at) == "priority", error.index == at, error.diagnostic.message.hasPrefix("unexpected") else {
        return nil
      }
      return mistake(
        "`priority` belongs to a `call` of a state", from: at, to: at + 1,
        help: "write `call ship(…) priority 5`: what `do` requests has the priority 0",
        removing: at..<(at + 2), reader)
    },
    { _, at, reader in
      let units = ["second": "1s", "minute": "1m", "hour": "1h", "day": "1d"]
      guard let text = units[reader.word(at)], reader.word(at - 1) == "per", reader.kind(at - 2) == .int else {
        return nil
      }
      return .write(
        text, insteadOf: at, message: "a duration is written `\(text)`",
        as: [.init(.int, reader.range(at), word: text)],
        reader)
    },
    // Computed members
    { _, at, reader in
      guard reader.kind(at) == .colon, reader.word(at - 2) == "let", reader.kind(at + 1) == .identifier,
        let assign = ((at + 2)..<(at + 12)).first(where: { reader.kind($0) == .assign })
      else { return nil }
      return .remove(
        at, to: assign - 1, message: "a `let` has the type of its value",
        help: "write `let \(reader.word(at - 1)) = …`", reader)
    },
    { error, at, reader in
      guard reader.kind(at) == .assign, reader.kind(at - 1) == .identifier, reader.word(at - 2) != "let",
        error.diagnostic.message.hasPrefix("expected `:` and a type"), isInEvent(at, reader)
      else { return nil }
      let location = SourceRange(reader.range(at - 1).lower, reader.range(at - 1).lower)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a computed member begins with `let`", at: reader.range(at - 1), label: "write `let`",
          fixes: [Fix("insert `let`", .safe, [.init(location, "let ")])]),
        tokens: (at - 1)..<(at - 1), replacement: [.init(.identifier, location, word: "let")])
    },
    // Schedules
    { _, at, reader in
      guard let first = scheduleStart(before: at, reader) else { return nil }
      var last = at
      while !reader.isFirstOnLine(last + 1), reader.kind(last + 1) != .arrow, reader.kind(last + 1) != .endOfFile,
        !["tz", "overlap", "catchup", "do", "when", "by"].contains(reader.word(last + 1))
      { last += 1 }
      let text = reader.text(first, last)
      return .write(
        "\"\(text)\"", insteadOf: first, to: last, message: "a schedule is written in quotes",
        as: [.init(.identifier, reader.range(first, last), word: "schedule")], reader)
    },
    { _, at, reader in
      guard reader.word(at - 1) == "start", ["at", "tz"].contains(reader.word(at)) else { return nil }
      let isZone = reader.word(at) == "tz"
      return mistake(
        isZone ? "the time zone follows the schedule" : "a start at a time of the day is a schedule", from: at,
        to: at + 1,
        help: isZone ? "write `cron \"0 9 * * *\" tz …`" : "write `start cron \"0 9 * * *\" tz \"Europe/Berlin\"`",
        removing: at..<(at + 2), resolvedUpTo: reader.lineEnd(at) + 1, reader)
    },
    { _, at, reader in
      guard reader.word(at) == "on", reader.word(at + 1) == "cron", reader.kind(at + 2) == .string else { return nil }
      return .remove(at, message: "`cron` takes no `on`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .string, reader.word(at - 1) == "cron", reader.word(at - 2) == "on" else { return nil }
      return .remove(at - 2, message: "`cron` takes no `on`", reader)
    },
    // Migrations
    { _, at, reader in
      guard reader.word(at) == "to", reader.kind(at + 1) == .int, reader.word(at - 2) == "from" else { return nil }
      return .remove(at, to: at + 1, message: "a migration always leads to the version of the flow", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .colon, reader.word(at - 2) == "from", reader.word(at - 3) == "migrate" else {
        return nil
      }
      var habit = mistake(
        "a migration is written in braces", from: at, to: at,
        help: "write `migrate from \(reader.text(at - 1)) { … }`",
        removing: at..<(memberEnd(at, reader) + 1), reader)
      habit.replacement = [.init(.leftBrace, reader.range(at)), .init(.rightBrace, reader.range(at))]
      return habit
    },
    { error, at, reader in
      guard error.diagnostic.message.hasPrefix("unexpected `\(reader.word(at))` in a migration"), error.index == at
      else {
        return nil
      }
      let location = SourceRange(reader.range(at).lower, reader.range(at).lower)
      guard reader.kind(at + 1) == .assign else {
        let last = memberEnd(at, reader)
        return mistake(
          "a migration moves states and assigns data", from: at, to: last,
          help: "write `state old -> new` for a state, and `data new = old.name` for a field",
          removing: at..<(last + 1), reader)
      }
      return Habit(
        diagnostic: Diagnostic(
          "F101", "an assignment of a migration begins with `data`", at: reader.range(at),
          label: "write `data \(reader.word(at))`", fixes: [Fix("insert `data`", .safe, [.init(location, "data ")])]),
        tokens: at..<at, replacement: [.init(.identifier, location, word: "data")])
    },
    // States in conditions
    { _, at, reader in
      guard reader.word(at) == "state", reader.kind(at + 1) == .equalEqual, reader.word(at - 1) != "expect",
        reader.kind(at + 2) == .string || reader.kind(at + 2) == .identifier
      else { return nil }
      let name = reader.text(at + 2).filter { $0 != "\"" }
      return .write(
        "active(\"\(name)\")", insteadOf: at, to: at + 2, message: "a condition asks for a state with `active`",
        as: [.init(.identifier, reader.range(at, at + 2), word: "true")], reader)
    },
    // Maps
    { _, at, reader in
      guard ["delete", "remove", "unset"].contains(reader.word(at)), reader.kind(at + 1) == .identifier,
        reader.kind(at + 2) == .leftBracket, ["do", "entry", "exit"].contains(reader.clause(before: at))
      else { return nil }
      let last = reader.end(ofBracketAt: at + 2) - 1
      let text = "\(reader.word(at + 1))[?\(reader.text(at + 3, last - 1))] = optional.none()"
      return removal(text, from: at, to: last, reader)
    },
    { _, at, reader in
      guard ["remove", "delete", "unset"].contains(reader.word(at - 2)), reader.kind(at - 3) == .dot,
        reader.kind(at - 1) == .leftParen, reader.kind(at - 4) == .identifier, reader.kind(at + 1) == .rightParen,
        ["do", "entry", "exit"].contains(reader.clause(before: at - 4))
      else { return nil }
      let text = "\(reader.word(at - 4))[?\(reader.text(at))] = optional.none()"
      return removal(text, from: at - 4, to: at + 1, reader)
    },
    // Tests
    { _, at, reader in
      guard reader.word(at) == "and", reader.kind(at + 1) == .identifier, reader.kind(at + 2) == .leftBrace,
        reader.kind(at - 1) == .identifier, reader.word(reader.lineStart(at)) == "test"
      else { return nil }
      return .sign(.comma, ",", insteadOf: at, message: "the flows of a test are separated by `,`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .equalEqual || reader.kind(at) == .assign, reader.word(at - 1) == "state",
        isExpected(before: at, reader)
      else { return nil }
      return .remove(at, message: "`expect state` takes no `\(reader.text(at))`", reader)
    },
    { _, at, reader in
      guard reader.word(at - 1) == "advance", ["to", "until"].contains(reader.word(at)) else { return nil }
      return .word("at", insteadOf: at - 1, to: at, message: "the clock moves to an instant with `at`", reader)
    },
    { error, at, reader in
      guard ["wait", "sleep", "after", "tick"].contains(reader.word(at)),
        error.diagnostic.message.hasPrefix("unexpected `\(reader.word(at))` in a test")
      else { return nil }
      return .word("advance", insteadOf: at, message: "`\(reader.word(at))` is written `advance`", reader)
    },
    { error, at, reader in
      guard ["in", "is", "at", "has", "to"].contains(reader.word(at)), error.index == at,
        error.diagnostic.message.contains("after the instance")
      else { return nil }
      return .word("state", insteadOf: at, message: "the state of an instance follows `state`", reader)
    },
    { _, at, reader in
      guard reader.word(at - 1) == "expect", reader.kind(at) == .identifier, reader.kind(at + 1) == .slash,
        reader.kind(at + 2) == .identifier
      else { return nil }
      let key = reader.text(at + 2)
      return .write(
        "\(reader.word(at))[\"\(key)\"]", insteadOf: at, to: at + 2,
        message: "the key of an instance is in brackets and quotes",
        as: [reader.stream.item(at), .init(.leftBracket, reader.range(at + 1))]
          + [.init(.identifier, reader.range(at + 2), word: "key"), .init(.rightBracket, reader.range(at + 2))], reader)
    },
  ]

  /// A form without a fix, whose tokens are left out.
  private static func mistake(
    _ message: String, from first: Int, to last: Int, help: String, removing tokens: Range<Int>,
    resolvedUpTo: Int? = nil,
    _ reader: TokenReader
  ) -> Habit {
    Habit(
      diagnostic: Diagnostic("F101", message, at: reader.range(first, last), label: "another form", help: help),
      tokens: tokens, resolvedUpTo: resolvedUpTo)
  }

  /// The removal of an entry of a map.
  private static func removal(_ text: String, from first: Int, to last: Int, _ reader: TokenReader) -> Habit {
    .write(
      text, insteadOf: first, to: last, message: "an entry is removed by assigning no value",
      as: [
        .init(.identifier, reader.range(first, last), word: "log"),
        .init(.identifier, reader.range(first, last), word: "key"),
      ], reader)
  }

  /// The last token of a member: before the end of the line or a closing brace.
  private static func memberEnd(_ at: Int, _ reader: TokenReader) -> Int {
    var last = at
    while !reader.isFirstOnLine(last + 1), reader.kind(last + 1) != .rightBrace, reader.kind(last + 1) != .endOfFile {
      last += 1
    }
    return last
  }

  /// The first token of a schedule without quotes; nil when a token is in none.
  private static func scheduleStart(before at: Int, _ reader: TokenReader) -> Int? {
    guard [.star, .slash, .int].contains(reader.kind(at)) else { return nil }
    var first = at
    while [.star, .slash, .int, .comma, .minus].contains(reader.kind(first - 1)), at - first < 20 { first -= 1 }
    return reader.word(first - 1) == "cron" ? first : nil
  }

  /// True if the names before a token follow `take`.
  private static func isTaken(before at: Int, _ reader: TokenReader) -> Bool {
    var index = at - 1
    while reader.kind(index) == .identifier, reader.kind(index - 1) == .comma { index -= 2 }
    return reader.kind(index) == .identifier && reader.word(index - 1) == "take"
  }

  private static func isExpected(before at: Int, _ reader: TokenReader) -> Bool {
    ((at - 8)..<at).contains { reader.word($0) == "expect" }
  }

  /// True inside the braces of an event.
  private static func isInEvent(_ at: Int, _ reader: TokenReader) -> Bool {
    var (depth, index) = (0, at - 1)
    while index > 0, at - index < 200 {
      if reader.kind(index) == .rightBrace { depth += 1 }
      if reader.kind(index) == .leftBrace {
        if depth == 0 { return reader.word(index - 2) == "event" }
        depth -= 1
      }
      index -= 1
    }
    return false
  }
}
