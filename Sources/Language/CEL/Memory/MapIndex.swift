/// The indices of a large map's entries in the order of their keys, for binary search.
///
/// Sorted rather than hashed: no choice of keys makes it slow.
enum MapIndex {
  /// Maps up to this size are searched from front to back.
  static let smallCount = 8

  static func bytes(entries: Int) -> Int { entries > smallCount ? (entries * 4 + 15) & ~15 : 0 }

  static func of(_ map: Slot) -> UnsafeMutablePointer<UInt32>? {
    map.address.map {
      ($0 + Int(map.count) * 2 * MemoryLayout<Slot>.stride).assumingMemoryBound(to: UInt32.self)
    }
  }

  /// Fills the index; returns a key that occurs twice in the map.
  static func build(_ map: Slot) -> Slot? {
    let count = Int(map.count)
    let entries = map.elements
    if count <= smallCount {
      for later in 0..<count {
        for earlier in 0..<later where order(entries[2 * later], entries[2 * earlier]) == 0 {
          return entries[2 * later]
        }
      }
      return nil
    }
    guard let index = of(map) else { return nil }
    var indices = UnsafeMutableBufferPointer(start: index, count: count)
    for position in 0..<count { indices[position] = UInt32(position) }
    indices.sort { order(entries[2 * Int($0)], entries[2 * Int($1)]) < 0 }
    for position in 1..<count
    where order(entries[2 * Int(indices[position - 1])], entries[2 * Int(indices[position])]) == 0 {
      return entries[2 * Int(indices[position])]
    }
    return nil
  }

  /// The value of a key, which may be a double too.
  static func find(_ key: Slot, in map: Slot) -> Slot? {
    if key.tag == .double {
      if let whole = Int64(exactly: key.asDouble) { return find(.int(whole), in: map) }
      return UInt64(exactly: key.asDouble).flatMap { find(.uint($0), in: map) }
    }
    let entries = map.elements
    let count = Int(map.count)
    if count <= smallCount {
      for position in 0..<count where order(entries[2 * position], key) == 0 { return entries[2 * position + 1] }
      return nil
    }
    guard let index = of(map) else { return nil }
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      let compared = order(entries[2 * Int(index[middle])], key)
      if compared == 0 { return entries[2 * Int(index[middle]) + 1] }
      if compared < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// A total order of keys in which equal numbers of different types are equal.
  static func order(_ left: Slot, _ right: Slot) -> Int {
    if left.tag == .string, right.tag == .string { return compareBytes(left.utf8, right.utf8) }
    let ranks = (rank(left.tag), rank(right.tag))
    if ranks.0 != ranks.1 { return ranks.0 < ranks.1 ? -1 : 1 }
    switch ranks.0 {
    case 0: return Int(left.payload) - Int(right.payload)
    case 1: return compareNumbers(left, right) ?? 1
    case 2: return compareBytes(left.utf8, right.utf8)
    default: return 1
    }
  }

  private static func rank(_ tag: Slot.Tag) -> Int {
    switch tag {
    case .bool: 0
    case .int, .uint, .double: 1
    case .string: 2
    default: 3
    }
  }
}
