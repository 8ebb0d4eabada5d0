import FlowRuntime
import FlowTestSupport
import Foundation
import Synchronization
import Testing

@testable import FlowStorePostgres

@Suite("Ownership of a PostgreSQL store", .enabled(if: PostgresServer.isWanted)) struct OwnershipTests {
  @Test("the commits of a previous owner fail and have no effect")
  func fence() throws {
    let fixture = try PostgresFixture()
    let old = try fixture.open()
    try old.commit(PostgresFixture.batch(1, "a"))
    let new = try fixture.open()
    #expect(throws: StoreError.fatal("another node owns the store")) {
      try old.commit(PostgresFixture.batch(2, "b"))
    }
    #expect(throws: StoreError.self) { try old.commit(PostgresFixture.batch(2, "b")) }
    #expect(try new.instance(flow: "F", key: "b") == nil && new.counters().sequence == 1)
    try new.commit(PostgresFixture.batch(2, "b"))
    #expect(try new.counters().sequence == 2)
  }

  @Test("a lease is claimed once, renewed by its holder only, and free after its release")
  func lease() throws {
    let fixture = try PostgresFixture()
    let nodes = (0..<2).map { PostgresLease(fixture.database, address: "http://n\($0)") }
    #expect(try nodes[0].holder() == nil)
    #expect(try nodes[0].claim() && nodes[0].isValid)
    #expect(try !nodes[1].claim() && !nodes[1].isValid)
    #expect(try nodes[0].renew())
    #expect(try !nodes[1].renew())
    #expect(
      try nodes[1].holder() == .init(node: nodes[0].node, address: "http://n0", isAlive: true))
    try nodes[1].release()
    #expect(try nodes[1].holder()?.isAlive == true, "only the holder releases its lease")
    try nodes[0].release()
    #expect(try !nodes[0].isValid && nodes[1].claim())
    #expect(try !nodes[0].renew(), "a previous holder does not get the lease back")
    #expect(nodes[1].epoch == 2)
  }

  @Test("of several nodes, exactly one claims an expired lease")
  func race() async throws {
    let fixture = try PostgresFixture()
    for round in 0..<5 {
      let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<6 {
          group.addTask { try PostgresLease(fixture.database, address: "http://n\(number)").claim() }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(winners == 1, "round \(round)")
      try fixture.server.execute("UPDATE \(fixture.database.schema).lease SET expires = '-infinity'")
    }
  }

  @Test("a store without a valid lease neither commits nor reports that it may answer")
  func expiredLease() throws {
    let fixture = try PostgresFixture()
    let lease = PostgresLease(fixture.database, address: "http://n")
    #expect(try lease.claim())
    let store = try PostgresStore(fixture.database, lease: lease)
    try store.commit(PostgresFixture.batch(1, "a"))
    try lease.release()
    #expect(throws: StoreError.self) { try store.verify() }
    #expect(throws: StoreError.self) { try store.commit(PostgresFixture.batch(2, "b")) }
  }

  @Test("a claim waits for the batch in flight of the previous owner, which is either complete or without effect")
  func batchInFlight() throws {
    let fixture = try PostgresFixture()
    let old = try fixture.open()
    try old.commit(PostgresFixture.batch(1, "a"))
    // A transaction that has locked the fence and takes its time.
    let schema = fixture.database.schema
    let slow = try SleepingTransaction(
      "SELECT 1 FROM \(schema).fence FOR SHARE; SELECT pg_sleep(2); UPDATE \(schema).instance SET incident = 'late'",
      fixture)
    let new = try fixture.open()
    #expect(try new.instance(id: 1)?.incident == "late", "the claim has waited")
    #expect(slow.succeeds())
  }

  @Test("a transaction that holds the fence for too long is ended, and the claim succeeds")
  func stuckTransaction() throws {
    let fixture = try PostgresFixture()
    let stuck = try SleepingTransaction(
      "SELECT 1 FROM \(fixture.database.schema).fence FOR SHARE; SELECT pg_sleep(60)", fixture)
    let lease = PostgresLease(fixture.database, address: "http://n")
    #expect(throws: StoreError.self) { try lease.claim() }
    #expect(try lease.claim())
    #expect(!stuck.succeeds())
  }

  @Test("a node claims no store whose tables a newer version has upgraded")
  func newerTables() throws {
    let fixture = try PostgresFixture()
    let lease = PostgresLease(fixture.database, address: "http://n")
    try fixture.server.execute(
      "UPDATE \(fixture.database.schema).meta SET value = '\(PostgresSchema.version + 1)' WHERE name = 'version'")
    let error = #expect(throws: StoreError.self) { try lease.claim() }
    #expect(error?.isTemporary == false && error?.message.contains("newer version") == true)
    #expect(try lease.holder() == nil && !lease.isValid, "the claim has no effect")
  }

  @Test("the clock of all nodes is that of the database, as of the last renewal")
  func sharedClock() throws {
    let fixture = try PostgresFixture(ShiftedClock.isPossible ? PostgresServer(clock: "+600s") : nil)
    let offset: Int64 = ShiftedClock.isPossible ? 600_000 : 0
    let lease = PostgresLease(fixture.database, address: "http://n")
    #expect(lease.databaseMilliseconds == nil)
    for renewal in [lease.claim, lease.renew] {
      #expect(try renewal())
      let difference = try #require(lease.databaseMilliseconds) - Int64(Date().timeIntervalSince1970 * 1000)
      // libfaketime counts from the start of each process.
      #expect((difference - offset).magnitude < 60_000, "\(difference) ms")
    }
  }

  /// A transaction of another program, on a thread of its own.
  private final class SleepingTransaction: Sendable {
    private let ended = DispatchSemaphore(value: 0)
    private let hasSucceeded = Mutex(false)

    /// Returns when the transaction sleeps.
    init(_ sql: String, _ fixture: PostgresFixture) throws {
      let server = fixture.server
      Thread { [self] in
        let isDone = (try? server.execute("BEGIN; \(sql); COMMIT")) != nil
        hasSucceeded.withLock { $0 = isDone }
        ended.signal()
      }.start()
      let connection = DatabaseConnection(fixture.database)
      let query = PostgresStatement(
        """
        SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%\(fixture.database.schema)%'
        """)
      for _ in 0..<3000 {
        if try connection.run([query])[0].count > 0 { return }
        usleep(10_000)
      }
      Issue.record("the transaction does not sleep")
    }

    /// Waits for the end of the transaction.
    func succeeds() -> Bool {
      ended.wait()
      return hasSucceeded.withLock { $0 }
    }
  }

  /// Each batch creates an instance and its entry; a lost or repeated batch is a hole, or a violated key.
  @Test("backends that are terminated under load lose no batch and repeat none", .timeLimit(.minutes(2)))
  func terminatedBackends() throws {
    let fixture = try PostgresFixture()
    let store = try fixture.open()
    try store.commit(PostgresFixture.batch(1, "k1"))
    let isDone = Atomic(false)
    let terminations = Atomic(0)
    let isStarted = DispatchSemaphore(value: 0)
    let chaos = Thread {
      let connection = DatabaseConnection(fixture.database)
      isStarted.signal()
      while !isDone.load(ordering: .relaxed) {
        let sql = """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE query LIKE '%\(fixture.database.schema)%' AND pid <> pg_backend_pid()
          """
        let ended = (try? connection.run([PostgresStatement(sql)])[0].count) ?? 0
        terminations.add(ended, ordering: .relaxed)
        usleep(15_000)
      }
    }
    chaos.start()
    isStarted.wait()
    var committed: Set<Int64> = [1]
    var next: Int64 = 2
    let end = ContinuousClock.now + .seconds(8)
    while ContinuousClock.now < end || terminations.load(ordering: .relaxed) < 20 {
      do throws(StoreError) {
        try store.commit(PostgresFixture.batch(next, "k\(next)"))
        committed.insert(next)
        next += 1
      } catch {
        // Without an effect: the same number is free.
        guard case .unavailable = error else { throw error }
      }
    }
    isDone.store(true, ordering: .relaxed)
    let stored = try store.read("SELECT sequence FROM @.journal ORDER BY sequence").map { $0.integer(0) }
    #expect(stored == committed.sorted())
    #expect(stored.count > 20)
    print("terminated backends: \(terminations.load(ordering: .relaxed)), batches: \(stored.count)")
  }
}
