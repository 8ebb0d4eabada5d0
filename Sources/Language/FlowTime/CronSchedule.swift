/// When a `cron` falls due: minute, hour, day of the month, month, day of the week, as sets.
///
/// The fields and names of POSIX crontab, with steps (`*/5`) and ranges (`MON-FRI`). Where both days are given, one of
/// them has to fit.
public struct CronSchedule: Hashable, Sendable {
  /// Bit `n` stands for the minute `n`, and so on.
  public let minutes: UInt64
  public let hours: UInt64
  /// From 1.
  public let days: UInt64
  /// From 1.
  public let months: UInt64
  /// From 0, Sunday.
  public let weekdays: UInt64
  /// Whether any day of the month, or of the week, is meant.
  public let isAnyDay: Bool
  public let isAnyWeekday: Bool

  /// What is wrong with a schedule.
  public struct Mistake: Error, Hashable, Sendable {
    public var message: String
  }

  /// Nil when the text is no schedule.
  public init?(_ text: String) {
    guard case .success(let schedule) = CronSchedule.read(text) else { return nil }
    self = schedule
  }

  /// Reads five fields; says what is wrong with them otherwise.
  public static func read(_ text: String) -> Result<CronSchedule, Mistake> {
    let fields = text.split(separator: " ").map(String.init)
    guard fields.count == 5 else {
      return .failure(Mistake(message: "a schedule has five fields, this has \(fields.count)"))
    }
    do throws(Mistake) {
      return .success(try CronSchedule(fields))
    } catch {
      return .failure(error)
    }
  }

  private init(_ fields: [String]) throws(Mistake) {
    minutes = try CronSchedule.set(fields[0], 0...59, "minute", [])
    hours = try CronSchedule.set(fields[1], 0...23, "hour", [])
    days = try CronSchedule.set(fields[2], 1...31, "day of the month", [])
    months = try CronSchedule.set(fields[3], 1...12, "month", CronSchedule.monthNames)
    let week = try CronSchedule.set(fields[4], 0...7, "day of the week", CronSchedule.weekdayNames)
    weekdays = week & 0x7F | (week >> 7 & 1)
    isAnyDay = fields[2] == "*"
    isAnyWeekday = fields[4] == "*"
    guard canOccur else { throw Mistake(message: "no year has such a day") }
  }

  /// Whether the days exist in one of the months: there is no 30 February.
  private var canOccur: Bool {
    if !isAnyWeekday { return true }
    let lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...12).contains { month in
      months >> month & 1 == 1 && (1...lengths[month - 1]).contains { days >> $0 & 1 == 1 }
    }
  }

  private static let monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
  private static let weekdayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

  /// `*`, `5`, `1-5`, `*/10`, `MON-FRI/2`, and lists of them.
  private static func set(
    _ text: String, _ limits: ClosedRange<Int>, _ what: String, _ names: [String]
  ) throws(Mistake) -> UInt64 {
    var bits: UInt64 = 0
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = part.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard let first = halves.first, halves.count <= 2 else { throw wrong(text, what) }
      var step = 1
      if halves.count == 2 {
        guard let number = Int(halves[1]), number > 0 else { throw wrong(text, what) }
        step = number
      }
      var range = try self.range(first, limits, what, names)
      if halves.count == 2, range.count == 1, first != "*" { range = range.lowerBound...limits.upperBound }
      for value in stride(from: range.lowerBound, through: range.upperBound, by: step) { bits |= 1 << value }
    }
    return bits
  }

  private static func range(
    _ text: String, _ limits: ClosedRange<Int>, _ what: String, _ names: [String]
  ) throws(Mistake) -> ClosedRange<Int> {
    if text == "*" { return limits }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    let values = ends.compactMap { end in
      Int(end) ?? names.firstIndex(of: end.uppercased()).map { $0 + limits.lowerBound }
    }
    guard values.count == ends.count, 1...2 ~= values.count, values.allSatisfy({ limits ~= $0 }),
      values[0] <= values[values.count - 1]
    else { throw wrong(text, what) }
    return values[0]...values[values.count - 1]
  }

  private static func wrong(_ text: String, _ what: String) -> Mistake {
    Mistake(message: "`\(text)` is no \(what)")
  }
}
