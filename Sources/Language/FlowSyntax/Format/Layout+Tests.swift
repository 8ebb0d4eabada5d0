import CEL

extension Layout {
  /// The statements of a test; an expectation on the line of the statement before it stays there.
  mutating func testStatements() -> Doc {
    guard at(.leftBrace) else { return .empty }
    return block(isShort: false) { layout in
      var parts = [layout.statement()]
      while layout.at("expect"), !layout.hasNewlineBefore {
        parts.append(.group(.concat([.line(2), layout.statement()])))
      }
      return .concat(parts)
    }
  }

  private mutating func statement() -> Doc {
    switch word {
    case "start": return .concat([simple(), at(.leftParen) ? arguments() : .empty])
    case "send": return send()
    case "mock": return mock()
    case "expect": return .concat([nextWord(), expectation()])
    case "complete": return complete()
    case "fail": return .concat([nextWord(), path(), owner(), .space, next()])
    case "advance": return .concat([nextWord(), delay()])
    case "at": return .concat([nextWord(), expression()])
    case "migrate": return migration()
    default: return next()
    }
  }

  /// `migrate Order from 1 in asked, both.b with {…}`
  private mutating func migration() -> Doc {
    var parts = [nextWord()]
    if !at("from") { parts += [next(), .space] }
    parts += [nextWord(), next(), .space, nextWord(), path()]
    while at(.comma) { parts += [next(), .space, path()] }
    if at("with") { parts += [.space, nextWord(), expression()] }
    return .concat(parts)
  }

  private mutating func send() -> Doc {
    var parts = [nextWord(), expression()]
    if at("to") { parts += [.space, nextWord(), instance()] }
    if at("by") { parts += [.space, nextWord(), names()] }
    if at("from") { parts += [.space, nextWord(), next()] }
    if at("as") { parts += [.space, nextWord(), expression()] }
    return .concat(parts)
  }

  private mutating func mock() -> Doc {
    let head = Doc.concat([nextWord(), path(), .space])
    let isFailure = at("fails")
    return .concat([head, nextWord(), isFailure ? next() : expression()])
  }

  private mutating func complete() -> Doc {
    let head = Doc.concat([nextWord(), path(), owner()])
    return at("with") ? .concat([head, .space, nextWord(), expression()]) : head
  }

  /// ` of Item["m/a"]`, or nothing.
  private mutating func owner() -> Doc { at("of") ? .concat([.space, nextWord(), instance()]) : .empty }

  /// `Item["m/a"]`, or `Item` alone.
  private mutating func instance() -> Doc {
    let flow = next()
    return at(.leftBracket) ? .concat([flow, next(), expression(), next(if: .rightBracket)]) : flow
  }

  private mutating func expectation() -> Doc {
    guard Parser.subjects.contains(word) else { return .concat([instance(), .space, plainExpectation()]) }
    return plainExpectation()
  }

  private mutating func plainExpectation() -> Doc {
    let negation = at("not") ? nextWord() : .empty
    switch word {
    case "state": return .concat([negation, nextWord(), names()])
    case "called":
      let call = Doc.concat([negation, nextWord(), path(), at(.leftParen) ? arguments() : .empty])
      return at(.int) ? .concat([call, .space, nextWord(), next()]) : call
    case "emitted":
      var parts = [negation, nextWord(), expression()]
      while at("then") { parts.append(.group(.indent(4, .concat([.line(1), nextWord(), expression()])))) }
      return .concat(parts)
    case "data", "log": return .concat([negation, nextWord(), expression()])
    default: return .concat([negation, next()])
    }
  }
}
