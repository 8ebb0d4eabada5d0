/// One of the five fields of a schedule.
struct CronField: Sendable {
  /// The name of the field, for messages.
  let name: String
  let limits: ClosedRange<Int>
  /// The last value of `*` and of steps without an end: Sunday is 0 and 7, and counts once.
  let last: Int
  /// Names of the values, from the lowest limit.
  var names: [String] = []
  /// Accepts `L`, which sets bit 0.
  var allowsLast = false

  static let minute = CronField(name: "minute", limits: 0...59, last: 59)
  static let hour = CronField(name: "hour", limits: 0...23, last: 23)
  static let day = CronField(name: "day of the month", limits: 1...31, last: 31, allowsLast: true)
  static let month = CronField(
    name: "month", limits: 1...12, last: 12,
    names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
  static let weekday = CronField(
    name: "day of the week", limits: 0...7, last: 6, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])

  /// The values of `*`, `5`, `1-5`, `*/10`, `MON-FRI/2`, and lists of them, as bits.
  func values(_ text: String) throws(CronSchedule.SyntaxError) -> UInt64 {
    var bits: UInt64 = 0
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      if allowsLast, part == "L" || part == "l" {
        bits |= 1
        continue
      }
      let halves = part.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard let first = halves.first, halves.count <= 2 else { throw invalid(text) }
      var range = try range(first, in: text)
      var step = 1
      if halves.count == 2 {
        guard let number = number(halves[1]), number > 0 else { throw invalid(text) }
        step = number
        // `5/10` is `5-59/10`; `5-5/10` is 5 alone.
        if first != "*", !first.contains("-") { range = range.lowerBound...max(last, range.lowerBound) }
      }
      for value in stride(from: range.lowerBound, through: range.upperBound, by: step) { bits |= 1 << value }
    }
    return bits
  }

  private func range(_ text: String, in field: String) throws(CronSchedule.SyntaxError) -> ClosedRange<Int> {
    if text == "*" { return limits.lowerBound...last }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    var values = ends.compactMap { number($0) ?? value(named: $0) }
    guard values.count == ends.count, 1...2 ~= values.count, values.allSatisfy({ limits ~= $0 }) else {
      throw invalid(field)
    }
    // Sunday also ends a week: `SAT-SUN`, `6-0`.
    if values.count == 2, values[1] == 0, limits.upperBound == 7, values[0] > 0 { values[1] = 7 }
    guard values[0] <= values[values.count - 1] else {
      throw CronSchedule.SyntaxError(message: "the range `\(text)` of the \(name) runs backwards")
    }
    return values[0]...values[values.count - 1]
  }

  private func number(_ text: String) -> Int? {
    guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return Int(text)
  }

  private func value(named name: String) -> Int? {
    names.firstIndex(of: name.uppercased()).map { $0 + limits.lowerBound }
  }

  private func invalid(_ text: String) -> CronSchedule.SyntaxError {
    CronSchedule.SyntaxError(message: "`\(text)` is not a valid \(name)")
  }
}
