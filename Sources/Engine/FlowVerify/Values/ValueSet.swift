import CEL

/// A set of values of one slot: the possible values of a field, a payload or an expression.
///
/// A set may be larger than the values that occur, never smaller. Lists and maps are represented by their sizes.
enum ValueSet: Hashable, Sendable {
  /// All values of a type whose values are not distinguished.
  case anything
  /// A field that was never assigned.
  case unset
  /// Whole numbers in disjoint ascending ranges: `int`, `uint`, `bool` as 0 and 1, enums by number, instants and
  /// durations in nanoseconds, lists and maps by size.
  case whole([ClosedRange<Int128>])
  case doubles([DoubleSpan], hasNaN: Bool)
  /// Some texts, or all except some.
  case texts(Set<String>, isComplement: Bool)

  static let none = ValueSet.whole([])
  static let bools = ValueSet.whole([0...1])
  static let allDoubles = ValueSet.doubles([.all], hasNaN: true)
  static let allTexts = ValueSet.texts([], isComplement: true)
  static let yes = ValueSet.whole([1...1])
  static let no = ValueSet.whole([0...0])

  static func single(_ number: Int128) -> ValueSet { .whole([number...number]) }

  var isEmpty: Bool {
    switch self {
    case .anything, .unset: false
    case .whole(let ranges): ranges.isEmpty
    case .doubles(let spans, let hasNaN): spans.isEmpty && !hasNaN
    case .texts(let texts, let isComplement): !isComplement && texts.isEmpty
    }
  }

  /// The only value of the set, as a number; nil when there are several or none.
  var singleNumber: Int128? {
    guard case .whole(let ranges) = self, ranges.count == 1, ranges[0].lowerBound == ranges[0].upperBound else {
      return nil
    }
    return ranges[0].lowerBound
  }

  /// True for a set of exactly one value.
  var isSingle: Bool {
    switch self {
    case .whole: singleNumber != nil
    case .doubles(let spans, let hasNaN): !hasNaN && spans.count == 1 && spans[0].low == spans[0].high
    case .texts(let texts, let isComplement): !isComplement && texts.count == 1
    case .anything, .unset: false
    }
  }

  /// The smallest and the largest number; nil for an empty set and for other kinds.
  var numberBounds: ClosedRange<Int128>? {
    guard case .whole(let ranges) = self, let first = ranges.first, let last = ranges.last else { return nil }
    return first.lowerBound...last.upperBound
  }

  func intersection(_ other: ValueSet) -> ValueSet {
    switch (self, other) {
    case (.anything, _): other
    case (_, .anything): self
    case (.whole(let left), .whole(let right)):
      .whole(
        left.flatMap { one in
          right.compactMap { two in
            let (low, high) = (max(one.lowerBound, two.lowerBound), min(one.upperBound, two.upperBound))
            return low <= high ? low...high : nil
          }
        })
    case (.doubles(let left, let leftNaN), .doubles(let right, let rightNaN)):
      .doubles(left.flatMap { one in right.compactMap { one.intersection($0) } }, hasNaN: leftNaN && rightNaN)
    case (.texts(let left, false), .texts(let right, false)):
      .texts(left.intersection(right), isComplement: false)
    case (.texts(let left, false), .texts(let right, true)): .texts(left.subtracting(right), isComplement: false)
    case (.texts(let left, true), .texts(let right, false)): .texts(right.subtracting(left), isComplement: false)
    case (.texts(let left, true), .texts(let right, true)): .texts(left.union(right), isComplement: true)
    default: self
    }
  }

  /// True if a value of a run is in the set.
  func contains(_ value: Value?) -> Bool {
    guard let value else { return self == .unset }
    switch self {
    case .anything: return true
    case .unset: return false
    case .whole(let ranges):
      guard let number = ValueSet.number(of: value) else { return false }
      return ranges.contains { $0.contains(number) }
    case .doubles(let spans, let hasNaN):
      guard case .double(let number) = value else { return false }
      return number.isNaN ? hasNaN : spans.contains { $0.contains(number) }
    case .texts(let texts, let isComplement):
      guard case .string(let text) = value else { return false }
      return texts.contains(text) != isComplement
    }
  }

  /// The number by which a value is represented; nil for doubles, texts and structured values.
  static func number(of value: Value) -> Int128? {
    switch value {
    case .bool(let flag): flag ? 1 : 0
    case .int(let number): Int128(number)
    case .uint(let number): Int128(number)
    case .enumeration(_, let number): Int128(number)
    case .timestamp(let instant): Int128(instant.seconds) * 1_000_000_000 + Int128(instant.nanoseconds)
    case .duration(let length): Int128(length.nanoseconds)
    case .list(let items): Int128(items.count)
    case .map(let map): Int128(map.entries.count)
    default: nil
    }
  }

  /// The set of one value of a run.
  static func single(_ value: Value) -> ValueSet {
    switch value {
    case .double(let number):
      number.isNaN ? .doubles([], hasNaN: true) : .doubles([DoubleSpan(number, number)], hasNaN: false)
    case .string(let text): .texts([text], isComplement: false)
    default: number(of: value).map { .single($0) } ?? .anything
    }
  }
}

/// The doubles between two bounds; either bound may be excluded.
struct DoubleSpan: Hashable, Sendable {
  var low: Double
  var isLowOpen = false
  var high: Double
  var isHighOpen = false

  static let all = DoubleSpan(-.infinity, .infinity)

  init(_ low: Double, _ high: Double, isLowOpen: Bool = false, isHighOpen: Bool = false) {
    self.low = low
    self.high = high
    self.isLowOpen = isLowOpen
    self.isHighOpen = isHighOpen
  }

  func intersection(_ other: DoubleSpan) -> DoubleSpan? {
    var found = self
    if other.low > low || other.low == low && other.isLowOpen {
      (found.low, found.isLowOpen) = (other.low, other.isLowOpen)
    }
    if other.high < high || other.high == high && other.isHighOpen {
      (found.high, found.isHighOpen) = (other.high, other.isHighOpen)
    }
    if found.low > found.high || found.low == found.high && (found.isLowOpen || found.isHighOpen) { return nil }
    return found.isLowOpen && found.isHighOpen && found.low.nextUp >= found.high ? nil : found
  }

  func contains(_ value: Double) -> Bool {
    (isLowOpen ? value > low : value >= low) && (isHighOpen ? value < high : value <= high)
  }
}
