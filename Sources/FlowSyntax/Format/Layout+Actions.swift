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
    let kind = word
    var parts = [take()]
    if kind == "http" { parts += [.space, take()] }
    takesRecords = kind == "log"
    while !at(.leftBrace), !at(.rightBrace), !isAtEnd, parts.count < (kind == "publish" ? 5 : kind == "http" ? 5 : 3) {
      if kind == "email" { break }
      parts += [.space, expression()]
    }
    takesRecords = true
    if at(.leftBrace) { parts += [.space, settings()] }
    return .concat(parts)
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

  /// A length of time, or an expression.
  mutating func delay() -> Doc {
    let isLiteral = (at(.int) || at(.double)) && peek().kind == .identifier && touchesNext
    return isLiteral ? duration() : expression()
  }
}
