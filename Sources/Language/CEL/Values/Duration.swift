import FlowTime

/// A span of time in nanoseconds; about 292 years either way.
public struct Duration: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Duration(nanoseconds: 0)

  public static func < (left: Duration, right: Duration) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Reads `1h30m`, `-1.5s`, `0`; nil when the text is not a duration or is out of range.
  ///
  /// Units are `h m s ms us µs ns`, and `d` of 24 hours with `allowsDays`; CEL itself has none.
  public init?(_ text: String, allowsDays: Bool = false) { self.init(Array(text.utf8), allowsDays: allowsDays) }

  init?(_ text: [UInt8], allowsDays: Bool = false) {
    guard let nanoseconds = DurationText.nanoseconds(text, allowsDays: allowsDays) else { return nil }
    self.nanoseconds = nanoseconds
  }

  /// Nil when the sum leaves the range.
  public func adding(_ other: Duration) -> Duration? {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(other.nanoseconds)
    return overflow ? nil : Duration(nanoseconds: sum)
  }

  /// Nil when the difference leaves the range.
  public func subtracting(_ other: Duration) -> Duration? {
    let (difference, overflow) = nanoseconds.subtractingReportingOverflow(other.nanoseconds)
    return overflow ? nil : Duration(nanoseconds: difference)
  }

  /// As `string()` prints it: seconds, with a fraction where there is one: `5400s`, `-1.5s`.
  public var secondsText: String {
    let magnitude = nanoseconds.magnitude
    let sign = nanoseconds < 0 ? "-" : ""
    return sign + String(magnitude / 1_000_000_000) + fraction(magnitude % 1_000_000_000) + "s"
  }
}

extension Duration: CustomStringConvertible {
  /// In readable form: `1h30m`, `1.5s`, `250ms`, `0s`.
  public var description: String {
    if nanoseconds == 0 { return "0s" }
    var rest = nanoseconds.magnitude
    var text = nanoseconds < 0 ? "-" : ""
    for (unit, size) in [("h", UInt64(3_600_000_000_000)), ("m", 60_000_000_000)] where rest >= size {
      text += "\(rest / size)\(unit)"
      rest %= size
    }
    if rest == 0 { return text }
    if rest % 1_000_000 == 0, rest < 1_000_000_000 { return text + "\(rest / 1_000_000)ms" }
    return text + String(rest / 1_000_000_000) + fraction(rest % 1_000_000_000) + "s"
  }
}

/// `.5` for half a second of nanoseconds; nothing for none.
func fraction(_ nanoseconds: UInt64) -> String {
  if nanoseconds == 0 { return "" }
  var digits = String(nanoseconds)
  digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
  while digits.hasSuffix("0") { digits.removeLast() }
  return "." + digits
}
