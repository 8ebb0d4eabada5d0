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
    case "fail": return .concat([nextWord(), path(), .space, next()])
    case "advance": return .concat([nextWord(), delay()])
    case "at": return .concat([nextWord(), expression()])
    default: return next()
    }
  }

  private mutating func send() -> Doc {
    var parts = [nextWord(), expression()]
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
    let head = Doc.concat([nextWord(), path()])
    return at("with") ? .concat([head, .space, nextWord(), expression()]) : head
  }

  private mutating func expectation() -> Doc {
    let negation = at("not") ? nextWord() : .empty
    switch word {
    case "state": return .concat([negation, nextWord(), names()])
    case "called":
      let call = Doc.concat([negation, nextWord(), path(), at(.leftParen) ? arguments() : .empty])
      return at(.int) ? .concat([call, .space, nextWord(), next()]) : call
    case "data", "emitted", "log": return .concat([negation, nextWord(), expression()])
    default: return .concat([negation, next()])
    }
  }
}
