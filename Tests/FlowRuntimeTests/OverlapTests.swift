import FlowJSON
import FlowMachine
import Testing

@testable import FlowRuntime
@testable import FlowStoreSQLite

/// Scheduled starts that are due while the last instance runs, and runs that were missed.
@Suite("Overlap and catch-up of schedules") struct OverlapTests {
  static func report(_ policies: String, _ schedule: String = "every 1h", _ more: String = "") -> String {
    """
    event Finish
    flow Report {
      start \(schedule) \(policies) -> open
      state open { on Finish -> over }
      final over { entry log "over" }
    }
    \(more)
    """
  }

  final class Fixture {
    let store: any Store
    let world = ManualWorld()
    private let folder: Folder
    var engine: Engine
    /// The keys of the instances that were started, in order.
    var started: [String] = []
    var entries: [JournalEntry] = []

    init(_ text: String, _ kind: StoreKind = .memory) throws {
      (store, folder) = try kind.make()
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    func restart(_ text: String) throws {
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    func wait(_ milliseconds: Int64 = 0) {
      world.advance(milliseconds)
      engine.fireSchedules()
      commit()
    }

    @discardableResult func commit() -> Bool {
      guard let entries = try? engine.commit() else { return false }
      self.entries += entries
      started += entries.filter { $0.body["created"] == true }.map(\.key)
      return true
    }

    func finish(_ key: String) throws {
      var command = EventCommand(event: "Finish", payload: [:])
      command.flow = "Report"
      command.key = key
      _ = try engine.submit(command).get()
      engine.fireSchedules()
      commit()
    }

    func status(_ key: String) throws -> InstanceStatus? { try store.instance(flow: "Report", key: key)?.status }

    func row(_ start: Int = 0) throws -> ScheduleRow {
      try #require(try store.schedules().first { $0.start == start })
    }
  }

  private static let hour: Int64 = 3_600_000
  private static let first = "1970-01-01T01:16:40Z"
  private static let second = "1970-01-01T02:16:40Z"
  private static let third = "1970-01-01T03:16:40Z"
  private static let fourth = "1970-01-01T04:16:40Z"

  @Test("skip starts no instance while the last one runs, over restarts", arguments: StoreKind.allCases)
  func skip(_ kind: StoreKind) throws {
    let text = OverlapTests.report("overlap skip")
    let fixture = try Fixture(text, kind)
    fixture.wait(OverlapTests.hour)
    try fixture.restart(text)
    fixture.wait(OverlapTests.hour)
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started == [OverlapTests.first])
    let row = try fixture.row()
    #expect(row.running == OverlapTests.first && row.skipped == 2)
    #expect(row.lastSkipped == 1_000_000 + 3 * OverlapTests.hour && row.lastRun == 1_000_000 + OverlapTests.hour)
    try fixture.finish(OverlapTests.first)
    #expect(try fixture.row().running == nil)
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started == [OverlapTests.first, OverlapTests.fourth])
  }

  @Test("queue starts the waiting run in the commit in which the last instance ends", arguments: StoreKind.allCases)
  func queue(_ kind: StoreKind) throws {
    let text = OverlapTests.report("overlap queue")
    let fixture = try Fixture(text, kind)
    for _ in 0..<3 { fixture.wait(OverlapTests.hour) }
    #expect(fixture.started == [OverlapTests.first])
    #expect(try fixture.row().waiting == 1_000_000 + 2 * OverlapTests.hour)
    #expect(try fixture.row().skipped == 1, "the third run coalesces with the second")
    try fixture.restart(text)
    try fixture.finish(OverlapTests.first)
    #expect(fixture.started == [OverlapTests.first, OverlapTests.second])
    let row = try fixture.row()
    #expect(row.waiting == nil && row.running == OverlapTests.second)
  }

  @Test("a queued run starts after a crash between the end of the last instance and its start")
  func queueAfterCrash() throws {
    let text = OverlapTests.report("overlap queue")
    let fixture = try Fixture(text)
    for _ in 0..<2 { fixture.wait(OverlapTests.hour) }
    var command = EventCommand(event: "Finish", payload: [:])
    (command.flow, command.key) = ("Report", OverlapTests.first)
    _ = try fixture.engine.submit(command).get()
    fixture.commit()
    #expect(fixture.engine.nextDue.map { $0 <= fixture.world.now() } == true)
    try fixture.restart(text)
    fixture.wait()
    #expect(fixture.started == [OverlapTests.first, OverlapTests.second])
  }

  @Test("replace cancels the running instance in the commit of the new one", arguments: StoreKind.allCases)
  func replace(_ kind: StoreKind) throws {
    let fixture = try Fixture(OverlapTests.report("overlap replace"), kind)
    fixture.wait(OverlapTests.hour)
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started == [OverlapTests.first, OverlapTests.second])
    #expect(try fixture.status(OverlapTests.first) == .cancelled && fixture.status(OverlapTests.second) == .running)
    let cancelled = try #require(fixture.entries.first { $0.body["status"] == "cancelled" })
    #expect(cancelled.key == OverlapTests.first)
    #expect(cancelled.body["schedule"]?["next"] == .string(OverlapTests.second))
    #expect(!fixture.entries.contains { $0.kind == .log }, "no exit or entry statement runs")
  }

  @Test("allow starts an instance each time, and keeps the last one for a later policy")
  func allow() throws {
    let fixture = try Fixture(OverlapTests.report(""))
    fixture.wait(OverlapTests.hour)
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started == [OverlapTests.first, OverlapTests.second])
    try fixture.finish(OverlapTests.first)
    _ = fixture.engine.deploy(try TestEngine.make(OverlapTests.report("overlap skip")).get())
    fixture.commit()
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started.count == 2 && fixture.engine.nextDue != nil)
    #expect(try fixture.row().skipped == 1)
  }

  @Test("an instance that a cancel or a suspension concerns", arguments: ["skip", "queue"])
  func operators(_ policy: String) throws {
    let fixture = try Fixture(OverlapTests.report("overlap \(policy)"))
    fixture.wait(OverlapTests.hour)
    let suspend = OperatorCommand(.suspend, flow: "Report", key: OverlapTests.first)
    _ = try fixture.engine.operate(suspend).get()
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started.count == 1, "a suspended instance has not ended")
    _ = try fixture.engine.operate(OperatorCommand(.cancel, flow: "Report", key: OverlapTests.first)).get()
    fixture.wait()
    #expect(fixture.started.count == (policy == "queue" ? 2 : 1))
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started.count == 2)
  }

  @Test("an operator's run respects the policy") func startNow() throws {
    let command = StartNowCommand(flow: "Report", start: 0, reason: "month end", caller: Caller(id: "ann"))
    let skip = try Fixture(OverlapTests.report("overlap skip"))
    skip.wait(OverlapTests.hour)
    skip.world.advance(1000)
    guard case .failure(.notPossible(let reason, let summary)) = skip.engine.startNow(command) else {
      Issue.record("the run overlaps")
      return
    }
    #expect(reason == "`\(OverlapTests.first)` is still running, and the schedule has `overlap skip`")
    #expect(summary == "an instance is still running, and the schedule has `overlap skip`")
    let queue = try Fixture(OverlapTests.report("overlap queue"))
    queue.wait(OverlapTests.hour)
    queue.world.advance(1000)
    #expect(try queue.engine.startNow(command).get() == .queued(behind: OverlapTests.first, isNew: true))
    #expect(try queue.engine.startNow(command).get() == .queued(behind: OverlapTests.first, isNew: false))
    try queue.finish(OverlapTests.first)
    #expect(queue.started.last == "1970-01-01T01:16:41Z")
    let replace = try Fixture(OverlapTests.report("overlap replace"))
    replace.wait(OverlapTests.hour)
    replace.world.advance(1000)
    guard case .started(let answer) = try replace.engine.startNow(command).get() else {
      Issue.record("an instance starts")
      return
    }
    #expect(answer.detail == "`\(OverlapTests.first)` was cancelled")
  }

  @Test("a deployment keeps the running instance, also when the start moves or its schedule changes")
  func deployment() throws {
    let fixture = try Fixture(OverlapTests.report("overlap skip"))
    fixture.wait(OverlapTests.hour)
    let due = try fixture.row().due
    let moved = """
      event Finish
      flow Report {
        start every 90d -> open
        start every 1h overlap skip -> open
        state open { on Finish -> over }
        final over
      }
      """
    _ = fixture.engine.deploy(try TestEngine.make(moved).get())
    fixture.commit()
    #expect(try fixture.row(1).running == OverlapTests.first && fixture.row(0).running == nil)
    #expect(try fixture.row(1).due == due)
    fixture.wait(OverlapTests.hour)
    #expect(fixture.started.count == 1)
    _ = fixture.engine.deploy(try TestEngine.make(OverlapTests.report("overlap skip", "every 10m")).get())
    fixture.commit()
    fixture.wait(600_000)
    #expect(fixture.started.count == 2, "index 0 had no running instance")
    _ = fixture.engine.retire("Report")
    fixture.commit()
    fixture.wait(600_000)
    #expect(fixture.started.count == 2)
  }

  @Test("a waiting run starts after a deployment that exchanges two starts", arguments: [false, true])
  func exchange(_ restarts: Bool) throws {
    let text = { (first: String, second: String) in
      """
      event Finish
      flow Report {
        start every \(first) overlap queue -> open
        start every \(second) overlap queue -> open
        state open { on Finish -> over }
        final over
      }
      """
    }
    let fixture = try Fixture(text("1h", "90m"))
    for _ in 0..<6 { fixture.wait(OverlapTests.hour / 2) }
    #expect(try fixture.row(0).waiting != nil && fixture.row(1).waiting != nil)
    #expect(fixture.started == [OverlapTests.first, "1970-01-01T01:46:40Z"])
    if restarts {
      try fixture.restart(text("90m", "1h"))
    } else {
      _ = fixture.engine.deploy(try TestEngine.make(text("90m", "1h")).get())
      fixture.commit()
    }
    try fixture.finish(OverlapTests.first)
    #expect(fixture.started.last == OverlapTests.second)
    #expect(try fixture.row(1).running == OverlapTests.second && fixture.row(1).waiting == nil)
    try fixture.finish("1970-01-01T01:46:40Z")
    #expect(try fixture.row(0).running == "1970-01-01T03:16:40Z" && fixture.row(0).waiting == nil)
    #expect(fixture.started.count == 4)
  }

  @Test("a run whose key is taken is skipped with a warning") func takenKey() throws {
    let text = """
      event Finish
      flow Report {
        key k
        data { k: string }
        start every 1h -> open do k = "fixed"
        state open { on Finish -> over }
        final over
      }
      """
    let fixture = try Fixture(text)
    for _ in 0..<3 { fixture.wait(OverlapTests.hour) }
    #expect(fixture.started == ["fixed"])
    let row = try fixture.row()
    #expect(row.skipped == 2 && row.lastSkipped == 1_000_000 + 3 * OverlapTests.hour)
    #expect(
      fixture.engine.drainWarnings().last
        == "the start of `Report` that was due at 1970-01-01T03:16:40.000Z failed: its key `fixed` is taken")
  }

  @Test("`every` counts from the due time, however late a run is", arguments: ["none", "one", "all"])
  func lateRuns(_ catchUp: String) throws {
    let text = OverlapTests.report("catchup \(catchUp)", "every 2s")
    let fixture = try Fixture(text)
    fixture.wait(410)
    _ = fixture.engine.deploy(try TestEngine.make(OverlapTests.report("catchup \(catchUp)", "every 3s")).get())
    fixture.commit()
    for late in [3007, 3011, 2990, 3001] as [Int64] { fixture.wait(late) }
    #expect(
      fixture.started == [
        "1970-01-01T00:16:43.410Z", "1970-01-01T00:16:46.410Z", "1970-01-01T00:16:49.410Z", "1970-01-01T00:16:52.410Z",
      ])
    #expect(fixture.started == fixture.started.sorted(), "the keys sort as text")
  }

  @Test("a store of the earlier layout is checked and upgraded") func upgrade() throws {
    let folder = try Folder()
    let connection = try SQLiteConnection(path: folder.path, isReadOnly: false)
    try connection.run(Schema.pragmas)
    for migration in Schema.migrations.prefix(11) { try connection.run(migration) }
    try connection.run(
      """
      PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = 11;
      INSERT INTO definition VALUES (1, 'aa', '{}', '', checksum(1, 'aa', '{}', ''));
      INSERT INTO schedule VALUES ('Report', 0, 1, 70, checksum('Report', 0, 1, 70)), ('Report', 1, 1, 70, 7);
      """)
    let problem = "row Report/1 of table `schedule` is not what was written"
    #expect(try StoreFile.check(folder.path).filter { $0.contains("`schedule`") } == [problem])
    do {
      let rows = try SQLiteStore(path: folder.path).schedules()
      #expect(rows.contains(ScheduleRow(flow: "Report", start: 0, definition: "aa", due: 70)))
    }
    #expect(try connection.integer("PRAGMA user_version") == Schema.version)
    let after = try StoreFile.check(folder.path).filter { $0.contains("`schedule`") }
    #expect(after == [problem], "a damaged row stays recognisable")
  }

  @Test("missed runs", arguments: [("none", 0), ("one", 1), ("all", 5)])
  func catchUp(_ policy: String, _ count: Int) throws {
    let text = OverlapTests.report("catchup \(policy)")
    let fixture = try Fixture(text)
    fixture.world.advance(5 * OverlapTests.hour + 600_000)
    try fixture.restart(text)
    fixture.wait()
    fixture.wait()
    #expect(fixture.started.count == count)
    #expect(fixture.started.first == (count == 0 ? nil : OverlapTests.first))
    #expect(try fixture.row().skipped == (count == 0 ? 5 : 0))
    #expect(try fixture.row().lastSkipped == (count == 0 ? 1_000_000 + 5 * OverlapTests.hour : nil))
    // The next run is on time: it counts from the first one, not from the restart.
    fixture.wait(OverlapTests.hour - 600_000)
    #expect(fixture.started.count == count + 1)
  }

  @Test("a run that was due while the server was down is missed, however short that was", arguments: [0, 1])
  func shortOutage(_ policy: Int) throws {
    let text = OverlapTests.report("catchup \(["none", "one"][policy])", "every 8s")
    let fixture = try Fixture(text)
    fixture.world.advance(25_000)
    try fixture.restart(text)
    fixture.wait()
    #expect(fixture.started.count == policy)
    let row = try fixture.row()
    #expect(row.skipped == (policy == 0 ? 3 : 0) && row.lastSkipped == (policy == 0 ? 1_024_000 : nil))
    #expect(row.due == 1_032_000, "the runs keep their distance")
    fixture.wait(7000)
    #expect(fixture.started.last == "1970-01-01T00:17:12Z")
  }

  @Test("a run that is a little late is not missed") func grace() throws {
    let text = OverlapTests.report("catchup none")
    let fixture = try Fixture(text)
    fixture.wait(OverlapTests.hour + 60_000)
    #expect(fixture.started.count == 1)
  }

  @Test("at most 1,000 missed runs are caught up") func bound() throws {
    let text = OverlapTests.report("catchup all", "every 1m")
    let fixture = try Fixture(text)
    fixture.world.advance(3000 * 60_000)
    try fixture.restart(text)
    fixture.wait()
    #expect(fixture.started.count == 1000)
    #expect(try fixture.row().skipped == 1)
    fixture.wait(60_000)
    #expect(fixture.started.count == 1001)
  }
}
