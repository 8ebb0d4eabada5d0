/// The index of a set in a ``SetPool``.
struct SetIndex: Hashable, Sendable, BitwiseCopyable {
  var rawValue: Int32

  static let anything = SetIndex(rawValue: 0)
  static let unset = SetIndex(rawValue: 1)
  static let bools = SetIndex(rawValue: 2)
  static let yes = SetIndex(rawValue: 3)
  static let no = SetIndex(rawValue: 4)
}

/// Sets by number: equal sets have equal indices, and operations on them are computed once.
struct SetPool {
  private(set) var sets: [ValueSet] = []
  private var indices: [ValueSet: SetIndex] = [:]
  private var intersections: [UInt64: SetIndex] = [:]
  private var results: [ArithmeticKey: (values: SetIndex, mayFail: Bool)] = [:]
  private var answers: [UInt64: ValueSet.Answers] = [:]

  private struct ArithmeticKey: Hashable {
    var operation: Arithmetic
    var kind: ValueKind
    var left: SetIndex
    var right: SetIndex
  }

  init() { for set in [ValueSet.anything, .unset, .bools, .yes, .no] { _ = index(of: set) } }

  subscript(_ index: SetIndex) -> ValueSet { sets[Int(index.rawValue)] }

  mutating func index(of set: ValueSet) -> SetIndex {
    if let known = indices[set] { return known }
    let index = SetIndex(rawValue: Int32(sets.count))
    sets.append(set)
    indices[set] = index
    return index
  }

  private func key(_ left: SetIndex, _ right: SetIndex) -> UInt64 {
    UInt64(UInt32(bitPattern: left.rawValue)) << 32 | UInt64(UInt32(bitPattern: right.rawValue))
  }

  mutating func intersection(_ left: SetIndex, _ right: SetIndex) -> SetIndex {
    if left == right { return left }
    let key = key(left, right)
    if let known = intersections[key] { return known }
    let found = index(of: self[left].intersection(self[right]))
    intersections[key] = found
    return found
  }

  mutating func result(
    of operation: Arithmetic, _ left: SetIndex, _ right: SetIndex, kind: ValueKind
  ) -> (values: SetIndex, mayFail: Bool) {
    let key = ArithmeticKey(operation: operation, kind: kind, left: left, right: right)
    if let known = results[key] { return known }
    let found = ValueSet.result(of: operation, self[left], self[right], in: kind.range)
    let result = (index(of: found.values), found.mayFail)
    results[key] = result
    return result
  }

  mutating func equality(_ left: SetIndex, _ right: SetIndex) -> ValueSet.Answers {
    let key = key(left, right)
    if let known = answers[key] { return known }
    let found = ValueSet.equality(self[left], self[right])
    answers[key] = found
    return found
  }
}
