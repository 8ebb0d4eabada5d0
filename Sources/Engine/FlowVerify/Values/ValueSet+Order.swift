// Comparisons of sets: which results are possible, and which values remain once a result is known.
extension ValueSet {
  /// The results that a comparison of two values from the sets may have.
  struct Answers: Equatable {
    var mayHold: Bool
    var mayFail: Bool

    static let either = Answers(mayHold: true, mayFail: true)
  }

  /// The results of `left == right`.
  static func equality(_ left: ValueSet, _ right: ValueSet) -> Answers {
    switch (left, right) {
    case (.anything, _), (_, .anything), (.unset, _), (_, .unset): return .either
    default: break
    }
    let isCommon = !left.intersection(right).isEmpty
    return Answers(mayHold: isCommon, mayFail: !(left.isSingle && left == right))
  }

  /// The results of `left < right`, or of `left <= right`.
  static func order(_ left: ValueSet, _ right: ValueSet, isStrict: Bool) -> Answers {
    switch (left, right) {
    case (.whole, .whole):
      guard let one = left.numberBounds, let two = right.numberBounds else { return .either }
      let mayHold = isStrict ? one.lowerBound < two.upperBound : one.lowerBound <= two.upperBound
      let mayFail = isStrict ? one.upperBound >= two.lowerBound : one.upperBound > two.lowerBound
      return Answers(mayHold: mayHold, mayFail: mayFail)
    case (.doubles(let one, let oneNaN), .doubles(let two, let twoNaN)):
      guard let low = one.first, let high = two.last, let top = one.last, let bottom = two.first else {
        // One of them is never a number, so that no order holds.
        return Answers(mayHold: false, mayFail: true)
      }
      let isOpen = isStrict || low.isLowOpen || high.isHighOpen
      let mayHold = isOpen ? low.low < high.high : low.low <= high.high
      let isClosed = isStrict && !top.isHighOpen && !bottom.isLowOpen
      let mayFail = isClosed ? top.high >= bottom.low : top.high > bottom.low
      return Answers(mayHold: mayHold, mayFail: mayFail || oneNaN || twoNaN)
    default: return .either
    }
  }

  /// The values that are below, or not above, some value of another set.
  static func below(_ other: ValueSet, isStrict: Bool) -> ValueSet {
    switch other {
    case .whole:
      guard let bounds = other.numberBounds else { return .anything }
      return .whole([Int128.min...(isStrict ? bounds.upperBound - 1 : bounds.upperBound)])
    case .doubles(let spans, _):
      guard let last = spans.last else { return .doubles([], hasNaN: false) }
      return .doubles(
        bounded(-.infinity, last.high, isHighOpen: isStrict || last.isHighOpen), hasNaN: false)
    default: return .anything
    }
  }

  /// The values that are above, or not below, some value of another set.
  static func above(_ other: ValueSet, isStrict: Bool) -> ValueSet {
    switch other {
    case .whole:
      guard let bounds = other.numberBounds else { return .anything }
      return .whole([(isStrict ? bounds.lowerBound + 1 : bounds.lowerBound)...Int128.max])
    case .doubles(let spans, _):
      guard let first = spans.first else { return .doubles([], hasNaN: false) }
      return .doubles(bounded(first.low, .infinity, isLowOpen: isStrict || first.isLowOpen), hasNaN: false)
    default: return .anything
    }
  }

  private static func bounded(
    _ low: Double, _ high: Double, isLowOpen: Bool = false, isHighOpen: Bool = false
  ) -> [DoubleSpan] {
    DoubleSpan.all.intersection(DoubleSpan(low, high, isLowOpen: isLowOpen, isHighOpen: isHighOpen)).map { [$0] } ?? []
  }

  /// The set without one value; the set itself when the other has several.
  func removing(_ other: ValueSet) -> ValueSet {
    guard other.isSingle else { return self }
    switch (self, other) {
    case (.whole(let ranges), .whole(let single)):
      let value = single[0].lowerBound
      return .whole(
        ranges.flatMap { range -> [ClosedRange<Int128>] in
          guard range.contains(value) else { return [range] }
          let lower = range.lowerBound < value ? [range.lowerBound...(value - 1)] : []
          let upper = range.upperBound > value ? [(value + 1)...range.upperBound] : []
          return lower + upper
        })
    case (.doubles(let spans, let hasNaN), .doubles(let single, _)):
      let value = single[0].low
      let parts = [
        DoubleSpan(-.infinity, value, isHighOpen: true), DoubleSpan(value, .infinity, isLowOpen: true),
      ]
      return .doubles(spans.flatMap { span in parts.compactMap { span.intersection($0) } }, hasNaN: hasNaN)
    case (.texts(let texts, let isComplement), .texts(let single, _)):
      return .texts(isComplement ? texts.union(single) : texts.subtracting(single), isComplement: isComplement)
    default: return self
    }
  }
}
