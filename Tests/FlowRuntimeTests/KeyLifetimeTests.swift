import FlowGenerator
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStorePostgres
import FlowTestSupport
import Testing

@testable import FlowStoreSQLite

/// A flow declares how long the key of an ended instance stays taken, whether or not the instance was archived.
@Suite("Declared lifetimes of keys") struct KeyLifetimeTests {
  private static let text = """
    event Sign { email: string }
    event Leave { email: string }
    event Back { email: string }

    flow Member {
      key email for 10s
      data { email: string }
      start on Sign -> open do take email
      start on Back again -> open do take email
      state open { on Leave -> over }
      final over
    }

    flow Guest {
      key email forever
      data { email: string }
      start on Sign -> open do take email
      state open { on Leave -> over }
      final over
    }

    flow Visitor {
      key email
      data { email: string }
      start on Sign -> open do take email
      state open { on Leave -> over }
      final over
    }

    event Plan { email: string }

    flow Visit(email: string) -> string {
      key email for 10s
      start -> open
      state open { on Leave -> over }
      final over returns email
    }

    flow Tour {
      key email
      data { email: string  result: string = "" }
      start on Plan again -> calling do take email
      state calling {
        call Visit(email: email) as visit
        on visit.done -> ended do result = event.result
        on visit.failed -> ended do result = event.code
      }
      final ended
    }

    flow Daily {
      key email for 10s
      data { email: string }
      start every 1s -> over do email = "daily"
      final over
    }
    """

  /// One store with its engine; archives what ended a second ago.
  private final class Timeline {
    let folder: Folder
    let world = ManualWorld()
    private(set) var path: String
    private(set) var store: SQLiteStore
    private(set) var engine: Engine
    private var copies = 0

    init() throws {
      folder = try Folder()
      path = folder.path
      let retention = Retention(hot: 1000, keys: 3000, archive: folder.path + ".archive.jsonl")
      store = try SQLiteStore(path: path, retention: retention)
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    var archive: String { folder.path + ".archive.jsonl" }
    private var retention: Retention { Retention(hot: 1000, keys: 3000, archive: archive) }

    /// - Parameter body: Acts while no process serves the store.
    func reopen(after body: () throws -> Void = {}) throws {
      let machine = try TestEngine.make(text).get()
      // The lock of a file is released with the engine and its store.
      store = try SQLiteStore(path: folder.path + ".other")
      engine = try Engine(machine: machine, store: store, world: world)
      try body()
      store = try SQLiteStore(path: path, retention: retention)
      engine = try Engine(machine: machine, store: store, world: world)
    }

    /// Continues on a store that was restored from a backup of this one.
    func restore() throws {
      copies += 1
      let next = folder.path + ".\(copies)"
      try StoreFile.backup(path, to: next + ".backup")
      try StoreFile.restore(next + ".backup", to: next)
      path = next
      try reopen()
    }

    func maintain() throws { while try engine.maintain().hasMore {} }

    /// The name of the problem of an event, with the reason of a refusal; empty when it is accepted.
    func send(_ event: String, to flow: String, _ email: String) throws -> String {
      let result = engine.submit(EventCommand(flow: flow, event: event, payload: ["email": .string(email)]))
      _ = try engine.commit()
      switch result {
      case .success(let answer): return answer.created ? "created" : ""
      case .failure(.refused(let refusal, _)): return refusal.code
      case .failure(let problem): return problem.name
      }
    }

    func isArchived(_ flow: String, _ email: String) throws -> Bool {
      try store.instance(flow: flow, key: email) == nil
    }
  }

  @Test("a start is refused as ended until the lifetime is over, before and after archiving")
  func lifetime() throws {
    let timeline = try Timeline()
    for isArchived in [false, true] {
      #expect(try timeline.send("Sign", to: "Member", "a") == "created")
      #expect(try timeline.send("Leave", to: "Member", "a").isEmpty)
      timeline.world.advance(9_999)
      if isArchived { try timeline.maintain() }
      #expect(try timeline.isArchived("Member", "a") == isArchived)
      #expect(try timeline.send("Sign", to: "Member", "a") == "ended")
      timeline.world.advance(1)
    }
    #expect(try timeline.send("Leave", to: "Member", "a") == "notFound", "as if the record had been removed")
    #expect(try timeline.send("Sign", to: "Member", "a") == "created", "the record is not removed yet")
    #expect(try StoreFile.check(timeline.path) == [])
  }

  @Test("a key that is taken forever outlives the retention of keys, and its record is never removed")
  func forever() throws {
    let timeline = try Timeline()
    for flow in ["Guest", "Visitor"] {
      #expect(try timeline.send("Sign", to: flow, "a") == "created")
      #expect(try timeline.send("Leave", to: flow, "a").isEmpty)
    }
    timeline.world.advance(2000)
    try timeline.maintain()
    #expect(try timeline.send("Sign", to: "Visitor", "a") == "gone", "without a lifetime, as before")
    #expect(try timeline.send("Sign", to: "Guest", "a") == "ended")
    timeline.world.advance(100 * 365 * 86_400_000)
    try timeline.maintain()
    #expect(try timeline.send("Sign", to: "Visitor", "a") == "created")
    #expect(try timeline.send("Sign", to: "Guest", "a") == "ended")
    #expect(try timeline.store.tombstone(flow: "Guest", key: "a")?.keyTakenUntil == .max)
  }

  @Test("the record names the instance and both instants, and is removed when it is over")
  func record() throws {
    let timeline = try Timeline()
    _ = try timeline.send("Sign", to: "Member", "a")
    let id = try #require(try timeline.store.instance(flow: "Member", key: "a")).id
    let end = timeline.world.now()
    _ = try timeline.send("Leave", to: "Member", "a")
    timeline.world.advance(2000)
    try timeline.maintain()
    let stone = Tombstone(instance: id, status: .done, endedAt: end, keyTakenUntil: end + 10_000)
    #expect(try timeline.store.tombstone(flow: "Member", key: "a") == stone)
    #expect(try SQLiteQueries(path: timeline.path).tombstone(flow: "Member", key: "a") == stone)
    #expect(try timeline.engine.maintain().nextDue == end + 10_000, "an idle server removes it in time")
    timeline.world.advance(8000)
    try timeline.maintain()
    #expect(try timeline.store.tombstone(flow: "Member", key: "a") == nil)
  }

  @Test("records are removed in bounded pieces")
  func pieces() throws {
    let timeline = try Timeline()
    let connection = try SQLiteConnection(path: timeline.path, isReadOnly: false)
    let insert = try connection.prepare(SummedTable.tombstone.insert())
    try connection.run("BEGIN")
    for number in 0..<1200 {
      let until: Int64 = number % 2 == 0 ? 100 : .max
      try insert.run(.text("Member"), .text("k\(number)"), .integer(1), .integer(1), .integer(1), .integer(until))
    }
    try connection.run("COMMIT")
    let count = { try connection.integer("SELECT count(*) FROM tombstone") }
    var sizes = [try count()]
    while try timeline.engine.maintain().hasMore { sizes.append(try count()) }
    #expect(sizes == [1200, 700])
    #expect(try count() == 600)
  }

  @Test("a start with `again` uses the key at any time")
  func again() throws {
    let timeline = try Timeline()
    for isArchived in [false, true] {
      _ = try timeline.send("Sign", to: "Member", "a")
      _ = try timeline.send("Leave", to: "Member", "a")
      if isArchived {
        timeline.world.advance(2000)
        try timeline.maintain()
      }
      #expect(try timeline.send("Back", to: "Member", "a") == "created")
      #expect(try timeline.send("Leave", to: "Member", "a").isEmpty)
    }
    #expect(try timeline.send("Sign", to: "Member", "a") == "ended", "the lifetime begins anew")
  }

  @Test("a call with a taken key fails with KEY_TAKEN")
  func calls() throws {
    let timeline = try Timeline()
    func result(of email: String) throws -> String? {
      _ = try timeline.send("Plan", to: "Tour", email)
      for _ in 0..<3 {
        _ = timeline.engine.dispatch()
        _ = try timeline.engine.commit()
      }
      if try !timeline.isArchived("Visit", email) { _ = try timeline.send("Leave", to: "Visit", email) }
      return try JSON(parsing: #require(try timeline.store.instance(flow: "Tour", key: email)).data)["result"]?.string
    }
    #expect(try result(of: "a") == "a")
    #expect(try result(of: "a") == "KEY_TAKEN")
    timeline.world.advance(2000)
    try timeline.maintain()
    #expect(try timeline.isArchived("Visit", "a"))
    #expect(try result(of: "a") == "KEY_TAKEN")
    timeline.world.advance(8000)
    #expect(try result(of: "a") == "a")
  }

  @Test("a scheduled start waits until its key is free")
  func schedules() throws {
    let timeline = try Timeline()
    var starts: [Int64] = []
    for _ in 0..<45 {
      timeline.world.advance(500)
      timeline.engine.fireSchedules()
      for entry in try timeline.engine.commit() where entry.flow == "Daily" && entry.body["created"] == true {
        starts.append(entry.at)
      }
      if starts.count != 2 { try timeline.maintain() }
    }
    let intervals = zip(starts, starts.dropFirst()).map { $1 - $0 }
    #expect(starts.count == 3 && intervals.allSatisfy { $0 == 10_000 }, "\(intervals)")
  }

  @Test("a copy of an instance does not get a taken key")
  func forks() throws {
    let timeline = try Timeline()
    _ = try timeline.send("Sign", to: "Member", "a")
    _ = try timeline.send("Leave", to: "Member", "a")
    _ = try timeline.send("Sign", to: "Member", "b")
    timeline.world.advance(2000)
    try timeline.maintain()
    guard
      case .failure(.gone(key: "a", endedAt: _, keyTakenUntil: .some)) = timeline.engine.fork(
        ForkCommand(flow: "Member", key: "b", copy: "a"))
    else { return #expect(Bool(false), "the key was used") }
  }

  @Test("the lifetime of an instance that was put back from the archive restarts")
  func restoredInstance() throws {
    let timeline = try Timeline()
    _ = try timeline.send("Sign", to: "Member", "a")
    _ = try timeline.send("Leave", to: "Member", "a")
    timeline.world.advance(9_000)
    try timeline.maintain()
    try timeline.reopen {
      _ = try Archive(path: timeline.archive).read { entry throws(StoreError) in
        try StoreFile.restore(entry, into: timeline.path, now: timeline.world.now())
      }
    }
    #expect(try !timeline.isArchived("Member", "a"))
    timeline.world.advance(9_999)
    #expect(try timeline.send("Sign", to: "Member", "a") == "ended")
    timeline.world.advance(1)
    #expect(try timeline.send("Sign", to: "Member", "a") == "created")
  }

  /// The lifetimes as they should be, independent of stores.
  private struct Model {
    private enum State { case running, ended(Int64) }
    private var states: [String: State] = [:]

    mutating func start(_ flow: String, _ email: String, at now: Int64) -> String {
      let name = flow + email
      switch states[name] {
      case .running: return "not-handled"
      case .ended(let end) where flow == "Guest" || now < end + 10_000: return "ended"
      case .ended, nil:
        states[name] = .running
        return "created"
      }
    }

    mutating func again(_ email: String) -> String {
      guard case .running? = states["Member" + email] else {
        states["Member" + email] = .running
        return "created"
      }
      return "not-handled"
    }

    /// - Returns: Nil when there is nothing to end, whatever the answer.
    mutating func end(_ flow: String, _ email: String, at now: Int64) -> String? {
      guard case .running? = states[flow + email] else { return nil }
      states[flow + email] = .ended(now)
      return ""
    }
  }

  @Test(
    "in random histories with archiving, restarts and restored backups, no key is used before its time",
    arguments: 0..<20)
  func randomHistories(_ seed: Int) throws {
    var random = SplitMix64(seed: seed)
    func roll(_ sides: Int) -> Int { random.next(below: sides) }
    let timeline = try Timeline()
    var model = Model()
    var (created, refused) = (0, 0)
    for step in 0..<300 {
      let (flow, email) = (["Member", "Member", "Guest"][roll(3)], "e\(roll(4))")
      let now = timeline.world.now()
      switch roll(12) {
      case 0...3:
        let expected = model.start(flow, email, at: now)
        let found = try timeline.send("Sign", to: flow, email)
        #expect(found == expected, "seed \(seed), step \(step): \(flow)/\(email)")
        created += found == "created" ? 1 : 0
        refused += found == "ended" ? 1 : 0
      case 4:
        let found = try timeline.send("Back", to: "Member", email)
        #expect(found == model.again(email), "seed \(seed), step \(step)")
      case 5...7:
        let found = try timeline.send("Leave", to: flow, email)
        if let expected = model.end(flow, email, at: now) { #expect(found == expected) } else { #expect(found != "") }
      case 8, 9: timeline.world.advance(Int64(roll(6000)))
      case 10: try timeline.maintain()
      default: if roll(3) == 0 { try timeline.restore() } else { try timeline.reopen() }
      }
    }
    #expect(created > 10 && refused > 10, "the history is worth something: \(created), \(refused)")
    #expect(try StoreFile.check(timeline.path) == [])
  }

  @Test("a store of the earlier layout is checked and upgraded; the keys of its archived instances stay taken")
  func upgrade() throws {
    let folder = try Folder()
    let connection = try SQLiteConnection(path: folder.path, isReadOnly: false)
    try connection.run(Schema.pragmas)
    for migration in Schema.migrations.prefix(9) { try connection.run(migration) }
    try connection.run(
      """
      PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = 9;
      INSERT INTO tombstone VALUES ('Member', 'a', 1, 5, checksum('Member', 'a', 1, 5)), ('Member', 'b', 1, 5, 77);
      """)
    let problem = "row Member/b of table `tombstone` is not what was written"
    #expect(try StoreFile.check(folder.path) == [problem])
    do {
      let store = try SQLiteStore(path: folder.path)
      #expect(try store.tombstone(flow: "Member", key: "a") == Tombstone(status: .done, endedAt: 5))
    }
    #expect(try connection.integer("PRAGMA user_version") == Schema.version)
    #expect(try StoreFile.check(folder.path) == [problem], "a damaged row stays recognisable")
  }

  @Test("a check reports a key that was free before its instance ended")
  func contradiction() throws {
    let folder = try Folder()
    _ = try SQLiteStore(path: folder.path)
    let connection = try SQLiteConnection(path: folder.path, isReadOnly: false)
    try connection.prepare(SummedTable.tombstone.insert()).run(
      .text("F"), .text("k"), .integer(1), .integer(9), .integer(1), .integer(9))
    #expect(
      try StoreFile.check(folder.path) == ["the key of the archived instance F/k was free before the instance ended"])
  }

  @Test(
    "lifetimes hold on PostgreSQL, and in copies of a store there and back",
    .enabled(if: PostgresServer.isWanted))
  func postgres() throws {
    let folder = try Folder()
    let world = ManualWorld()
    let database = try PostgresDatabase(folder.location.get())
    try database.prepare()
    let lease = PostgresLease(database, address: "")
    try lease.seize()
    let retention = Retention(hot: 1000, keys: 3000)
    let store = try PostgresStore(database, lease: lease, retention: retention, isUnlimited: true)
    let engine = try Engine(machine: TestEngine.make(KeyLifetimeTests.text).get(), store: store, world: world)
    for flow in ["Member", "Guest", "Visitor"] {
      for event in ["Sign", "Leave"] {
        _ = try engine.submit(EventCommand(flow: flow, event: event, payload: ["email": "a"])).get()
      }
    }
    _ = try engine.commit()
    let end = world.now()
    world.advance(2000)
    while try engine.maintain().hasMore {}
    #expect(try engine.maintain().nextDue == end + 10_000)
    func problem(_ flow: String, _ engine: Engine) -> String {
      switch engine.submit(EventCommand(flow: flow, event: "Sign", payload: ["email": "a"])) {
      case .success: "none"
      case .failure(.refused(let refusal, _)): refusal.code
      case .failure(let problem): problem.name
      }
    }
    #expect(["Member", "Guest", "Visitor"].map { problem($0, engine) } == ["ended", "ended", "gone"])
    // There and back.
    let target = try SQLiteStore(path: folder.path)
    _ = try StoreCopy(
      from: store, reader: PostgresQueries(database), to: target, targetReader: SQLiteQueries(path: folder.path)
    ).run()
    let copy = try Engine(machine: TestEngine.make(KeyLifetimeTests.text).get(), store: target, world: world)
    #expect(["Member", "Guest", "Visitor"].map { problem($0, copy) } == ["ended", "ended", "gone"])
    #expect(try target.tombstone(flow: "Guest", key: "a")?.keyTakenUntil == .max)
    world.advance(8000)
    while try engine.maintain().hasMore {}
    #expect(try store.tombstone(flow: "Member", key: "a") == nil)
    #expect(try store.tombstone(flow: "Guest", key: "a")?.endedAt == end)
    #expect(["Member", "Guest", "Visitor"].map { problem($0, engine) } == ["none", "ended", "none"])
  }
}
