import CEL
import FlowSource

extension Habit {
  /// Tests, schedules and broadcasts with their parts in another order.
  static let tests: [Rule] = [
    // The flows of a test
    { error, at, reader in
      guard error.diagnostic.message.hasPrefix("expected `{`"), error.index == at, reader.kind(at - 1) == .string,
        reader.word(at - 2) == "test",
        reader.kind(at) == .colon || ["for", "using", "of", "on", "in", "runs", "uses"].contains(reader.word(at)),
        reader.kind(at + 1) == .identifier
      else { return nil }
      return .word(
        "with", insteadOf: at, message: "the flows of a test follow `with`",
        help: "write `test \"…\" with \(reader.word(at + 1)) { … }`", reader)
    },
    { error, at, reader in
      guard error.index == at, reader.kind(at) == .leftBracket || reader.kind(at) == .leftParen,
        reader.word(at - 1) == "with" || reader.kind(at - 1) == .string, reader.word(reader.lineStart(at)) == "test"
      else { return nil }
      let last = reader.end(ofBracketAt: at) - 1
      guard last > at + 1, reader.kind(last + 1) == .leftBrace else { return nil }
      let isWithout = reader.word(at - 1) != "with"
      let word = TokenStream.Item(.identifier, reader.range(at), word: "with")
      return .write(
        (isWithout ? "with " : "") + reader.text(at + 1, last - 1), insteadOf: at, to: last,
        message: "the flows of a test follow `with`, without brackets",
        as: (isWithout ? [word] : []) + ((at + 1)..<last).map { reader.stream.item($0) }, reader)
    },
    { error, at, reader in
      guard error.index == at, error.diagnostic.message.hasPrefix("expected `{`"), reader.kind(at) == .identifier,
        reader.kind(at - 1) == .identifier, reader.word(reader.lineStart(at)) == "test"
      else { return nil }
      let location = SourceRange(reader.range(at - 1).upper, reader.range(at - 1).upper)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the flows of a test are separated by `,`", at: reader.range(at - 1, at), label: "write `,`",
          fixes: [Fix("insert `,`", .safe, [.init(location, ",")])]),
        tokens: at..<at, replacement: [.init(.comma, location)])
    },
    // Instances
    { _, at, reader in
      // `expect state of Item["a"] open`, `expect ended Item["a"]`
      guard reader.kind(at) == .leftBracket || reader.kind(at) == .identifier else { return nil }
      let flow = reader.kind(at) == .leftBracket ? at - 1 : at
      guard reader.kind(flow) == .identifier, reader.kind(flow + 1) == .leftBracket else { return nil }
      let subject = ["of", "for"].contains(reader.word(flow - 1)) ? flow - 2 : flow - 1
      guard ["state", "data", "ended", "refused", "ignored", "deferred"].contains(reader.word(subject)),
        let expect = [subject - 1, subject - 2].first(where: { reader.word($0) == "expect" })
      else { return nil }
      let last = reader.end(ofBracketAt: flow + 1) - 1
      let text = "\(reader.text(flow, last)) \(reader.text(expect + 1, subject))"
      return .write(
        text, insteadOf: expect + 1, to: last, message: "the instance follows `expect`",
        as: (flow...last).map { reader.stream.item($0) } + ((expect + 1)...subject).map { reader.stream.item($0) },
        reader)
    },
    { _, at, reader in
      // `complete Item["a"] ship`
      guard reader.kind(at) == .leftBracket, ["complete", "fail"].contains(reader.word(at - 2)) else { return nil }
      let last = reader.end(ofBracketAt: at) - 1
      guard reader.kind(last + 1) == .identifier, !reader.isFirstOnLine(last + 1) else { return nil }
      let word = TokenStream.Item(.identifier, reader.range(at), word: "of")
      return .write(
        "\(reader.text(last + 1)) of \(reader.text(at - 1, last))", insteadOf: at - 1, to: last + 1,
        message: "the instance follows the call, after `of`",
        as: [reader.stream.item(last + 1), word] + ((at - 1)...last).map { reader.stream.item($0) }, reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .assign, reader.clause(before: at) == "data", isExpectation(at, reader) else {
        return nil
      }
      return .sign(.equalEqual, "==", insteadOf: at, message: "equality is written `==`", reader)
    },
    { error, at, reader in
      guard reader.kind(at) == .int, error.index == at, reader.word(at + 1) == "times", isExpectation(at, reader)
      else { return nil }
      return .remove(
        at, to: at + 1, message: "only calls are counted", help: "`expect emitted A then A` expects two emissions",
        reader)
    },
    // Migrations
    { _, at, reader in
      guard reader.kind(at) == .leftBracket, reader.word(at - 2) == "migrate" else { return nil }
      return .remove(
        at, to: reader.end(ofBracketAt: at) - 1, message: "the key of a migrated instance is in its data",
        help: "write `migrate \(reader.word(at - 1)) from 1 in waiting with {\"id\": …}`", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .string, reader.word(at - 1) == "in", reader.word(reader.lineStart(at)) == "migrate"
      else { return nil }
      let name = String(reader.text(at).dropFirst().dropLast())
      return .word(name, insteadOf: at, message: "a state is named without quotes", reader)
    },
    { error, at, reader in
      guard reader.kind(at) == .leftBrace, error.index == at, reader.word(reader.lineStart(at)) == "migrate",
        reader.word(at - 1) != "with"
      else { return nil }
      let location = SourceRange(reader.range(at).lower, reader.range(at).lower)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the data of a migrated instance follow `with`", at: reader.range(at), label: "write `with {`",
          fixes: [Fix("insert `with`", .safe, [.init(location, "with ")])]),
        tokens: at..<at, replacement: [.init(.identifier, location, word: "with")])
    },
    // Schedules and broadcasts
    { error, at, reader in
      guard ["overlap", "catchup"].contains(reader.word(at)), error.index == at, reader.kind(at + 1) == .identifier,
        error.diagnostic.message.hasPrefix("unexpected")
      else { return nil }
      let clause = reader.text(at, at + 1)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "`\(reader.word(at))` follows the schedule", at: reader.range(at, at + 1), label: "too late",
          help: "write `start cron \"0 * * * *\" \(clause) -> state`"),
        tokens: at..<(at + 2))
    },
    { _, at, reader in
      guard ["timezone", "timeZone", "zone"].contains(reader.word(at)), reader.kind(at - 1) == .string,
        reader.word(at - 2) == "cron", reader.kind(at + 1) == .string
      else { return nil }
      return .word("tz", insteadOf: at, message: "the time zone of a schedule follows `tz`", reader)
    },
    { _, at, reader in
      guard ["all", "every", "each"].contains(reader.word(at - 1)), reader.word(at - 2) == "to",
        reader.kind(at) == .identifier, reader.clause(before: at - 2) == "emit"
      else { return nil }
      return .remove(at - 1, message: "`to` reaches all instances of a flow", reader)
    },
  ]

  /// Returns whether an instance with a key follows a word.
  static func isInstance(after index: Int, _ reader: TokenReader) -> Bool {
    guard reader.word(index - 1) == "expect", reader.kind(index + 1) == .identifier,
      reader.kind(index + 2) == .leftBracket
    else { return false }
    let end = reader.end(ofBracketAt: index + 2)
    return reader.kind(end) == .identifier && !reader.isFirstOnLine(end)
  }

  private static func isExpectation(_ at: Int, _ reader: TokenReader) -> Bool {
    var index = at
    while index > 0, !reader.isFirstOnLine(index), reader.word(index) != "expect" { index -= 1 }
    return reader.word(index) == "expect"
  }
}
