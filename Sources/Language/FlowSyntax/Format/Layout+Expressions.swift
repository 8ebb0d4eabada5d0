import CEL

extension Layout {
  /// One CEL expression; it ends at the first token that cannot continue it, as in the parser.
  mutating func expression() -> Doc {
    let condition = operation(level: 0)
    guard at(.question) else { return condition }
    var parts: [Doc] = []
    while at(.question) || at(.colon) && !parts.isEmpty {
      parts += [.line(1), nextWord(), operation(level: 0)]
      if at(.colon) { parts += [.line(1), nextWord(), operation(level: 0)] }
    }
    return .group(.concat([condition, .indent(2, .concat(parts))]))
  }

  /// The level of the operator at the cursor, loosest first.
  private var operatorLevel: Int? {
    switch token.kind {
    case .orOr: 0
    case .andAnd: 1
    case .less, .lessEqual, .greater, .greaterEqual, .equalEqual, .bangEqual: 2
    case .identifier: at("in") ? 2 : nil
    case .plus, .minus: 3
    case .star, .slash, .percent: 4
    default: nil
    }
  }

  /// A chain of operators of one level; when it breaks, it breaks before each of them.
  private mutating func operation(level: Int) -> Doc {
    guard level < 5 else { return operand() }
    let first = operation(level: level + 1)
    guard operatorLevel == level else { return first }
    var rest: [Doc] = []
    while operatorLevel == level { rest += [.line(1), nextWord(), operation(level: level + 1)] }
    return .group(.concat([first, .indent(2, .concat(rest))]))
  }

  private mutating func operand() -> Doc {
    var parts: [Doc] = []
    while at(.bang) || at(.minus) { parts.append(next()) }
    parts.append(primary())
    return parts.count == 1 ? parts[0] : .concat(parts)
  }

  private mutating func primary() -> Doc {
    switch token.kind {
    case .leftParen: return selections(of: parenthesized())
    case .leftBracket: return selections(of: list(until: .rightBracket) { $0.element() })
    case .leftBrace: return selections(of: list(until: .rightBrace) { $0.entry() })
    case .dot:
      let dot = next()
      return selections(of: .concat([dot, next()]), isName: true)
    case .identifier: return selections(of: next(), isName: true)
    case .int, .uint, .double, .string, .bytes, .quotedIdentifier: return selections(of: next())
    default: return .empty
    }
  }

  private mutating func parenthesized() -> Doc {
    let open = next()
    let inner = expression()
    let close = next(if: .rightParen)
    return .group(.concat([open, .indent(2, .concat([.softLine, inner])), .softLine, close]))
  }

  /// The dots, brackets and braces after an operand.
  private mutating func selections(of operand: Doc, isName: Bool = false) -> Doc {
    var parts = [operand]
    var isName = isName
    while true {
      switch token.kind {
      case .dot: parts += [next(), next(if: .question), next()]
      case .leftParen where isName || parts.count > 1:
        parts.append(list(until: .rightParen) { $0.expression() })
        isName = false
      case .leftBracket:
        parts += [next(), next(if: .question), expression(), next(if: .rightBracket)]
        isName = false
      case .leftBrace where isName && takesRecords:
        parts.append(list(until: .rightBrace) { $0.entry() })
        isName = false
      default: return parts.count == 1 ? parts[0] : .concat(parts)
      }
    }
  }

  private mutating func element() -> Doc {
    let mark = next(if: .question)
    return .concat([mark, expression()])
  }

  /// `key: value` of a map or a record.
  private mutating func entry() -> Doc {
    let key = element()
    guard at(.colon) else { return key }
    return .concat([key, nextWord(), expression()])
  }
}
