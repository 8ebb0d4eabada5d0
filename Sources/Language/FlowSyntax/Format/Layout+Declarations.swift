import CEL

extension Layout {
  /// The bytes of the whole file in their canonical form.
  ///
  /// Each declaration is laid out separately, because those of several lines are surrounded by empty lines.
  mutating func file() -> [UInt8] {
    var output: [UInt8] = []
    var wasLong = false
    while !isAtEnd {
      let before = gap(before: position)
      let comments = printed(.concat(leadingCommentsOfDeclaration()))
      let declaration = printed(declaration())
      let isLong = declaration.contains(UInt8(ascii: "\n"))
      if !output.isEmpty, before.startsWithBlankLine || isLong || wasLong { output.append(UInt8(ascii: "\n")) }
      if !comments.isEmpty {
        output += comments + [UInt8(ascii: "\n")]
        if before.endsInBlankLine { output.append(UInt8(ascii: "\n")) }
      }
      output += declaration + [UInt8(ascii: "\n")]
      wasLong = isLong
    }
    let last = printed(.concat(leadingCommentsOfDeclaration()))
    if last.isEmpty { return output }
    if !output.isEmpty, gap(before: position).startsWithBlankLine || wasLong { output.append(UInt8(ascii: "\n")) }
    return output + last + [UInt8(ascii: "\n")]
  }

  private mutating func leadingCommentsOfDeclaration() -> [Doc] { Array(commentsBeforeEnd(isEmpty: true).dropFirst()) }

  private func printed(_ doc: Doc) -> [UInt8] {
    var printer = DocPrinter(source: source)
    printer.print(doc)
    return printer.output
  }

  private mutating func declaration() -> Doc {
    switch word {
    case "import": importing()
    case "type": .concat([nextWord(), nextWord(), fields()])
    case "enum": .concat([nextWord(), nextWord(), enumValues()])
    case "const", "let": definition()
    case "fn": function()
    case "event", "internal": event()
    case "action": action()
    case "flow": flow()
    case "test": test()
    default: simple()
    }
  }

  /// `test "name" with Flow, Flow { … }`
  private mutating func test() -> Doc {
    let start = Doc.concat([nextWord(), nextWord()])
    guard at("with") else { return .concat([start, testStatements()]) }
    return .concat([start, nextWord(), names(), .space, testStatements()])
  }

  /// `word` and one token, such as `role r` and `version 2`; also unknown members.
  mutating func simple() -> Doc { .concat([nextWord(), next()]) }

  private mutating func importing() -> Doc {
    let start = simple()
    return at("as") ? .concat([start, .space, simple()]) : start
  }

  /// `const N = CEL`, `let n = CEL`
  mutating func definition() -> Doc { .concat([nextWord(), nextWord(), nextWord(), .group(expression())]) }

  private mutating func function() -> Doc {
    let head = Doc.concat([nextWord(), next(), parameters(), .space, nextWord(), typeReference(), .space])
    if at(.leftBrace) { return .concat([head, block(isShort: false) { $0.tableRow() }]) }
    return .concat([head, nextWord(), expression()])
  }

  /// `when CEL -> CEL`, `always -> CEL`
  private mutating func tableRow() -> Doc {
    guard at("when") || at("always") else { return next() }
    let condition: Doc = at("when") ? .concat([nextWord(), expression(), .space]) : nextWord()
    return .group(.concat([condition, nextWord(), .indent(2, expression())]))
  }

  mutating func event() -> Doc {
    var parts = at("internal") ? [nextWord(), simple()] : [simple()]
    if at("from") {
      parts += [.space, nextWord()]
      parts.append(at("webhook") ? webhook() : simple())
    }
    if at(.leftBrace) { parts += [.space, payload()] }
    return .concat(parts)
  }

  /// `webhook { secret CEL  header "…"  hmac sha256 }`
  private mutating func webhook() -> Doc {
    let word = nextWord()
    let settings = block { layout in
      layout.isWord(layout.token, "secret") ? .concat([layout.nextWord(), layout.expression()]) : layout.simple()
    }
    return .concat([word, settings])
  }

  /// `{ field: type = default  let name = CEL }`
  private mutating func payload() -> Doc {
    block { layout in
      let isComputed = layout.at("let") && layout.peek().kind != .colon
      return .concat([isComputed ? layout.definition() : layout.field(), layout.optionalComma()])
    }
  }

  // MARK: - Fields and types

  /// `{ field: type = default … }`, without commas, except where a name would be parsed as part of the preceding text.
  mutating func fields() -> Doc { block { layout in .concat([layout.field(), layout.optionalComma()]) } }

  private mutating func enumValues() -> Doc {
    block(spaces: 1) { layout in
      let value = layout.next()
      let comments = layout.at(.comma) ? layout.drop() : .empty
      return .concat([value, layout.at(.rightBrace) ? .empty : .commaWhenFlat, comments])
    }
  }

  mutating func optionalComma() -> Doc {
    guard at(.comma) else { return .empty }
    return isWord(peek(), "in") || isWord(peek(), "max") ? next() : drop()
  }

  mutating func field() -> Doc {
    var parts = [next(), nextWord(), typeReference()]
    if at(.assign) { parts += [.space, nextWord(), expression()] }
    return .concat(parts)
  }

  /// `list<Item>? max 40`
  mutating func typeReference() -> Doc {
    var parts = [path()]
    if at(.less) {
      parts += [next(), typeReference()]
      while at(.comma) { parts += [nextWord(), typeReference()] }
      parts.append(next(if: .greater))
    }
    parts.append(next(if: .question))
    if at("max") { parts += [.space, simple()] }
    return .concat(parts)
  }

  /// `a.b.c`
  mutating func path() -> Doc {
    var parts = [next()]
    while at(.dot), peek().kind == .identifier { parts += [next(), next()] }
    return .concat(parts)
  }

  /// Paths with commas; each line is filled.
  mutating func names() -> Doc {
    var parts = [path()]
    while at(.comma) { parts += [next(), .group(.indent(4, .concat([.line(1), path()])))] }
    return .concat(parts)
  }

  mutating func parameters() -> Doc { list(until: .rightParen) { $0.field() } }

  /// `name: CEL`
  mutating func argument() -> Doc { .concat([next(), nextWord(), expression()]) }

  mutating func arguments() -> Doc { list(until: .rightParen) { $0.argument() } }
}
