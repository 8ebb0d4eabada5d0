extension FixedWidthInteger where Self: UnsignedInteger {
  /// All digits of the number in base 16, zero-padded, in lower case: `UInt16(10).hexadecimal` is `"000a"`.
  public var hexadecimal: String { hexadecimalDigits(of: UInt64(truncatingIfNeeded: self), count: Self.bitWidth / 4) }
}

extension Sequence where Element == UInt8 {
  /// Two digits in base 16 for each byte, in lower case.
  public var hexadecimal: String {
    var digits: [UInt8] = []
    digits.reserveCapacity(2 * underestimatedCount)
    for byte in self {
      digits.append(hexadecimalDigit(byte >> 4))
      digits.append(hexadecimalDigit(byte & 0xF))
    }
    return String(decoding: digits, as: UTF8.self)
  }
}

private func hexadecimalDigits(of number: UInt64, count: Int) -> String {
  let digits = (0..<count).map { index in
    hexadecimalDigit(UInt8(truncatingIfNeeded: number >> UInt64(4 * (count - 1 - index))) & 0xF)
  }
  return String(decoding: digits, as: UTF8.self)
}

/// The digit of a number below 16, in lower case.
func hexadecimalDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}
