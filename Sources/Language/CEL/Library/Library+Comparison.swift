extension Evaluator {
  func comparison(_ arguments: Arguments) -> Slot {
    guard arguments.count == 2 else { return noOverload(arguments) }
    let (a, b) = (arguments[0], arguments[1])
    switch arguments.builtin {
    case .equal: return .bool(areEqual(a, b))
    case .notEqual: return .bool(!areEqual(a, b))
    case .isIn: return isIn(arguments, left: a, right: b)
    default: break
    }
    if a.tag == .double || b.tag == .double, isNumber(a), isNumber(b), compareNumbers(a, b) == nil {
      return .bool(false)
    }
    guard let order = order(a, b) else { return noOverload(arguments) }
    switch arguments.builtin {
    case .less: return .bool(order < 0)
    case .lessOrEqual: return .bool(order <= 0)
    case .greater: return .bool(order > 0)
    default: return .bool(order >= 0)
    }
  }

  func isNumber(_ slot: Slot) -> Bool { slot.tag == .int || slot.tag == .uint || slot.tag == .double }

  /// Negative, zero or positive for values that have an order; nil for others.
  func order(_ a: Slot, _ b: Slot) -> Int? {
    switch (a.tag, b.tag) {
    case (.bool, .bool): return Int(a.payload) - Int(b.payload)
    case (.string, .string), (.bytes, .bytes):
      charge(min(a.utf8.count, b.utf8.count) / 16 + 1)
      return compareBytes(a.utf8, b.utf8)
    case (.timestamp, .timestamp): return a.asTimestamp < b.asTimestamp ? -1 : a.asTimestamp == b.asTimestamp ? 0 : 1
    case (.duration, .duration): return a.asInt < b.asInt ? -1 : a.asInt == b.asInt ? 0 : 1
    default: return isNumber(a) && isNumber(b) ? compareNumbers(a, b) : nil
    }
  }

  /// Equality as defined by CEL: never an error, numbers by value, NaN unequal to all.
  ///
  /// Values nest at most ``Value/maximumDepth`` deep, and every visit costs fuel.
  func areEqual(_ a: Slot, _ b: Slot) -> Bool {
    charge(1)
    guard fuel > 0 else { return false }
    if isNumber(a), isNumber(b) { return compareNumbers(a, b) == 0 }
    guard a.tag == b.tag else { return false }
    switch a.tag {
    case .null: return true
    case .bool, .duration: return a.payload == b.payload
    case .timestamp: return a.payload == b.payload && a.count == b.count
    case .string, .bytes, .type, .ip:
      charge(Int(a.count) / 16)
      return equalBytes(a, b)
    case .cidr: return a.extra == b.extra && equalBytes(a, b)
    case .enumeration: return a.payload == b.payload && a.extra == b.extra
    case .list:
      guard a.count == b.count else { return false }
      let (first, second) = (a.elements, b.elements)
      return first.indices.allSatisfy { areEqual(first[$0], second[$0]) }
    case .map: return areEqualMaps(a, b)
    case .record: return areEqualRecords(a, b)
    case .optional:
      guard let first = a.content, let second = b.content else { return a.payload == 0 && b.payload == 0 }
      return areEqual(first, second)
    default: return false
    }
  }

  private func areEqualMaps(_ a: Slot, _ b: Slot) -> Bool {
    guard a.count == b.count else { return false }
    let entries = a.elements
    return (0..<Int(a.count)).allSatisfy { index in
      MapIndex.find(entries[2 * index], in: b).map { areEqual(entries[2 * index + 1], $0) } ?? false
    }
  }

  private func areEqualRecords(_ a: Slot, _ b: Slot) -> Bool {
    guard a.extra == b.extra, a.count == b.count else { return false }
    let (first, second) = (a.elements, b.elements)
    return first.indices.allSatisfy { index in
      first[index].isUnset || second[index].isUnset
        ? first[index].isUnset == second[index].isUnset : areEqual(first[index], second[index])
    }
  }

  private func isIn(_ arguments: Arguments, left a: Slot, right b: Slot) -> Slot {
    switch b.tag {
    case .list: return .bool(b.elements.contains { areEqual(a, $0) })
    case .map:
      charge(4)
      return .bool(isKey(a) && MapIndex.find(a, in: b) != nil)
    default: return noOverload(arguments)
    }
  }

  func isKey(_ slot: Slot) -> Bool { isNumber(slot) || slot.tag == .string || slot.tag == .bool }

  // MARK: Index and size

  func index(_ arguments: Arguments) -> Slot {
    let (a, b) = (arguments[0], arguments[1])
    guard arguments.count == 2 else { return noOverload(arguments) }
    let isOptional = arguments.builtin == .optionalIndex
    switch a.tag {
    case .map:
      charge(4)
      if isKey(b), let value = MapIndex.find(b, in: a) { return isOptional ? makeOptional(value) : value }
      if isOptional { return .none }
      return isKey(b) ? fail(.noSuchKey(b)) : fail(.badKey(b.tag))
    case .list:
      guard let index = wholeIndex(b) else {
        return isNumber(b) ? fail("index \(b.literal) is not a whole number") : noOverload(arguments)
      }
      guard index >= 0, index < a.count else {
        return isOptional ? .none : fail(.indexOutOfRange(index, count: Int(a.count)))
      }
      return isOptional ? makeOptional(a.elements[Int(index)]) : a.elements[Int(index)]
    case .optional:
      guard let content = a.content else { return .none }
      pair[0] = content
      pair[1] = b
      return index(Arguments(builtin: .optionalIndex, start: pair, count: 2))
    default: return noOverload(arguments)
    }
  }

  private func wholeIndex(_ slot: Slot) -> Int64? {
    switch slot.tag {
    case .int: slot.asInt
    case .uint: Int64(exactly: slot.asUInt) ?? .max
    case .double: Int64(exactly: slot.asDouble)
    default: nil
    }
  }

  func size(_ arguments: Arguments) -> Slot {
    let a = arguments[0]
    guard arguments.count == 1 else { return noOverload(arguments) }
    switch a.tag {
    case .string: return .int(Int64(codePoints(a)))
    case .bytes, .list, .map: return .int(Int64(a.count))
    default: return noOverload(arguments)
    }
  }

  /// The length of a string in code points.
  func codePoints(_ text: Slot) -> Int {
    if text.isASCII { return Int(text.count) }
    charge(Int(text.count) / 16)
    var count = 0
    for byte in text.utf8 where byte & 0xC0 != 0x80 { count += 1 }
    return count
  }
}
