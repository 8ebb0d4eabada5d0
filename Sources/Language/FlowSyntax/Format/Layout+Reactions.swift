import CEL

extension Layout {
  mutating func trigger() -> Doc {
    switch word {
    case "on": return .concat([nextWord(), names()])
    case "after", "every": return .concat([nextWord(), delay()])
    case "at": return .concat([nextWord(), expression()])
    case "cron":
      let schedule = Doc.concat([nextWord(), expression()])
      return at("tz") ? .concat([schedule, .space, nextWord(), expression()]) : schedule
    default: return next()
    }
  }

  /// `TRIGGER [by ROLES] [when GUARD] [-> TARGET[(ARGUMENTS)] [reenter]] [do ACTS]`, broken before the last three, but
  /// not before a lonely `do`.
  mutating func reaction(_ trigger: Doc) -> Doc {
    var head = [trigger]
    if at("by") { head += [.space, nextWord(), names()] }
    var rest: [Doc] = []
    if at("when") { rest += [.line(1), nextWord(), expression()] }
    if at(.arrow) {
      rest += [.line(1), nextWord(), path()]
      if at(.leftParen) { rest.append(arguments()) }
      if at("reenter") { rest += [.space, next()] }
    }
    if at("do"), rest.isEmpty { return .concat(head + [.space, nextWord(), statements()]) }
    if at("do") { rest += [.line(1), nextWord(), statements()] }
    return .group(.concat(head + [.hang(4, .concat(rest))]))
  }

  /// One action statement, or several in braces, which are always on separate lines.
  mutating func statements() -> Doc {
    at(.leftBrace) ? block(isShort: false) { $0.actionStatement() } : actionStatement()
  }

  private mutating func actionStatement() -> Doc {
    var parts = [actionHead()]
    var rest: [Doc] = []
    if at("for") { rest += [.line(1), loop()] }
    if at("when") { rest += [.line(1), nextWord(), expression()] }
    if !rest.isEmpty { parts.append(.hang(4, .concat(rest))) }
    return .group(.concat(parts))
  }

  private mutating func actionHead() -> Doc {
    if at("emit") || at("raise") || at("log") {
      let event = Doc.concat([nextWord(), expression()])
      return at("to") ? .concat([event, .space, nextWord(), next()]) : event
    }
    if at("take"), peek().kind == .identifier { return .concat([nextWord(), names()]) }
    let path = path()
    if at(.leftParen) { return .concat([path, arguments()]) }
    var parts = [path]
    while at(.leftBracket) || at(.dot) {
      parts += at(.dot) ? [next(), next()] : [next(), next(if: .question), expression(), next(if: .rightBracket)]
    }
    return .concat(parts + [.space, nextWord(), expression()])
  }
}
