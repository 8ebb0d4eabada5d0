/// Abstract states by number, in one flat array with a hash table.
struct StateTable {
  let width: Int
  private(set) var count = 0
  private var cells: [Int32] = []
  /// Numbers of states plus one; 0 is free.
  private var buckets: [Int32]

  init(width: Int) {
    self.width = width
    buckets = Array(repeating: 0, count: 1 << 12)
  }

  subscript(_ state: Int) -> ArraySlice<Int32> { cells[state * width..<(state + 1) * width] }

  func cell(_ state: Int, _ position: Int) -> Int32 { cells[state * width + position] }

  /// The number of a state; nil when it is not in the table.
  func number(of state: [Int32]) -> Int? {
    var bucket = StateTable.hash(state[...]) & (buckets.count - 1)
    while buckets[bucket] != 0 {
      let known = Int(buckets[bucket]) - 1
      if isEqual(known, state) { return known }
      bucket = (bucket + 1) & (buckets.count - 1)
    }
    return nil
  }

  /// The number of a state, and whether it is new.
  mutating func insert(_ state: [Int32]) -> (state: Int, isNew: Bool) {
    if count * 2 >= buckets.count { grow() }
    var bucket = StateTable.hash(state[...]) & (buckets.count - 1)
    while buckets[bucket] != 0 {
      let known = Int(buckets[bucket]) - 1
      if isEqual(known, state) { return (known, false) }
      bucket = (bucket + 1) & (buckets.count - 1)
    }
    cells.append(contentsOf: state)
    count += 1
    buckets[bucket] = Int32(count)
    return (count - 1, true)
  }

  private func isEqual(_ known: Int, _ state: [Int32]) -> Bool {
    let start = known * width
    for position in 0..<width where cells[start + position] != state[position] { return false }
    return true
  }

  private mutating func grow() {
    buckets = Array(repeating: 0, count: buckets.count * 2)
    for state in 0..<count {
      var bucket = StateTable.hash(self[state]) & (buckets.count - 1)
      while buckets[bucket] != 0 { bucket = (bucket + 1) & (buckets.count - 1) }
      buckets[bucket] = Int32(state + 1)
    }
  }

  /// FNV-1a over words, with a final mix for the low bits.
  private static func hash(_ cells: ArraySlice<Int32>) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for cell in cells { hash = (hash ^ UInt64(UInt32(bitPattern: cell))) &* 0x100_0000_01b3 }
    hash ^= hash >> 29
    return Int(truncatingIfNeeded: hash & 0x7fff_ffff)
  }
}
