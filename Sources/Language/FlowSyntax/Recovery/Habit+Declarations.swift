import CEL
import FlowSource

extension Habit {
  /// Declarations, fields and types of other languages.
  static let declarations: [Rule] = [
    { error, at, reader in
      // Another word for a declaration
      let words = [
        "function": "fn", "func": "fn", "fun": "fn", "def": "fn", "struct": "type", "class": "type", "record": "type",
        "interface": "type", "workflow": "flow", "process": "flow", "machine": "flow", "statemachine": "flow",
        "signal": "event", "message": "event", "task": "action", "activity": "action", "service": "action",
        "include": "import", "use": "import", "require": "import", "actor": "role", "constant": "const",
        "scenario": "test", "enumeration": "enum",
      ]
      guard let word = words[reader.word(at)],
        error.diagnostic.message.hasPrefix("expected a declaration")
          || (reader.isFirstOnLine(at) && reader.indentation(at) == 0),
        reader.kind(at + 1) == .identifier || reader.kind(at + 1) == .string
      else { return nil }
      return .word(word, insteadOf: at, message: "`\(reader.word(at))` is written `\(word)`", reader)
    },
    { error, at, reader in
      guard ["public", "private", "export", "static", "async", "abstract"].contains(reader.word(at)),
        Parser.declarationWords.contains(reader.word(at + 1)) || Parser.memberWords.contains(reader.word(at + 1))
      else { return nil }
      return .remove(at, message: "there is no `\(reader.word(at))`", reader)
    },
    { _, at, reader in
      // `var x: int = 0`
      guard ["var", "field", "let", "const", "val", "mut"].contains(reader.word(at)),
        reader.kind(at + 1) == .identifier,
        reader.kind(at + 2) == .colon
      else { return nil }
      return dataField(at, from: at + 1, reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .colon, reader.word(at - 2) == "let" || reader.word(at - 2) == "const",
        reader.kind(at - 1) == .identifier
      else { return nil }
      if reader.word(at - 2) == "let" { return dataField(at - 2, from: at - 1, reader) }
      guard let end = typeEnd(at + 1, reader) else { return nil }
      return .remove(at, to: end, message: "a constant has no type", reader)
    },
    { _, at, reader in
      // `let`, `var` among actions
      guard ["let", "var", "const", "set"].contains(reader.word(at)), reader.kind(at + 1) == .identifier,
        reader.kind(at + 2) == .assign
      else { return nil }
      if reader.word(at) == "set" { return .remove(at, message: "an assignment has no `set`", reader) }
      if reader.clause(before: at) == "do" || reader.clause(before: at) == "entry"
        || reader.clause(before: at) == "exit"
      {
        let last = statementEnd(at, reader)
        return Habit(
          diagnostic: Diagnostic(
            "F101", "actions declare nothing", at: reader.range(at, at + 1), label: "not an action",
            help: "write the expression where it is used, or add `let \(reader.word(at + 1)) = …` to the flow"),
          tokens: at..<(last + 1))
      }
      guard reader.word(at) != "let" else { return nil }
      return .word("let", insteadOf: at, message: "a computed value is declared with `let`", reader)
    },
    { _, at, reader in
      // `x: int = 0` among the members of a flow
      guard reader.kind(at) == .identifier, reader.kind(at + 1) == .colon, reader.isFirstOnLine(at),
        reader.clause(before: at) != "data", let end = typeEnd(at + 2, reader), end >= at + 2,
        typeNames.contains(reader.word(at + 2))
      else { return nil }
      return dataField(at, from: at, reader)
    },
    // Fields
    { error, at, reader in
      // `string id` for `id: string`
      guard error.diagnostic.message.hasPrefix("expected `:` and a type"), reader.kind(at) == .identifier,
        reader.kind(at - 1) == .identifier
      else { return nil }
      if typeNames.contains(reader.word(at - 1)) {
        let (type, name) = (reader.word(at - 1), reader.word(at))
        return .write(
          "\(name): \(type)", insteadOf: at - 1, to: at, message: "a field is its name, then its type",
          as: [reader.stream.item(at), .init(.colon, reader.range(at)), reader.stream.item(at - 1)], reader)
      }
      guard !Parser.memberWords.contains(reader.word(at)) || typeNames.contains(reader.word(at)) else { return nil }
      let location = SourceRange(reader.range(at - 1).upper, reader.range(at - 1).upper)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "a field needs `:` between its name and its type", at: reader.range(at - 1, at),
          label: "write `\(reader.word(at - 1)): \(reader.word(at))`",
          fixes: [Fix("insert `:`", .safe, [.init(location, ":")])]),
        tokens: at..<at, replacement: [.init(.colon, location)])
    },
    { _, at, reader in
      // `note?: string`
      guard reader.kind(at) == .question, reader.kind(at - 1) == .identifier, reader.kind(at + 1) == .colon,
        let end = typeEnd(at + 2, reader)
      else { return nil }
      let (location, behind) = (reader.range(at), reader.range(end).upper)
      return Habit(
        diagnostic: Diagnostic(
          "F101", "an optional field is marked at its type", at: location,
          label: "write `\(reader.word(at - 1)): \(reader.text(at + 2, end))?`",
          fixes: [
            Fix("move `?` behind the type", .safe, [.init(location, ""), .init(SourceRange(behind, behind), "?")])
          ]),
        tokens: at..<(end + 1),
        replacement: ((at + 1)...end).map { reader.stream.item($0) } + [.init(.question, location)])
    },
    { _, at, reader in
      // `string[]`
      guard reader.kind(at) == .leftBracket, reader.kind(at + 1) == .rightBracket, reader.kind(at - 1) == .identifier,
        reader.kind(at - 2) == .colon || reader.kind(at - 2) == .arrow
      else { return nil }
      return listType(of: at - 1, insteadOf: at - 1, to: at + 1, reader)
    },
    { _, at, reader in
      // `[string]`, `[]string`
      guard reader.kind(at) == .leftBracket, reader.kind(at - 1) == .colon || reader.kind(at - 1) == .arrow else {
        return nil
      }
      if reader.kind(at + 1) == .identifier, reader.kind(at + 2) == .rightBracket {
        return listType(of: at + 1, insteadOf: at, to: at + 2, reader)
      }
      if reader.kind(at + 1) == .rightBracket, reader.kind(at + 2) == .identifier {
        return listType(of: at + 2, insteadOf: at, to: at + 2, reader)
      }
      return nil
    },
    // Enums
    { _, at, reader in
      guard reader.kind(at) == .string, isInEnum(at, reader) else { return nil }
      return unquoted(at, what: "the value of an enum", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .assign, isInEnum(at, reader),
        reader.kind(at + 1) == .int || reader.kind(at + 1) == .string
      else { return nil }
      return .remove(at, to: at + 1, message: "the values of an enum are names only", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .unknown, reader.text(at) == "|" || reader.text(at) == ";", isInEnum(at, reader) else {
        return nil
      }
      return .remove(at, message: "the values of an enum are separated by white space", reader)
    },
    // Heads
    { _, at, reader in
      guard reader.kind(at) == .string,
        declarationKeywords.contains(reader.word(at - 1)) || ["role", "as"].contains(reader.word(at - 1))
      else { return nil }
      return unquoted(at, what: "a name", reader)
    },
    { _, at, reader in
      guard reader.kind(at) == .identifier, reader.word(at - 1) == "import" else { return nil }
      var last = at
      while reader.kind(last + 1) == .dot || reader.kind(last + 1) == .slash, reader.kind(last + 2) == .identifier {
        last += 2
      }
      let path = reader.text(at, last)
      let file = path.hasSuffix(".flow") ? path : path + ".flow"
      return .write(
        "\"\(file)\"", insteadOf: at, to: last, message: "the path of an import is written in quotes",
        as: [.init(.string, SourceRange(reader.range(at).lower, reader.range(at).lower))], reader
      ).withoutImport(at - 1, last)
    },
    { _, at, reader in
      // `test two payments {`
      guard reader.word(at - 1) == "test", reader.kind(at) == .identifier else { return nil }
      var last = at
      while last < reader.lineEnd(at), reader.kind(last + 1) != .leftBrace { last += 1 }
      guard reader.kind(last + 1) == .leftBrace else { return nil }
      let name = reader.text(at, last)
      return .write(
        "\"\(name)\"", insteadOf: at, to: last, message: "the name of a test is written in quotes",
        as: [.init(.identifier, reader.range(at, last), word: Parser.repairedName)], reader)
    },
    { error, at, reader in
      // `event Paid(amount: double)`
      guard reader.kind(at) == .leftParen,
        reader.word(at - 2) == "event" || reader.word(at - 2) == "type" || reader.word(at - 2) == "enum"
      else { return nil }
      let last = reader.end(ofBracketAt: at) - 1
      return Habit(
        diagnostic: Diagnostic(
          "F101", "the fields of \(reader.word(at - 2) == "event" ? "an event" : "a type") are written in braces",
          at: reader.range(at, last), label: "write `{ … }`",
          fixes: [Fix("write braces", .safe, [.init(reader.range(at), " { "), .init(reader.range(last), " }")])]),
        tokens: at..<(last + 1),
        replacement: [.init(.leftBrace, reader.range(at))] + ((at + 1)..<last).map { reader.stream.item($0) }
          + [.init(.rightBrace, reader.range(last))])
    },
    { error, at, reader in
      // `type Item = { … }`
      guard reader.kind(at) == .assign, declarationKeywords.contains(reader.word(at - 2)),
        reader.kind(at + 1) == .leftBrace
      else { return nil }
      return .remove(at, message: "a declaration has no `=` before its braces", reader)
    },
    { error, at, reader in
      // `fn f(x: int): int`, `action a(): T`
      guard reader.kind(at) == .colon, reader.kind(at - 1) == .rightParen, reader.kind(at + 1) == .identifier,
        ["fn", "action", "flow"].contains(reader.word(reader.lineStart(at)))
      else { return nil }
      return .sign(.arrow, "->", insteadOf: at, message: "the type of the result follows `->`", reader)
    },
    { error, at, reader in
      // `fn f(x: int) -> int { x + 1 }`
      guard reader.kind(at) == .leftBrace, reader.word(reader.lineStart(at)) == "fn" else { return nil }
      let last = reader.end(ofBracketAt: at) - 1
      var first = at + 1
      if reader.word(first) == "return" { first += 1 }
      let body = reader.text(first, last - 1)
      return .write(
        "= \(body)", insteadOf: at, to: last, message: "the body of a function is `=` and an expression",
        as: [.init(.assign, reader.range(at))] + (first..<max(first, last)).map { reader.stream.item($0) }, reader)
    },
    { _, at, reader in
      guard reader.word(at) == "return", reader.beginsOperand(at + 1) else { return nil }
      return .remove(at, message: "an expression has no `return`", reader)
    },
    { _, at, reader in
      guard ["throws", "raises", "errors", "throw"].contains(reader.word(at)),
        reader.word(reader.lineStart(at)) == "action",
        reader.kind(at + 1) == .identifier
      else { return nil }
      return .word("fails", insteadOf: at, message: "the failures of an action follow `fails`", reader)
    },
    { _, at, reader in
      guard ["extends", "implements", "of"].contains(reader.word(at)), reader.kind(at + 1) == .identifier,
        declarationKeywords.contains(reader.word(at - 2))
      else { return nil }
      return .remove(at, to: at + 1, message: "there is no `\(reader.word(at))`", reader)
    },
  ]

  static let typeNames: Set<String> = [
    "bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "dyn", "list", "map", "integer",
    "boolean", "float", "number", "text", "String", "Int", "Bool", "Double",
  ]

  /// A field that is written as a member of the flow belongs into `data`.
  private static func dataField(_ first: Int, from name: Int, _ reader: TokenReader) -> Habit? {
    guard var last = typeEnd(name + 2, reader) else { return nil }
    if reader.kind(last + 1) == .assign { last = max(last + 2, reader.lineEnd(last)) }
    last = min(last, reader.lineEnd(first))
    let text = reader.text(name, last)
    return .write(
      "data { \(text) }", insteadOf: first, to: last, message: "the data of a flow are declared in `data { … }`",
      as: [.init(.identifier, reader.range(first), word: "data"), .init(.leftBrace, reader.range(first))]
        + (name...last).map { reader.stream.item($0) } + [.init(.rightBrace, reader.range(last))], reader)
  }

  /// The last token of a type reference.
  static func typeEnd(_ index: Int, _ reader: TokenReader) -> Int? {
    guard reader.kind(index) == .identifier else { return nil }
    var last = index
    if reader.kind(last + 1) == .less {
      var depth = 0
      repeat {
        last += 1
        if reader.kind(last) == .less { depth += 1 }
        if reader.kind(last) == .greater { depth -= 1 }
      } while depth > 0 && last < reader.count - 1
    }
    if reader.kind(last + 1) == .question { last += 1 }
    return last
  }

  private static func listType(of element: Int, insteadOf first: Int, to last: Int, _ reader: TokenReader) -> Habit {
    .write(
      "list<\(reader.word(element))>", insteadOf: first, to: last, message: "a list is written `list<T>`",
      as: [
        .init(.identifier, reader.range(first), word: "list"), .init(.less, reader.range(first)),
        reader.stream.item(element), .init(.greater, reader.range(last)),
      ], reader)
  }

  private static func isInEnum(_ index: Int, _ reader: TokenReader) -> Bool {
    var position = index - 1
    while position > 1, index - position < 60 {
      if reader.kind(position) == .leftBrace { return reader.word(position - 2) == "enum" }
      if reader.kind(position) == .rightBrace { return false }
      position -= 1
    }
    return false
  }

  /// The import is left out: its path is uncertain.
  fileprivate func withoutImport(_ first: Int, _ last: Int) -> Habit {
    var habit = self
    habit.tokens = first..<(last + 1)
    habit.replacement = []
    return habit
  }
}
