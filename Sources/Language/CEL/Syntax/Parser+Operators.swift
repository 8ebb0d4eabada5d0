import FlowSource

extension ExpressionParser {
  /// `or [? or : expression]`.
  mutating func parseConditional() -> Expression {
    let condition = parseBinary(.or)
    guard !hasFailed, kind == .question else { return condition }
    position += 1
    let then = nested { $0.parseBinary(.or) }
    guard expect(.colon, "`:` and the value for when the condition is false") else { return missing() }
    let otherwise = parseExpression()
    guard !hasFailed else { return missing() }
    return make(condition.range.union(otherwise.range), .conditional(condition, then: then, else: otherwise))
  }

  /// The levels of the two-sided operators, loosest first.
  private enum Level: Int { case or, and, relation, addition, multiplication, unary }

  private func binaryOperator() -> (level: Level, function: String)? {
    switch kind {
    case .orOr: (.or, "_||_")
    case .andAnd: (.and, "_&&_")
    case .less: (.relation, "_<_")
    case .lessEqual: (.relation, "_<=_")
    case .greater: (.relation, "_>_")
    case .greaterEqual: (.relation, "_>=_")
    case .equalEqual: (.relation, "_==_")
    case .bangEqual: (.relation, "_!=_")
    case .identifier: isWord("in") ? (.relation, "@in") : nil
    case .plus: (.addition, "_+_")
    case .minus: (.addition, "_-_")
    case .star: (.multiplication, "_*_")
    case .slash: (.multiplication, "_/_")
    case .percent: (.multiplication, "_%_")
    default: nil
    }
  }

  /// A chain of operators that are no looser than a level (precedence climbing; Richards 1979). All of them associate
  /// to the left, so that the right side of each has only tighter ones.
  private mutating func parseBinary(_ loosest: Level) -> Expression {
    var left = parseUnary()
    while !hasFailed, let (level, function) = binaryOperator(), level.rawValue >= loosest.rawValue {
      // A run of the same operator becomes one flat node, so that a thousand terms do not nest a thousand deep.
      var terms = [left]
      let operatorToken = token
      let isFlat = level == .or || level == .and || operatorToken.kind == .plus
      let tighter = Level(rawValue: level.rawValue + 1) ?? .unary
      repeat {
        position += 1
        terms.append(tighter == .unary ? parseUnary() : parseBinary(tighter))
      } while !hasFailed && isFlat && kind == operatorToken.kind
      guard !hasFailed else { return missing() }
      left = combine(terms, level: level, function: Expression.Field(function, operatorToken.range))
    }
    return left
  }

  private mutating func combine(_ terms: [Expression], level: Level, function: Expression.Field) -> Expression {
    let range = terms[0].range.union(terms[terms.count - 1].range)
    switch level {
    case .or: return make(range, .or(terms))
    case .and: return make(range, .and(terms))
    default: return make(range, .call(Expression.Call(function: function, target: nil, arguments: terms)))
    }
  }

  /// `!` and `-` may repeat, but do not mix.
  private mutating func parseUnary() -> Expression {
    guard !hasFailed else { return missing() }
    switch kind {
    case .bang: return parsePrefix(.bang, "!_")
    case .minus: return parsePrefix(.minus, "-_")
    default: return parseMember()
    }
  }

  private mutating func parsePrefix(_ sign: TokenKind, _ function: String) -> Expression {
    var signs: [Token] = []
    while kind == sign { signs.append(advance()) }
    guard signs.count <= Self.maximumDepth else {
      failTooDeep(at: signs[0].range)
      return missing()
    }
    var operand: Expression
    if sign == .minus, kind == .int || kind == .double {
      // The sign belongs to the number: the smallest int has no positive counterpart.
      let minus = signs.removeLast()
      operand = parsePostfix(parseNumber(after: minus))
    } else {
      operand = parseMember()
    }
    while !hasFailed, let sign = signs.popLast() {
      let call = Expression.Call(function: Expression.Field(function, sign.range), target: nil, arguments: [operand])
      operand = make(sign.range.union(operand.range), .call(call))
    }
    return operand
  }
}
