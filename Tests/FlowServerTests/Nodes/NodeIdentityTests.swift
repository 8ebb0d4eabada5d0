import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Nodes that differ: in their clocks, in the version of their program, or in the installation that they belong to.
@Suite("Nodes that differ", .serialized, .timeLimit(.minutes(10)), .enabled(if: PostgresServer.isWanted))
struct NodeIdentityTests {
  // MARK: - Clocks

  private static let clockFlow = """
    event Begin { id: string }
    event Add { n: int }
    flow Counter {
      key id
      data { id: string  seen: list<int> = [] }
      start on Begin -> counting do id = event.id
      state counting { on Add do seen = seen + [event.n]  on Stop -> end }
      final end
    }
    event Stop
    event Sleep { id: string }
    flow Sleeper {
      key id
      data { id: string }
      start on Sleep -> asleep do id = event.id
      state asleep { after 3s -> awake }
      final awake
    }
    flow Tick {
      start every 1s -> end
      final end
    }
    """

  /// One node is ten minutes ahead of the machine and the other one behind it, in either order.
  @Test(
    "nodes whose clocks are twenty minutes apart share the time of the database: timers and schedules fire once",
    .enabled(if: ShiftedClock.isPossible, "needs libfaketime"))
  func clocks() throws {
    let begin = Date()
    let cluster = try NodeCluster(
      count: 2, flow: NodeIdentityTests.clockFlow,
      environment: [ShiftedClock.variables("+600s"), ShiftedClock.variables("-600s")])
    var owner = try cluster.waitForOwnerAndStandby()
    let first = owner
    let clients = NodeClients(of: cluster)
    var sleepers = 0
    func sleep(at node: Int) throws {
      let response = try HTTPClient(port: cluster.ports[node]).send(
        "POST", "/v1/flows/Sleeper/instances", ["event": "Sleep", "data": ["id": .string("s\(sleepers)")]])
      #expect(response.status == 201)
      sleepers += 1
    }
    for _ in 0..<2 {
      try sleep(at: owner)
      try sleep(at: 1 - owner)
      usleep(1_500_000)
      cluster.nodes[owner]?.kill()
      let next = try cluster.waitForOwner(otherThan: owner)
      try cluster.start(owner)
      try cluster.waitForStandby(owner)
      owner = next
      try sleep(at: owner)
    }
    #expect(owner == first, "both nodes were the owner")
    let client = HTTPClient(port: cluster.ports[owner])
    for number in 0..<sleepers {
      let path = "/v1/flows/Sleeper/instances/s\(number)"
      #expect(try eventually(within: 60) { try client.send("GET", path).json["status"] == "done" }, "s\(number)")
      let history = try client.send("GET", path + "/history").json["items"]?.array ?? []
      #expect(history.filter { $0["data"]?["timer"] != nil }.count == 1, "a timer fires once")
      let instants = history.compactMap { $0["at"]?.string }
      #expect(instants.count == history.count && instants == instants.sorted())
    }
    try expectTicks(at: client, since: begin)
    // The instants of the whole journal, in the order of its entries.
    let instants = try cluster.journalInstants(server: .shared())
    #expect(instants.count > 50 && instants == instants.sorted(), "the time of the store never goes back")
    let end = Int64(Date().timeIntervalSince1970 * 1000)
    #expect(instants.allSatisfy { ($0 - end).magnitude < 300_000 }, "it is that of the database")
    try clients.expectExactlyOnce(owner: owner, atLeast: 50)
  }

  private func expectTicks(at client: HTTPClient, since begin: Date) throws {
    let ticks = try client.send("GET", "/v1/flows/Tick/instances?limit=500").json["items"]?.array ?? []
    let keys = ticks.compactMap { $0["key"]?.string }
    #expect(Set(keys).count == keys.count && keys.count == ticks.count)
    // A period without an owner is made up for by one run.
    let elapsed = Date().timeIntervalSince(begin)
    #expect(keys.count >= 5)
    #expect(Double(keys.count) <= elapsed + 8, "\(keys.count) ticks in \(elapsed) s")
  }

  // MARK: - Versions

  @Test("a node whose tables were upgraded by a newer version neither claims the store nor starts, and says so")
  func olderNode() throws {
    let server = try PostgresServer.shared()
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    usleep(500_000)
    // The rows of the next version are as yet those of this one.
    let version = try server.number("SELECT value FROM \(cluster.schema).meta WHERE name = 'version'")
    try server.execute("UPDATE \(cluster.schema).meta SET value = '\(version + 1)' WHERE name = 'version'")
    cluster.nodes[owner]?.kill()
    #expect(cluster.nodes[1 - owner]?.wait() == 2)
    let reason = "a newer version of Flow has upgraded the tables of the store"
    #expect(cluster.nodes[1 - owner]?.log.contains(reason) == true)
    #expect(try server.number("SELECT epoch FROM \(cluster.schema).fence") == 1, "it has claimed nothing")
    #expect(try cluster.refusal(of: owner).contains("the store is of version \(version + 1)"))
    try server.execute("UPDATE \(cluster.schema).meta SET value = '\(version)' WHERE name = 'version'")
    try cluster.start(0)
    try cluster.start(1)
    let next = try cluster.waitForOwnerAndStandby()
    usleep(500_000)
    try clients.expectExactlyOnce(owner: next, atLeast: 20)
  }

  /// The tables are made those of the version before, and an older node is recorded as one would record itself.
  @Test("tables are upgraded when no live node is left that does not know the new version")
  func upgrade() throws {
    let server = try PostgresServer.shared()
    let cluster = try NodeCluster(count: 2)
    var owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    usleep(500_000)
    for node in cluster.nodes { node?.kill() }
    let schema = cluster.schema
    let version = try server.number("SELECT value FROM \(schema).meta WHERE name = 'version'")
    #expect(version == 6, "the statements below undo the migration to this version")
    try server.execute(
      """
      DROP INDEX \(schema).job_due, \(schema).job_turn;
      ALTER TABLE \(schema).job DROP COLUMN priority;
      ALTER TABLE \(schema).dead_letter DROP COLUMN priority;
      CREATE INDEX job_due ON \(schema).job (part, queue, due, id);
      UPDATE \(schema).meta SET value = '\(version - 1)' WHERE name = 'version';
      DELETE FROM \(schema).node;
      INSERT INTO \(schema).node (node, address, version, seen, role, oldest_format, newest_format)
      VALUES ('older', 'http://older:1', '0.1', clock_timestamp() + interval '1 day', 'standby', 1, \(version - 1))
      """)
    for index in 0..<2 { try cluster.start(index) }
    let reason = "http://older:1 (Flow 0.1)"
    #expect(eventually { cluster.nodes.allSatisfy { $0?.log.contains(reason) ?? false } })
    #expect(cluster.readiness(0)?.status == 503)
    #expect(try server.number("SELECT value FROM \(schema).meta WHERE name = 'version'") == version - 1)
    // The older node ends without a farewell.
    try server.execute("UPDATE \(schema).node SET seen = clock_timestamp() WHERE node = 'older'")
    owner = try cluster.waitForOwnerAndStandby()
    #expect(try server.number("SELECT value FROM \(schema).meta WHERE name = 'version'") == version)
    usleep(500_000)
    try clients.expectExactlyOnce(owner: owner, atLeast: 20)
  }

  /// `FLOW_OLD_BINARY` is the binary of an earlier version whose tables are older.
  @Test(
    "a rolling upgrade from an earlier binary loses no acknowledged event",
    .enabled(if: NodeIdentityTests.oldBinary != nil, "make test-upgrade builds the earlier binary"))
  func rollingUpgrade() throws {
    let old = try #require(NodeIdentityTests.oldBinary)
    let cluster = try NodeCluster(count: 3, binaries: [old, old, nil], starting: 2)
    let server = try PostgresServer.shared()
    let version = { try server.number("SELECT value FROM \(cluster.schema).meta WHERE name = 'version'") }
    let former = try version()
    var owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    usleep(500_000)
    try cluster.start(2)
    #expect(eventually { cluster.nodes[2]?.log.contains("are upgraded from version \(former)") == true })
    #expect(try version() == former)
    for _ in 0..<2 {
      usleep(500_000)
      cluster.nodes[owner]?.send(SIGTERM)
      let next = try cluster.waitForOwner(otherThan: owner)
      _ = cluster.nodes[owner]?.wait()
      owner = next
    }
    #expect(owner == 2)
    #expect(try version() > former)
    usleep(500_000)
    #expect(try cluster.refusal(of: 0).contains("this program knows versions up to \(former)"))
    // The new version runs everywhere.
    cluster.replaceBinaries()
    for index in 0..<2 {
      try cluster.start(index)
      try cluster.waitForStandby(index)
    }
    usleep(500_000)
    try clients.expectExactlyOnce(owner: owner, atLeast: 50)
  }

  private static let oldBinary = ProcessInfo.processInfo.environment["FLOW_OLD_BINARY"].map { URL(filePath: $0) }

  // MARK: - Installations

  @Test("a node of another installation, with other flows and without a cluster key, is rejected")
  func otherInstallation() throws {
    let folder = try TestFolder()
    let other = try folder.write(
      "other.flow",
      """
      event Open { id: string }
      flow Ticket {
        key id
        data { id: string }
        start on Open -> opened do id = event.id
        state opened { after 1h -> closed }
        final closed
      }
      """)
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwnerAndStandby()
    let clients = NodeClients(of: cluster)
    let result = try FlowProcess.run(
      ["serve", other, "--store", cluster.location, "--create", "--addr", "127.0.0.1:0"])
    #expect(result.code == 2)
    #expect(result.errors.contains("the live nodes of the store serve `Counter`"), "\(result.errors)")
    #expect(cluster.readiness(owner)?.text == "owner\n")
    usleep(500_000)
    try clients.expectExactlyOnce(owner: owner, atLeast: 20)
  }

  @Test("with a common cluster key, a node may replace all flows of the others")
  func sameInstallation() throws {
    let folder = try TestFolder()
    let key = try folder.write("key", "0123456789abcdef-one")
    let cluster = try NodeCluster(count: 1, options: ["--cluster-key", key])
    let other = try folder.write(
      "other.flow", CrashTests.counter.replacing("flow Counter", with: "flow Successor"))
    let node = try ServerProcess([other, "--store", cluster.location, "--cluster-key", key])
    let readiness = { try? HTTPClient(port: node.port).send("GET", "/readyz") }
    #expect(eventually { readiness()?.text.hasPrefix("standby of") == true })
  }
}

extension NodeCluster {
  /// The instants of all entries of the journal, in their order.
  func journalInstants(server: PostgresServer) throws -> [Int64] {
    let lines = try server.text("SELECT at FROM \(schema).journal ORDER BY sequence").split(separator: "\n")
    return lines.compactMap { Int64($0) }
  }

  /// Starts a node that is expected to end by itself.
  /// - Returns: Its output on standard error.
  func refusal(of index: Int) throws -> String {
    do {
      try start(index)
    } catch let error as ServerProcess.NotStarted {
      return error.description
    }
    #expect(nodes[index]?.wait() == 2)
    let log = { self.nodes[index]?.log ?? "" }
    _ = eventually(within: 10) { log().contains("error") }
    return log()
  }
}
