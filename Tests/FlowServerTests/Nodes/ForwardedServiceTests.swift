import FlowJSON
import FlowServer
import FlowTestSupport
import Foundation
import Testing

/// A standby serves what the owner serves: reads, events, streams and sockets, for the same callers.
@Suite("Service of a standby", .serialized, .timeLimit(.minutes(3)), .enabled(if: PostgresServer.isWanted))
struct ForwardedServiceTests {
  @Test("events, reads, pages, sockets and streams of a standby are those of the owner")
  func service() throws {
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwnerAndStandby()
    let port = cluster.ports[1 - owner]
    let client = HTTPClient(port: port)

    let socket = try WebSocketClient(port: port, path: "/v1/live")
    try socket.send(["id": 1, "op": "sub", "flow": "Counter", "key": "c1"])
    #expect(try socket.receive()["ok"]?["recovered"] == true)
    let stream = try EventStreamClient(port: port, path: "/v1/live?flow=Counter&key=c1&type=step")
    #expect(try stream.receive().name == "ready")

    let path = "/v1/flows/Counter/instances/c1"
    let event = try client.send("POST", path + "/events", ["event": "Add", "data": ["n": 7]])
    #expect(event.status == 200 && event.headers["x-request-id"] != nil)
    #expect(try socket.receive()["ev"]?["data"]?["event"]?["data"]?["n"] == 7)
    #expect(try stream.receive().data["data"]?["event"]?["data"]?["n"] == 7)
    try socket.send(["id": 2, "op": "send", "flow": "Counter", "key": "c1", "event": "Add", "data": ["n": 8]])
    #expect(try stream.receive().data["data"]?["event"]?["data"]?["n"] == 8)

    let direct = HTTPClient(port: cluster.ports[owner])
    for target in [path, path + "/history", "/v1/instances?limit=100", "/v1/stats", "/openapi.json", "/docs"] {
      let (one, other) = (try client.send("GET", target), try direct.send("GET", target))
      #expect(one.status == 200 && one.headers["content-type"] == other.headers["content-type"], "\(target)")
      #expect(one.body.count == other.body.count, "\(target)")
    }
    let view = try client.send("GET", path)
    #expect(view.json["data"]?["seen"] == [7, 8])
    #expect(try client.send("GET", path, headers: ["If-None-Match": view.headers["etag"] ?? ""]).status == 304)
    let unknown = try client.send("GET", "/v1/flows/Counter/instances/none")
    #expect(unknown.status == 404 && unknown.json["code"] == "not-found")
    let page = try client.send("GET", "/ui/")
    #expect(page.status == (try direct.send("GET", "/ui/").status))
    let refused = try client.send("POST", path + "/events", text: "{", headers: ["Content-Type": "application/json"])
    #expect(refused.status == 400 && refused.json["code"] == "invalid-json")
    #expect(try client.send("POST", "/nodes/claim", [:]).status == 404, "nodes only")
    // The digest that nodes add: a standby must not sign a request of a client as one of its own.
    let body: JSON = ["node": "n", "limit": 9]
    let signed = NodeRequest.sign(method: "POST", target: NodeRequest.calls, body: body.bytes(), secret: [])
    for client in [client, direct] {
      #expect(try client.send("POST", signed.target, body).status == 404)
      #expect(try client.send("GET", NodeRequest.journal + "?after=0&wait=0").status == 404)
    }
  }

  @Test("a caller keeps its key, its address and its limit behind a standby, and cannot change them")
  func caller() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let reader = try keys.add("reader", "--scope", "read")
    let slow = try keys.add("slow", "--scope", "read", "--rate", "3")
    let sender = try keys.add("sender", "--scope", "send", "--scope", "read", "--scope", "operate")
    let audit = folder.url.appending(path: "audit.jsonl").path
    let cluster = try NodeCluster(
      count: 2, options: ["--keys", keys.path, "--audit", audit, "--trusted-proxy", "127.0.0.1"], key: sender)
    let owner = try cluster.waitForOwnerAndStandby()
    let client = HTTPClient(port: cluster.ports[1 - owner])
    let cancel = "/v1/flows/Counter/instances/c1/cancel"
    #expect(try client.send("GET", "/v1/flows").status == 401)
    #expect(try client.send("GET", "/metrics").status == 401)
    #expect(try client.send("GET", "/metrics", headers: bearer(reader)).status == 200)
    let from = ["X-Forwarded-For": "203.0.113.9"]
    #expect(try client.send("POST", cancel, [:], headers: bearer(reader).merging(from) { $1 }).status == 403)
    let forged = bearer(reader).merging(["Flow-Hop": "1 198.51.100.1 key 00"]) { $1 }
    let direct = HTTPClient(port: cluster.ports[owner])
    #expect(try direct.send("POST", cancel, [:], headers: forged.merging(from) { $1 }).status == 403)
    #expect(try client.send("POST", cancel, [:], headers: forged).status == 421)
    let statuses = try (0..<8).map { index in
      try (index % 2 == 0 ? client : direct).send("GET", "/v1/instances", headers: bearer(slow)).status
    }
    #expect(statuses.contains(429), "one limit for requests to all nodes")

    let lines = try String(contentsOfFile: audit, encoding: .utf8).split(separator: "\n")
      .map { try JSON(parsing: String($0)) }.filter { $0["path"] == .string(cancel) && $0["who"] == "reader" }
    #expect(lines.compactMap { $0["address"]?.string } == ["203.0.113.9", "203.0.113.9"])

    let nodes = try client.send("GET", "/v1/nodes", headers: bearer(sender))
    let roles = Set((nodes.json["items"]?.array ?? []).compactMap { $0["role"]?.string })
    #expect(nodes.status == 200 && roles == ["owner", "standby"])
    #expect(try client.send("GET", "/v1/nodes", headers: bearer(reader)).status == 403)
  }

  @Test("flow ctl lists the nodes of a store through any of them")
  func nodes() throws {
    let cluster = try NodeCluster(count: 3)
    let owner = try cluster.waitForOwner()
    for index in 0..<3 where index != owner { try cluster.waitForStandby(index) }
    let server = ["--server", "http://127.0.0.1:\(cluster.ports[(owner + 1) % 3])"]
    var output = ""
    for _ in 0..<100 {
      output = try FlowProcess.run(["ctl", "nodes"] + server).output
      if output.split(separator: "\n").count == 3 { break }
      usleep(50_000)
    }
    let lines = output.split(separator: "\n").map(String.init)
    #expect(lines.filter { $0.hasPrefix("standby") }.count == 2)
    #expect(lines.contains { $0.hasPrefix("owner") && $0.contains("http://127.0.0.1:\(cluster.ports[owner])") })
    let json = try JSON(parsing: FlowProcess.run(["ctl", "nodes", "--format", "json"] + server).output)
    #expect(json["items"]?.array?.allSatisfy { $0["formats"]?.array?.count == 2 && $0["alive"] == true } == true)
  }

  /// A subscriber on each node resumes with its cursor after each interruption.
  @Test("the live stream of each node has every entry once, over a handover and a crash")
  func liveStream() throws {
    let cluster = try NodeCluster(count: 2)
    var owner = try cluster.waitForOwnerAndStandby()
    let subscribers = cluster.ports.map { NodeSubscriber(port: $0) }
    let load = NodeLoad(cluster.ports, width: 3)
    usleep(500_000)
    cluster.nodes[owner]?.send(SIGTERM)
    var next = try cluster.waitForOwner(otherThan: owner)
    _ = cluster.nodes[owner]?.wait()
    try cluster.start(owner)
    try cluster.waitForStandby(owner)
    usleep(300_000)
    owner = next
    cluster.nodes[owner]?.kill()
    next = try cluster.waitForOwner(otherThan: owner)
    try cluster.start(owner)
    try cluster.waitForStandby(owner)
    usleep(300_000)
    load.stop()
    let last = try cluster.newestOffset(at: next)
    let entries = load.acknowledged.count + NodeCluster.instances
    for subscriber in subscribers {
      for _ in 0..<500 {
        if subscriber.offsets.count >= entries { break }
        usleep(20_000)
      }
      subscriber.stop()
      let offsets = subscriber.offsets
      #expect(offsets == Array(1...Int64(offsets.count)), "a gap, or an entry that was sent twice")
      #expect(offsets.count >= entries && offsets.count == last)
      #expect(subscriber.connections > 1)
    }
  }
}
