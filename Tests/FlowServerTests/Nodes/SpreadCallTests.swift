import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Calls of actions run on all nodes: the owner decides which start, and the end of any node loses and doubles none.
@Suite("Calls on several nodes", .serialized, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.isWanted))
struct SpreadCallTests {
  private static let action = """
    action act(id: string) {
      http POST env("SLOW_URL") + "/work" { body: {"id": id} }
      timeout 20s
      retry 5 backoff 50ms..200ms
    """

  private static func flow(_ more: String = "") -> String { OneCall.source("Job", "\(action)\n\(more)\n}") }

  /// Nodes that call a service. Each has the variable `SLOW_TOKEN` with a value of its own if it is given.
  private static func cluster(
    _ service: SlowService, count: Int, flow: String = flow(), options: [String] = [], tokens: [String] = []
  ) throws -> NodeCluster {
    let environment = (0..<count).map { index in
      ["SLOW_URL": service.url].merging(tokens.isEmpty ? [:] : ["SLOW_TOKEN": tokens[index]]) { $1 }
    }
    let cluster = try NodeCluster(
      count: count, options: ["--allow-host", "127.0.0.1"] + options, flow: flow, environment: environment)
    let owner = try cluster.waitForOwner()
    for index in 0..<count where index != owner { try cluster.waitForStandby(index) }
    // A call that is due before a standby has asked for some stays with the owner.
    if !options.contains("--no-spread") {
      _ = try waitForCalls(cluster, owner: owner) { $0.allSatisfy { $0 == 0 } }
      usleep(300_000)
    }
    return cluster
  }

  private static func begin(_ count: Int, at port: Int) throws {
    let client = HTTPClient(port: port)
    for index in 0..<count {
      let response = try client.send(
        "POST", "/v1/flows/Job/instances", ["event": "Begin", "data": ["id": .string("j\(index)")]])
      #expect(response.status == 201)
    }
  }

  /// Waits until all instances are done.
  private static func waitUntilDone(_ count: Int, at port: Int) throws {
    var found = 0
    for _ in 0..<2400 {
      let list = try? HTTPClient(port: port).send("GET", "/v1/instances?state=done&limit=500")
      found = list?.json["items"]?.array?.count ?? 0
      if found == count { return }
      usleep(50_000)
    }
    Issue.record("\(found) of \(count) instances are done")
  }

  /// The number of calls that a node has completed.
  private static func completed(_ cluster: NodeCluster, _ index: Int) throws -> Int {
    let text = try HTTPClient(port: cluster.ports[index]).send("GET", "/metrics").text
    let line = text.split(separator: "\n").first { $0.hasPrefix(#"flow_actions_total{action="http",result="done"}"#) }
    return line.flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
  }

  /// The calls in progress of each node, as the owner lists them.
  private static func calls(_ cluster: NodeCluster, owner: Int) throws -> [String: Int] {
    let items = try HTTPClient(port: cluster.ports[owner]).send("GET", "/v1/nodes").json["items"]?.array ?? []
    return Dictionary(
      items.filter { $0["alive"] == true }
        .compactMap { node in node["address"]?.string.map { ($0, node["calls"]?.int ?? -1) } },
      uniquingKeysWith: { $1 })
  }

  private static func waitForCalls(
    _ cluster: NodeCluster, owner: Int, until isEnough: ([Int]) -> Bool
  ) throws -> [Int] {
    var found: [Int] = []
    for _ in 0..<1200 {
      let calls = try calls(cluster, owner: owner)
      found = cluster.ports.map { calls["http://127.0.0.1:\($0)"] ?? -1 }
      if isEnough(found) { return found }
      usleep(25_000)
    }
    Issue.record("calls in progress: \(found)")
    return found
  }

  @Test("slow calls of many instances run on every node, each once")
  func spread() throws {
    let service = try SlowService(milliseconds: 400)
    defer { service.stop() }
    let cluster = try SpreadCallTests.cluster(service, count: 3, options: ["--own-calls", "8"])
    let owner = try cluster.waitForOwner()
    try SpreadCallTests.begin(90, at: cluster.ports[owner])
    let running = try SpreadCallTests.waitForCalls(cluster, owner: owner) { $0.allSatisfy { $0 > 0 } }
    try SpreadCallTests.waitUntilDone(90, at: cluster.ports[owner])
    #expect(service.counts.count == 90 && service.counts.values.allSatisfy { $0 == 1 })
    let completed = try cluster.ports.indices.map { try SpreadCallTests.completed(cluster, $0) }
    #expect(completed.allSatisfy { $0 > 0 } && completed.reduce(0, +) == 90, "\(completed)")
    print("calls in progress \(running), completed by each node \(completed), most at once \(service.mostRunning)")
  }

  @Test("the calls of a killed standby run again under the same idempotency keys; all others run once")
  func killedStandby() throws {
    let service = try SlowService(milliseconds: 2000)
    defer { service.stop() }
    let cluster = try SpreadCallTests.cluster(service, count: 2, options: ["--own-calls", "4"])
    let owner = try cluster.waitForOwner()
    try SpreadCallTests.begin(12, at: cluster.ports[owner])
    let running = try SpreadCallTests.waitForCalls(cluster, owner: owner) { $0.reduce(0, +) == 12 && $0[1 - owner] > 0 }
    cluster.nodes[1 - owner]?.kill()
    try SpreadCallTests.waitUntilDone(12, at: cluster.ports[owner])
    let counts = service.counts
    #expect(counts.count == 12 && counts.values.allSatisfy { $0 <= 2 })
    #expect(counts.values.count { $0 == 2 } == running[1 - owner], "only those of the standby: \(counts)")
  }

  @Test("the calls of a standby survive a killed owner; only those of the owner run again")
  func killedOwner() throws {
    let service = try SlowService(milliseconds: 9000)
    defer { service.stop() }
    let cluster = try SpreadCallTests.cluster(service, count: 2, options: ["--own-calls", "4"])
    let owner = try cluster.waitForOwner()
    try SpreadCallTests.begin(12, at: cluster.ports[owner])
    let running = try SpreadCallTests.waitForCalls(cluster, owner: owner) { $0.reduce(0, +) == 12 && $0[1 - owner] > 0 }
    cluster.nodes[owner]?.kill()
    let next = try cluster.waitForOwner(otherThan: owner)
    try SpreadCallTests.waitUntilDone(12, at: cluster.ports[next])
    let counts = service.counts
    #expect(counts.count == 12 && counts.values.allSatisfy { $0 <= 2 })
    #expect(counts.values.count { $0 == 2 } == running[owner], "those of the former owner: \(counts)")
  }

  @Test("a node with another credential runs no call that uses it")
  func otherCredential() throws {
    let service = try SlowService(milliseconds: 100)
    defer { service.stop() }
    let tokens = ["one", "one", "two"]
    let source = SpreadCallTests.flow().replacing("+ \"/work\"", with: "+ \"/work?token=\" + env(\"SLOW_TOKEN\")")
    let cluster = try SpreadCallTests.cluster(
      service, count: 3, flow: source, options: ["--own-calls", "1"], tokens: tokens)
    let owner = try cluster.waitForOwner()
    try SpreadCallTests.begin(40, at: cluster.ports[owner])
    try SpreadCallTests.waitUntilDone(40, at: cluster.ports[owner])
    let completed = try cluster.ports.indices.map { try SpreadCallTests.completed(cluster, $0) }
    #expect(completed.reduce(0, +) == 40)
    for index in 0..<3 where index != owner {
      #expect((completed[index] > 0) == (tokens[index] == tokens[owner]), "\(completed), the owner is \(owner)")
    }
  }

  @Test("a limit of calls at once is exact over all nodes")
  func limit() throws {
    let service = try SlowService(milliseconds: 100)
    defer { service.stop() }
    let cluster = try SpreadCallTests.cluster(
      service, count: 3, flow: SpreadCallTests.flow("limit 3 at once"), options: ["--own-calls", "1"])
    let owner = try cluster.waitForOwner()
    try SpreadCallTests.begin(45, at: cluster.ports[owner])
    try SpreadCallTests.waitUntilDone(45, at: cluster.ports[owner])
    #expect(service.mostRunning <= 3 && service.counts.values.allSatisfy { $0 == 1 })
    let completed = try cluster.ports.indices.map { try SpreadCallTests.completed(cluster, $0) }
    #expect(completed.count { $0 > 0 } > 1, "\(completed)")
  }

  @Test("with --no-spread all calls run on the owner")
  func notSpread() throws {
    let service = try SlowService(milliseconds: 100)
    defer { service.stop() }
    let cluster = try SpreadCallTests.cluster(service, count: 2, options: ["--own-calls", "1", "--no-spread"])
    let owner = try cluster.waitForOwner()
    try SpreadCallTests.begin(20, at: cluster.ports[owner])
    try SpreadCallTests.waitUntilDone(20, at: cluster.ports[owner])
    #expect(try SpreadCallTests.completed(cluster, owner) == 20)
    #expect(try SpreadCallTests.completed(cluster, 1 - owner) == 0)
  }
}
