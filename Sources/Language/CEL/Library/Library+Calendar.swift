// Calendar arithmetic and formats in a time zone.
extension Evaluator {
  /// The most days or months that one call adds, and the most working days.
  private static let maximumDays: UInt64 = 4_000_000
  private static let maximumWorkingDays: UInt64 = 20_000

  func calendarFunction(_ arguments: Arguments) -> Slot {
    switch arguments.builtin {
    case .hours, .days: return plainDuration(arguments)
    case .addDays, .addMonths:
      guard arguments.have(.timestamp, .int, .string) else { return noOverload(arguments) }
      return inZone(arguments, zone: 2) { shifted(arguments, from: $0, offset: $1) }
    case .startOf:
      guard arguments.have(.timestamp, .string, .string) else { return noOverload(arguments) }
      return inZone(arguments, zone: 2) { start(of: arguments[1].string, $0, offset: $1, arguments) }
    case .workday:
      guard arguments.have(.timestamp, .int, .list, .string) else { return noOverload(arguments) }
      return inZone(arguments, zone: 3) { workday(arguments, from: $0, offset: $1) }
    default: return noOverload(arguments)
    }
  }

  /// `hours(n)` and `days(n)`, of 24 hours.
  private func plainDuration(_ arguments: Arguments) -> Slot {
    guard arguments.have(.int) else { return noOverload(arguments) }
    let unit: Int64 = arguments.builtin == .hours ? 3_600_000_000_000 : 86_400_000_000_000
    let (total, isOverflow) = arguments[0].asInt.multipliedReportingOverflow(by: unit)
    return isOverflow ? fail(.overflow(arguments.builtin)) : .duration(Duration(nanoseconds: total))
  }

  /// - Parameter body: Receives the local time and its offset.
  private func inZone(_ arguments: Arguments, zone index: Int, _ body: (CivilTime, Int) -> Slot) -> Slot {
    charge(8 + Int(arguments[index].count) / 16)
    let instant = arguments[0].asTimestamp
    guard let offset = TimeZones.offset(of: arguments[index].string, at: instant.seconds) else {
      return fail(.unknownZone(arguments[index].string))
    }
    return body(CivilTime(instant, offsetSeconds: offset), offset)
  }

  /// The instant of a local day and the time of day of `time`; the first instant after a gap.
  /// - Parameter offset: The offset that decides between two such instants; nil for the first one.
  private func instant(day: Int, like time: CivilTime, offset: Int?, zone: String, _ builtin: Builtin) -> Slot {
    let local = Int64(day) * 86_400 + Int64(time.hour * 3600 + time.minute * 60 + time.second)
    guard let seconds = TimeZones.instant(local: local, in: zone, preferring: offset),
      let result = Timestamp(checkingSeconds: seconds, nanoseconds: UInt32(time.nanosecond))
    else { return fail(.overflow(builtin)) }
    return .timestamp(result)
  }

  private func shifted(_ arguments: Arguments, from time: CivilTime, offset: Int) -> Slot {
    let count = arguments[1].asInt
    guard count.magnitude <= Self.maximumDays else { return fail(.overflow(arguments.builtin)) }
    var day = CivilTime.daysSinceEpoch(year: time.year, month: time.month, day: time.day)
    if arguments.builtin == .addDays {
      day += Int(count)
    } else {
      let months = time.year * 12 + time.month - 1 + Int(count)
      let year = months >= 0 ? months / 12 : (months - 11) / 12
      let month = months - year * 12 + 1
      // The last day of the month is kept inside the month.
      let last = CivilTime.days(inMonth: month, of: year)
      day = CivilTime.daysSinceEpoch(year: year, month: month, day: min(time.day, last))
    }
    return instant(day: day, like: time, offset: offset, zone: arguments[2].string, arguments.builtin)
  }

  /// The units of `start_of`.
  static let units = ["hour", "day", "week", "month", "quarter", "year"]

  /// The first instant of the unit around a local time; weeks start on Monday. An hour that occurs twice is two hours.
  private func start(of unit: String, _ time: CivilTime, offset: Int, _ arguments: Arguments) -> Slot {
    var start = time
    (start.hour, start.minute, start.second, start.nanosecond) = (0, 0, 0, 0)
    var day = CivilTime.daysSinceEpoch(year: time.year, month: time.month, day: time.day)
    switch unit {
    case "hour": start.hour = time.hour
    case "day": break
    case "week": day -= (time.dayOfWeek + 6) % 7
    case "month": day -= time.day - 1
    case "quarter": day = CivilTime.daysSinceEpoch(year: time.year, month: (time.month - 1) / 3 * 3 + 1, day: 1)
    case "year": day = CivilTime.daysSinceEpoch(year: time.year, month: 1, day: 1)
    default:
      return fail(.badTime("\(arguments[1].literal) is not a unit: hour, day, week, month, quarter or year"))
    }
    return instant(
      day: day, like: start, offset: unit == "hour" ? offset : nil, zone: arguments[2].string, arguments.builtin)
  }

  // MARK: - Working days

  /// The instant `n` working days later, or earlier, at the same local time; for 0 the next working day, if the day is
  /// none. Saturdays, Sundays and the holidays, such as "2026-12-25", are no working days.
  private func workday(_ arguments: Arguments, from time: CivilTime, offset: Int) -> Slot {
    let count = arguments[1].asInt
    guard count.magnitude <= Self.maximumWorkingDays else { return fail(.overflow(.workday)) }
    var holidays: Set<Int> = []
    for index in 0..<Int(arguments[2].count) {
      let item = arguments[2].elements[index]
      guard item.tag == .string else { return noOverload(arguments) }
      guard let day = Self.day(item.string) else {
        return fail(.badTime("\(item.literal) is not a date, such as \"2026-12-25\""))
      }
      holidays.insert(day)
    }
    var day = CivilTime.daysSinceEpoch(year: time.year, month: time.month, day: time.day)
    let step = count < 0 ? -1 : 1
    var rest = count.magnitude
    // Day 0 was a Thursday.
    func isFree(_ day: Int) -> Bool { ((day % 7) + 10) % 7 >= 5 || holidays.contains(day) }
    var budget = 10 * Int(Self.maximumWorkingDays) + holidays.count
    while rest > 0 || isFree(day) {
      charge(1)
      budget -= 1
      guard budget > 0, fuel > 0 else { return fail(.overflow(.workday)) }
      day += step
      if !isFree(day), rest > 0 { rest -= 1 }
    }
    return instant(day: day, like: time, offset: offset, zone: arguments[3].string, .workday)
  }

  /// The number of a day that is written as `2026-12-25`.
  private static func day(_ text: String) -> Int? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2], parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), 1...12 ~= month,
      1...CivilTime.days(inMonth: month, of: year) ~= day
    else { return nil }
    return CivilTime.daysSinceEpoch(year: year, month: month, day: day)
  }

  // MARK: - Formats

  /// `format(instant, "yyyy-MM-dd HH:mm", zone)`: digits for runs of the letters y, M, d, H, m, s and S; text in single
  /// quotes and all other characters are kept.
  func formatTime(_ arguments: Arguments) -> Slot {
    guard arguments.have(.timestamp, .string, .string) else { return noOverload(arguments) }
    return inZone(arguments, zone: 2) { time, _ in
      charge(Int(arguments[1].count))
      guard let text = Self.format(time, arguments[1].string) else {
        return fail(.badTime("\(arguments[1].literal) is not a format, such as \"yyyy-MM-dd HH:mm\""))
      }
      return makeString(text)
    }
  }

  /// Nil for a pattern with an unknown letter or a quote without its end.
  static func format(_ time: CivilTime, _ pattern: String) -> String? {
    var text = ""
    var rest = pattern[...]
    while let first = rest.first {
      if first == "'" {
        guard let end = rest.dropFirst().firstIndex(of: "'") else { return nil }
        let quoted = rest[rest.index(after: rest.startIndex)..<end]
        text += quoted.isEmpty ? "'" : String(quoted)
        rest = rest[rest.index(after: end)...]
        continue
      }
      let run = rest.prefix { $0 == first }
      rest = rest[run.endIndex...]
      guard first.isASCII, first.isLetter else {
        text += run
        continue
      }
      guard let number = field(String(run), of: time) else { return nil }
      text += number
    }
    return text
  }

  private static func field(_ letters: String, of time: CivilTime) -> String? {
    let value: Int
    switch letters {
    case "yyyy": value = time.year
    case "yy": value = time.year % 100
    case "MM", "M": value = time.month
    case "dd", "d": value = time.day
    case "HH", "H": value = time.hour
    case "mm", "m": value = time.minute
    case "ss", "s": value = time.second
    case "SSS": value = time.nanosecond / 1_000_000
    default: return nil
    }
    let digits = String(value)
    return String(repeating: "0", count: max(0, letters.count - digits.count)) + digits
  }
}
