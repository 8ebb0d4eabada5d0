import CEL
import FlowGenerator
import FlowIR
import FlowTime
import Testing

@testable import FlowMachine

/// Due times of cron schedules.
@Suite("Cron schedules") struct CronTests {
  /// The range of the reference in days.
  private let days = 3

  /// Inspects every minute: the local time, whether it occurred before, and skipped times.
  private func reference(_ schedule: CronSchedule, after instant: Int64, _ zone: String) -> Int64? {
    var minute = (instant / 60 + 1) * 60
    for _ in 0..<(days * 24 * 60) {
      let shown = clock(minute, zone)
      let before = clock(minute - 60, zone)
      // Times skipped in this minute are due now; times that occur again were due before.
      var candidate = max(before + 60, shown - 86_400)
      while candidate < shown {
        if fits(schedule, candidate) { return minute }
        candidate += 60
      }
      if fits(schedule, shown) {
        let isSecond = stride(from: Int64(60), through: 3 * 3600, by: 60).contains { clock(minute - $0, zone) == shown }
        if !isSecond { return minute }
      }
      minute += 60
    }
    return nil
  }

  private func clock(_ instant: Int64, _ zone: String) -> Int64 {
    instant + Int64(TimeZones.offset(of: zone, at: instant) ?? 0)
  }

  private func fits(_ schedule: CronSchedule, _ clock: Int64) -> Bool {
    let time = CivilTime(Timestamp(seconds: clock), offsetSeconds: 0)
    let isDay = schedule.days >> time.day & 1 == 1
    let isWeekday = schedule.weekdays >> time.dayOfWeek & 1 == 1
    let isDue =
      schedule.isAnyDay ? isWeekday : schedule.isAnyWeekday ? isDay : isDay || isWeekday
    return isDue && schedule.months >> time.month & 1 == 1 && schedule.hours >> time.hour & 1 == 1
      && schedule.minutes >> time.minute & 1 == 1
  }

  @Test(
    "due times equal those of a reference that inspects every minute",
    arguments: ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
  func everyMinute(_ zone: String) throws {
    var random = SplitMix64(state: UInt64(zone.utf8.count) * 7919)
    let texts = [
      "* * * * *", "*/7 * * * *", "30 2 * * *", "0 3 * * *", "15 1-3 * * *", "0 9 * * MON", "59 23 * * *", "0 0 1 * *",
      "45 2 * 3,10 SUN", "10 */5 13 * FRI",
    ]
    for text in texts {
      let schedule = try #require(CronSchedule(text))
      for _ in 0..<4 {
        // Half of them near a change of European or American clocks in 2026.
        let near = [1_774_746_000, 1_792_890_000, 1_772_953_200, 1_793_512_800].randomElement(using: &random) ?? 0
        let start = Int64(near) - 86_400 + Int64(random.next() % (2 * 86_400))
        let found = schedule.next(after: start * 1000, zone: zone)
        let wanted = reference(schedule, after: start, zone).map { $0 * 1000 }
        let isLater = wanted == nil && (found ?? .max) > (start + Int64(days) * 86_400) * 1000
        #expect(found == wanted || isLater, "\(text) after \(start) in \(zone)")
      }
    }
  }

  private func next(_ text: String, _ after: String, _ zone: String) throws -> String {
    let instant = try #require(Timestamp(after)).milliseconds
    let found = try #require(CronSchedule(text)?.next(after: instant, zone: zone))
    return Timestamp(milliseconds: found).description
  }

  @Test("a time skipped by daylight saving is due at the next valid time") func skippedTime() throws {
    #expect(try next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin") == "2026-03-29T01:00:00Z")
    #expect(try next("30 2 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin") == "2026-03-30T00:30:00Z")
  }

  @Test("a time repeated by daylight saving is due once") func repeatedTime() throws {
    #expect(try next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin") == "2026-10-25T00:30:00Z")
    #expect(try next("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin") == "2026-10-26T01:30:00Z")
  }

  @Test("29 February is found over a century without a leap day") func leapDay() throws {
    #expect(try next("0 0 29 2 *", "2096-03-01T00:00:00Z", "UTC") == "2104-02-29T00:00:00Z")
  }

  @Test("a cron reaction fires at its due times") func cronReaction() throws {
    var test = try TestInstance(
      """
      event Begin  event Go
      flow F {
        data { zone: string = "Europe/Berlin" }
        start on Begin -> a
        state a { cron "0 9 * * *" tz zone do log string(now)  on Go -> end }
        final end
      }
      """)
    test.now = 1_790_000_000_000  // 2026-09-21T14:13:20Z
    try test.send("Begin")
    try test.wait("50h")
    #expect(test.log == ["2026-09-22T07:00:00Z", "2026-09-23T07:00:00Z"])
    let timer = try #require(test.instance?.timers.first)
    let instance = try #require(test.instance)
    guard
      case .accepted(let step) = test.stepper.step(
        instance, .timer(transition: timer.transition, armed: timer.armed), now: timer.due + 3 * 86_400_000)
    else { throw TestInstance.Failure("refused") }
    #expect(step.next.timers.map(\.due) == [timer.due + 4 * 86_400_000], "missed ticks fire once")
  }

  @Test("an unknown time zone refuses the step") func unknownZone() throws {
    var test = try TestInstance(
      """
      event Begin  event Go { zone: string }
      flow F {
        data { zone: string = "" }
        start on Begin -> a
        state a { on Go -> b do zone = event.zone }
        state b { cron "0 9 * * *" tz zone -> end }
        final end
      }
      """)
    try test.send("Begin")
    let refusal = try test.refused("Go", #"{"zone": "Mars/Olympus"}"#)
    #expect(refusal.message.contains("there is no time zone"))
    #expect(try test.refused("Go", #"{"zone": ""}"#).message.contains("there is no time zone \"\""))
  }

  @Test("scheduled starts have due times and start instances") func scheduledStarts() throws {
    let test = try TestInstance(
      """
      event Go
      flow F {
        data { at: timestamp = now }
        start every 1h -> a
        start cron "0 9 * * MON" tz "Europe/Berlin" -> a do log "monday"
        state a { on Go -> end }
        final end
      }
      """)
    let monday: Int64 = 1_790_000_000_000  // a Monday afternoon
    #expect(try test.stepper.nextStart(flow: 0, schedule: 0, after: monday).get() == monday + 3_600_000)
    let late = monday + 3 * 3_600_000 + 7
    #expect(try test.stepper.nextStart(flow: 0, schedule: 0, after: monday, now: late).get() == monday + 4 * 3_600_000)
    #expect(
      try test.stepper.nextStart(flow: 0, schedule: 0, after: monday, now: monday + 3_600_000).get()
        == monday + 2 * 3_600_000)
    let week = try #require(try test.stepper.nextStart(flow: 0, schedule: 1, after: monday).get())
    #expect(Timestamp(milliseconds: week).description == "2026-09-28T07:00:00Z")
    guard case .accepted(let step) = test.stepper.start(flow: 0, schedule: 1, key: "t", now: week) else {
      throw TestInstance.Failure("refused")
    }
    #expect(step.effects == [.log("monday")] && step.to == ["a"])
  }
}
