/// An instant in UTC, from year 1 to 9999, to the nanosecond.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Since 1970; before it, negative.
  public var seconds: Int64
  /// 0 to 999,999,999, counted forward from `seconds`.
  public var nanoseconds: UInt32

  public static let minimumSeconds: Int64 = -62_135_596_800
  public static let maximumSeconds: Int64 = 253_402_300_799

  public init(seconds: Int64, nanoseconds: UInt32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Nil outside of years 1 to 9999.
  public init?(checkingSeconds seconds: Int64, nanoseconds: UInt32 = 0) {
    guard (Self.minimumSeconds...Self.maximumSeconds).contains(seconds), nanoseconds < 1_000_000_000 else { return nil }
    self.init(seconds: seconds, nanoseconds: nanoseconds)
  }

  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  /// Nil when the sum leaves the range.
  public func adding(_ duration: Duration) -> Timestamp? {
    let (whole, rest) = duration.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return moved(whole, Int64(nanoseconds) + rest)
  }

  /// Nil when the difference leaves the range.
  public func subtracting(_ duration: Duration) -> Timestamp? {
    let (whole, rest) = duration.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return moved(-whole, Int64(nanoseconds) - rest)
  }

  private func moved(_ wholeSeconds: Int64, _ nanoseconds: Int64) -> Timestamp? {
    var total = seconds + wholeSeconds
    var rest = nanoseconds
    if rest < 0 {
      rest += 1_000_000_000
      total -= 1
    } else if rest >= 1_000_000_000 {
      rest -= 1_000_000_000
      total += 1
    }
    return Timestamp(checkingSeconds: total, nanoseconds: UInt32(rest))
  }

  /// From `other` to this; nil when that is more than a duration holds.
  public func since(_ other: Timestamp) -> Duration? {
    let (scaled, overflow) = (seconds - other.seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow2) = scaled.addingReportingOverflow(Int64(nanoseconds) - Int64(other.nanoseconds))
    if !overflow { return overflow2 ? nil : Duration(nanoseconds: sum) }
    // The last second of the range overflows only without its nanoseconds.
    let whole = seconds - other.seconds + (seconds < other.seconds ? 1 : -1)
    let (near, overflow3) = whole.multipliedReportingOverflow(by: 1_000_000_000)
    let step = Int64(nanoseconds) - Int64(other.nanoseconds) + (seconds < other.seconds ? -1 : 1) * 1_000_000_000
    let (total, overflow4) = near.addingReportingOverflow(step)
    return overflow3 || overflow4 ? nil : Duration(nanoseconds: total)
  }
}

// MARK: - RFC 3339

extension Timestamp: CustomStringConvertible {
  /// RFC 3339 with `Z`, the fraction without zeros at its end.
  public var description: String {
    let time = CivilTime(self, offsetSeconds: 0)
    let date = "\(padded(time.year, 4))-\(padded(time.month, 2))-\(padded(time.day, 2))"
    let clock = "\(padded(time.hour, 2)):\(padded(time.minute, 2)):\(padded(time.second, 2))"
    return "\(date)T\(clock)\(fraction(UInt64(nanoseconds)))Z"
  }

  /// RFC 3339 with `Z` and three digits of fraction, as JSON has it: the order of texts is the order of instants.
  ///
  /// Instants finer than a millisecond have six or nine digits; Flow's own clock has milliseconds.
  public var jsonText: String {
    let whole = Timestamp(seconds: seconds).description.dropLast()
    var digits = padded(Int(nanoseconds), 9)
    while digits.utf8.count > 3, digits.hasSuffix("000") { digits.removeLast(3) }
    return "\(whole).\(digits)Z"
  }

  /// Reads RFC 3339, any offset; nil when the text is something else or out of range.
  public init?(_ text: String) { self.init(Array(text.utf8)) }

  init?(_ text: [UInt8]) {
    var reader = DigitReader(text: text)
    guard let year = reader.number(4), reader.accept("-"), let month = reader.number(2), reader.accept("-"),
      let day = reader.number(2), reader.accept("T") || reader.accept("t"), let hour = reader.number(2),
      reader.accept(":"),
      let minute = reader.number(2), reader.accept(":"), let second = reader.number(2)
    else { return nil }
    let nanoseconds = reader.accept(".") ? reader.fraction() : 0
    guard let nanoseconds, let offset = reader.zone(), reader.isAtEnd, (1...12).contains(month), day >= 1,
      day <= CivilTime.days(inMonth: month, of: year), hour < 24, minute < 60, second < 60
    else { return nil }
    let days = CivilTime.daysSinceEpoch(year: year, month: month, day: day)
    let seconds = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
    self.init(checkingSeconds: seconds, nanoseconds: nanoseconds)
  }
}

func padded(_ number: Int, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

private struct DigitReader {
  let text: [UInt8]
  var at = 0

  init(text: [UInt8]) { self.text = text }

  var isAtEnd: Bool { at == text.count }

  mutating func accept(_ wanted: Unicode.Scalar) -> Bool {
    guard at < text.count, text[at] == UInt8(ascii: wanted) else { return false }
    at += 1
    return true
  }

  mutating func number(_ digits: Int) -> Int? {
    guard at + digits <= text.count else { return nil }
    var value = 0
    for byte in text[at..<at + digits] {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      value = value * 10 + Int(byte - 0x30)
    }
    at += digits
    return value
  }

  mutating func fraction() -> UInt32? {
    let start = at
    var value: UInt32 = 0
    while at < text.count, text[at] >= 0x30, text[at] <= 0x39 {
      if at - start < 9 { value = value * 10 + UInt32(text[at] - 0x30) }
      at += 1
    }
    guard at > start else { return nil }
    for _ in min(at - start, 9)..<9 { value *= 10 }
    return value
  }

  /// Seconds east of UTC.
  mutating func zone() -> Int? {
    if accept("Z") || accept("z") { return 0 }
    let isWest = accept("-")
    guard isWest || accept("+"), let hours = number(2), accept(":"), let minutes = number(2), hours < 24, minutes < 60
    else { return nil }
    return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
  }
}
