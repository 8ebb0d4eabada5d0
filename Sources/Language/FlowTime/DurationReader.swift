/// Reads a duration as CEL writes it, part by part.
struct DurationReader {
  let text: [UInt8]
  let allowsDays: Bool
  private var at = 0

  init(text: [UInt8], allowsDays: Bool) {
    self.text = text
    self.allowsDays = allowsDays
  }

  mutating func read() -> Int64? {
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { at = 1 }
    guard at < text.count else { return nil }
    if text.count == at + 1, text[at] == UInt8(ascii: "0") { return 0 }
    // Summed below zero, where there is room for one more.
    var total: Int64 = 0
    while at < text.count {
      guard let part = part() else { return nil }
      let (sum, overflow) = total.subtractingReportingOverflow(part)
      if overflow { return nil }
      total = sum
    }
    if isNegative { return total }
    return total == .min ? nil : -total
  }

  private mutating func digits() -> (value: Int64, count: Int)? {
    let start = at
    var value: Int64 = 0
    while at < text.count, text[at] >= 0x30, text[at] <= 0x39 {
      let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) = scaled.addingReportingOverflow(Int64(text[at] - 0x30))
      if overflow || overflow2 { return nil }
      value = sum
      at += 1
    }
    return (value, at - start)
  }

  /// Digits after the point; those past the eighteenth are too small to count.
  private mutating func fractionDigits() -> (value: Int64, scale: Int64, count: Int) {
    var value: Int64 = 0
    var scale: Int64 = 1
    let start = at
    while at < text.count, text[at] >= 0x30, text[at] <= 0x39 {
      if scale < 1_000_000_000_000_000_000 {
        value = value * 10 + Int64(text[at] - 0x30)
        scale *= 10
      }
      at += 1
    }
    return (value, scale, at - start)
  }

  private mutating func part() -> Int64? {
    guard let whole = digits() else { return nil }
    var fraction = (value: Int64(0), scale: Int64(1), count: 0)
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      fraction = fractionDigits()
    }
    guard whole.count + fraction.count > 0, let unit = unit() else { return nil }
    let (nanoseconds, overflow) = whole.value.multipliedReportingOverflow(by: unit)
    if overflow { return nil }
    let wide = fraction.value.multipliedFullWidth(by: unit)
    let extra = fraction.scale.dividingFullWidth(wide).quotient
    let (sum, overflow2) = nanoseconds.addingReportingOverflow(extra)
    return overflow2 ? nil : sum
  }

  private mutating func unit() -> Int64? {
    let start = at
    while at < text.count, text[at] != UInt8(ascii: "."), !(text[at] >= 0x30 && text[at] <= 0x39) { at += 1 }
    switch String(decoding: text[start..<at], as: UTF8.self) {
    case "d" where allowsDays: return 86_400_000_000_000
    case "h": return 3_600_000_000_000
    case "m": return 60_000_000_000
    case "s": return 1_000_000_000
    case "ms": return 1_000_000
    case "us", "\u{B5}s", "\u{3BC}s": return 1_000
    case "ns": return 1
    default: return nil
    }
  }
}
