import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// A standby answers documents and the live stream itself, with the same content as the owner.
@Suite("Reads on a standby", .serialized, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.isWanted))
struct StandbyReaderTests {
  private static let notes = """
    event Write { id: string  owner: string  text: string }
    event Change { text: string }
    event Close
    role manager

    flow Note {
      key id
      read by manager
      read when caller.id == owner
      data { id: string  owner: string  text: string }
      start on Write -> open do take id, owner, text
      state open { on Change do text = event.text  on Close -> closed }
      final closed
    }
    """

  private static func forwarded(_ client: HTTPClient, headers: [String: String] = [:]) throws -> Int {
    let text = try client.send("GET", "/metrics", headers: headers).text
    return text.split(separator: "\n").filter { $0.hasPrefix("flow_forwarded_requests_total{") }
      .compactMap { Int($0.split(separator: " ").last ?? "") }.reduce(0, +)
  }

  private static func number(_ name: String, _ port: Int) throws -> Int {
    let text = try HTTPClient(port: port).send("GET", "/metrics").text
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
    return line.flatMap { Double($0.split(separator: " ").last ?? "") }.map { Int($0) } ?? 0
  }

  @Test("each document of a standby is that of the owner, and is not forwarded")
  func documents() throws {
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwnerAndStandby()
    let direct = HTTPClient(port: cluster.ports[owner])
    let client = HTTPClient(port: cluster.ports[1 - owner])
    let before = try StandbyReaderTests.forwarded(client)
    let documents = [
      "/openapi.json", "/asyncapi.json", "/docs", "/problems", "/problems/not-found", "/v1/flows", "/v1/flows/Counter",
      "/v1/flows/Counter/graph", "/v1/flows/Counter/source", "/v1/flows/Counter/versions", "/v1/me",
      "/v1/flows/Counter/events/Add/schema", "/v1/flows/Counter/hover?line=1&column=8",
      "/v1/flows/Counter/completions?q=data.s",
    ]
    for target in documents {
      let (one, other) = (try client.send("GET", target), try direct.send("GET", target))
      #expect(one.status == other.status && one.body == other.body, "\(target)")
    }
    #expect(try client.send("GET", "/v1/flows/None").json["code"] == "not-found")
    #expect(try StandbyReaderTests.forwarded(client) == before)
    _ = try client.send("GET", "/v1/instances")
    for _ in 0..<100 where try StandbyReaderTests.forwarded(client) == before { usleep(10_000) }
    #expect(try StandbyReaderTests.forwarded(client) == before + 1, "lists are the owner's")
    cluster.nodes[owner]?.kill()
    #expect(try client.send("GET", "/openapi.json").status == 200, "also without an owner")
  }

  @Test("a deployment through any node is in the documents of all nodes when it is acknowledged")
  func deployments() throws {
    let cluster = try NodeCluster(count: 3)
    let owner = try cluster.waitForOwner()
    for index in 0..<3 where index != owner { try cluster.waitForStandby(index) }
    let clients = cluster.ports.map { HTTPClient(port: $0) }
    for round in 1...12 {
      let source = StandbyReaderTests.notes.replacing("state open", with: "version \(round)\n  state open")
      let deployed = try clients[round % 3].send(
        "PUT", "/v1/flows/Note", text: source, headers: ["Content-Type": "text/x-flow"])
      #expect(deployed.status == 201 || deployed.status == 200, "\(deployed.text)")
      for client in clients {
        let flow = try client.send("GET", "/v1/flows/Note").json
        #expect(flow["version"] == .int(Int64(round)) && flow["definition"] == deployed.json["definition"])
        #expect(try client.send("GET", "/openapi.json").text.contains("Change"))
      }
    }
    #expect(try clients[owner].send("DELETE", "/v1/flows/Note").status == 200)
    for client in clients { #expect(try client.send("GET", "/v1/flows/Note").json["retired"] == true) }
  }

  @Test("200 subscribers of a standby cost the owner one connection")
  func subscribers() throws {
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwnerAndStandby()
    let before = try cluster.ports.map { try StandbyReaderTests.number("process_open_fds", $0) }
    let streams = try (0..<200).map { index in
      try EventStreamClient(port: cluster.ports[1 - owner], path: "/v1/live?flow=Counter&key=c\(index % 16)&type=step")
    }
    for stream in streams { #expect(try stream.receive().name == "ready") }
    let open = try cluster.ports.map { try StandbyReaderTests.number("process_open_fds", $0) }
    #expect(open[1 - owner] >= before[1 - owner] + 200)
    #expect(open[owner] <= before[owner] + 8, "\(before[owner]) before, \(open[owner]) with 200 subscribers")
    print("descriptors of the owner \(before[owner]) -> \(open[owner]), of the standby -> \(open[1 - owner])")
    let client = HTTPClient(port: cluster.ports[owner])
    for round in 0..<20 {
      for index in 0..<16 {
        let response = try client.send(
          "POST", "/v1/flows/Counter/instances/c\(index)/events", ["event": "Add", "data": ["n": .int(Int64(round))]])
        #expect(response.status == 200)
      }
    }
    for stream in streams {
      let numbers = try (0..<20).map { _ in try stream.receive().data["data"]?["event"]?["data"]?["n"]?.int }
      #expect(numbers == Array(0..<20))
    }
  }

  @Test("a stream of a standby continues while the owner is killed: no gap, no repetition, no new connection")
  func killedOwner() throws {
    let cluster = try NodeCluster(count: 3)
    let owner = try cluster.waitForOwner()
    for index in 0..<3 where index != owner { try cluster.waitForStandby(index) }
    let subscribers = cluster.ports.map { NodeSubscriber(port: $0) }
    let load = NodeLoad(cluster.ports, width: 3)
    usleep(500_000)
    cluster.nodes[owner]?.kill()
    let next = try cluster.waitForOwner(otherThan: owner)
    usleep(500_000)
    load.stop()
    let standby = (0..<3).first { $0 != owner && $0 != next } ?? 0
    let entries = load.acknowledged.count + NodeCluster.instances
    for index in [standby, next] {
      for _ in 0..<1500 where subscribers[index].offsets.count < entries { usleep(20_000) }
      let offsets = subscribers[index].offsets
      #expect(offsets.count >= entries && offsets == Array(1...Int64(offsets.count)))
    }
    #expect(subscribers[standby].connections == 1, "only the node that became the owner ends its streams")
    for subscriber in subscribers { subscriber.stop() }
  }

  @Test("filters and read rules give each caller the same stream on both nodes, and never a hidden entry")
  func readRules() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let callers = [
      "ann": try keys.add("ann", "--scope", "read,send"), "bob": try keys.add("bob", "--scope", "read,send"),
      "max": try keys.add("max", "--scope", "read,send", "--role", "manager"),
    ]
    let cluster = try NodeCluster(
      count: 2, options: ["--keys", keys.path], flow: StandbyReaderTests.notes,
      settings: "[serve.redact]\nNote = [\"text\"]\n")
    let owner = try cluster.waitForOwnerAndStandby()
    let conditions = ["instance.owner == 'ann'", "revision > 1"]
    let filters = ["", "&type=step"] + conditions.map { "&filter=" + $0.percent }
    var streams: [String: [[EventStreamClient]]] = [:]
    for (name, key) in callers {
      streams[name] = try filters.map { filter in
        try cluster.ports.map { port in
          try EventStreamClient(port: port, path: "/v1/live?since=0\(filter)", headers: bearer(key))
        }
      }
    }
    let client = HTTPClient(port: cluster.ports[1 - owner])
    let headers = bearer(callers["max"] ?? "")
    for index in 0..<30 {
      let who = ["ann", "bob", "cleo"][index % 3]
      let note: JSON = ["id": .string("n\(index)"), "owner": .string(who), "text": "secret"]
      #expect(
        try client.send("POST", "/v1/events", ["event": "Write", "data": note], headers: headers).status == 201)
      let change: JSON = ["event": "Change", "data": ["text": "more"]]
      #expect(
        try client.send("POST", "/v1/flows/Note/instances/n\(index)/events", change, headers: headers).status == 200)
    }
    // The last entry is for all, so that each stream has an end.
    for who in ["ann", "bob"] {
      let note: JSON = ["id": .string("end-\(who)"), "owner": .string(who), "text": ""]
      #expect(
        try client.send("POST", "/v1/events", ["event": "Write", "data": note], headers: headers).status == 201)
      let change: JSON = ["event": "Change", "data": ["text": "end"]]
      #expect(
        try client.send("POST", "/v1/flows/Note/instances/end-\(who)/events", change, headers: headers).status == 200)
    }
    for (name, pairs) in streams {
      for (index, nodes) in pairs.enumerated() {
        let isForAnn = index == 2
        if isForAnn, name == "bob" { continue }
        let end = name == "bob" || name == "max" && !isForAnn ? "end-bob" : "end-ann"
        let seen = try nodes.map { try StandbyReaderTests.entries(of: $0, upTo: end) }
        #expect(seen[0] == seen[1] && !seen[0].isEmpty, "\(name) with \(filters[index])")
        let subjects = Set(seen[0].compactMap { $0["subject"]?.string }.filter { !$0.hasPrefix("end") })
        let expected = (0..<30).filter { number in
          let who = ["ann", "bob", "cleo"][number % 3]
          return (name == "max" || who == name) && (!isForAnn || who == "ann")
        }
        #expect(subjects == Set(expected.map { "n\($0)" }), "\(name) with \(filters[index])")
        #expect(!seen[0].contains { $0.text().contains("secret") })
      }
    }
  }

  /// The entries of a stream, up to the second one of an instance, or its first where starts are filtered out.
  private static func entries(of stream: EventStreamClient, upTo key: String) throws -> [JSON] {
    var found: [JSON] = []
    while true {
      let event = try stream.receive()
      guard event.name != "ready" else { continue }
      found.append(event.data)
      if event.data["subject"] == .string(key), event.data["revision"] == 2 { return found }
    }
  }
}

extension String {
  fileprivate var percent: String { addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? self }
}
