import CEL

// Comparisons of sums of integers: `n + 1 <= limit` and `n >= limit` are compared by the same difference.
extension GuardLogic {
  /// `sum + constant`, with the coefficient of each operand.
  struct Sum {
    /// The largest number of operands that are followed, so that a sum of sums costs no more than one of them.
    static let maximumOperands = 16

    var operands: [String: (factor: Int128, tree: TypedExpression)] = [:]
    var constant: Int128 = 0

    mutating func add(_ other: Sum, times factor: Int128) {
      constant += other.constant * factor
      for (key, operand) in other.operands {
        let sum = (operands[key]?.factor ?? 0) + operand.factor * factor
        operands[key] = sum == 0 ? nil : (sum, operand.tree)
      }
    }
  }

  /// The largest factor and constant that are followed, so that no product overflows.
  private static let largest = Int128(1) << 60

  /// A comparison of integers of which at least one side is a sum, a difference or a product with a constant. A
  /// comparison that is true or false was evaluated without an overflow, so that it holds for all whole numbers.
  /// - Returns: Nil when neither side is one.
  func linear(
    _ builtin: Builtin, left: TypedExpression, right: TypedExpression, are wanted: Bool
  ) -> [Cube]? {
    guard isSum(left) || isSum(right) || constant(left) == nil && constant(right) == nil, var sum = sum(left),
      let other = self.sum(right)
    else { return nil }
    sum.add(other, times: -1)
    var held = side(builtin, of: -sum.constant)
    if !wanted { held = held.complement(in: GuardLogic.all) }
    let keys = sum.operands.keys.sorted()
    guard let first = keys.first, let leading = sum.operands[first] else {
      return held.intersection(.numbers([0...0])).isEmpty ? [] : [[:]]
    }
    if leading.factor < 0 { held = held.negated }
    if keys.count == 1 {
      guard let term = reader.term(leading.tree) else { return nil }
      let values = held.divided(by: abs(leading.factor)).intersection(term.whole)
      return values.isEmpty ? [] : [[term: values]]
    }
    let sign: Int128 = leading.factor < 0 ? -1 : 1
    let key = keys.map { "\((sum.operands[$0]?.factor ?? 0) * sign) * \($0)" }.joined(separator: " + ")
    return held.isEmpty ? [] : [[GuardTerm(key: key, whole: GuardLogic.all, isFree: false): held]]
  }

  private static let all = Domain.numbers([.min...(.max)])

  private func isSum(_ tree: TypedExpression) -> Bool {
    switch tree.kind {
    case .named(let definition): isSum(definition.body)
    case .call(let builtin, _, _): [.add, .subtract, .multiply, .negate].contains(builtin)
    default: false
    }
  }

  private func sum(_ tree: TypedExpression) -> Sum? {
    if let value = constant(tree) {
      guard case .int(let number) = value, abs(Int128(number)) <= GuardLogic.largest else { return nil }
      return Sum(constant: Int128(number))
    }
    switch tree.kind {
    case .named(let definition): return sum(definition) { sum(definition.body) }
    case .call(.negate, _, let arguments) where arguments.count == 1: return scaled(arguments[0], by: -1)
    case .call(.add, _, let arguments) where arguments.count == 2:
      return sum(arguments[0], plus: arguments[1], times: 1)
    case .call(.subtract, _, let arguments) where arguments.count == 2:
      return sum(arguments[0], plus: arguments[1], times: -1)
    case .call(.multiply, _, let arguments) where arguments.count == 2:
      if case .int(let factor)? = constant(arguments[0]) { return scaled(arguments[1], by: Int128(factor)) }
      if case .int(let factor)? = constant(arguments[1]) { return scaled(arguments[0], by: Int128(factor)) }
    default: break
    }
    return Sum(operands: [reader.key(tree): (1, tree)])
  }

  private func sum(_ left: TypedExpression, plus right: TypedExpression, times factor: Int128) -> Sum? {
    guard var sum = sum(left), let other = self.sum(right) else { return nil }
    sum.add(other, times: factor)
    return bounded(sum)
  }

  private func scaled(_ tree: TypedExpression, by factor: Int128) -> Sum? {
    guard abs(factor) <= 1 << 30, let inner = sum(tree) else { return nil }
    var sum = Sum()
    sum.add(inner, times: factor)
    return bounded(sum)
  }

  private func bounded(_ sum: Sum) -> Sum? {
    guard sum.operands.count <= Sum.maximumOperands, abs(sum.constant) <= GuardLogic.largest * 4 else { return nil }
    return sum.operands.values.allSatisfy { abs($0.factor) <= GuardLogic.largest } ? sum : nil
  }

  /// The values that are in a relation to a number.
  private func side(_ builtin: Builtin, of number: Int128) -> Domain {
    switch builtin {
    case .equal: .numbers([number...number])
    case .notEqual: Domain.numbers([number...number]).complement(in: GuardLogic.all)
    case .less: .numbers([.min...(number - 1)])
    case .lessOrEqual: .numbers([.min...number])
    case .greater: .numbers([(number + 1)...(.max)])
    default: .numbers([number...(.max)])
    }
  }
}

extension Domain {
  /// The values with the other sign.
  fileprivate var negated: Domain {
    guard case .numbers(let ranges) = self else { return self }
    let bound = { (number: Int128) -> Int128 in number == .min ? .max : number == .max ? .min : -number }
    return .numbers(ranges.reversed().map { bound($0.upperBound)...bound($0.lowerBound) })
  }

  /// The whole numbers whose products with a factor are in the domain.
  fileprivate func divided(by factor: Int128) -> Domain {
    guard case .numbers(let ranges) = self, factor > 1 else { return self }
    return .numbers(
      ranges.compactMap { range in
        let low = range.lowerBound == .min ? .min : -(-range.lowerBound).dividedDown(by: factor)
        let high = range.upperBound == .max ? .max : range.upperBound.dividedDown(by: factor)
        return low <= high ? low...high : nil
      })
  }
}

extension Int128 {
  /// The quotient, rounded towards negative infinity.
  fileprivate func dividedDown(by factor: Int128) -> Int128 {
    let (quotient, rest) = quotientAndRemainder(dividingBy: factor)
    return rest < 0 ? quotient - 1 : quotient
  }
}
