import CEL

extension Layout {
  mutating func action() -> Doc {
    let head = Doc.concat([nextWord(), path(), parameters()])
    var rest: [Doc] = []
    if at(.arrow) { rest += [.line(1), nextWord(), typeReference()] }
    if at("fails") { rest += [.line(1), nextWord(), names()] }
    guard at(.leftBrace) else { return .concat([head, .group(.hang(4, .concat(rest)))]) }
    let opening = { (brace: Doc) in Doc.concat([head, .group(.concat([.hang(4, .concat(rest)), .line(1), brace]))]) }
    return block(opening: rest.isEmpty ? { .concat([head, .space, $0]) } : opening) { $0.actionMember() }
  }

  private mutating func actionMember() -> Doc {
    switch word {
    case "retry": retry()
    case "timeout": timeout()
    case "limit": limit()
    case "signed": .concat([nextWord(), expression()])
    default: at(.int) ? status() : binding()
    }
  }

  /// `limit 10 per 1s`, `limit 4 at once`, each optionally `per tenant`
  private mutating func limit() -> Doc {
    var parts = [nextWord(), nextWord()]
    parts += at("at") ? [nextWord(), next()] : [nextWord(), duration()]
    if at("per") { parts += [.space, nextWord(), expression()] }
    return .concat(parts)
  }

  /// `429 -> BUSY`, `5xx -> UNAVAILABLE`
  private mutating func status() -> Doc {
    let number = touchesNext && peek().kind == .identifier ? Doc.concat([next(), next()]) : next()
    return .concat([number, .space, nextWord(), next()])
  }

  private mutating func binding() -> Doc {
    var parts: [Doc]
    switch word {
    case "http": parts = [nextWord(), nextWord(), header()]
    case "email": parts = [next()]
    case "publish": parts = [nextWord(), header(), .space, header()]
    case "log": parts = [nextWord(), expression()]
    case "redis", "sql", "worker", "exec": parts = [nextWord(), header()]
    default: return next()
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
    var parts = [nextWord(), next()]
    if at("only") { parts += [.space, nextWord(), names()] }
    if at("backoff") {
      parts += [.space, nextWord(), duration()]
      if at(.dotDot) { parts += [next(), duration()] }
    }
    return .concat(parts)
  }

  mutating func timeout() -> Doc { .concat([nextWord(), duration()]) }

  /// `1h30m`: a number and the word that touches it.
  mutating func duration() -> Doc {
    let isWhole = touchesNext
    let number = next()
    return isWhole ? .concat([number, next()]) : number
  }

  /// A duration, or an expression.
  mutating func delay() -> Doc {
    let isLiteral = (at(.int) || at(.double)) && peek().kind == .identifier && touchesNext
    return isLiteral ? duration() : expression()
  }
}
