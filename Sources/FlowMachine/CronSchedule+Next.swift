import CEL
public import FlowSource

extension CronSchedule {
  /// How many days ahead a schedule is looked for: a 29 February may be eight years away.
  private static let maximumDays = 366 * 9

  /// When it next falls due by the clocks of a zone.
  ///
  /// A time that clocks skip in spring falls due at the first instant behind the gap; one that they show twice in
  /// autumn the first time only.
  /// - Parameter instant: Milliseconds since 1970; the answer is later.
  /// - Returns: Milliseconds since 1970; nil when there is no such zone.
  public func next(after instant: Int64, in zone: String) -> Int64? {
    let seconds = instant.floored(by: 1000)
    guard let offset = TimeZones.offset(of: zone, at: seconds) else { return nil }
    // A day before, as the clocks may have been changed since.
    let today = Int((seconds + Int64(offset)).floored(by: 86_400)) - 1
    for day in today..<(today + CronSchedule.maximumDays) where fits(day) {
      if let due = first(on: day, after: instant, in: zone) { return due }
    }
    return nil
  }

  /// Whether a day, counted from 1970, is one of the schedule's.
  private func fits(_ day: Int) -> Bool {
    let date = CivilTime(Timestamp(seconds: Int64(day) * 86_400), offsetSeconds: 0)
    guard months >> UInt64(date.month) & 1 == 1 else { return false }
    let isDay = days >> UInt64(date.day) & 1 == 1
    let isWeekday = weekdays >> UInt64(date.dayOfWeek) & 1 == 1
    if isAnyDay || isAnyWeekday { return isDay && isWeekday }
    return isDay || isWeekday
  }

  private func first(on day: Int, after instant: Int64, in zone: String) -> Int64? {
    for hour in 0..<24 where hours >> UInt64(hour) & 1 == 1 {
      for minute in 0..<60 where minutes >> UInt64(minute) & 1 == 1 {
        let local = Int64(day) * 86_400 + Int64(hour * 3600 + minute * 60)
        if let due = TimeZones.instant(local: local, in: zone), due * 1000 > instant { return due * 1000 }
      }
    }
    return nil
  }
}

extension Int64 {
  /// The quotient, rounded down also below zero.
  fileprivate func floored(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
