import CEL
import FlowSource

extension Habit {
  /// Members, actions and statements of tests in another form.
  static let statements: [Rule] = [
    { _, at, reader in
      // `for x in xs { … }` before the action
      guard ["for", "foreach", "forEach"].contains(reader.word(at)),
        reader.kind(at + 1) == .identifier || reader.kind(at + 1) == .leftParen,
        reader.isFirstOnLine(at) || reader.kind(at - 1) == .leftBrace || reader.word(at - 1) == "do"
      else { return nil }
      let last = statementEnd(at, reader)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a loop follows its action", at: reader.range(at), label: "not an action",
          help: "write `remind(to: p.email) for p in people`"),
        tokens: at..<(last + 1))
    },
    { error, at, reader in
      // `-> Paid{…}` in a test, as in a session
      guard reader.kind(at) == .arrow, error.diagnostic.message.hasPrefix("unexpected `->` in a test") else {
        return nil
      }
      return .word("send", insteadOf: at, message: "a test sends an event with `send`", reader)
    },
    { _, at, reader in
      // Other words for members of a state
      let words = [
        "onEntry": "entry", "onEnter": "entry", "onentry": "entry", "onExit": "exit", "onexit": "exit",
        "wait": "after", "timer": "after", "delay": "after", "sleep": "after", "timeout": "after", "within": "after",
        "upon": "on", "event": "on", "handle": "on", "receive": "on", "whenever": "on", "end": "final",
        "terminal": "final", "error": "failed", "substate": "state", "node": "state", "step": "state",
        "schedule": "cron", "await": "call", "invoke": "call", "run": "call", "do": "entry", "compensate": "rollback",
      ]
      guard let word = words[reader.word(at)], reader.isFirstOnLine(at) || reader.kind(at - 1) == .leftBrace,
        reader.kind(at + 1) != .assign, reader.kind(at + 1) != .colon,
        reader.kind(at + 1) != .leftParen || word == "call",
        // The name of an event is missing.
        reader.word(at) != "event"
          || reader.word(at - 1) != "event" && !Parser.declarationWords.contains(reader.word(at + 1))
      else { return nil }
      return .word(word, insteadOf: at, message: "`\(reader.word(at))` is written `\(word)`", reader)
    },
    { _, at, reader in
      // `on entry`, `on enter`, `on exit`
      guard reader.word(at - 1) == "on", ["entry", "enter", "exit", "leave"].contains(reader.word(at)) else {
        return nil
      }
      let word = reader.word(at).hasPrefix("e") && reader.word(at) != "exit" ? "entry" : "exit"
      let last = reader.word(at + 1) == "do" ? at + 1 : at
      return .word(
        word, insteadOf: at - 1, to: last,
        message: "the actions on \(word == "entry" ? "entering" : "leaving") follow `\(word)`", reader)
    },
    { _, at, reader in
      guard reader.word(at) == "do", ["entry", "exit"].contains(reader.word(at - 1)) else { return nil }
      return .remove(at, message: "`\(reader.word(at - 1))` takes no `do`", reader)
    },
    { _, at, reader in
      // `final state x`, `failed state x`
      guard reader.word(at) == "state", ["final", "failed", "region"].contains(reader.word(at - 1)) else { return nil }
      return .remove(at, message: "`\(reader.word(at - 1))` takes no `state`", reader)
    },
    { _, at, reader in
      // `initial open { … }`
      guard reader.word(at - 1) == "initial", reader.kind(at) == .identifier,
        !Parser.memberWords.contains(reader.word(at))
      else { return nil }
      let location = SourceRange(reader.range(at).lower, reader.range(at).lower)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "an initial state is written `initial state`", at: reader.range(at - 1, at),
          label: "write `initial state \(reader.word(at))`",
          fixes: [Fix("insert `state`", .safe, [.init(location, "state ")])]),
        tokens: at..<at, replacement: [.init(.identifier, location, word: "state")])
    },
    { _, at, reader in
      // `[*] --> open`
      guard reader.kind(at) == .leftBracket, reader.kind(at + 1) == .star else { return nil }
      let last = reader.lineEnd(at)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the first state is named by `start`", at: reader.range(at, last), label: "not a member",
          help: "write `start on Event -> state`"),
        tokens: at..<(last + 1))
    },
    { _, at, reader in
      // Actions
      let words = [
        "print": "log", "println": "log", "echo": "log", "trigger": "raise", "fire": "raise", "publish": "emit",
        "dispatch": "emit", "broadcast": "emit",
      ]
      guard let word = words[reader.word(at)], ["do", "entry", "exit"].contains(reader.clause(before: at)),
        reader.kind(at + 1) == .identifier || reader.kind(at + 1) == .string
      else { return nil }
      return .word(word, insteadOf: at, message: "`\(reader.word(at))` is written `\(word)`", reader)
    },
    { _, at, reader in
      guard reader.word(at) == "send", ["do", "entry", "exit"].contains(reader.clause(before: at)),
        reader.kind(at + 1) == .identifier,
        reader.word(reader.lineStart(at)) != "send"
      else { return nil }
      return .word("emit", insteadOf: at, message: "`send` is written `emit`", help: "`send` is for tests", reader)
    },
    { _, at, reader in
      guard ["call", "await", "invoke"].contains(reader.word(at)),
        ["do", "entry", "exit"].contains(reader.clause(before: at)),
        reader.kind(at + 1) == .identifier
      else { return nil }
      return .remove(
        at, message: "an action in `do` is called without `\(reader.word(at))`",
        help: "`call` belongs to a state and waits for the result", reader)
    },
    { _, at, reader in
      // `console.log("…")` parses as an action; `x = 1, y = 2` is a clause.
      guard ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"].contains(reader.word(at)), reader.word(at - 1) != "http"
      else { return nil }
      let location = SourceRange(reader.range(at).lower, reader.range(at).lower)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a request begins with `http`", at: reader.range(at), label: "write `http \(reader.word(at))`",
          fixes: [Fix("insert `http`", .safe, [.init(location, "http ")])]),
        tokens: at..<at, replacement: [.init(.identifier, location, word: "http")])
    },
    { _, at, reader in
      guard reader.kind(at) == .string, reader.word(at - 1) == "http" else { return nil }
      return unquoted(at, what: "the method of a request", reader)
    },
    // Tests
    { _, at, reader in
      guard ["assert", "check", "should", "verify"].contains(reader.word(at)) else { return nil }
      return .word("expect", insteadOf: at, message: "`\(reader.word(at))` is written `expect`", reader)
    },
    { _, at, reader in
      // `expect not Item["a"] state open`
      guard reader.word(at - 1) == "not", reader.word(at - 2) == "expect", reader.kind(at) == .identifier else {
        return nil
      }
      let last = reader.kind(at + 1) == .leftBracket ? reader.end(ofBracketAt: at + 1) - 1 : at
      guard reader.kind(last + 1) == .identifier, !reader.isFirstOnLine(last + 1) else { return nil }
      let instance = (at...last).map { reader.stream.item($0) }
      return .write(
        "\(reader.text(at, last)) not", insteadOf: at - 1, to: last, message: "`not` follows the instance",
        as: instance + [reader.stream.item(at - 1)], reader)
    },
    { error, at, reader in
      // `expect Item["a"] open`
      guard at == error.index,
        error.diagnostic.message.hasSuffix("after the instance, found `\(reader.word(at))`")
      else { return nil }
      let location = SourceRange(reader.range(at).lower, reader.range(at).lower)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "an instance is followed by what is expected of it", at: reader.range(at), label: "write `state`",
          help: "expect `state`, `data`, `called`, `emitted`, `log` or `ended`",
          fixes: [Fix("insert `state`", .maybe, [.init(location, "state ")])]),
        tokens: at..<at, replacement: [.init(.identifier, location, word: "state")])
    },
    { _, at, reader in
      // `expect Item("a") state open`
      guard reader.word(at - 1) == "expect", reader.kind(at) == .identifier, reader.kind(at + 1) == .leftParen else {
        return nil
      }
      let last = reader.end(ofBracketAt: at + 1) - 1
      guard ["state", "data", "called", "emitted", "log", "ended", "not", "refused"].contains(reader.word(last + 1)),
        !reader.isFirstOnLine(last + 1), last > at + 2
      else { return nil }
      var items = (at...last).map { reader.stream.item($0) }
      items[1].token.kind = .leftBracket
      items[items.count - 1].token.kind = .rightBracket
      return .write(
        "\(reader.text(at))[\(reader.text(at + 2, last - 1))]", insteadOf: at, to: last,
        message: "the key of an instance is in brackets", as: items, reader)
    },
    { error, at, reader in
      guard reader.word(at - 1) == "expect", reader.kind(at) == .identifier,
        ![
          "state", "data", "called", "emitted", "log", "ended", "ignored", "deferred", "refused", "incident", "not",
        ].contains(reader.word(at))
      else { return nil }
      let isState = reader.kind(at + 1) == .identifier || reader.kind(at + 1) == .rightBrace
      let word = isState ? "state" : "data"
      let location = SourceRange(reader.range(at).lower, reader.range(at).lower)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "`expect` is followed by what it is about", at: reader.range(at - 1, at),
          label: "write `expect \(word)`",
          help: "expect `state`, `data`, `called`, `emitted`, `log`, `ended`, `ignored`, `deferred`, `refused` or "
            + "`incident`",
          fixes: [Fix("insert `\(word)`", .maybe, [.init(location, word + " ")])]),
        tokens: at..<at, replacement: [.init(.identifier, location, word: word)])
    },
  ]
}
