import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The live stream over real sockets: each entry once and in order, or an explicit reset.
@Suite("Live stream", .serialized) struct LiveTests {
  @Test("a socket can have several filtered subscriptions") func subscriptions() throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    try socket.send(["id": 1, "op": "sub", "flow": "Counter", "key": "a"])
    try socket.send(["id": 2, "op": "sub", "event": "Add", "filter": "data.event.data.n > 5"])
    #expect(try socket.receive()["ok"]?["sub"] == 1)
    let second = try socket.receive()["ok"]
    #expect(second?["recovered"] == true && second?["epoch"]?.string?.isEmpty == false)
    try Counter.begin("a", counter.client)
    try Counter.begin("b", counter.client)
    for (key, number) in [("a", 1), ("b", 9), ("a", 7)] { try Counter.add(Int64(number), to: key, counter.client) }
    var seen: [Int: [Int]] = [:]
    for _ in 0..<5 {
      let message = try socket.receive()
      seen[try #require(message["sub"]?.int), default: []].append(try #require(message["offset"]?.int))
    }
    #expect(seen == [1: [1, 3, 5], 2: [4, 5]])
    try socket.send(["id": 3, "op": "unsub", "sub": 1])
    #expect(try socket.receive() == ["re": 3, "ok": [:]])
    try Counter.add(8, to: "a", counter.client)
    #expect(try socket.receive()["sub"] == 2)
  }

  @Test("a subscriber resumes after a crash without missing an entry") func resuming() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    for number in 1...520 { try Counter.add(Int64(number), to: "a", counter.client) }
    let epoch = try {
      let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
      try socket.send(["id": 1, "op": "sub", "since": 0])
      let answer = try socket.receive()
      for offset in 1...521 { #expect(try socket.receive()["offset"]?.int == offset) }
      return try #require(answer["ok"]?["epoch"]?.string)
    }()
    counter.process.kill()
    let second = try ServerProcess([
      counter.folder.url.appending(path: "counter.flow").path, "--store", counter.folder.store,
    ])
    try Counter.add(0, to: "a", HTTPClient(port: second.port))
    let again = try WebSocketClient(port: second.port, path: "/v1/live")
    try again.send(["id": 1, "op": "sub", "since": ["epoch": .string(epoch), "offset": 519]])
    #expect(try again.receive()["ok"]?["recovered"] == true)
    #expect(try (0..<3).map { _ in try again.receive()["offset"]?.int } == [520, 521, 522])
  }

  @Test("a position of another store resets the subscription", arguments: [#"{"epoch": "other", "offset": 1}"#, "999"])
  func foreignPosition(_ since: String) throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    try socket.send(["id": 1, "op": "sub", "since": try JSON(parsing: since)])
    let answer = try socket.receive()["ok"]
    #expect(answer?["recovered"] == false && answer?["offset"] == 1)
    try Counter.add(1, to: "a", counter.client)
    #expect(try socket.receive()["offset"] == 2)
    let stream = try EventStreamClient(
      port: counter.port, path: "/v1/live", headers: ["Last-Event-ID": "other:1"])
    #expect(try stream.receive().name == "reset")
  }

  @Test(
    "an invalid frame or repeated id closes the socket",
    arguments: [
      ("no JSON", 4400), ("[1]", 4400), (#"{"id": 1, "op": "sub"}"#, 4409),
    ])
  func invalidFrame(_ text: String, _ code: Int) throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live?since=0")
    try socket.send(["id": 1, "op": "sub"])
    try socket.send(text: text)
    #expect(try socket.receiveClose() == code)
  }

  @Test(
    "an invalid operation gets an error and leaves the socket open",
    arguments: [
      (#"{"id": 7, "op": "dance"}"#, "bad-request"), (#"{"id": 7}"#, "bad-request"),
      (#"{"id": 7, "op": "sub", "since": -1}"#, "bad-request"),
      (#"{"id": 7, "op": "sub", "filter": "nope > 1"}"#, "invalid-query"),
      (#"{"id": 7, "op": "unsub", "sub": 5}"#, "not-found"),
    ])
  func invalidOperation(_ text: String, _ code: String) throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    try socket.send(text: text)
    let answer = try socket.receive()
    #expect(answer["re"] == 7 && answer["err"]?["code"]?.string == code)
    try socket.send(["id": 8, "op": "ping"])
    #expect(try socket.receive() == ["re": 8, "op": "pong"])
    try socket.send(["id": 9, "op": "hello"])
    #expect(try socket.receive()["ok"]?["serverTime"]?.string != nil)
  }

  @Test("too many subscriptions close the socket") func subscriptionLimit() throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    for number in 1...65 { try socket.send(["id": .int(Int64(number)), "op": "sub"]) }
    #expect(try socket.receiveClose() == 4429)
  }

  /// Replay takes long. Subscribers that disconnect during replay, or are still replaying, do not delay others.
  @Test("replay to many subscribers does not delay new entries") func replay() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    let writer = try WebSocketClient(port: counter.port, path: "/v1/live")
    for number in 1...1_000 {
      try writer.send([
        "id": .int(Int64(number)), "op": "send", "flow": "Counter", "key": "a", "event": "Add", "data": ["n": 1],
      ])
    }
    for _ in 1...1_000 { _ = try writer.receive() }
    let present = try WebSocketClient(port: counter.port, path: "/v1/live?since=1001&type=step")
    _ = try present.receive()
    var readers: [WebSocketClient] = []
    for index in 0..<400 {
      let socket = try WebSocketClient(port: counter.port, path: "/v1/live?since=0")
      for id in 1...3 { try socket.send(["id": .int(Int64(id)), "op": "sub", "since": 0]) }
      if index % 10 == 0 { readers.append(socket) }
    }
    try Counter.add(1, to: "a", counter.client)
    #expect(try present.receive()["offset"] == 1_002)
    for offset in 1...1_002 {
      var message = try readers[7].receive()
      while message["sub"] != 2 || message["offset"] == nil { message = try readers[7].receive() }
      #expect(message["offset"]?.int == offset)
    }
  }

  @Test("server-sent events resume after Last-Event-ID") func serverSentEvents() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    let first = try EventStreamClient(port: counter.port, path: "/v1/live?since=0&flow=Counter&type=step")
    #expect(try first.receive().name == "ready")
    let entry = try first.receive()
    #expect(entry.name == "step" && entry.data["subject"] == "a")
    try Counter.add(1, to: "a", counter.client)
    #expect(try first.receive().data["id"] == "2")
    let again = try EventStreamClient(port: counter.port, path: "/v1/live", headers: ["Last-Event-ID": entry.id])
    #expect(try again.receive().name == "ready")
    #expect(try again.receive().data["id"] == "2")
  }

  @Test("an archived instance of a flow that declares the lifetime of its key says until when the key is taken")
  func keyLifetime() throws {
    let folder = try TestFolder()
    let source = """
      event Sign { email: string }
      flow Year { key email for 365d  data { email: string }  start on Sign -> done do take email  final done }
      flow Ever { key email forever  data { email: string }  start on Sign -> done do take email  final done }
      """
    let file = try folder.write("keys.flow", source)
    let server = try ServerProcess([file, "--store", folder.store, "--keep", "300ms"])
    let client = HTTPClient(port: server.port)
    for flow in ["Year", "Ever"] {
      let path = "/v1/flows/\(flow)"
      let start: JSON = ["event": "Sign", "data": ["email": "a"]]
      #expect(try client.send("POST", path + "/instances", start).status == 201)
      let before = try client.send("POST", path + "/instances", start)
      let isGone = try eventually { try client.send("GET", path + "/instances/a").status == 410 }
      #expect(isGone)
      let after = try client.send("POST", path + "/instances", start)
      for answer in [before, after, try client.send("POST", path + "/instances?dryRun=true", start)] {
        #expect(answer.status == 409 && answer.json["code"] == "already-finished" && answer.json["reason"] == "ended")
      }
      let problem = try client.send("GET", path + "/instances/a").json
      let end = try #require(problem["endedAt"]?.string)
      let year = (Int(end.prefix(4)) ?? 0) + 1
      let until = try #require(problem["keyTakenUntil"]?.string)
      #expect(flow == "Ever" ? until == "forever" : until.hasPrefix("\(year)-") || until.hasPrefix("\(year - 1)-12-3"))
    }
  }

  @Test("an archived instance is a 410, and a subscription from before it is reset") func archivedInstance() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", Counter.source)
    let server = try ServerProcess([file, "--store", folder.store, "--keep", "1ms"])
    let client = HTTPClient(port: server.port)
    try Counter.begin("a", client)
    try client.send("POST", "/v1/flows/Counter/instances/a/events", ["event": "Stop"])
    let path = "/v1/flows/Counter/instances/a"
    let isGone = try eventually { try client.send("GET", path).status == 410 }
    #expect(isGone)
    #expect(try client.send("GET", path + "/history").json["code"] == "gone")
    let stream = try EventStreamClient(port: server.port, path: "/v1/live?since=0")
    #expect(try stream.receive().name == "reset")
    try Counter.begin("b", client)
    #expect(try stream.receive().data["subject"] == "b")
  }

  /// The store is written by an engine with a clock of its own.
  @Test("a shortened history states up to where it is archived") func truncatedHistory() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", Counter.source)
    try AgedStore.make(at: folder.store, source: Counter.source) { store in
      try store.send(daysAgo: 40, "Begin", ["id": "a"], to: "a")
      for number in 1...40 { try store.send(daysAgo: 40, "Add", ["n": .int(Int64(number))], to: "a") }
      try store.maintain(daysAgo: 20)
    }
    #expect(try folder.sqlite("SELECT count(*) FROM snapshot") == "1")
    let server = try ServerProcess([file, "--store", folder.store, "--keep", "1d"])
    let isFolded = try eventually { try folder.sqlite("SELECT sum(kept) FROM snapshot") == "1" }
    #expect(isFolded)
    let client = HTTPClient(port: server.port)
    let path = "/v1/flows/Counter/instances/a/history"
    try Counter.add(41, to: "a", client)
    let rest = try client.send("GET", path).json
    #expect(rest["archivedTo"]?["offset"] == 41 && rest["archivedTo"]?["revision"] == 41)
    #expect(rest["items"]?.array?.map { $0["offset"] } == [42])
    let stream = try EventStreamClient(port: server.port, path: "/v1/live?flow=Counter&key=a&since=5")
    #expect(try stream.receive().name == "reset")
    _ = server.stop()
    let check = try FlowProcess.run("store", "check", folder.store)
    #expect(check.code == 0 && check.output.contains("is sound"), "\(check.output)")
    let archive = try String(contentsOfFile: folder.store + ".archive.jsonl", encoding: .utf8).split(separator: "\n")
    #expect(try archive.map { try JSON(parsing: Array($0.utf8))["journal"]?.array?.count } == [41])
  }

  @Test("a history is available as JSON lines and as server-sent events") func historyFormats() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    // More than the output queue of a connection may hold: it is sent at the pace of the client.
    let padding = String(repeating: "x", count: 100_000)
    for number in 1...45 { try Counter.add(Int64(number), note: padding, to: "a", counter.client) }
    let path = "/v1/flows/Counter/instances/a/history"
    let lines = try counter.client.send("GET", path, headers: ["Accept": "application/x-ndjson"])
    #expect(lines.headers["content-type"] == "application/x-ndjson")
    let offsets = try lines.text.split(separator: "\n").map { try JSON(parsing: String($0))["offset"]?.int }
    #expect(offsets == Array(1...46))
    let late = try counter.client.send("GET", path + "?after=44", headers: ["Accept": "application/x-ndjson"])
    #expect(late.text.split(separator: "\n").count == 2)
    let stream = try EventStreamClient(port: counter.port, path: path, headers: ["Last-Event-ID": "45"])
    #expect(try stream.receive().name == "ready")
    #expect(try stream.receive().data["id"] == "46")
    try Counter.begin("b", counter.client)
    try Counter.add(1, to: "a", counter.client)
    #expect(try stream.receive().data["id"] == "48")
    #expect(
      try counter.client.send("GET", "/v1/flows/Counter/instances/z/history", headers: ["Accept": "text/event-stream"])
        .status == 404)
    #expect(try counter.client.send("HEAD", path, headers: ["Accept": "application/x-ndjson"]).status == 200)
    #expect(try counter.client.send("GET", "/livez").status == 200, "nothing of a body follows the head")
  }
}
