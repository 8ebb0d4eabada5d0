import CEL

extension Layout {
  mutating func action() -> Doc {
    let head = Doc.concat([takeWord(), path(), parameters()])
    var rest: [Doc] = []
    if at(.arrow) { rest += [.line(1), takeWord(), typeReference()] }
    if at("fails") { rest += [.line(1), takeWord(), names()] }
    guard at(.leftBrace) else { return .concat([head, .group(.hang(4, .concat(rest)))]) }
    let opening = { (brace: Doc) in Doc.concat([head, .group(.concat([.hang(4, .concat(rest)), .line(1), brace]))]) }
    return block(opening: rest.isEmpty ? { .concat([head, .space, $0]) } : opening) { $0.actionMember() }
  }

  private mutating func actionMember() -> Doc {
    switch word {
    case "retry": retry()
    case "timeout": timeout()
    case "limit": .concat([takeWord(), takeWord(), takeWord(), duration()])
    case "signed": .concat([takeWord(), expression()])
    default: at(.int) ? status() : binding()
    }
  }

  /// `429 -> BUSY`, `5xx -> UNAVAILABLE`
  private mutating func status() -> Doc {
    let number = touchesNext && peek().kind == .identifier ? Doc.concat([take(), take()]) : take()
    return .concat([number, .space, takeWord(), take()])
  }

  private mutating func binding() -> Doc {
    var parts: [Doc]
    switch word {
    case "http": parts = [takeWord(), takeWord(), header()]
    case "email": parts = [take()]
    case "publish": parts = [takeWord(), header(), .space, header()]
    case "log": parts = [takeWord(), expression()]
    case "redis", "sql", "worker", "exec": parts = [takeWord(), header()]
    default: return take()
    }
    if at(.leftBrace) { parts += [.space, settings()] }
    return .concat(parts)
  }

  /// An expression that a block may follow.
  private mutating func header() -> Doc {
    takesRecords = false
    defer { takesRecords = true }
    return expression()
  }

  private mutating func settings() -> Doc { block { layout in .concat([layout.argument(), layout.optionalComma()]) } }

  // MARK: - Policies, also of calls

  mutating func retry() -> Doc {
    var parts = [takeWord(), take()]
    if at("only") { parts += [.space, takeWord(), names()] }
    if at("backoff") {
      parts += [.space, takeWord(), duration()]
      if at(.dotDot) { parts += [take(), duration()] }
    }
    return .concat(parts)
  }

  mutating func timeout() -> Doc { .concat([takeWord(), duration()]) }

  /// `1h30m`: a number and the word that touches it.
  mutating func duration() -> Doc {
    let isWhole = touchesNext
    let number = take()
    return isWhole ? .concat([number, take()]) : number
  }

  /// A duration, or an expression.
  mutating func delay() -> Doc {
    let isLiteral = (at(.int) || at(.double)) && peek().kind == .identifier && touchesNext
    return isLiteral ? duration() : expression()
  }
}
