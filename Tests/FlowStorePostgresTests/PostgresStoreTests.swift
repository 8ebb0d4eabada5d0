import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation
import Testing

@testable import FlowStorePostgres

@Suite("PostgreSQL store", .enabled(if: PostgresServer.isWanted)) struct PostgresStoreTests {
  @Test("zero bytes and backslashes in text are preserved")
  func storedText() throws {
    let texts = ["", "a", "\u{0}", "\\", "\\0", "a\u{0}b\\0\\\\", "ü\u{0}"]
    for text in texts {
      let encoded = StoredText.encode(text)
      #expect(!encoded.contains(0))
      #expect(encoded.withUnsafeBytes { StoredText.decode($0) } == text)
    }
    #expect(Set(texts.map { StoredText.encode($0) }).count == texts.count)
    let fixture = try PostgresFixture()
    let store = try fixture.open()
    try store.commit(PostgresFixture.batch(1, "k\u{0}\\"))
    #expect(try store.instance(flow: "F", key: "k\u{0}\\") == PostgresFixture.row(1, "k\u{0}\\"))
    #expect(try store.instance(flow: "F", key: "k") == nil)
    var filter = InstanceFilter(flow: "F")
    filter.keyPrefix = "k\u{0}"
    #expect(try PostgresQueries(fixture.database).instances(filter, after: nil, limit: 9).map(\.id) == [1])
    filter.keyPrefix = "k\\"
    #expect(try PostgresQueries(fixture.database).instances(filter, after: nil, limit: 9).isEmpty)
  }

  @Test("a location names the schema, and its public text has no password")
  func location() throws {
    let database = try PostgresDatabase("postgres://flow:geheim@a,b:5433/main?connect_timeout=2&schema=orders")
    #expect(database.schema == "orders")
    #expect(database.connectionString == "postgres://flow:geheim@a,b:5433/main?connect_timeout=2")
    #expect(database.publicText == "postgres://flow@a,b:5433/main")
    #expect(try PostgresDatabase("postgresql://h/main").schema == "flow")
    for wrong in ["flow.db", "postgres://h/d?schema=A", "postgres://h/d?schema=a;b", "postgres://h/d?schema="] {
      #expect(throws: StoreError.self) { try PostgresDatabase(wrong) }
    }
  }

  @Test("two nodes create the tables at the same time; a newer store is rejected")
  func tables() async throws {
    let server = try PostgresServer.shared()
    let database = try PostgresDatabase(server.newLocation())
    #expect(throws: StoreError.self) { try database.prepare(mayCreate: false) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { try database.prepare() } }
      try await group.waitForAll()
    }
    try database.prepare(mayCreate: false)
    try server.execute("UPDATE \(database.schema).meta SET value = '99' WHERE name = 'version'")
    let known = PostgresSchema.version
    #expect(throws: StoreError.unusable("the store is of version 99; this program knows versions up to \(known)")) {
      try database.prepare()
    }
  }

  @Test("a store of the earlier layout is upgraded, and the keys of its archived instances stay taken")
  func upgrade() throws {
    let fixture = try PostgresFixture()
    let schema = fixture.database.schema
    try fixture.server.execute(
      """
      \(PostgresStoreTests.withoutScheduledRuns(schema))
      DROP TABLE \(schema).item;
      DROP INDEX \(schema).tombstone_taken;
      ALTER TABLE \(schema).tombstone DROP COLUMN taken_until, DROP COLUMN instance;
      CREATE INDEX tombstone_ended ON \(schema).tombstone (part, ended_at);
      INSERT INTO \(schema).tombstone (part, flow, key, status, ended_at) VALUES (0, 'F', 'old', 1, 100);
      ALTER TABLE \(schema).node DROP COLUMN role, DROP COLUMN oldest_format, DROP COLUMN newest_format;
      UPDATE \(schema).meta SET value = '1' WHERE name = 'version'
      """)
    try fixture.database.prepare()
    let store = try fixture.open(Retention(hot: 1000, keys: 10_000))
    #expect(try store.tombstone(flow: "F", key: "old") == Tombstone(status: .done, endedAt: 100))
    _ = try store.maintain(now: 10_200, isIdle: true)
    #expect(try store.tombstone(flow: "F", key: "old") == nil)
  }

  @Test("a store of the layout without items of calls is upgraded")
  func upgradeWithoutItems() throws {
    let fixture = try PostgresFixture()
    let schema = fixture.database.schema
    try fixture.server.execute(
      """
      \(PostgresStoreTests.withoutScheduledRuns(schema))
      DROP TABLE \(schema).item; UPDATE \(schema).meta SET value = '3' WHERE name = 'version'
      """)
    try fixture.database.prepare()
    let store = try fixture.open()
    var batch = PostgresFixture.batch(1, "k1")
    let id = ItemID(instance: 1, call: 0, index: 3)
    batch.items[id] = Array(#"{"value":1}"#.utf8)
    try store.commit(batch)
    #expect(try store.items(instance: 1) == [ItemRow(id: id, document: Array(#"{"value":1}"#.utf8))])
    var removal = StoreBatch()
    removal.items[id] = .some(nil)
    try store.commit(removal)
    #expect(try store.items(instance: 1) == [])
  }

  /// Reverts the tables to the layout without the runs of schedules.
  private static func withoutScheduledRuns(_ schema: String) -> String {
    """
    \(withoutPriorities(schema))
    ALTER TABLE \(schema).schedule DROP COLUMN running, DROP COLUMN waiting, DROP COLUMN last_run,
      DROP COLUMN last_skipped, DROP COLUMN skipped;
    """
  }

  /// Reverts the tables to the layout without priorities of jobs.
  private static func withoutPriorities(_ schema: String) -> String {
    """
    DROP INDEX \(schema).job_due; DROP INDEX \(schema).job_turn;
    ALTER TABLE \(schema).job DROP COLUMN priority;
    ALTER TABLE \(schema).dead_letter DROP COLUMN priority;
    CREATE INDEX job_due ON \(schema).job (part, queue, due, id);
    """
  }

  @Test("a store of the layout without priorities is upgraded")
  func upgradeWithoutPriorities() throws {
    let fixture = try PostgresFixture()
    let schema = fixture.database.schema
    try fixture.server.execute(
      "\(PostgresStoreTests.withoutPriorities(schema)) UPDATE \(schema).meta SET value = '5' WHERE name = 'version'")
    try fixture.database.prepare()
    let store = try fixture.open()
    var batch = PostgresFixture.batch(1, "k1")
    for (id, priority) in [(1, 0), (2, 5), (3, -5)] as [(Int64, Int64)] {
      var job = JobRow(
        id: id, instance: 1, revision: 1, number: Int(id), action: "a", queue: "q", call: nil, once: nil, due: .at(5),
        arguments: Array("{}".utf8))
      job.priority = priority
      batch.jobs[id] = job
    }
    try store.commit(batch)
    #expect(try store.dueJobs(queue: "q", at: 9, limit: 2).map(\.id) == [2, 1])
    #expect(try store.nextJob(queue: "q", after: 4) == 5)
  }

  @Test("a store of the layout without runs of schedules is upgraded")
  func upgradeWithoutScheduledRuns() throws {
    let fixture = try PostgresFixture()
    let schema = fixture.database.schema
    try fixture.server.execute(
      "\(PostgresStoreTests.withoutScheduledRuns(schema)) UPDATE \(schema).meta SET value = '4' WHERE name = 'version'")
    try fixture.database.prepare()
    let store = try fixture.open()
    var batch = PostgresFixture.batch(1, "k1")
    var row = ScheduleRow(flow: "F", start: 1, definition: "d", due: 8)
    (row.running, row.waiting, row.lastRun, row.lastSkipped, row.skipped) = ("k1", 7, 6, 5, 4)
    batch.schedules[ScheduleID(flow: "F", start: 1)] = row
    try store.commit(batch)
    #expect(try store.schedules() == [row])
  }

  @Test("queries return committed rows")
  func queries() throws {
    let fixture = try PostgresFixture()
    let store = try fixture.open()
    for id in Int64(1)...5 { try store.commit(PostgresFixture.batch(id, "k\(id)")) }
    var batch = StoreBatch()
    batch.jobs[1] = JobRow(
      id: 1, instance: 2, revision: 1, number: 0, action: "a", queue: "q", call: nil, once: "o", due: .at(3),
      arguments: Array("{}".utf8))
    batch.dead = [
      DeadRow(
        job: JobRow(
          id: 2, instance: 3, revision: 1, number: 0, action: "a", queue: nil, call: nil, once: nil, due: .at(0),
          arguments: Array("{}".utf8)), at: 9, code: "C", message: "m\u{0}")
    ]
    batch.timers[TimerID(instance: 1, transition: 0, armed: 1)] = 77
    batch.bulk[4] = Array(#"{"b":1}"#.utf8)
    batch.versions = [VersionRow(flow: "F", definition: "d", number: 2, origin: "files", at: 3)]
    batch.deployments = [DeploymentRow(flow: "F", definition: "d", origin: "api", at: 4, isRetired: true)]
    batch.schedules[ScheduleID(flow: "F", start: 1)] = ScheduleRow(flow: "F", start: 1, definition: "d", due: 8)
    batch.sources["d"] = SourceText.json([SourceText(name: "f.flow", text: "flow F {}")]).bytes()
    batch.throttles["a"] = Array("[1]".utf8)
    batch.cursors["screens"] = 12
    batch.completions = [1, 2].map { CompletionRow(job: 1, fence: $0, digest: 5, at: 6) }
    try store.commit(batch)
    let queries = PostgresQueries(fixture.database)
    #expect(try queries.cursors() == ["screens": 12])
    #expect(try queries.lastSequence() == 5 && queries.epoch() == "here" && queries.keptFrom() == 1)
    #expect(try queries.journal(after: 3, limit: 9).map(\.sequence) == [4, 5])
    #expect(try queries.history(instance: 2, after: 0, limit: 9).map(\.sequence) == [2])
    #expect(try queries.instance(flow: "F", key: "k2") == PostgresFixture.row(2, "k2"))
    var filter = InstanceFilter(flow: "F")
    filter.status = .running
    filter.isNewestFirst = true
    #expect(try queries.instances(filter, after: 4, limit: 2).map(\.id) == [3, 2])
    #expect(try queries.population(flow: nil).map { [$0.states, ["\($0.count)"]] } == [[["a"], ["5"]]])
    #expect(try queries.jobs(flow: "F", after: 0, limit: 9).map(\.key) == ["k2"])
    #expect(try queries.jobs(instance: 2).map(\.once) == ["o"])
    #expect(try queries.deadLetters(flow: nil, after: 0, limit: 9).map(\.row.message) == ["m\u{0}"])
    #expect(try queries.deadLetters(flow: "F", after: 0, limit: 9).map(\.row.job.id) == [2])
    #expect(try queries.deadLetters(flow: "G", queues: ["amqp x"], after: 0, limit: 9).isEmpty)
    var refused = StoreBatch()
    refused.dead = [
      DeadRow(
        job: JobRow(
          id: 901, instance: 0, revision: 0, number: 0, action: "Order", queue: "redis orders", call: nil, once: "m7",
          due: .at(1), origin: 901, arguments: Array("{}".utf8)), at: 1, code: "gone", message: "it has ended")
    ]
    refused.lastJob = 901
    try store.commit(refused)
    let ofQueue = try queries.deadLetters(flow: "G", queues: ["amqp x", "redis orders"], after: 0, limit: 9)
    #expect(ofQueue.map(\.row.job.id) == [901] && ofQueue.map(\.flow) == [""])
    #expect(try queries.versions(flow: "F") == batch.versions && store.deployments() == batch.deployments)
    #expect(try queries.schedules() == Array(batch.schedules.values) && queries.bulkOperations() == batch.bulk)
    #expect(try queries.source(hash: "d")?.map(\.name) == ["f.flow"] && queries.definition(hash: "d")?.count == 2)
    #expect(try store.wasServed(flow: "F", definition: "d") && store.throttle(action: "a")?.count == 3)
    #expect(try store.completion(job: 1)?.fence == 2)
    let size = try queries.extent()
    #expect(size.timers == 1 && size.jobs == 1 && size.deadLetters == 2 && size.bytes > 0)
    #expect(try store.dueJobs(queue: "q", of: ["F"], at: 3, limit: 9).map(\.id) == [1])
    #expect(try store.dueJobs(queue: "q", of: ["G"], at: 3, limit: 9).isEmpty)
  }

  @Test("idempotency records are deleted after their window")
  func answers() throws {
    let fixture = try PostgresFixture()
    var store = try fixture.open()
    let window = Retention.answers
    for (id, at) in [(Int64(1), Int64(1000)), (2, window - 1)] {
      try store.commit(PostgresFixture.batch(id, "k", at: at, idempotencyKey: "i\(id)").renamed("k\(id)"))
    }
    let find = { (id: Int64) in try store.answer(scope: "F/k", key: "i\(id)")?.sequence }
    #expect(try find(1) == 1 && find(2) == 2)
    _ = try store.maintain(now: window + 1000, isIdle: true)
    #expect(try find(1) == 1, "the window of the table has just ended")
    store = try fixture.open()
    try store.commit(PostgresFixture.batch(3, "k", at: window + 2000, idempotencyKey: "i3").renamed("k3"))
    _ = try store.maintain(now: 2 * window + 2000, isIdle: true)
    #expect(try store.answer(scope: "F/k", key: "i1") == nil && store.answer(scope: "F/k", key: "i2") == nil)
    #expect(try store.answer(scope: "F/k", key: "i3")?.digest == 21)
  }

  @Test("an ended instance is archived with its journal, and its key and answers stay")
  func archive() throws {
    let fixture = try PostgresFixture()
    let store = try fixture.open(Retention(hot: 1000, keys: 10_000, archive: "table"))
    try store.commit(PostgresFixture.batch(1, "old", status: .done, at: 100, idempotencyKey: "i"))
    try store.commit(PostgresFixture.batch(2, "running", at: 100))
    #expect(try store.maintain(now: 500, isIdle: true).nextDue == 1101)
    #expect(try store.instance(flow: "F", key: "old") != nil)
    #expect(try store.maintain(now: 1200, isIdle: true).archived == [1])
    #expect(try store.instance(flow: "F", key: "old") == nil)
    #expect(try store.tombstone(flow: "F", key: "old") == Tombstone(instance: 1, status: .done, endedAt: 100))
    #expect(try store.entry(sequence: 1)?.body["created"] == true)
    #expect(try store.entry(sequence: 1)?.body["x"] == nil, "only the answer is left of the entry")
    let queries = PostgresQueries(fixture.database)
    #expect(try queries.keptFrom() == 2 && queries.journal(after: 0, limit: 9).map(\.sequence) == [2])
    let lines = try store.read("SELECT document FROM @.archive").map { String(decoding: $0.document(0), as: UTF8.self) }
    #expect(lines.count == 1 && lines[0].contains(#""key":"old""#) && lines[0].contains(#""x":1"#))
    _ = try store.maintain(now: 10_200, isIdle: true)
    #expect(try store.tombstone(flow: "F", key: "old") == nil)
  }
}

extension StoreBatch {
  /// The batch with another key of its instances.
  fileprivate func renamed(_ key: String) -> StoreBatch {
    var copy = self
    for id in copy.instances.keys { copy.instances[id]?.key = key }
    return copy
  }
}
