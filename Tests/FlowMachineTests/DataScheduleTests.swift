import CEL
import FlowGenerator
import FlowJSON
import FlowTime
import Testing

@testable import FlowMachine

/// `cron` with a schedule and a time zone from data.
@Suite("Schedules from data") struct DataScheduleTests {
  private static let text = """
    event Begin { id: string  spec: string  zone: string }
    event Change { spec: string  zone: string }
    event Note
    event Pause
    event Resume

    flow Reminder {
      key id
      data { id: string  spec: string  zone: string  rings: list<timestamp> max 100000 = []  notes: int = 0 }

      start on Begin -> active do take id, spec, zone

      on Change do take spec, zone
      on Note do notes = notes + 1
      state active {
        cron spec tz zone do rings = rings + [now]
        on Pause -> paused
      }
      state paused { on Resume -> active }
      ongoing
    }
    """

  private func begun(_ spec: String, _ zone: String = "UTC") throws -> TestInstance {
    var instance = try TestInstance(DataScheduleTests.text)
    try instance.send("Begin", #"{"id": "k", "spec": "\#(spec)", "zone": "\#(zone)"}"#)
    return instance
  }

  private func due(_ instance: TestInstance) -> Int64? { instance.instance?.timers.first?.due }

  private let minute: Int64 = 60_000

  @Test("an invalid schedule or time zone refuses the event that assigns it, in any state")
  func invalid() throws {
    var new = try TestInstance(DataScheduleTests.text)
    let refusal = try new.refused("Begin", #"{"id": "k", "spec": "soon", "zone": "UTC"}"#)
    #expect(refusal.message.contains("the schedule is not valid: a schedule has five fields, this has 1"))
    var instance = try begun("0 9 * * *")
    for state in ["active", "paused"] {
      #expect(instance.state == state)
      for (spec, zone, message) in [
        ("61 * * * *", "UTC", "the schedule is not valid"), ("0 9 30 FEB *", "UTC", "no year has such a day"),
        ("0 9 * * *", "Mars/Base", #"there is no time zone "Mars/Base""#),
      ] {
        let refusal = try instance.refused("Change", #"{"spec": "\#(spec)", "zone": "\#(zone)"}"#)
        #expect(refusal.message.contains(message), "\(refusal.message)")
      }
      #expect(instance.data["spec"] == "0 9 * * *")
      if state == "active" { try instance.send("Pause") }
    }
  }

  @Test("a change of the data changes the next time, and other changes do not") func change() throws {
    var instance = try begun("0 9 * * *")
    #expect(due(instance) == 9 * 60 * minute)
    let step = try instance.send("Change", #"{"spec": "30 1 * * *", "zone": "UTC"}"#)
    #expect(due(instance) == 90 * minute && instance.instance?.timers.count == 1 && step.effects.count == 2)
    try instance.send("Change", #"{"spec": "30 1 * * *", "zone": "Asia/Tokyo"}"#)
    #expect(due(instance) == (90 + 15 * 60) * minute)
    #expect(try instance.send("Note").effects.isEmpty)
    try instance.send("Pause")
    #expect(instance.instance?.timers.isEmpty == true)
    try instance.send("Change", #"{"spec": "0 2 * * *", "zone": "UTC"}"#)
    try instance.send("Resume")
    #expect(due(instance) == 120 * minute)
    try instance.wait("3d")
    #expect(instance.data["rings"]?.array?.count == 3)
  }

  @Test("a time that is due already is not lost by a change") func overdue() throws {
    var instance = try begun("0 9 * * *")
    instance.now = 9 * 60 * minute + 500
    try instance.send("Change", #"{"spec": "0 12 * * *", "zone": "UTC"}"#)
    #expect(due(instance) == 9 * 60 * minute)
    try instance.wait("1m")
    #expect(instance.data["rings"]?.array?.count == 1 && due(instance) == 12 * 60 * minute)
  }

  @Test("random changes and waits agree with a reference") func random() throws {
    var random = SplitMix64(state: 20_26)
    let specs = ["*/7 * * * *", "0 * * * *", "30 2 * * *", "0 9 * * MON", "15 1-3 * * *"]
    let zones = ["UTC", "Europe/Berlin", "Asia/Kathmandu"]
    for _ in 0..<20 {
      var (spec, zone) = (specs[0], zones[0])
      var instance = try begun(spec, zone)
      var rings: [Int64] = []
      var next = try #require(CronSchedule(spec)?.next(after: instance.now, zone: zone))
      for _ in 0..<30 {
        switch random.next() % 3 {
        case 0:
          (spec, zone) = (specs[Int(random.next() % 5)], zones[Int(random.next() % 3)])
          try instance.send("Change", #"{"spec": "\#(spec)", "zone": "\#(zone)"}"#)
          next = try #require(CronSchedule(spec)?.next(after: instance.now, zone: zone))
        case 1: try instance.send("Note")
        default:
          let minutes = random.next() % 2000
          try instance.wait("\(minutes)m")
          while next <= instance.now {
            rings.append(next)
            next = try #require(CronSchedule(spec)?.next(after: next, zone: zone))
          }
        }
        #expect(due(instance) == next)
        #expect(instance.data["rings"]?.array?.count == rings.count)
      }
    }
  }
}
