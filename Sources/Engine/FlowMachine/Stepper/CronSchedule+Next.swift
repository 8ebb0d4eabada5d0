import CEL
import FlowTime

extension CronSchedule {
  /// The number of days that are searched for the next run: 29 February occurs at least every eight years.
  static let maximumDays = 8 * 366 + 1

  /// The first minute after an instant at which the schedule is due, in milliseconds since 1970; nil when it is never
  /// due.
  ///
  /// The local time of `zone` applies. A skipped local time counts as the first minute after the gap; of a repeated
  /// local time, only the first occurrence counts.
  func next(after instant: Int64, zone: String) -> Int64? {
    let seconds = instant >= 0 ? instant / 1000 : (instant - 999) / 1000
    guard let offset = TimeZones.offset(of: zone, at: seconds) else { return nil }
    let local = CivilTime(Timestamp(seconds: seconds), offsetSeconds: offset)
    // One day early, because a change of the offset may have moved the date.
    let first = CivilTime.daysSinceEpoch(year: local.year, month: local.month, day: local.day) - 1
    for day in first..<(first + CronSchedule.maximumDays) where isDue(day: day) {
      if let found = firstMinute(of: day, after: seconds, zone) { return found * 1000 }
    }
    return nil
  }

  /// Returns true if a day, counted from 1970, is in the schedule.
  private func isDue(day: Int) -> Bool {
    let date = CivilTime(Timestamp(seconds: Int64(day) * 86_400), offsetSeconds: 0)
    guard months >> date.month & 1 == 1 else { return false }
    let isLastDay = includesLastDay && date.day == CivilTime.days(inMonth: date.month, of: date.year)
    let isDay = days >> date.day & 1 == 1 || isLastDay
    let isWeekday = weekdays >> date.dayOfWeek & 1 == 1
    if isAnyDay { return isWeekday }
    return isAnyWeekday ? isDay : isDay || isWeekday
  }

  private func firstMinute(of day: Int, after seconds: Int64, _ zone: String) -> Int64? {
    var found: Int64?
    for hour in 0..<24 where hours >> hour & 1 == 1 {
      for minute in 0..<60 where minutes >> minute & 1 == 1 {
        let clock = Int64(day) * 86_400 + Int64(hour * 3600 + minute * 60)
        // After a gap, two local times may be the same instant, and a later one may precede.
        guard let due = TimeZones.instant(of: clock, in: zone), due > seconds else { continue }
        found = min(found ?? due, due)
      }
      // Offsets never change by more than a day; within one hour, no later candidate can be earlier.
      if let found, Int64(day) * 86_400 + Int64(hour * 3600) > found + 2 * 86_400 { break }
    }
    return found
  }
}

extension TimeZones {
  /// The instant of a local time in a zone, given as seconds since 1970 as if in UTC: the first of two, or the end of
  /// the gap that contains it.
  static func instant(of clock: Int64, in zone: String) -> Int64? {
    // The offsets a day before and a day after are those on both sides of any change in between.
    guard let early = offset(of: zone, at: clock - 86_400), let late = offset(of: zone, at: clock + 86_400)
    else { return nil }
    let candidates = [clock - Int64(early), clock - Int64(late)].sorted()
    for candidate in candidates where offset(of: zone, at: candidate).map(Int64.init) == clock - candidate {
      return candidate
    }
    return endOfGap(between: candidates[0], and: candidates[1], zone)
  }

  /// The first instant at which the later of two offsets applies.
  private static func endOfGap(between low: Int64, and high: Int64, _ zone: String) -> Int64? {
    var (low, high) = (low, high)
    let before = offset(of: zone, at: low)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(of: zone, at: middle) == before { low = middle } else { high = middle }
    }
    // Schedules have a resolution of minutes.
    return (high + 59) / 60 * 60
  }
}
