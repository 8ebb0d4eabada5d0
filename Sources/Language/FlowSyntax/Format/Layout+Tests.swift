import CEL

extension Layout {
  /// The statements of a test; an expectation on the line of the statement before it stays there.
  mutating func statements() -> Doc {
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
    case "expect": return .concat([takeWord(), expectation()])
    case "complete": return complete()
    case "fail": return .concat([takeWord(), path(), .space, take()])
    case "advance": return .concat([takeWord(), delay()])
    case "at": return .concat([takeWord(), expression()])
    default: return take()
    }
  }

  private mutating func send() -> Doc {
    var parts = [takeWord(), expression()]
    if at("by") { parts += [.space, takeWord(), names()] }
    if at("from") { parts += [.space, takeWord(), take()] }
    if at("as") { parts += [.space, takeWord(), expression()] }
    return .concat(parts)
  }

  private mutating func mock() -> Doc {
    let head = Doc.concat([takeWord(), path(), .space])
    let isFailure = at("fails")
    return .concat([head, takeWord(), isFailure ? take() : expression()])
  }

  private mutating func complete() -> Doc {
    let head = Doc.concat([takeWord(), path()])
    return at("with") ? .concat([head, .space, takeWord(), expression()]) : head
  }

  private mutating func expectation() -> Doc {
    let negation = at("not") ? takeWord() : .empty
    switch word {
    case "state": return .concat([negation, takeWord(), names()])
    case "called": return .concat([negation, takeWord(), path(), at(.leftParen) ? arguments() : .empty])
    case "data", "emitted": return .concat([negation, takeWord(), expression()])
    default: return .concat([negation, take()])
    }
  }
}
