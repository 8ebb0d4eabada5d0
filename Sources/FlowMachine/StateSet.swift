/// A set of state indices. Up to 64 states it lives in one word and never allocates.
public struct StateSet: Hashable, Sendable {
  private var low: UInt64 = 0
  /// Words for the indices from 64 on; no longer than needed, so that equal sets are equal values.
  private var high: [UInt64] = []

  public init() {}

  public init(_ states: some Sequence<Int>) { for state in states { insert(state) } }

  public var isEmpty: Bool { low == 0 && high.isEmpty }

  public func contains(_ state: Int) -> Bool {
    if state < 64 { return low & (1 << UInt64(state)) != 0 }
    let word = state / 64 - 1
    return word < high.count && high[word] & (1 << UInt64(state % 64)) != 0
  }

  public mutating func insert(_ state: Int) {
    if state < 64 {
      low |= 1 << UInt64(state)
      return
    }
    let word = state / 64 - 1
    while high.count <= word { high.append(0) }
    high[word] |= 1 << UInt64(state % 64)
  }

  public mutating func remove(_ state: Int) {
    if state < 64 {
      low &= ~(1 << UInt64(state))
      return
    }
    let word = state / 64 - 1
    guard word < high.count else { return }
    high[word] &= ~(1 << UInt64(state % 64))
    while high.last == 0 { high.removeLast() }
  }

  public mutating func formUnion(_ other: StateSet) { for state in other.ascending { insert(state) } }

  public func isDisjoint(with other: StateSet) -> Bool {
    low & other.low == 0 && zip(high, other.high).allSatisfy { $0 & $1 == 0 }
  }

  /// The smallest member that is at least `start`.
  func next(from start: Int) -> Int? {
    if start < 64 {
      let rest = low & (UInt64.max << UInt64(start))
      if rest != 0 { return rest.trailingZeroBitCount }
    }
    var word = max(start / 64 - 1, 0)
    var mask = start >= 64 ? UInt64.max << UInt64(start % 64) : UInt64.max
    while word < high.count {
      let rest = high[word] & mask
      if rest != 0 { return (word + 1) * 64 + rest.trailingZeroBitCount }
      mask = .max
      word += 1
    }
    return nil
  }

  /// The members in document order.
  public var ascending: Ascending { Ascending(set: self) }

  public struct Ascending: Sequence, IteratorProtocol {
    let set: StateSet
    var start = 0

    public mutating func next() -> Int? {
      guard let found = set.next(from: start) else { return nil }
      start = found + 1
      return found
    }
  }
}
