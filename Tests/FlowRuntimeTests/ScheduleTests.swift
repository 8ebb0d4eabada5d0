import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// Scheduled starts: one instance for each tick, over crashes and deployments.
@Suite("Scheduled starts") struct ScheduleTests {
  private static func report(_ schedule: String, _ more: String = "") -> String {
    """
    flow Report {
      data { runs: int = 0 }
      start \(schedule) -> \(more.isEmpty ? "open" : more)
      state open { after 90d -> over }
      final over
    }
    """
  }

  private final class Fixture {
    let store: any Store
    let world = ManualWorld()
    private let folder: Folder
    var engine: Engine
    var keys: [String] = []

    init(_ text: String, _ kind: StoreKind = .memory) throws {
      (store, folder) = try kind.make()
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    func restart(_ text: String) throws {
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    func wait(_ milliseconds: Int64) {
      world.advance(milliseconds)
      engine.fireSchedules()
      guard let entries = try? engine.commit() else { return }
      keys += entries.filter { $0.body["created"] == true }.map(\.key)
    }
  }

  @Test(
    "each tick starts one instance",
    arguments: StoreKind.allCases) func ticks(_ kind: StoreKind) throws
  {
    let fixture = try Fixture(ScheduleTests.report("every 1h"), kind)
    fixture.wait(3_599_999)
    #expect(fixture.keys == [])
    fixture.wait(1)
    fixture.wait(0)
    fixture.wait(3_600_000)
    // The world's clock began at 1970-01-01T00:16:40Z.
    #expect(fixture.keys == ["1970-01-01T01:16:40Z", "1970-01-01T02:16:40Z"])
    fixture.engine.fireTimers()
    _ = fixture.engine.dispatch()
    #expect(fixture.engine.nextDue == fixture.world.now() + 3_600_000)
  }

  @Test("An operator starts a scheduled instance now, and the next run stays", arguments: StoreKind.allCases)
  func startNow(_ kind: StoreKind) throws {
    let fixture = try Fixture(ScheduleTests.report("every 1h"), kind)
    fixture.wait(60_000)
    let next = fixture.engine.nextDue
    let command = StartNowCommand(flow: "Report", start: 0, reason: "month end", caller: Caller(id: "ann"))
    guard case .started(let answer) = try fixture.engine.startNow(command).get() else {
      Issue.record("an instance starts")
      return
    }
    let entry = try #require(try fixture.engine.commit().first { $0.body["created"] == true })
    #expect(answer.key == "1970-01-01T00:17:40Z" && answer.sequence == entry.sequence)
    #expect(entry.body["schedule"]?["operator"] == ["action": "run", "reason": "month end", "by": "ann"])
    #expect(fixture.engine.nextDue == next)
    guard case .failure(.alreadyExists) = fixture.engine.startNow(command) else {
      Issue.record("the same instant has the same key")
      return
    }
    guard case .failure(.notFound) = fixture.engine.startNow(StartNowCommand(flow: "Report", start: 1)) else {
      Issue.record("there is one start only")
      return
    }
  }

  @Test("a cron schedule uses its time zone") func timeZone() throws {
    let fixture = try Fixture(ScheduleTests.report(#"cron "30 9 * * *" tz "Europe/Berlin""#))
    for _ in 0..<3 { fixture.wait(86_400_000) }
    #expect(fixture.keys == ["1970-01-01T08:30:00Z", "1970-01-02T08:30:00Z", "1970-01-03T08:30:00Z"])
  }

  @Test("missed ticks start one instance, with the key of the first") func missedTicks() throws {
    let text = ScheduleTests.report("every 1h")
    let fixture = try Fixture(text)
    fixture.world.advance(5 * 3_600_000 + 1000)
    try fixture.restart(text)
    fixture.wait(0)
    fixture.wait(0)
    #expect(fixture.keys == ["1970-01-01T01:16:40Z"], "one instance for all missed ticks, with the key of the first")
    fixture.wait(3_600_000)
    #expect(fixture.keys.count == 2)
  }

  @Test("a tick whose commit fails starts one instance") func failedCommit() throws {
    let fixture = try Fixture(ScheduleTests.report("every 1h"))
    (fixture.store as? MemoryStore)?.nextCommitFails = .unavailable("no luck")
    fixture.wait(3_600_000)
    #expect(fixture.keys == [])
    fixture.wait(0)
    fixture.wait(0)
    #expect(fixture.keys == ["1970-01-01T01:16:40Z"])
  }

  @Test("a deployment keeps the next tick unless it changes the schedule") func deployment() throws {
    let fixture = try Fixture(ScheduleTests.report("every 1h"))
    fixture.wait(3_000_000)
    _ = try fixture.engine.deploy(
      TestEngine.make(ScheduleTests.report("every 1h") + "event Unused { id: string }").get())
    fixture.wait(600_000)
    #expect(fixture.keys == ["1970-01-01T01:16:40Z"])
    _ = try fixture.engine.deploy(TestEngine.make(ScheduleTests.report("every 10m")).get())
    _ = try fixture.engine.commit()
    fixture.wait(600_000)
    #expect(fixture.keys.count == 2)
    _ = fixture.engine.retire("Report")
    _ = try fixture.engine.commit()
    fixture.wait(86_400_000)
    #expect(fixture.keys.count == 2, "a retired flow starts no instance")
  }

  @Test("a flow can compute the key of the scheduled instance") func keyOfInstance() throws {
    let fixture = try Fixture(
      """
      flow Daily {
        key day
        data { day: string }
        start every 1d -> open do day = string(now).substring(0, 10)
        state open { after 90d -> over }
        final over
      }
      """)
    fixture.wait(86_400_000)
    fixture.wait(86_400_000)
    #expect(fixture.keys == ["1970-01-02", "1970-01-03"])
  }
}
