internal import CRE2

/// The order of two byte strings: negative, zero or positive.
@inline(__always)
func compareBytes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
  let common = min(left.count, right.count)
  if common > 0, let a = left.baseAddress, let b = right.baseAddress {
    let order = cre2_compare(a, b, common)
    if order != 0 { return Int(order) }
  }
  return left.count - right.count
}

@inline(__always)
func equalBytes(_ left: Slot, _ right: Slot) -> Bool {
  if left.count | right.count <= shortStringBytes { return equalShort(left, right) }
  guard left.count == right.count, let a = left.address, let b = right.address else { return false }
  return cre2_compare(a, b, Int(left.count)) == 0
}

/// Strings up to this length are compared without a call.
let shortStringBytes: UInt32 = 31

/// Compares up to 31 bytes: whole words, and the last one over again where it overlaps.
@inline(__always)
func equalShort(_ left: Slot, _ right: Slot) -> Bool {
  guard left.count == right.count else { return false }
  guard left.count > 0, let a = UnsafeRawPointer(left.address), let b = UnsafeRawPointer(right.address) else {
    return true
  }
  let count = Int(left.count)
  @inline(__always) func same<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Word.Type) -> Bool {
    a.loadUnaligned(fromByteOffset: offset, as: type) == b.loadUnaligned(fromByteOffset: offset, as: type)
  }
  if count >= 8 {
    var offset = 0
    while offset + 8 <= count {
      if !same(offset, UInt64.self) { return false }
      offset += 8
    }
    return same(count - 8, UInt64.self)
  }
  if count >= 4 { return same(0, UInt32.self) && same(count - 4, UInt32.self) }
  return same(0, UInt8.self) && same(count - 1, UInt8.self) && same(count / 2, UInt8.self)
}

/// Compares numbers of any type by their mathematical value; nil when one is not a number.
func compareNumbers(_ left: Slot, _ right: Slot) -> Int? {
  switch (left.tag, right.tag) {
  case (.int, .int): return left.asInt < right.asInt ? -1 : left.asInt == right.asInt ? 0 : 1
  case (.uint, .uint): return left.asUInt < right.asUInt ? -1 : left.asUInt == right.asUInt ? 0 : 1
  case (.double, .double):
    let (a, b) = (left.asDouble, right.asDouble)
    return a < b ? -1 : a == b ? 0 : a > b ? 1 : nil
  case (.int, .uint):
    guard left.asInt >= 0 else { return -1 }
    let magnitude = UInt64(left.asInt)
    return magnitude < right.asUInt ? -1 : magnitude == right.asUInt ? 0 : 1
  case (.int, .double): return compare(left.asInt, right.asDouble)
  case (.uint, .double): return compare(left.asUInt, right.asDouble)
  case (.uint, .int), (.double, .int), (.double, .uint): return compareNumbers(right, left).map { -$0 }
  default: return nil
  }
}

/// Without rounding the whole number to a double, which would lose its last digits.
///
/// Only beyond the range of whole numbers is it rounded, as the conformance suite has it: the largest int equals 2^63.
private func compare<Whole: FixedWidthInteger>(_ whole: Whole, _ double: Double) -> Int? {
  if double.isNaN { return nil }
  let truncated = double.rounded(.towardZero)
  guard let exact = Whole(exactly: truncated) else {
    let rounded = Double(whole)
    return rounded < double ? -1 : rounded == double ? 0 : 1
  }
  if whole != exact { return whole < exact ? -1 : 1 }
  return double > truncated ? -1 : double < truncated ? 1 : 0
}
