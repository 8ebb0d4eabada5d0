/// An operation on numbers.
enum Arithmetic: UInt8, Hashable, Sendable { case add, subtract, multiply, divide, modulo }

/// The values that an operation may have, and whether it may fail.
struct ArithmeticResult {
  var values: ValueSet
  var mayFail: Bool
  /// False when it always fails.
  var maySucceed: Bool { !values.isEmpty }
}

extension ValueSet {
  /// The values of an operation on whole numbers or doubles.
  /// - Parameter range: The numbers that the result may have; nil for doubles.
  static func result(
    of operation: Arithmetic, _ left: ValueSet, _ right: ValueSet, in range: ClosedRange<Int128>?
  ) -> ArithmeticResult {
    if case .doubles(let one, let oneNaN) = left, case .doubles(let two, let twoNaN) = right {
      return ArithmeticResult(
        values: doubles(operation, of: one, and: two, hasNaN: oneNaN || twoNaN), mayFail: false)
    }
    guard let range else { return ArithmeticResult(values: .anything, mayFail: true) }
    guard let one = left.numberBounds, let two = right.numberBounds else {
      return ArithmeticResult(values: .whole([range]), mayFail: true)
    }
    switch operation {
    case .add:
      return clamped(from: one.lowerBound + two.lowerBound, to: one.upperBound + two.upperBound, in: range)
    case .subtract:
      return clamped(from: one.lowerBound - two.upperBound, to: one.upperBound - two.lowerBound, in: range)
    case .multiply: return product(of: one, and: two, in: range)
    case .divide, .modulo: return quotient(operation, of: one, by: two, in: range)
    }
  }

  private static func clamped(from low: Int128, to high: Int128, in range: ClosedRange<Int128>) -> ArithmeticResult {
    let (bottom, top) = (max(low, range.lowerBound), min(high, range.upperBound))
    let mayFail = low < range.lowerBound || high > range.upperBound
    return ArithmeticResult(values: bottom <= top ? .whole([bottom...top]) : .none, mayFail: mayFail)
  }

  private static func product(
    of one: ClosedRange<Int128>, and two: ClosedRange<Int128>, in range: ClosedRange<Int128>
  ) -> ArithmeticResult {
    let corners = [one.lowerBound, one.upperBound].flatMap { a in
      [two.lowerBound, two.upperBound].map { a.multipliedReportingOverflow(by: $0) }
    }
    guard !corners.contains(where: \.overflow), let low = corners.map(\.partialValue).min(),
      let high = corners.map(\.partialValue).max()
    else { return ArithmeticResult(values: .whole([range]), mayFail: true) }
    return clamped(from: low, to: high, in: range)
  }

  /// Division truncates toward zero; the remainder has the sign of the dividend.
  private static func quotient(
    _ operation: Arithmetic, of one: ClosedRange<Int128>, by two: ClosedRange<Int128>,
    in range: ClosedRange<Int128>
  ) -> ArithmeticResult {
    let mayBeZero = two.contains(0)
    if two == 0...0 { return ArithmeticResult(values: .none, mayFail: true) }
    if one.lowerBound == one.upperBound, two.lowerBound == two.upperBound, !mayBeZero {
      let value = operation == .divide ? one.lowerBound / two.lowerBound : one.lowerBound % two.lowerBound
      // The evaluator reports an overflow for the remainder of the smallest number and -1.
      let isExtreme = one.lowerBound == range.lowerBound && two.lowerBound == -1
      var result = clamped(from: value, to: value, in: range)
      if isExtreme { result.mayFail = true }
      return result
    }
    let most = max(one.lowerBound.magnitude, one.upperBound.magnitude)
    let limit = Int128(min(most, UInt128(Int128.max)))
    let mayOverflow = one.lowerBound == range.lowerBound && two.contains(-1) && range.lowerBound < 0
    let low = one.lowerBound >= 0 && (operation == .modulo || two.lowerBound >= 0) ? 0 : -limit
    let high = one.upperBound <= 0 && operation == .modulo ? 0 : limit
    var result = clamped(from: low, to: high, in: range)
    result.mayFail = mayBeZero || mayOverflow
    return result
  }

  // MARK: - Doubles

  /// Rounding is monotone, so that the operation on the bounds bounds the operation on all values between them.
  private static func doubles(
    _ operation: Arithmetic, of one: [DoubleSpan], and two: [DoubleSpan], hasNaN: Bool
  ) -> ValueSet {
    guard let left = hull(one), let right = hull(two) else { return .doubles([], hasNaN: true) }
    switch operation {
    case .add:
      return doubles(within: [left.low + right.low, left.high + right.high], from: left, and: right, hasNaN: hasNaN)
    case .subtract:
      return doubles(within: [left.low - right.high, left.high - right.low], from: left, and: right, hasNaN: hasNaN)
    case .multiply:
      let corners = [left.low * right.low, left.low * right.high, left.high * right.low, left.high * right.high]
      // Zero times infinity is not a number; beside it are zeros.
      let bounds = corners.map { $0.isNaN ? 0 : $0 } + (hasZero(left, right) ? [0] : [])
      return doubles(within: bounds, from: left, and: right, hasNaN: hasNaN)
    case .divide, .modulo: return .allDoubles
    }
  }

  private static func hull(_ spans: [DoubleSpan]) -> DoubleSpan? {
    guard let first = spans.first, let last = spans.last else { return nil }
    return DoubleSpan(first.low, last.high)
  }

  private static func hasZero(_ left: DoubleSpan, _ right: DoubleSpan) -> Bool { left.contains(0) || right.contains(0) }

  private static func doubles(
    within bounds: [Double], from left: DoubleSpan, and right: DoubleSpan, hasNaN: Bool
  ) -> ValueSet {
    let isInfinite = [left.low, left.high, right.low, right.high].contains { $0.isInfinite }
    if bounds.contains(where: \.isNaN) { return .allDoubles }
    return .doubles([DoubleSpan(bounds.min() ?? -.infinity, bounds.max() ?? .infinity)], hasNaN: hasNaN || isInfinite)
  }
}
