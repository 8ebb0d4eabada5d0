extension FixedWidthInteger where Self: UnsignedInteger {
  /// All digits of the number in base 16, zero-padded, in lower case: `UInt16(10).hexadecimal` is `"000a"`.
  public var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: Self.bitWidth / 4 - digits.utf8.count) + digits
  }
}

extension Sequence where Element == UInt8 {
  /// Two digits in base 16 for each byte, in lower case.
  public var hexadecimal: String { map(\.hexadecimal).joined() }
}
