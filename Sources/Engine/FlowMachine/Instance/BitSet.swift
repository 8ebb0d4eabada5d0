/// A set of small numbers. Numbers below 64 are stored in one word, without an allocation.
struct BitSet: Hashable, Sendable {
  private var low: UInt64 = 0
  /// Words for the numbers from 64 on; no longer than needed, so that equal sets are equal values.
  private var high: [UInt64]?

  init() {}

  init(_ states: some Sequence<Int>) { for state in states { insert(state) } }

  @inline(__always) var isEmpty: Bool { low == 0 && high == nil }

  @inline(__always) func contains(_ state: Int) -> Bool {
    state < 64 ? low & (1 &<< UInt64(state)) != 0 : isHighMember(state)
  }

  @inline(never) private func isHighMember(_ state: Int) -> Bool {
    let word = state / 64 - 1
    guard let high, word < high.count else { return false }
    return high[word] & (1 &<< UInt64(state % 64)) != 0
  }

  @inline(__always) mutating func insert(_ state: Int) {
    if state < 64 { low |= 1 &<< UInt64(state) } else { insertHigh(state) }
  }

  @inline(never) private mutating func insertHigh(_ state: Int) {
    insertHigh(1 &<< UInt64(state % 64), word: state / 64 - 1)
  }

  private mutating func insertHigh(_ bits: UInt64, word: Int) {
    var words = high ?? []
    high = nil
    while words.count <= word { words.append(0) }
    words[word] |= bits
    high = words
  }

  @inline(__always) mutating func remove(_ state: Int) {
    if state < 64 { low &= ~(1 &<< UInt64(state)) } else { removeHigh(state) }
  }

  @inline(never) private mutating func removeHigh(_ state: Int) {
    let word = state / 64 - 1
    guard var words = high, word < words.count else { return }
    high = nil
    words[word] &= ~(1 &<< UInt64(state % 64))
    while words.last == 0 { words.removeLast() }
    high = words.isEmpty ? nil : words
  }

  /// Copies another set, without reference counting when both are small.
  @inline(__always) mutating func assign(_ other: borrowing BitSet) {
    low = other.low
    if high != nil || other.high != nil { high = other.high }
  }

  @inline(__always) mutating func removeAll() {
    low = 0
    if high != nil { high = nil }
  }

  mutating func formUnion(_ other: borrowing BitSet) {
    low |= other.low
    guard let words = other.high else { return }
    for (word, bits) in words.enumerated() where bits != 0 { insertHigh(bits, word: word) }
  }

  /// The number of members.
  var count: Int { low.nonzeroBitCount + (high ?? []).reduce(0) { $0 + $1.nonzeroBitCount } }

  /// The smallest member that is at least `start`.
  @inline(__always) func next(from start: Int) -> Int? {
    if start < 64 {
      let rest = low & (UInt64.max &<< UInt64(start))
      if rest != 0 { return rest.trailingZeroBitCount }
    }
    return high == nil ? nil : nextHigh(from: start)
  }

  @inline(never) private func nextHigh(from start: Int) -> Int? {
    guard let high else { return nil }
    var word = max(start / 64 - 1, 0)
    var mask = start >= 64 ? UInt64.max &<< UInt64(start % 64) : UInt64.max
    while word < high.count {
      let rest = high[word] & mask
      if rest != 0 { return (word + 1) * 64 + rest.trailingZeroBitCount }
      mask = .max
      word += 1
    }
    return nil
  }

  /// The largest member below `end`.
  @inline(__always) func last(before end: Int) -> Int? {
    if end > 64, high != nil, let found = lastHigh(before: end) { return found }
    let rest = end >= 64 ? low : low & ((1 &<< UInt64(end)) - 1)
    return rest == 0 ? nil : 63 - rest.leadingZeroBitCount
  }

  @inline(never) private func lastHigh(before end: Int) -> Int? {
    guard let high else { return nil }
    var word = min((end - 1) / 64 - 1, high.count - 1)
    while word >= 0 {
      let first = (word + 1) * 64
      let rest = end - first >= 64 ? high[word] : high[word] & ((1 &<< UInt64(end - first)) - 1)
      if rest != 0 { return first + 63 - rest.leadingZeroBitCount }
      word -= 1
    }
    return nil
  }

  /// The members in ascending order.
  var ascending: Ascending { Ascending(set: self) }

  struct Ascending: Sequence, IteratorProtocol {
    let set: BitSet
    var start = 0

    mutating func next() -> Int? {
      guard let found = set.next(from: start) else { return nil }
      start = found + 1
      return found
    }
  }
}
