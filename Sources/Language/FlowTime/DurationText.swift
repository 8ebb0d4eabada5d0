/// A length of time as people write it in flows and at prompts: `30m`, `1h30m`, `2d`, `250ms`.
public enum DurationText {
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  /// The milliseconds of a text; nil for an unknown unit or more than about 290 million years.
  public static func milliseconds(_ text: String) -> Int64? {
    guard !text.isEmpty else { return nil }
    var rest = Substring(text)
    var total: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      let unit = rest.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter }
      guard let count = Int64(digits), let factor = units.first(where: { $0.name == unit })?.milliseconds else {
        return nil
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      let (sum, carry) = total.addingReportingOverflow(product)
      if overflow || carry { return nil }
      total = sum
      rest = rest.dropFirst(digits.count + unit.count)
    }
    return total
  }

  /// The text of some milliseconds; `0s` for none.
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
