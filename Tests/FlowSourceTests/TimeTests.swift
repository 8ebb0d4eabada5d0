import FlowTime
import Testing

@Suite struct DurationTextTests {
  @Test(
    "durations are read and written in whole units",
    arguments: [
      ("30m", 1_800_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("250ms", 250), ("0s", 0),
      ("106751d", 9_223_286_400_000),
    ])
  func wholeUnits(_ text: String, _ milliseconds: Int64) {
    #expect(DurationText.milliseconds(text) == milliseconds)
    #expect(DurationText.text(milliseconds) == text)
    #expect(!DurationText.isTooLong(text))
  }

  @Test("other text is not a duration", arguments: ["", "5", "m", "5x", "1.5h", "-3d", "1us", "1h5", "５m"])
  func notADuration(_ text: String) {
    #expect(DurationText.milliseconds(text) == nil)
    #expect(!DurationText.isTooLong(text))
  }

  @Test(
    "a duration beyond 64 bits of nanoseconds is too long",
    arguments: ["106752d", "9999999h", "106751d1d", "99999999999999999999d", "9223372036854775807d"])
  func tooLong(_ text: String) {
    #expect(DurationText.milliseconds(text) == nil)
    #expect(DurationText.isTooLong(text))
  }

  @Test(
    "CEL durations have signs, fractions and small units",
    arguments: [
      ("-1.5s", false, -1_500_000_000), ("0", false, 0), ("1us2ns", false, 1002), ("2d", true, 172_800_000_000_000),
      ("2d", false, nil), ("292y", false, nil), ("2562047h47m16.854775807s", false, .max),
      ("-2562047h47m16.854775808s", false, .min), ("2562047h47m16.854775808s", false, nil),
    ] as [(String, Bool, Int64?)])
  func cel(_ text: String, _ allowsDays: Bool, _ nanoseconds: Int64?) {
    #expect(DurationText.nanoseconds(text.utf8, allowsDays: allowsDays) == nanoseconds)
  }
}

@Suite struct CronScheduleTests {
  private func bits(_ values: Int...) -> UInt64 { values.reduce(0) { $0 | 1 << $1 } }

  @Test("a field is a value, a range, a step, or a list of them") func fields() throws {
    let schedule = try #require(CronSchedule("0,30 9-11 1-10/3 */4 mon-wed"))
    #expect(schedule.minutes == bits(0, 30))
    #expect(schedule.hours == bits(9, 10, 11))
    #expect(schedule.days == bits(1, 4, 7, 10))
    #expect(schedule.months == bits(1, 5, 9))
    #expect(schedule.weekdays == bits(1, 2, 3))
  }

  @Test("a step after a single value goes to the end of the field, after a range to its end") func steps() throws {
    #expect(try #require(CronSchedule("0 6/6 * * *")).hours == bits(6, 12, 18))
    #expect(try #require(CronSchedule("0 6-6/2 * * *")).hours == bits(6))
    #expect(try #require(CronSchedule("0 0 * * 1/2")).weekdays == bits(1, 3, 5))
    #expect(try #require(CronSchedule("0 0 * * FRI/1")).weekdays == bits(5, 6))
  }

  @Test("Sunday is 0 and 7, and may end a range", arguments: ["SAT-SUN", "6-7", "6-0", "sat-7", "SAT,SUN"])
  func sunday(_ field: String) throws {
    #expect(try #require(CronSchedule("0 0 * * \(field)")).weekdays == bits(0, 6))
  }

  @Test(
    "macros are schedules",
    arguments: [
      ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("@monthly", "0 0 1 * *"), ("@weekly", "0 0 * * 0"),
      ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@Hourly", "0 * * * *"),
    ])
  func macros(_ macro: String, _ fields: String) { #expect(CronSchedule(macro) == CronSchedule(fields)) }

  @Test("tabs and several spaces separate fields") func tabs() {
    #expect(CronSchedule("0\t9 \t* *  MON") == CronSchedule("0 9 * * MON"))
  }

  @Test("L is the last day of the month") func lastDay() throws {
    let schedule = try #require(CronSchedule("0 0 15,L * *"))
    #expect(schedule.days == bits(15))
    #expect(schedule.includesLastDay)
    #expect(!schedule.isAnyDay)
  }

  @Test(
    "text that is not a schedule is rejected with a reason",
    arguments: [
      ("", "a schedule has five fields, this has 0"), ("* * * *", "a schedule has five fields, this has 4"),
      ("60 * * * *", "`60` is not a valid minute"), ("* 24 * * *", "`24` is not a valid hour"),
      ("* * 0 * *", "`0` is not a valid day of the month"), ("* * * JUNE *", "`JUNE` is not a valid month"),
      ("* * * * 8", "`8` is not a valid day of the week"), ("* * * * L", "`L` is not a valid day of the week"),
      ("*/0 * * * *", "`*/0` is not a valid minute"), ("1-2-3 * * * *", "`1-2-3` is not a valid minute"),
      ("+5 * * * *", "`+5` is not a valid minute"), ("1, * * * *", "`1,` is not a valid minute"),
      ("* 22-2 * * *", "the range `22-2` of the hour runs backwards"),
      ("* * * * FRI-MON", "the range `FRI-MON` of the day of the week runs backwards"),
      ("0 0 30 2 *", "no year has such a day"), ("0 0 31 4,6 *", "no year has such a day"),
      ("@reboot", "`@reboot` is not one of @yearly, @monthly, @weekly, @daily and @hourly"),
    ])
  func rejects(_ text: String, _ reason: String) {
    #expect(throws: CronSchedule.SyntaxError.self) { try CronSchedule.read(text).get() }
    if case .failure(let error) = CronSchedule.read(text) { #expect(error.message == reason) }
  }
}
