import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStorePostgres
import FlowTestSupport
import Testing

@testable import FlowStoreSQLite

/// Calls over lists in the engine and its stores: the items are rows of their own.
@Suite("Calls over lists") struct FanOutStoreTests {
  private func poll(_ fixture: TestEngine, people: Int, needed: Int) throws {
    let names = (0..<people).map { JSON.string("p\($0)") }
    try fixture.send("Poll", ["id": "t", "people": .array(names), "needed": .int(Int64(needed))])
  }

  private let away = JobOutcome.status(422, message: "", retryAfterMilliseconds: nil)

  @Test("items survive restarts, and a handled failure does not end the call", arguments: StoreKind.allCases)
  func restarts(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind)
    try poll(fixture, people: 5, needed: 9)
    #expect(fixture.urls == ["http://inquire/p0", "http://inquire/p1"])
    try fixture.end(.done("x"))
    try fixture.restart()
    #expect(Set(fixture.urls) == ["http://inquire/p1", "http://inquire/p2"])
    try fixture.end(away)
    for _ in 0..<2 {
      try fixture.restart()
      try fixture.end(.done("y"))
    }
    #expect(try fixture.store.items(instance: 1).count == 5)
    try fixture.end(.done("z"))
    #expect(fixture.state("Survey", "t") == "answered")
    let data = try fixture.data("Survey", "t")
    #expect(data["yes"] == 4 && data["away"] == [1])
    #expect(data["$results"]?["each"]?["result"] == ["x", .null, "y", "y", "z"])
    #expect(try fixture.store.items(instance: 1) == [])
    #expect(fixture.kinds(.dead).isEmpty, "a failure of an item that a reaction handles is no dead letter")
  }

  @Test("the first sufficient answers win, and the others are withdrawn", arguments: StoreKind.allCases)
  func quorum(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind)
    try poll(fixture, people: 5, needed: 2)
    try fixture.end(.done("x"))
    try fixture.end(.done("y"))
    #expect(fixture.state("Survey", "t") == "enough")
    #expect(try fixture.store.jobs(instance: 1) == [] && fixture.store.items(instance: 1) == [])
  }

  @Test("a state that is entered again has the items of its new list", arguments: StoreKind.allCases)
  func reentry(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind)
    try poll(fixture, people: 3, needed: 9)
    try fixture.end(.done("x"))
    try fixture.send("Go", ["id": "t"])
    try fixture.restart()
    #expect(try fixture.store.items(instance: 1).count == 3)
    for _ in 0..<3 { try fixture.end(.done("z")) }
    #expect(try fixture.data("Survey", "t")["$results"]?["each"]?["result"] == ["z", "z", "z"])
  }

  @Test("a called flow with a key answers for its item", arguments: StoreKind.allCases)
  func calledFlows(_ kind: StoreKind) throws {
    let fixture = try TestEngine(
      kind,
      text: """
        event Ask { id: string  people: list<string>  needed: int }
        event Vote { ballot: string  yes: bool }
        event Leave { ballot: string }
        flow Ballot(ballot: string, who: string) -> bool {
          key ballot
          data { yes: bool = false }
          start -> open
          state open { on Vote -> cast do yes = event.yes  on Leave -> AWAY }
          final cast returns yes
          failed AWAY
        }
        flow Motion {
          key id
          data { id: string  people: list<string>  needed: int  yes: int = 0  away: list<string> = [] }
          start on Ask -> voting do take id, people, needed
          state voting {
            call Ballot(ballot: id + "/" + p, who: p) as each for p in people limit 20
            on each.item.done when event.result do yes = yes + 1
            on each.item.failed when event.code == "AWAY" do away = away + [people[event.index]]
            always when yes >= needed -> accepted
            on each.done, each.failed -> rejected
          }
          final accepted
          final rejected
        }
        """)
    try fixture.send("Ask", ["id": "m", "people": ["a", "b", "c", "d"], "needed": 2])
    fixture.turn()
    try fixture.send("Vote", ["ballot": "m/b", "yes": true])
    try fixture.send("Leave", ["ballot": "m/a"])
    try fixture.restart()
    #expect(try fixture.data("Motion", "m")["away"] == ["a"])
    try fixture.send("Vote", ["ballot": "m/d", "yes": true])
    #expect(fixture.state("Motion", "m") == "accepted")
    #expect(try fixture.row("Ballot", "m/c").status == .failed, "the open ballot is withdrawn")
    #expect(throws: EngineProblem.self) { try fixture.send("Vote", ["ballot": "m/c", "yes": true]) }
  }

  private static func version(_ number: Int, _ state: String) -> String {
    """
    event Begin { id: string }
    action work(i: int) -> int { http POST "http://work/" + string(i)  retry 1 backoff 1s..1s }
    action other() { http POST "http://other"  retry 1 backoff 1s..1s }
    flow Job {
      version \(number)
      key id
      data { id: string  sum: int = 0 }
      start on Begin -> running do id = event.id
      \(state)
      state running {
        call work(i: i) as each for i in [1, 2, 3, 4] limit 2
        on each.item.done do sum = sum + event.result
        on each.failed, each.done -> over
      }
      final over
    }
    """
  }

  @Test("items continue in another version, in which their call has another number", arguments: StoreKind.allCases)
  func migration(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind, text: FanOutStoreTests.version(1, ""))
    try fixture.send("Begin", ["id": "t"])
    try fixture.end(.done(.int(10)))
    #expect(Set(try fixture.store.items(instance: 1).map(\.id.call)) == [0])
    let before = "state earlier { call other() as told  on told.done, told.failed -> running }\n      state also { "
    let second = FanOutStoreTests.version(2, before + "on Begin -> earlier }").replacing(
      "on each.failed", with: "on Begin -> also  on each.failed")
    _ = try fixture.engine.deploy(TestEngine.make(second).get())
    fixture.turn()
    _ = try fixture.engine.operate(OperatorCommand(.migrate, flow: "Job", key: "t")).get()
    fixture.turn()
    let rows = try fixture.store.items(instance: 1)
    #expect(rows.map(\.id.call) == [1, 1, 1, 1] && rows.map(\.id.index) == [0, 1, 2, 3])
    try fixture.restart(with: second)
    for _ in 0..<3 { try fixture.end(.done(.int(1))) }
    #expect(try fixture.data("Job", "t")["sum"] == 13)
    #expect(try fixture.store.items(instance: 1) == [])
  }

  // MARK: - Cost

  private static let counted = """
    event Begin { id: string  count: int }
    event Stop { id: string }
    action work(i: int) -> int { http POST "http://work/" + string(i)  retry 1 backoff 1s..1s }
    flow Many {
      key id
      data { id: string  count: int  sum: int = 0 }
      start on Begin -> running do take id, count
      state running {
        call work(i: i) as each for i in lists.range(count) limit 20
        on each.item.done do sum = sum + event.result
        on each.failed, each.done -> over
        on Stop -> over
      }
      final over
    }
    """

  /// Bytes written for each item until the call has all but the last of its results.
  private func bytesPerItem(_ count: Int) throws -> Double {
    let fixture = try TestEngine(text: FanOutStoreTests.counted)
    try fixture.send("Begin", ["id": "t", "count": .int(Int64(count))])
    for _ in 1..<count { try fixture.end(.done(.int(1))) }
    #expect(fixture.state("Many", "t") == "running")
    return Double(try fixture.memory.writtenBytes) / Double(count)
  }

  @Test("the bytes that are written for an item do not depend on the number of items")
  func linearWrites() throws {
    let (few, many) = (try bytesPerItem(100), try bytesPerItem(1600))
    #expect(many < 1.1 * few, "\(few) bytes for an item of 100, \(many) of 1,600")
  }

  @Test("leaving a state reads the jobs of its items once")
  func linearWithdrawal() throws {
    let text = FanOutStoreTests.counted.replacing(" limit 20", with: "")
    let fixture = try TestEngine(text: text)
    try fixture.send("Begin", ["id": "t", "count": 2000])
    let before = try fixture.memory.jobsRead
    try fixture.send("Stop", ["id": "t"])
    #expect(try fixture.memory.jobsRead - before <= 4000 && fixture.memory.jobs.isEmpty)
    #expect(try fixture.memory.items.isEmpty)
  }

  // MARK: - Layouts

  /// The position as version 10 has stored it: with the items, and with their jobs among the calls.
  private func earlierPosition(_ position: JSON, _ items: [ItemRow]) throws -> JSON {
    let documents = try items.map { try JSON(parsing: $0.document) }
    let call = position["lists"]?.array?.first?["call"] ?? .null
    let plain = documents.map { document in JSON.object((document.members ?? []).filter { $0.name != "job" }) }
    let pending = documents.enumerated().filter { $0.element["job"] != nil && $0.element["result"] == nil }
    let calls = pending.map { item -> JSON in
      ["call": call, "job": item.element["job"] ?? .null, "item": .int(Int64(item.offset))]
    }
    return [
      "states": position["states"] ?? .null, "calls": .array(calls),
      "lists": [["call": call, "begun": position["lists"]?.array?.first?["begun"] ?? .null, "items": .array(plain)]],
    ]
  }

  @Test("a store of the earlier layout is checked and upgraded, and its calls over lists continue")
  func upgrade() throws {
    let folder = try Folder()
    let world = ManualWorld()
    do {
      let store = try SQLiteStore(path: folder.path)
      let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
      let people: JSON = ["a", "b", "c", "d"]
      _ = engine.submit(EventCommand(event: "Poll", payload: ["id": "t", "people": people, "needed": 9]))
      _ = try engine.commit()
      let first = try #require(engine.dispatch().first)
      engine.finish(first.job, .done("x"))
      _ = try engine.commit()
    }
    do {
      let store = try SQLiteStore(path: folder.path)
      let row = try #require(try store.instance(flow: "Survey", key: "t"))
      let old = try earlierPosition(JSON(parsing: row.position), store.items(instance: row.id))
      let connection = store.connection
      let sum = SummedTable.instance.sum(["position": "?1"])
      try connection.prepare("UPDATE instance SET position = ?1, sum = \(sum)").run(.json(old.bytes()))
      try connection.run(
        """
        DROP TABLE item;
        DROP INDEX job_due;
        DROP INDEX job_turn;
        ALTER TABLE job DROP COLUMN priority;
        UPDATE job SET sum = checksum(id, instance, revision, number, action, queue, call, once, attempt, due, lease,
          fence, arguments, outcome, failures, origin, epoch, worker, deadline);
        ALTER TABLE dead_letter DROP COLUMN priority;
        CREATE INDEX job_due ON job (queue, due);
        ALTER TABLE schedule DROP COLUMN running;
        ALTER TABLE schedule DROP COLUMN waiting;
        ALTER TABLE schedule DROP COLUMN last_run;
        ALTER TABLE schedule DROP COLUMN last_skipped;
        ALTER TABLE schedule DROP COLUMN skipped;
        PRAGMA user_version = 10;
        """)
    }
    #expect(try StoreFile.check(folder.path) == [])
    let store = try SQLiteStore(path: folder.path)
    #expect(try store.connection.integer("PRAGMA user_version") == Schema.version)
    let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
    var started: [Int64] = []
    for result in ["b", "c", "d"] {
      started += engine.dispatch().map(\.job)
      engine.finish(started.removeFirst(), .done(.string(result)))
      _ = try engine.commit()
      #expect(try store.items(instance: 1).count == (result == "d" ? 0 : 4), "the next step makes all items rows")
    }
    let row = try #require(try store.instance(flow: "Survey", key: "t"))
    let results = try JSON(parsing: row.data)["$results"]?["each"]?["result"]
    #expect(results?.array?.compactMap(\.string).sorted() == ["b", "c", "d", "x"])
  }

  @Test("a check reports missing items, and those of no running instance")
  func contradictions() throws {
    let folder = try Folder()
    do {
      let engine = try Engine(
        machine: TestEngine.machine.get(), store: SQLiteStore(path: folder.path), world: ManualWorld())
      _ = engine.submit(EventCommand(event: "Poll", payload: ["id": "t", "people": ["a", "b"], "needed": 9]))
      _ = try engine.commit()
    }
    #expect(try StoreFile.check(folder.path) == [])
    let connection = try SQLiteConnection(path: folder.path, isReadOnly: false)
    try connection.run("DELETE FROM item WHERE item = 1")
    try connection.prepare(SummedTable.item.insert()).run(.integer(77), .integer(0), .integer(0), .text("{}"))
    let found = try StoreFile.check(folder.path)
    #expect(found.contains("an item of a call belongs to no running instance"))
    #expect(found.contains { $0.hasPrefix("the items of call ") && $0.hasSuffix(" of Survey/t are not complete") })
  }

  @Test("a store with calls over lists is copied", .enabled(if: PostgresServer.isWanted))
  func copy() throws {
    let folder = try Folder()
    let world = ManualWorld()
    let source = try SQLiteStore(path: folder.path)
    let engine = try Engine(machine: TestEngine.machine.get(), store: source, world: world)
    _ = engine.submit(EventCommand(event: "Poll", payload: ["id": "t", "people": ["a", "b"], "needed": 9]))
    _ = try engine.commit()
    let database = try PostgresDatabase(folder.location.get())
    try database.prepare()
    let lease = PostgresLease(database, address: "")
    try lease.seize()
    let target = try PostgresStore(database, lease: lease, isUnlimited: true)
    _ = try StoreCopy(
      from: source, reader: SQLiteQueries(path: folder.path), to: target, targetReader: PostgresQueries(database)
    ).run()
    #expect(try target.items(instance: 1) == source.items(instance: 1))
  }
}
