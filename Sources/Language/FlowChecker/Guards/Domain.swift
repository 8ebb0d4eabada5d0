import CEL

/// The possible values of a term according to a guard: exact, so that "none" is a proof.
enum Domain: Hashable {
  /// Disjoint ranges in ascending order: whole numbers, instants, or durations in nanoseconds.
  case numbers([ClosedRange<Int128>])
  /// Doubles between bounds; whether NaN is among them.
  case doubles([DoubleInterval], hasNaN: Bool)
  /// A finite set, or all but a finite set. Texts, and values of types that have names.
  case names(Set<String>, isComplement: Bool)

  var isEmpty: Bool {
    switch self {
    case .numbers(let ranges): ranges.isEmpty
    case .doubles(let intervals, let hasNaN): intervals.isEmpty && !hasNaN
    case .names(let names, let isComplement): !isComplement && names.isEmpty
    }
  }

  func intersection(_ other: Domain) -> Domain {
    switch (self, other) {
    case (.numbers(let left), .numbers(let right)):
      .numbers(
        left.flatMap { a in
          right.compactMap { b in
            let (low, high) = (max(a.lowerBound, b.lowerBound), min(a.upperBound, b.upperBound))
            return low <= high ? low...high : nil
          }
        })
    case (.doubles(let left, let leftNaN), .doubles(let right, let rightNaN)):
      .doubles(left.flatMap { a in right.compactMap { a.intersection($0) } }, hasNaN: leftNaN && rightNaN)
    case (.names(let left, false), .names(let right, false)): .names(left.intersection(right), isComplement: false)
    case (.names(let left, false), .names(let right, true)): .names(left.subtracting(right), isComplement: false)
    case (.names(let left, true), .names(let right, false)): .names(right.subtracting(left), isComplement: false)
    case (.names(let left, true), .names(let right, true)): .names(left.union(right), isComplement: true)
    default: self
    }
  }

  /// The values of `whole` that are not in this domain.
  func complement(in whole: Domain) -> Domain {
    switch self {
    case .numbers(let ranges):
      var rest = whole
      for range in ranges {
        var sides: [ClosedRange<Int128>] = []
        if range.lowerBound > .min { sides.append(.min...(range.lowerBound - 1)) }
        if range.upperBound < .max { sides.append((range.upperBound + 1)...(.max)) }
        rest = rest.intersection(.numbers(sides))
      }
      return rest
    case .doubles(let intervals, let hasNaN):
      var rest = whole
      for interval in intervals { rest = rest.intersection(.doubles(interval.complement, hasNaN: true)) }
      guard hasNaN, case .doubles(let left, _) = rest else { return rest }
      return .doubles(left, hasNaN: false)
    case .names(let names, let isComplement):
      return Domain.names(names, isComplement: !isComplement).intersection(whole)
    }
  }

  /// The plainest of the values, in source form.
  var example: String {
    switch self {
    case .numbers(let ranges):
      if ranges.contains(where: { $0.contains(0) }) { return "0" }
      let nearest = ranges.flatMap { [$0.lowerBound, $0.upperBound] }.min { $0.magnitude < $1.magnitude }
      return "\(nearest ?? 0)"
    case .doubles(let intervals, _): return intervals.map(\.example).min { $0.count < $1.count } ?? "NaN"
    case .names(let names, false): return names.min() ?? "?"
    case .names(let names, true): return names.contains("\"\"") ? "something else" : "\"\""
    }
  }
}

/// The doubles between two bounds, either of which may be excluded.
struct DoubleInterval: Hashable {
  var low: Double
  var isLowOpen = false
  var high: Double
  var isHighOpen = false

  static let all = DoubleInterval(low: -.infinity, high: .infinity)

  func intersection(_ other: DoubleInterval) -> DoubleInterval? {
    var found = self
    if other.low > low || other.low == low && other.isLowOpen {
      (found.low, found.isLowOpen) = (other.low, other.isLowOpen)
    }
    if other.high < high || other.high == high && other.isHighOpen {
      (found.high, found.isHighOpen) = (other.high, other.isHighOpen)
    }
    if found.low > found.high || found.low == found.high && (found.isLowOpen || found.isHighOpen) { return nil }
    // Two adjacent doubles have none between them.
    return found.isLowOpen && found.isHighOpen && found.low.nextUp >= found.high ? nil : found
  }

  var complement: [DoubleInterval] {
    var sides: [DoubleInterval] = []
    if low > -.infinity || isLowOpen {
      sides.append(DoubleInterval(low: -.infinity, high: low, isHighOpen: !isLowOpen))
    }
    if high < .infinity || isHighOpen {
      sides.append(DoubleInterval(low: high, isLowOpen: !isHighOpen, high: .infinity))
    }
    return sides
  }

  fileprivate var example: String {
    if contains(0) { return "0.0" }
    if low.isFinite { return "\(isLowOpen ? (contains(low + 1) ? low + 1 : low.nextUp) : low)" }
    return "\(isHighOpen ? (contains(high - 1) ? high - 1 : high.nextDown) : high)"
  }

  private func contains(_ value: Double) -> Bool {
    (isLowOpen ? value > low : value >= low) && (isHighOpen ? value < high : value <= high)
  }
}
