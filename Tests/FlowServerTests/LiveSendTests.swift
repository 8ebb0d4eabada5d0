import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Events over the live stream, with the same results as `POST …/events`.
@Suite("Events over the live stream", .serialized) struct LiveSendTests {
  private func send(_ event: String, _ data: JSON = [:], _ more: [JSON.Member] = []) -> JSON {
    let members: [JSON.Member] = [.init("id", 7), .init("op", "send"), .init("event", .string(event))]
    return .object(members + [.init("data", data)] + more)
  }

  private func ask(_ message: JSON, _ socket: WebSocketClient) throws -> JSON {
    try socket.send(message)
    let answer = try socket.receive()
    #expect(answer["re"] == 7)
    return answer
  }

  private func to(_ key: String) -> [JSON.Member] { [.init("flow", "Counter"), .init("key", .string(key))] }

  @Test("an acknowledged event survives a crash") func durability() throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    let begun = try ask(send("Begin", ["id": "a"], [.init("flow", "Counter")]), socket)["ok"]
    #expect(begun?["disposition"] == "applied" && begun?["created"] == true && begun?["revision"] == 1)
    let added = try ask(send("Add", ["n": 3], to("a")), socket)["ok"]
    #expect(added?["from"] == ["counting"] && added?["to"] == ["counting"] && added?["offset"] == 2)
    counter.process.kill()
    let second = try ServerProcess([
      counter.folder.url.appending(path: "counter.flow").path, "--store", counter.folder.store,
    ])
    let view = try HTTPClient(port: second.port).send("GET", "/v1/flows/Counter/instances/a").json
    #expect(view["data"]?["total"] == 3 && view["revision"] == 2)
  }

  @Test("pipelined events are answered in order") func pipelining() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    try socket.send(["id": 1, "op": "sub", "type": "step"])
    _ = try socket.receive()
    for number in 1...200 {
      let members: [JSON.Member] = [.init("id", .int(Int64(number + 1000))), .init("op", "send")]
      try socket.send(.object(members + [.init("event", "Add"), .init("data", ["n": 1])] + to("a")))
    }
    var replies: [Int] = []
    var received: [Int] = []
    while replies.count < 200 || received.count < 200 {
      let message = try socket.receive()
      if let id = message["re"]?.int {
        #expect(message["ok"]?["revision"]?.int == id - 999)
        replies.append(id)
      } else {
        received.append(try #require(message["offset"]?.int))
      }
    }
    #expect(replies == Array(1001...1200), "in the order in which they were sent")
    #expect(received == Array(2...201))
  }

  /// Each is refused over HTTP with the same code and status.
  @Test("a refusal equals the problem of the same HTTP request") func refusals() throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    for key in ["a", "ended"] { try Counter.begin(key, counter.client) }
    try counter.client.send("POST", "/v1/flows/Counter/instances/ended/events", ["event": "Stop"])
    let cases: [(key: String, event: String, data: JSON, code: String)] = [
      ("a", "Addd", ["n": 1], "unknown-event"), ("a", "Add", ["n": "x"], "validation-failed"),
      ("a", "Add", [:], "validation-failed"), ("none", "Add", ["n": 1], "not-found"),
      ("a", "Add", ["n": -1], "event-not-accepted"), ("ended", "Add", ["n": 1], "already-finished"),
    ]
    for (key, event, data, code) in cases {
      let error = try #require(try ask(send(event, data, to(key)), socket)["err"])
      let answer = try counter.client.send(
        "POST", "/v1/flows/Counter/instances/\(key)/events", ["event": .string(event), "data": data])
      #expect(error["code"]?.string == code && answer.json["code"]?.string == code)
      #expect(error["status"]?.int == answer.status)
      for name in ["detail", "violations", "allowedEvents", "explanation", "state", "events"] {
        #expect(error[name] == answer.json[name], "\(code): \(name)")
      }
    }
    let stale = try ask(send("Add", ["n": 1], to("a") + [.init("ifRevision", 9)]), socket)["err"]
    #expect(stale?["code"] == "revision-mismatch" && stale?["revision"] == 1)
    #expect(try ask(send("Add", ["n": 1], to("a") + [.init("ifRevision", 1)]), socket)["ok"]?["revision"] == 2)
  }

  @Test(
    "an invalid message changes nothing",
    arguments: [
      (#"{"id": 7, "op": "send"}"#, "bad-request"), (#"{"id": 7, "op": "send", "event": 5}"#, "bad-request"),
      (#"{"id": 7, "op": "send", "event": "Add", "key": "a"}"#, "bad-request"),
      (#"{"id": 7, "op": "send", "event": "Add", "flow": "Counter", "key": 5}"#, "bad-request"),
      (#"{"id": 7, "op": "send", "event": "Add", "flow": "Countr", "key": "a"}"#, "not-found"),
      (#"{"id": 7, "op": "send", "event": "Stop", "flow": "Counter", "key": "a", "ifRevision": "1"}"#, "bad-request"),
      (
        #"{"id": 7, "op": "send", "event": "Stop", "flow": "Counter", "key": "a", "idempotencyKey": ""}"#, "bad-request"
      ),
      (#"{"id": 7, "op": "send", "event": "Stop", "flow": "Counter", "key": "a", "idempotencyKey": 1}"#, "bad-request"),
    ])
  func invalidMessages(_ text: String, _ code: String) throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    #expect(try ask(try JSON(parsing: text), socket)["err"]?["code"]?.string == code)
    #expect(try counter.client.send("GET", "/v1/flows/Counter/instances/a").json["revision"] == 1)
  }

  @Test("the same idempotency key returns the first reply, over HTTP as well") func idempotencyKey() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    let key = [JSON.Member("idempotencyKey", "k1")]
    let first = try #require(try ask(send("Add", ["n": 2], to("a") + key), socket)["ok"])
    let again = try #require(try ask(send("Add", ["n": 2], to("a") + key), socket)["ok"])
    #expect(first["replayed"] == nil && again["replayed"] == true)
    #expect(again["revision"] == first["revision"] && again["offset"] == first["offset"])
    let request = try counter.client.send(
      "POST", "/v1/flows/Counter/instances/a/events", ["event": "Add", "data": ["n": 2]],
      headers: ["Idempotency-Key": "k1"])
    #expect(request.headers["idempotent-replay"] == "true" && request.json["revision"] == first["revision"])
    let other = try ask(send("Add", ["n": 3], to("a") + key), socket)["err"]
    #expect(other?["code"] == "idempotency-reused" && other?["status"] == 422)
    #expect(try counter.client.send("GET", "/v1/flows/Counter/instances/a").json["data"]?["total"] == 2)
  }

  // MARK: - Permissions

  @Test("events have the roles of the request that opened the socket") func rolesOfSocket()
    throws
  {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.approval, "--store", folder.store])
    let request: JSON = ["id": "p1", "title": "t", "cents": 5, "owner": "ann"]
    let anonymous = try WebSocketClient(port: server.port, path: "/v1/live")
    let refused = try ask(send("Request", request), anonymous)["err"]
    #expect(refused?["code"] == "forbidden" && refused?["status"] == 403)
    let headers = ["Flow-Roles": "requester", "Flow-Caller": "ann"]
    let requester = try WebSocketClient(port: server.port, path: "/v1/live", headers: headers)
    #expect(try ask(send("Request", request), requester)["ok"]?["created"] == true)
    let unknown = try WebSocketClient(port: server.port, path: "/v1/live", headers: ["Flow-Roles": "boss"])
    #expect(try ask(send("Request", request), unknown)["err"]?["code"] == "bad-request")
  }

  @Test("scopes, flows and rate of the key apply to events of a socket") func scopesOfKey() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let reader = try keys.add("reader", "--scope", "read")
    let sender = try keys.add("sender", "--scope", "read,send", "--role", "requester")
    let stranger = try keys.add("stranger", "--scope", "read,send", "--flow", "Order")
    let slow = try keys.add("slow", "--scope", "read,send", "--role", "requester", "--rate", "1")
    let listener = try keys.add("listener", "--scope", "read", "--rate", "3")
    let audit = folder.url.appending(path: "audit.jsonl").path
    let server = try ServerProcess(
      [EndToEndTests.order, EndToEndTests.approval, "--store", folder.store, "--keys", keys.path, "--audit", audit])
    func socket(_ key: String) throws -> WebSocketClient {
      try WebSocketClient(port: server.port, path: "/v1/live", headers: bearer(key))
    }
    func request(_ id: String) -> JSON {
      send("Request", ["id": .string(id), "title": "t", "cents": 5, "owner": "ann"])
    }
    let mute = try ask(request("p1"), socket(reader))["err"]
    #expect(mute?["code"] == "forbidden" && mute?["detail"]?.string?.contains("scope `send`") == true)
    #expect(try ask(request("p1"), socket(stranger))["err"]?["code"] == "unknown-event")
    let named = send("Request", [:], [.init("flow", "Approval"), .init("key", "p1")])
    #expect(try ask(named, socket(stranger))["err"]?["code"] == "forbidden")
    #expect(try ask(request("p1"), socket(sender))["ok"]?["created"] == true)
    // A socket that authenticates with `hello` has the same permissions.
    let late = try WebSocketClient(port: server.port, path: "/v1/live")
    try late.send(["id": 1, "op": "hello", "token": .string(sender)])
    _ = try late.receive()
    #expect(try ask(request("p2"), late)["ok"]?["created"] == true)
    let hasty = try socket(slow)
    var refused: JSON?
    for number in 0..<200 where refused == nil { refused = try ask(request("s\(number)"), hasty)["err"] }
    #expect(refused?["code"] == "rate-limited" && refused?["retryAfter"] == 1)
    let eager = try socket(listener)
    var code: String?
    for number in 1...60 where code == nil {
      try eager.send(["id": .int(Int64(number)), "op": "sub"])
      code = try eager.receive()["err"]?["code"]?.string
    }
    #expect(code == "rate-limited", "a subscription counts as well")
    let lines = try String(contentsOfFile: audit, encoding: .utf8)
    #expect(lines.contains(#""who":"reader""#) && lines.contains(#""status":403"#))
  }
}
