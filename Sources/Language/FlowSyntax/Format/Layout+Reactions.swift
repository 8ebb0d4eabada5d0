import CEL

extension Layout {
  mutating func trigger() -> Doc {
    switch word {
    case "on": return .concat([takeWord(), names()])
    case "after", "every": return .concat([takeWord(), delay()])
    case "at": return .concat([takeWord(), expression()])
    case "cron":
      let schedule = simple()
      return at("tz") ? .concat([schedule, .space, takeWord(), expression()]) : schedule
    default: return take()
    }
  }

  /// `TRIGGER [by ROLES] [when GUARD] [-> TARGET [reenter]] [do ACTS]`, broken before the last three, but not before
  /// a lonely `do`.
  mutating func reaction(_ trigger: Doc) -> Doc {
    var head = [trigger]
    if at("by") { head += [.space, takeWord(), names()] }
    var rest: [Doc] = []
    if at("when") { rest += [.line(1), takeWord(), expression()] }
    if at(.arrow) {
      rest += [.line(1), takeWord(), path()]
      if at("reenter") { rest += [.space, take()] }
    }
    if at("do"), rest.isEmpty { return .concat(head + [.space, takeWord(), acts()]) }
    if at("do") { rest += [.line(1), takeWord(), acts()] }
    return .group(.concat(head + [.hang(4, .concat(rest))]))
  }

  /// One act, or several in braces, which are always on separate lines.
  mutating func acts() -> Doc {
    at(.leftBrace) ? block(isShort: false) { $0.act() } : act()
  }

  private mutating func act() -> Doc {
    var parts = [actHead()]
    var rest: [Doc] = []
    if at("for") { rest += [.line(1), loop()] }
    if at("when") { rest += [.line(1), takeWord(), expression()] }
    if !rest.isEmpty { parts.append(.hang(4, .concat(rest))) }
    return .group(.concat(parts))
  }

  private mutating func actHead() -> Doc {
    if at("emit") || at("raise") || at("log") { return .concat([takeWord(), expression()]) }
    let path = path()
    if at(.leftParen) { return .concat([path, arguments()]) }
    var parts = [path]
    while at(.leftBracket) || at(.dot) {
      parts += at(.dot) ? [take(), take()] : [take(), expression(), take(if: .rightBracket)]
    }
    return .concat(parts + [.space, takeWord(), expression()])
  }
}
