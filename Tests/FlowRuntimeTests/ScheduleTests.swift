import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// Instances that begin because it is time: once for each tick, through crashes and deploys.
@Suite struct ScheduleTests {
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

  private final class Place {
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

  @Test(arguments: StoreKind.allCases) func eachTickBeginsOne(_ kind: StoreKind) throws {
    let place = try Place(ScheduleTests.report("every 1h"), kind)
    place.wait(3_599_999)
    #expect(place.keys == [])
    place.wait(1)
    place.wait(0)
    place.wait(3_600_000)
    // The world's clock began at 1970-01-01T00:16:40Z.
    #expect(place.keys == ["1970-01-01T01:16:40Z", "1970-01-01T02:16:40Z"])
    place.engine.fireTimers()
    _ = place.engine.dispatch()
    #expect(place.engine.nextDue == place.world.now() + 3_600_000)
  }

  @Test func theClockOfAZoneIsKept() throws {
    let place = try Place(ScheduleTests.report(#"cron "30 9 * * *" tz "Europe/Berlin""#))
    for _ in 0..<3 { place.wait(86_400_000) }
    #expect(place.keys == ["1970-01-01T08:30:00Z", "1970-01-02T08:30:00Z", "1970-01-03T08:30:00Z"])
  }

  @Test func whatWasMissedIsMadeUpForOnce() throws {
    let text = ScheduleTests.report("every 1h")
    let place = try Place(text)
    place.world.advance(5 * 3_600_000 + 1000)
    try place.restart(text)
    place.wait(0)
    place.wait(0)
    #expect(place.keys == ["1970-01-01T01:16:40Z"], "one for all that were missed, under the name of the first")
    place.wait(3_600_000)
    #expect(place.keys.count == 2)
  }

  @Test func aTickBeginsOnceThoughTheCommitFails() throws {
    let place = try Place(ScheduleTests.report("every 1h"))
    (place.store as? MemoryStore)?.nextCommitFails = .unavailable("no luck")
    place.wait(3_600_000)
    #expect(place.keys == [])
    place.wait(0)
    place.wait(0)
    #expect(place.keys == ["1970-01-01T01:16:40Z"])
  }

  @Test func aDeployKeepsTheTimeUnlessItSaysAnother() throws {
    let place = try Place(ScheduleTests.report("every 1h"))
    place.wait(3_000_000)
    _ = try place.engine.deploy(TestEngine.make(ScheduleTests.report("every 1h") + "event Unused { id: string }").get())
    place.wait(600_000)
    #expect(place.keys == ["1970-01-01T01:16:40Z"])
    _ = try place.engine.deploy(TestEngine.make(ScheduleTests.report("every 10m")).get())
    _ = try place.engine.commit()
    place.wait(600_000)
    #expect(place.keys.count == 2)
    _ = place.engine.retire("Report")
    _ = try place.engine.commit()
    place.wait(86_400_000)
    #expect(place.keys.count == 2, "what is served no longer begins nothing")
  }

  @Test func theFlowMayNameTheInstance() throws {
    let place = try Place(
      """
      flow Daily {
        key day
        data { day: string }
        start every 1d -> open do day = string(now).substring(0, 10)
        state open { after 90d -> over }
        final over
      }
      """)
    place.wait(86_400_000)
    place.wait(86_400_000)
    #expect(place.keys == ["1970-01-02", "1970-01-03"])
  }
}
