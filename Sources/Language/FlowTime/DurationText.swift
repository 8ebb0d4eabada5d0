/// Durations as text: `30m`, `1h30m`, `2d`, `250ms` in flows and on command lines, `-1.5s` in CEL.
///
///     DurationText.milliseconds("1h30m")   // 5_400_000
///     DurationText.text(90_000)            // "1m30s"
///
/// All durations fit 64 bits of nanoseconds, about 292 years.
public enum DurationText {
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  /// The milliseconds of a text with whole numbers of the units `d h m s ms`.
  ///
  /// Nil for any other text, and for more than ``longestMilliseconds``.
  public static func milliseconds(_ text: String) -> Int64? {
    guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 || "dhms".utf8.contains($0) }), text.last?.isLetter == true else {
      return nil
    }
    return nanoseconds(text.utf8, allowsDays: true).map { $0 / 1_000_000 }
  }

  /// True for a text with the units of ``milliseconds(_:)`` that is longer than ``longestMilliseconds``.
  public static func isTooLong(_ text: String) -> Bool {
    guard milliseconds(text) == nil else { return false }
    var rest = Substring(text)
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      let unit = rest.dropFirst(digits.count).prefix { $0.isLetter }
      guard !digits.isEmpty, units.contains(where: { $0.name == unit }) else { return false }
      rest = rest.dropFirst(digits.count + unit.count)
    }
    return !text.isEmpty
  }

  /// The longest duration, in milliseconds.
  public static let longestMilliseconds = Int64.max / 1_000_000

  /// The nanoseconds of a text as CEL writes durations: a sign, and numbers with fractions of the units
  /// `h m s ms us µs ns`; `0` needs no unit.
  ///
  /// Nil for any other text, and beyond the range of 64 bits.
  /// - Parameter allowsDays: Accepts the unit `d` of 24 hours as well, which CEL does not have.
  public static func nanoseconds(_ text: some Collection<UInt8>, allowsDays: Bool) -> Int64? {
    var reader = DurationReader(text: Array(text), allowsDays: allowsDays)
    return reader.read()
  }

  /// The text of a number of milliseconds; `0s` for none.
  public static func text(_ milliseconds: Int64) -> String {
    var rest = milliseconds
    var text = ""
    for unit in units where rest >= unit.milliseconds {
      text += "\(rest / unit.milliseconds)\(unit.name)"
      rest %= unit.milliseconds
    }
    return text.isEmpty ? "0s" : text
  }
}
