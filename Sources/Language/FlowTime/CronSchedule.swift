/// The due times of a `cron`: sets of minutes, hours, days of the month, months and days of the week.
///
///     CronSchedule("0 9 * * MON-FRI")     // 09:00 on working days
///     CronSchedule("0 0 L * *")           // midnight on the last day of each month
///     CronSchedule("@daily")              // 0 0 * * *
///
/// The fields and names of POSIX crontab, with steps (`*/5`), ranges (`MON-FRI`), `L` for the last day of the month,
/// and macros. Where both days are given, one of them has to match.
public struct CronSchedule: Hashable, Sendable {
  /// Bit `n` is set for minute `n`; the other fields likewise.
  public let minutes: UInt64
  public let hours: UInt64
  /// From 1.
  public let days: UInt64
  /// True when the last day of a month is due, for any length of month.
  public let includesLastDay: Bool
  /// From 1.
  public let months: UInt64
  /// From 0, Sunday.
  public let weekdays: UInt64
  /// True when the day of the month is `*`.
  public let isAnyDay: Bool
  /// True when the day of the week is `*`.
  public let isAnyWeekday: Bool

  /// A text that is not a schedule.
  public struct SyntaxError: Error, Hashable, Sendable {
    public var message: String
  }

  /// Nil when the text is not a schedule.
  public init?(_ text: String) {
    guard case .success(let schedule) = CronSchedule.read(text) else { return nil }
    self = schedule
  }

  /// Reads five fields, separated by spaces or tabs, or a macro such as `@daily`.
  public static func read(_ text: String) -> Result<CronSchedule, SyntaxError> {
    do throws(SyntaxError) {
      let fields = try expanded(text).split { $0 == " " || $0 == "\t" }.map(String.init)
      guard fields.count == 5 else {
        throw SyntaxError(message: "a schedule has five fields, this has \(fields.count)")
      }
      return .success(try CronSchedule(fields))
    } catch {
      return .failure(error)
    }
  }

  private init(_ fields: [String]) throws(SyntaxError) {
    minutes = try CronField.minute.values(fields[0])
    hours = try CronField.hour.values(fields[1])
    let days = try CronField.day.values(fields[2])
    self.days = days & ~1
    includesLastDay = days & 1 == 1
    months = try CronField.month.values(fields[3])
    let week = try CronField.weekday.values(fields[4])
    weekdays = week & 0x7F | (week >> 7 & 1)
    isAnyDay = fields[2] == "*"
    isAnyWeekday = fields[4] == "*"
    guard canOccur else { throw SyntaxError(message: "no year has such a day") }
  }

  /// False when the days are in none of the months: there is no 30 February.
  private var canOccur: Bool {
    if !isAnyWeekday || includesLastDay { return true }
    let lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...12).contains { month in
      months >> month & 1 == 1 && (1...lengths[month - 1]).contains { days >> $0 & 1 == 1 }
    }
  }

  private static let macros = [
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
  ]

  /// The five fields of a macro; other text unchanged.
  private static func expanded(_ text: String) throws(SyntaxError) -> String {
    guard text.hasPrefix("@") else { return text }
    guard let fields = macros[text.lowercased()] else {
      throw SyntaxError(message: "`\(text)` is not one of @yearly, @monthly, @weekly, @daily and @hourly")
    }
    return fields
  }
}
