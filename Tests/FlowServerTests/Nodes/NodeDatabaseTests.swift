import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// Two nodes under load on a database that is shared, slow to clean up, or short of connections.
@Suite("Nodes and their database", .serialized, .timeLimit(.minutes(10)), .enabled(if: PostgresServer.isWanted))
struct NodeDatabaseTests {
  private static let isLong = ProcessInfo.processInfo.environment["FLOW_LONG_TESTS"] != nil

  private func milliseconds(_ duration: Duration) -> Double {
    (Double(duration.components.seconds) * 1000 + Double(duration.components.attoseconds) / 1e15).rounded()
  }

  private func replaceOwner(of cluster: NodeCluster, _ owner: Int) throws -> Int {
    cluster.nodes[owner]?.kill()
    let next = try cluster.waitForOwner(otherThan: owner)
    try cluster.start(owner)
    try cluster.waitForStandby(owner)
    return next
  }

  // MARK: - A pooler

  @Test(
    "through PgBouncer in transaction mode, a killed owner and a killed pooler cost no acknowledged event",
    .enabled(if: ConnectionPooler.isInstalled, "needs pgbouncer"))
  func transactionPooler() throws {
    let server = try PostgresServer.shared()
    let pooler = try ConnectionPooler(for: server, poolSize: 6)
    let cluster = try NodeCluster(count: 2, location: pooler.newLocation())
    var owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    usleep(1_000_000)
    owner = try replaceOwner(of: cluster, owner)
    usleep(500_000)
    try pooler.restart()
    usleep(1_000_000)
    cluster.nodes[owner]?.send(SIGTERM)
    let next = try cluster.waitForOwner(otherThan: owner)
    #expect(cluster.nodes[owner]?.wait() == 0)
    try cluster.start(owner)
    try cluster.waitForStandby(owner)
    let sessions = try server.number(
      """
      SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%\(cluster.schema)%' AND pid <> pg_backend_pid()
      """)
    #expect(sessions <= 6, "two nodes share the connections of the pooler")
    usleep(500_000)
    try clients.expectExactlyOnce(owner: next, atLeast: 50)
  }

  // MARK: - Held snapshots

  /// Row versions can't be removed meanwhile. `FLOW_SNAPSHOT_SECONDS` is the time for which the snapshot is held.
  @Test("a transaction of another program that stays open does not slow the nodes down")
  func heldSnapshot() throws {
    let chosen = ProcessInfo.processInfo.environment["FLOW_SNAPSHOT_SECONDS"].flatMap { Int($0) }
    let seconds = chosen ?? (NodeDatabaseTests.isLong ? 60 : 8)
    let server = try PostgresServer()
    let cluster = try NodeCluster(count: 2, server: server)
    let owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    usleep(1_000_000)
    let start = ContinuousClock.now
    usleep(3_000_000)
    let held = ContinuousClock.now
    let ended = DispatchSemaphore(value: 0)
    let schema = cluster.schema
    Thread {
      try? server.execute(
        """
        BEGIN ISOLATION LEVEL REPEATABLE READ;
        SELECT count(*) FROM \(schema).journal; SELECT pg_sleep(\(seconds)); COMMIT
        """)
      ended.signal()
    }.start()
    ended.wait()
    let end = ContinuousClock.now
    let dead = try server.text(
      """
      SELECT string_agg(relname || ' ' || n_dead_tup, ', ' ORDER BY n_dead_tup DESC)
      FROM pg_stat_user_tables WHERE schemaname = '\(schema)' AND n_dead_tup > 0
      """)
    usleep(4_000_000)
    // The instances grow with each event: the last part is compared with the one without the snapshot that follows.
    let length = held - start
    let parts = [start..<held, (end - length)..<end, (.now - length)..<(.now)].map { clients.load.latencies(in: $0) }
    try #require(parts.allSatisfy { !$0.isEmpty })
    let medians = parts.map { milliseconds($0[$0.count / 2]) }
    let worst = parts.map { milliseconds($0[$0.count * 99 / 100]) }
    print(
      "snapshot held for \(seconds) s: p50 \(medians[0]) ms before, \(medians[1]) ms at its end, \(medians[2]) ms "
        + "after it; p99 \(worst[0]), \(worst[1]) and \(worst[2]) ms; dead rows: "
        + dead.trimmingCharacters(in: .whitespacesAndNewlines))
    #expect(medians[1] < medians[2] * 4 + 20)
    try clients.expectExactlyOnce(owner: owner, atLeast: 50)
  }

  // MARK: - Connections

  @Test("300 idle connections, and then no free one, cost no acknowledged event: a node without a connection waits")
  func idleConnections() throws {
    let server = try PostgresServer(maximumConnections: 350)
    let cluster = try NodeCluster(count: 2, server: server)
    let owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    let idle = IdleConnections(server)
    idle.open(upTo: 300)
    #expect(idle.count == 300)
    usleep(1_000_000)
    let acknowledged = clients.load.acknowledged.count
    #expect(eventually { clients.load.acknowledged.count > acknowledged + 20 })
    // The connections that the killed node leaves are taken before the standby needs them.
    cluster.nodes[owner]?.kill()
    let end = ContinuousClock.now + .seconds(9)
    while ContinuousClock.now < end {
      idle.open(upTo: 1000)
      usleep(20_000)
    }
    #expect(idle.count > 300)
    #expect(cluster.nodes[1 - owner]?.isRunning == true, "\(cluster.nodes[1 - owner]?.log ?? "")")
    #expect(cluster.readiness(1 - owner)?.text != "owner\n", "the store can't be opened")
    idle.close()
    let next = try cluster.waitForOwner(otherThan: owner)
    try cluster.start(owner)
    try cluster.waitForStandby(owner)
    usleep(500_000)
    try clients.expectExactlyOnce(owner: next, atLeast: 50)
  }

  // MARK: - A server that is a standby

  @Test("a database that rejects writes for a time, as after a failover to a replica, costs no acknowledged event")
  func readOnly() throws {
    let server = try PostgresServer()
    let cluster = try NodeCluster(count: 2, server: server)
    _ = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    usleep(1_000_000)
    try server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    try server.execute("SELECT pg_reload_conf()")
    usleep(3_000_000)
    let acknowledged = clients.load.acknowledged.count
    usleep(3_000_000)
    #expect(clients.load.acknowledged.count == acknowledged, "no write is possible")
    try server.execute("ALTER SYSTEM RESET default_transaction_read_only")
    try server.execute("SELECT pg_reload_conf()")
    #expect(eventually { clients.load.acknowledged.count > acknowledged + 20 })
    let next = try cluster.waitForOwnerAndStandby()
    try clients.expectExactlyOnce(owner: next, atLeast: 50)
  }

  // MARK: - Maintenance

  @Test("maintenance of an owner and of one that took over meets no deadlock, and archives each instance once")
  func maintenance() throws {
    let server = try PostgresServer()
    let cluster = try NodeCluster(count: 2, options: ["--keep", "1s"], server: server)
    var owner = try cluster.waitForOwnerAndStandby()
    let load = NodeLoad(cluster.ports, width: 3)
    var ended = 0
    func endInstances(_ count: Int, at node: Int) throws {
      let client = HTTPClient(port: cluster.ports[node])
      for _ in 0..<count {
        let id = JSON.string("e\(ended)")
        let begun = try client.send(
          "POST", "/v1/flows/Counter/instances", ["event": "Begin", "data": ["id": id]])
        let stopped = try client.send(
          "POST", "/v1/flows/Counter/instances/e\(ended)/events", ["event": "Stop", "data": [:]])
        #expect(begun.status == 201 && stopped.status == 200)
        ended += 1
      }
    }
    for _ in 0..<2 {
      try endInstances(150, at: owner)
      // The former owner continues in the middle of its maintenance, after another node has taken over.
      cluster.nodes[owner]?.send(SIGSTOP)
      let next = try cluster.waitForOwner(otherThan: owner)
      try endInstances(50, at: next)
      cluster.nodes[owner]?.send(SIGCONT)
      try cluster.waitForStandby(owner)
      owner = next
    }
    let schema = cluster.schema
    #expect(
      try eventually {
        try server.number("SELECT count(*) FROM \(schema).archive WHERE key LIKE 'e%'") == ended
      }, "each instance that ended is archived")
    #expect(try server.number("SELECT count(*) FROM \(schema).instance WHERE key LIKE 'e%'") == 0)
    #expect(try server.number("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'") == 0)
    let lengths = try server.number(
      """
      SELECT count(*) FROM \(schema).archive
      WHERE key LIKE 'e%' AND json_array_length(document::json->'journal') <> 2
      """)
    #expect(lengths == 0, "each with both of its entries")
    load.stop()
    try cluster.expectExactlyOnce(load, owner: owner, atLeast: 50)
    for node in cluster.nodes { #expect(node?.log.contains("maintenance of the store failed") == false) }
  }

  // MARK: - Polling

  private func serverWithStatistics() throws -> PostgresServer {
    let server = try PostgresServer(settings: ["shared_preload_libraries=pg_stat_statements"])
    try server.execute("CREATE EXTENSION pg_stat_statements")
    return server
  }

  @Test("nodes use no notifications, which serialize commits, no session locks, and no partitions that can be missing")
  func avoidedFeatures() throws {
    let server = try serverWithStatistics()
    let cluster = try NodeCluster(count: 2, server: server)
    let owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    usleep(1_000_000)
    #expect(try server.number("SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%\(cluster.schema)%'") > 10)
    let found = try server.text(
      """
      SELECT query FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'
        AND query ~* '(^|[^a-z_])(listen|notify|pg_notify|pg_advisory_lock)([^a-z_]|$)'
      """)
    #expect(found.filter { !$0.isWhitespace } == "")
    #expect(try server.number("SELECT count(*) FROM pg_partitioned_table") == 0)
    try clients.expectExactlyOnce(owner: owner, atLeast: 20)
  }

  /// The statements of all nodes, by `pg_stat_statements`.
  @Test("idle nodes execute few statements")
  func polling() throws {
    let server = try serverWithStatistics()
    let seconds = NodeDatabaseTests.isLong ? 60 : 6
    func statementsPerMinute(_ cluster: NodeCluster) throws -> Int {
      usleep(1_000_000)
      try server.execute("SELECT pg_stat_statements_reset()")
      usleep(UInt32(seconds) * 1_000_000)
      return try server.number(
        """
        SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE query LIKE '%\(cluster.schema)%' AND query NOT LIKE '%pg_stat_statements%'
        """) * 60 / seconds
    }
    let alone = try NodeCluster(count: 1, server: server)
    _ = try alone.waitForOwner()
    let owner = try statementsPerMinute(alone)
    alone.nodes[0]?.kill()
    let cluster = try NodeCluster(count: 3, server: server)
    let index = try cluster.waitForOwner()
    for other in 0..<3 where other != index { try cluster.waitForStandby(other) }
    let all = try statementsPerMinute(cluster)
    let most = try server.text(
      """
      SELECT string_agg(calls * 60 / \(seconds) || ' ' || head, '; ') FROM (
        SELECT calls, left(regexp_replace(query, '\\s+', ' ', 'g'), 60) AS head FROM pg_stat_statements
        WHERE query LIKE '%\(cluster.schema)%' ORDER BY calls DESC LIMIT 6) most
      """)
    print("statements in a minute: idle owner \(owner), each idle standby \((all - owner) / 2); \(most)")
    #expect(owner < 600 && (all - owner) / 2 < 1200)
  }
}
