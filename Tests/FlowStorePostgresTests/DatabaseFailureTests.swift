import FlowRuntime
import FlowTestSupport
import Foundation
import Synchronization
import Testing

@testable import FlowStorePostgres

/// Failures of the database while a store is in use. Each batch creates an instance and its entry, so that a lost batch
/// is a hole in the journal, and a repeated one a violated key.
@Suite("Failures of the database", .serialized, .timeLimit(.minutes(4)), .enabled(if: PostgresServer.isWanted))
struct DatabaseFailureTests {
  private static let isLong = ProcessInfo.processInfo.environment["FLOW_LONG_TESTS"] != nil

  /// Commits batches until a condition holds; a failed batch is repeated with the same number.
  private func commit(
    to store: PostgresStore, from first: Int64, until isDone: () -> Bool
  ) throws -> (next: Int64, failures: Int, slowest: Duration) {
    var (next, failures, slowest) = (first, 0, Duration.zero)
    while !isDone() {
      let start = ContinuousClock.now
      do throws(StoreError) {
        try store.commit(PostgresFixture.batch(next, "k\(next)"))
        slowest = max(slowest, ContinuousClock.now - start)
        next += 1
      } catch {
        guard case .unavailable = error else { throw error }
        failures += 1
        usleep(10_000)
      }
    }
    return (next, failures, slowest)
  }

  private func expectWhole(_ store: PostgresStore, upTo next: Int64) throws {
    #expect(try store.read("SELECT sequence FROM @.journal ORDER BY sequence").map { $0.integer(0) } == Array(1..<next))
  }

  @Test("a server that accepts no further connection costs neither the store nor its lease")
  func exhaustedConnections() throws {
    let server = try PostgresServer(maximumConnections: 20)
    let fixture = try PostgresFixture(server)
    let lease = PostgresLease(fixture.database, address: "http://n")
    #expect(try lease.claim())
    let store = try PostgresStore(fixture.database, lease: lease)
    #expect(try lease.renew())
    try store.commit(PostgresFixture.batch(1, "k1"))
    var idle: [DatabaseConnection] = []
    for _ in 0..<40 {
      let connection = DatabaseConnection(fixture.database)
      guard (try? connection.run([PostgresStatement("SELECT 1")])) != nil else { break }
      idle.append(connection)
    }
    #expect(throws: StoreError.self) { try PostgresLease(fixture.database, address: "http://m").claim() }
    #expect(try lease.renew())
    try store.commit(PostgresFixture.batch(2, "k2"))
    // The connection of the store is lost, and there is no other.
    let killer = idle.removeLast()
    let sql = """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%journal%' AND pid <> pg_backend_pid()
      """
    _ = try killer.run([PostgresStatement(sql)])
    idle.append(killer)
    let extra = DatabaseConnection(fixture.database)
    while (try? extra.run([PostgresStatement("SELECT 1")])) != nil {
      idle.append(DatabaseConnection(fixture.database))
      guard (try? idle[idle.count - 1].run([PostgresStatement("SELECT 1")])) != nil else { break }
    }
    let start = ContinuousClock.now
    let result = try commit(to: store, from: 3) {
      if ContinuousClock.now - start > .milliseconds(500) { idle = [] }
      return ContinuousClock.now - start > .milliseconds(1500)
    }
    #expect(result.next > 3)
    #expect(try lease.renew())
    try expectWhole(store, upTo: result.next)
  }

  @Test("a server that is restarted under load loses no batch, and is used again")
  func restart() throws {
    let server = try PostgresServer()
    let fixture = try PostgresFixture(server)
    let store = try fixture.open()
    let isDone = Atomic(false)
    let ended = DispatchSemaphore(value: 0)
    Thread {
      usleep(300_000)
      try? server.restart()
      usleep(300_000)
      try? server.restart(pauseSeconds: 1)
      usleep(300_000)
      isDone.store(true, ordering: .relaxed)
      ended.signal()
    }.start()
    let result = try commit(to: store, from: 1) { isDone.load(ordering: .relaxed) }
    ended.wait()
    #expect(result.failures > 0 || result.slowest > .milliseconds(500))
    #expect(result.next > 50)
    try expectWhole(store, upTo: result.next)
  }

  @Test("a server that has become a standby is left, and used again when it accepts writes")
  func readOnly() throws {
    let server = try PostgresServer()
    let fixture = try PostgresFixture(server)
    let store = try fixture.open()
    try store.commit(PostgresFixture.batch(1, "k1"))
    try server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    try server.execute("SELECT pg_reload_conf()")
    for _ in 0..<200 {
      if (try? DatabaseConnection(fixture.database).run([PostgresStatement("SELECT 1")])) == nil { break }
      usleep(10_000)
    }
    #expect(throws: StoreError.self) { try store.commit(PostgresFixture.batch(2, "k2")) }
    try server.execute("ALTER SYSTEM RESET default_transaction_read_only")
    try server.execute("SELECT pg_reload_conf()")
    let start = ContinuousClock.now
    let result = try commit(to: store, from: 2) { ContinuousClock.now - start > .milliseconds(700) }
    #expect(result.next > 2)
    try expectWhole(store, upTo: result.next)
  }

  /// Row versions cannot be removed meanwhile. Nothing that each commit reads grows with them.
  @Test("a transaction that stays open does not make commits slower")
  func heldSnapshot() throws {
    let fixture = try PostgresFixture()
    let store = try fixture.open()
    let seconds = DatabaseFailureTests.isLong ? 60 : 4
    let server = fixture.server
    let ended = DispatchSemaphore(value: 0)
    let schema = fixture.database.schema
    Thread {
      try? server.execute(
        """
        BEGIN ISOLATION LEVEL REPEATABLE READ;
        SELECT count(*) FROM \(schema).journal; SELECT pg_sleep(\(seconds)); COMMIT
        """)
      ended.signal()
    }.start()
    var durations: [Duration] = []
    let end = ContinuousClock.now + .seconds(seconds)
    var next: Int64 = 1
    while ContinuousClock.now < end {
      let start = ContinuousClock.now
      // One instance that each batch updates.
      var batch = PostgresFixture.batch(next, "k\(next)")
      if next > 1 { batch.instances[1] = PostgresFixture.row(1, "k1", updatedAt: next) }
      try store.commit(batch)
      durations.append(ContinuousClock.now - start)
      next += 1
    }
    ended.wait()
    let part = durations.count / 5
    let (first, last) = (durations.prefix(part).sorted()[part / 2], durations.suffix(part).sorted()[part / 2])
    print("held snapshot: \(durations.count) batches in \(seconds) s, median \(first) at first and \(last) at the end")
    #expect(last < first * 3)
  }

  @Test("a renewal is not delayed by a commit that waits")
  func renewalDuringCommit() throws {
    let fixture = try PostgresFixture()
    let lease = PostgresLease(fixture.database, address: "http://n")
    #expect(try lease.claim())
    let server = fixture.server
    let schema = fixture.database.schema
    let ended = DispatchSemaphore(value: 0)
    Thread {
      try? server.execute("BEGIN; LOCK TABLE \(schema).journal, \(schema).node; SELECT pg_sleep(1.5); COMMIT")
      ended.signal()
    }.start()
    let store = try PostgresStore(fixture.database, lease: lease)
    usleep(300_000)
    // Nothing else uses the store.
    nonisolated(unsafe) let used = store
    Thread { try? used.commit(PostgresFixture.batch(1, "k1")) }.start()
    usleep(100_000)
    let start = ContinuousClock.now
    #expect(try lease.renew())
    #expect(ContinuousClock.now - start < .milliseconds(500))
    #expect(throws: StoreError.self) { try lease.register(role: "owner", version: "test") }
    #expect(ContinuousClock.now - start < .milliseconds(1200), "the record of a node has a short timeout")
    ended.wait()
  }

  @Test("two processes with the same address are two nodes; a node that has ended is no successor")
  func nodes() throws {
    let fixture = try PostgresFixture()
    let nodes = (0..<3).map { _ in PostgresLease(fixture.database, address: "http://same") }
    #expect(Set(nodes.map(\.node)).count == 3)
    for (node, role) in zip(nodes, ["owner", "standby", "draining"]) { try node.register(role: role, version: "1") }
    #expect(try nodes[0].successor()?.id == nodes[1].node)
    #expect(try nodes[1].successor() == nil)
    try fixture.server.execute(
      "UPDATE \(fixture.database.schema).node SET seen = seen - interval '10 seconds' WHERE role = 'standby'")
    #expect(try nodes[0].successor() == nil)
    let rows = try nodes[0].nodes()
    #expect(rows.map(\.isAlive) == [true, true, false])
    #expect(rows[0].formats == 1...PostgresSchema.version)
    try nodes[1].unregister()
    #expect(try nodes[0].nodes().count == 2)
    try fixture.server.execute("UPDATE \(fixture.database.schema).node SET seen = seen - interval '2 hours'")
    try nodes[0].register(role: "owner", version: "1")
    #expect(try nodes[0].nodes().map(\.role) == ["owner"])
  }

  @Test("the tables of an older version are upgraded when no live node is left that does not know the new one")
  func upgrade() throws {
    let server = try PostgresServer.shared()
    let database = try PostgresDatabase(server.newLocation())
    let connection = DatabaseConnection(database)
    let (schema, former) = (database.schema, PostgresSchema.version - 1)
    try connection.script(
      "CREATE SCHEMA \(schema);\n" + database.sql(PostgresSchema.migrations.dropLast().joined())
        + "INSERT INTO \(schema).meta VALUES ('version', '\(former)')")
    let record = { (node: String, newest: Int64) in
      try server.execute(
        """
        INSERT INTO \(schema).node (node, address, version, seen, role, oldest_format, newest_format)
        VALUES ('\(node)', 'http://\(node)', '0', clock_timestamp(), 'standby', 1, \(newest))
        """)
    }
    try record("newer", PostgresSchema.version)
    try record("older", former)
    let error = #expect(throws: StoreError.self) { try database.prepare() }
    #expect(error?.isTemporary == true, "the caller waits")
    #expect(error?.message.contains("http://older") == true && error?.message.contains("http://newer") == false)
    #expect(try server.number("SELECT value FROM \(schema).meta WHERE name = 'version'") == former)
    try server.execute("UPDATE \(schema).node SET seen = seen - interval '6 seconds' WHERE node = 'older'")
    try database.prepare()
    #expect(try server.number("SELECT value FROM \(schema).meta WHERE name = 'version'") == PostgresSchema.version)
  }

  @Test("a released lease can be handed to one node, which claims it at once")
  func successor() throws {
    let fixture = try PostgresFixture()
    let nodes = (0..<2).map { PostgresLease(fixture.database, address: "http://n\($0)") }
    #expect(try nodes[0].claim())
    try nodes[0].release(to: nodes[1].node)
    #expect(try nodes[1].claim() && !nodes[0].claim() && !nodes[0].renew())
  }

  @Test("nodes with another cluster key do not join, and all nodes have one secret")
  func clusters() throws {
    let fixture = try PostgresFixture()
    let secret = try fixture.database.join(cluster: "a", proposal: "one")
    #expect(try fixture.database.join(cluster: "a", proposal: "two") == secret && secret == "one")
    for other in ["b", ""] {
      #expect(throws: StoreError.self) { try fixture.database.join(cluster: other, proposal: "three") }
    }
  }
}
