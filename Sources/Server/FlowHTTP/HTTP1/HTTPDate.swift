internal import Glibc

/// The `Date` field, built once per second.
struct HTTPDate {
  private(set) var line: [UInt8] = []
  private var second = Int.min

  /// Updates `line` to the given second since 1970.
  mutating func update(second: Int) {
    guard second != self.second else { return }
    self.second = second
    line = Self.line(second: second)
  }

  private static func line(second: Int) -> [UInt8] {
    var parts = tm()
    var time = time_t(second)
    guard gmtime_r(&time, &parts) != nil else { return [] }
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let day = "\(days[Int(parts.tm_wday)]), \(padded(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
    let hour = "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))"
    return Array("Date: \(day) \(parts.tm_year + 1900) \(hour) GMT\r\n".utf8)
  }

  private static func padded(_ value: Int32) -> String {
    value < 10 ? "0\(value)" : "\(value)"
  }
}
