import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// Failures of nodes and of their database, with clients that send through every node.
@Suite("Failures of nodes", .serialized, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.isWanted))
struct NodeFailureTests {
  /// Receives the calls of actions, with their instants.
  private final class Receiver: Sendable {
    private let calls: Calls
    let server: LocalServer

    private final class Calls: Sendable {
      let all = Mutex<[(line: String, key: String, at: ContinuousClock.Instant)]>([])
    }

    init() {
      let calls = Calls()
      self.calls = calls
      server = LocalServer { request in
        calls.all.withLock { $0.append((request.line, request.headers["idempotency-key"] ?? "", .now)) }
        return LocalServer.answer("200 OK")
      }
    }

    var all: [(line: String, key: String, at: ContinuousClock.Instant)] { calls.all.withLock { $0 } }
  }

  /// Kills the owner, waits for the next one, and starts the killed node again.
  private func failOver(_ cluster: NodeCluster, from owner: Int) throws -> Int {
    cluster.nodes[owner]?.kill()
    let next = try cluster.waitForOwner(otherThan: owner)
    try cluster.start(owner)
    return next
  }

  @Test("a scheduled start runs once for each tick, over a crash of the owner")
  func schedule() throws {
    let flow = """
      flow Tick {
        start every 1s -> end
        final end
      }
      """
    let cluster = try NodeCluster(count: 2, flow: flow)
    let owner = try cluster.waitForOwner()
    usleep(2_500_000)
    let next = try failOver(cluster, from: owner)
    usleep(2_500_000)
    let client = HTTPClient(port: cluster.ports[1 - next])
    let list = try client.send("GET", "/v1/flows/Tick/instances?limit=200").json["items"]?.array ?? []
    let starts = list.compactMap { $0["startedAt"]?.string }.compactMap { try? Date($0, strategy: .iso8601Millis) }
      .sorted()
    // A tick that nobody served is made up for once; two starts in one period would be a tick that ran twice.
    let gaps = zip(starts, starts.dropFirst()).map { $1.timeIntervalSince($0) }
    #expect(starts.count >= 5)
    #expect(Set(list.compactMap { $0["key"]?.string }).count == list.count)
    let elapsed = starts.last.flatMap { last in starts.first.map { last.timeIntervalSince($0) } } ?? 0
    #expect(Double(starts.count) <= elapsed + 2, "\(starts.count) starts in \(elapsed) s, gaps \(gaps)")
  }

  @Test("a rate limit of an action holds over a crash of the owner, and each job is done under one key")
  func limits() throws {
    let receiver = Receiver()
    let flow = """
      event Begin { id: string }
      event Add { n: int }
      action hit(n: int) { http POST env("HIT_URL") + "/hit" { body: {"n": n} }  limit 4 per 1s }
      flow Caller {
        key id
        data { id: string }
        start on Begin -> waiting do id = event.id
        state waiting { on Add do hit(n: event.n)  after 1h -> end }
        final end
      }
      """
    let cluster = try NodeCluster(
      count: 2, options: ["--allow-private"], flow: flow,
      environment: Array(repeating: ["HIT_URL": receiver.server.url], count: 2))
    let owner = try cluster.waitForOwnerAndStandby()
    let client = HTTPClient(port: cluster.ports[1 - owner])
    #expect(
      try client.send("POST", "/v1/flows/Caller/instances", ["event": "Begin", "data": ["id": "a"]]).status == 201)
    for number in 0..<20 {
      let event: JSON = ["event": "Add", "data": ["n": .int(Int64(number))]]
      #expect(try client.send("POST", "/v1/flows/Caller/instances/a/events", event).status == 200)
    }
    usleep(1_500_000)
    _ = try failOver(cluster, from: owner)
    for _ in 0..<1000 {
      if Set(receiver.all.map(\.key)).count == 20 { break }
      usleep(20_000)
    }
    let calls = receiver.all
    #expect(Set(calls.map(\.key)).count == 20)
    let instants = calls.map(\.at).sorted()
    // The instant of arrival is later than that of the start by a varying time.
    for (first, fifth) in zip(instants, instants.dropFirst(4)) where fifth - first < .milliseconds(850) {
      Issue.record("five calls in \(fifth - first)")
    }
  }

  @Test("a database that is restarted under load costs no acknowledged event", .timeLimit(.minutes(2)))
  func restartedDatabase() throws {
    let server = try PostgresServer()
    let cluster = try NodeCluster(count: 2, server: server)
    _ = try cluster.waitForOwnerAndStandby()
    let load = NodeLoad(cluster.ports)
    usleep(500_000)
    try server.restart()
    usleep(1_500_000)
    try server.restart(pauseSeconds: 1)
    _ = try cluster.waitForOwner()
    usleep(1_000_000)
    load.stop()
    try cluster.expectExactlyOnce(load, owner: try cluster.waitForOwner(), atLeast: 50)
  }

  @Test("terminated sessions of the database cost no acknowledged event")
  func terminatedSessions() throws {
    let server = try PostgresServer.shared()
    let cluster = try NodeCluster(count: 2)
    let load = NodeLoad(cluster.ports)
    for _ in 0..<25 {
      usleep(100_000)
      try server.execute(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query LIKE '%\(cluster.schema)%' AND pid <> pg_backend_pid()
        """)
    }
    usleep(500_000)
    load.stop()
    try cluster.expectExactlyOnce(load, owner: try cluster.waitForOwner(), atLeast: 30)
  }

  @Test(
    "a database whose clock is ten minutes from that of the nodes has one owner at a time, and loses no event",
    .enabled(if: ShiftedClock.isPossible, "needs libfaketime"), arguments: ["+600s", "-600s"])
  func clocks(offset: String) throws {
    let cluster = try NodeCluster(count: 2, server: PostgresServer(clock: offset))
    let owner = try cluster.waitForOwnerAndStandby()
    let load = NodeLoad(cluster.ports)
    usleep(1_000_000)
    #expect(cluster.readiness(1 - owner)?.text.hasPrefix("standby") == true, "another clock ends no lease")
    let next = try failOver(cluster, from: owner)
    usleep(700_000)
    load.stop()
    try cluster.expectExactlyOnce(load, owner: next, atLeast: 50)
  }

  @Test("an idle owner that was suspended becomes a standby, and forwards requests")
  func idleOwner() throws {
    let cluster = try NodeCluster(count: 2)
    let former = try cluster.waitForOwner()
    cluster.nodes[former]?.send(SIGSTOP)
    let owner = try cluster.waitForOwner(otherThan: former)
    cluster.nodes[former]?.send(SIGCONT)
    try cluster.waitForStandby(former)
    let client = HTTPClient(port: cluster.ports[former])
    let event: JSON = ["event": "Add", "data": ["n": 1]]
    #expect(try client.send("POST", "/v1/flows/Counter/instances/c1/events", event).status == 200)
    #expect(try cluster.processedEvents(at: owner)[1] == [1])
  }

  @Test("a client that waits continues at the next owner")
  func waitingClient() throws {
    let flow = """
      event Begin { id: string }
      flow Sleeper {
        key id
        data { id: string }
        start on Begin -> sleeping do id = event.id
        state sleeping { after 1h -> end }
        final end
      }
      """
    let cluster = try NodeCluster(count: 3, flow: flow)
    let owner = try cluster.waitForOwner()
    for index in 0..<3 where index != owner { try cluster.waitForStandby(index) }
    let port = cluster.ports[(owner + 1) % 3]
    let former = cluster.nodes[owner]
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(300)) { [stop = former?.processIdentifier] in
      if let stop { kill(stop, SIGTERM) }
    }
    let response = try HTTPClient(port: port).send("POST", "/v1/jobs/claim", ["queue": "q", "wait": "3s"])
    #expect(response.status == 200 && response.json["items"] == [])
    #expect(former?.wait() == 0)
  }

  @Test("a node with another cluster key does not start")
  func clusterKey() throws {
    let folder = try TestFolder()
    let key = try folder.write("key", "0123456789abcdef-one")
    let other = try folder.write("other", "0123456789abcdef-two")
    let cluster = try NodeCluster(count: 1, options: ["--cluster-key", key])
    let file = try folder.write("counter.flow", CrashTests.counter)
    for wrong in [[], ["--cluster-key", other]] {
      let result = try FlowProcess.run(
        ["serve", file, "--store", cluster.location, "--addr", "127.0.0.1:0"] + wrong)
      #expect(result.code == 2 && result.errors.contains("another cluster key"), "\(result.errors)")
    }
  }

  @Test("idle nodes burden the database little")
  func idleLoad() throws {
    let server = try PostgresServer()
    let cluster = try NodeCluster(count: 3, server: server)
    let owner = try cluster.waitForOwner()
    for index in 0..<3 where index != owner { try cluster.waitForStandby(index) }
    usleep(1_000_000)
    let before = try server.number("SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'")
    usleep(4_000_000)
    let after = try server.number("SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'")
    print("three idle nodes: \(Double(after - before) / 4) transactions in a second")
    #expect(after - before < 120)
  }
}

extension ParseStrategy where Self == Date.ISO8601FormatStyle {
  /// Instants with three digits of fraction.
  fileprivate static var iso8601Millis: Date.ISO8601FormatStyle { .init(includingFractionalSeconds: true) }
}
