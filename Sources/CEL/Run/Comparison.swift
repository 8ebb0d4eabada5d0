import Glibc

/// Which of two byte strings comes first: negative, zero or positive.
@inline(__always)
func compareBytes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
  let common = min(left.count, right.count)
  if common > 0, let a = left.baseAddress, let b = right.baseAddress {
    let order = memcmp(a, b, common)
    if order != 0 { return Int(order) }
  }
  return left.count - right.count
}

@inline(__always)
func equalBytes(_ left: Slot, _ right: Slot) -> Bool {
  guard left.count == right.count else { return false }
  if left.payload == right.payload || left.count == 0 { return true }
  guard let a = left.address, let b = right.address else { return false }
  return memcmp(a, b, Int(left.count)) == 0
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
