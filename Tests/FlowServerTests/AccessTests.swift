import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Keys, scopes, roles and flows, against a real server.
@Suite("Access: keys, scopes, roles and flows", .serialized) struct AccessTests {
  private let folder: TestFolder
  private let keys: Keys

  init() throws {
    folder = try TestFolder()
    keys = Keys(in: folder)
  }

  private func serve(_ arguments: String...) throws -> ServerProcess {
    try ServerProcess(
      [EndToEndTests.order, EndToEndTests.approval, "--store", folder.store, "--keys", keys.path] + arguments)
  }

  static let request: JSON = ["event": "Request", "data": ["id": "p1", "title": "t", "cents": 5, "owner": "ann"]]
  static let placed: JSON = ["event": "Placed", "data": ["order_id": "o1", "email": "a@b.c", "items": []]]

  @Test("a new key is printed once and stored as a hash") func storedKey() throws {
    let key = try keys.add("ann", "--scope", "read")
    #expect(key.hasPrefix("flow_") && key.utf8.count == 48)
    let text = try String(contentsOfFile: keys.path, encoding: .utf8)
    #expect(!text.contains(key) && !text.contains(key.dropFirst(5)))
    let mode = try FileManager.default.attributesOfItem(atPath: keys.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try keys.add("bob", "--scope", "read") != key)
  }

  @Test("requests without a key are rejected, except health probes and the version") func missingKey() throws {
    _ = try keys.add("ann", "--scope", "read")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    for path in ["/livez", "/readyz", "/version"] { #expect(try client.send("GET", path).status == 200) }
    for path in ["/v1/flows", "/v1/instances", "/metrics", "/v1/nothing", "/nothing"] {
      let answer = try client.send("GET", path)
      #expect(answer.status == 401, "\(path)")
      #expect(answer.headers["www-authenticate"] == "Bearer realm=\"flow\"")
      #expect(answer.json["code"] == "unauthenticated")
    }
    #expect(try client.send("POST", "/v1/events", AccessTests.placed).status == 401)
  }

  @Test("--read-only rejects every change and allows reading and simulation") func readOnly() throws {
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store, "--read-only"])
    let client = HTTPClient(port: server.port)
    let changes: [(String, String)] = [
      ("POST", "/v1/events"), ("POST", "/v1/flows/Order/instances"), ("POST", "/v1/flows/Order/instances/o1/cancel"),
      ("POST", "/v1/flows/Order/instances/o1/fork"), ("PUT", "/v1/flows/Order"), ("DELETE", "/v1/flows/Order"),
      ("POST", "/v1/batches"), ("POST", "/v1/jobs/claim"), ("POST", "/v1/hooks/Order/Paid"), ("POST", "/v1/nothing"),
    ]
    for (method, path) in changes {
      let answer = try client.send(method, path, AccessTests.placed)
      #expect(answer.status == 403 && answer.json["code"] == "read-only", "\(method) \(path): \(answer.text)")
    }
    for path in ["/v1/flows", "/v1/instances", "/v1/flows/Order/source", "/metrics", "/readyz", "/docs"] {
      #expect(try client.send("GET", path).status == 200, "\(path)")
    }
    let socket = try WebSocketClient(port: server.port, path: "/v1/live")
    try socket.send(["id": 1, "op": "send", "event": "Placed", "data": AccessTests.placed["data"] ?? .null])
    #expect(try socket.receive()["err"]?["code"] == "read-only")
    let tried = try client.send("POST", "/v1/flows/Order/simulate", ["steps": [AccessTests.placed]])
    #expect(tried.status == 200, "\(tried.text)")
  }

  /// A socket may authenticate after its upgrade. The exemption must not apply to other resources.
  @Test(
    "an upgrade request without a key is rejected outside the live stream",
    arguments: ["/v1/flows", "/v1/instances", "/metrics", "/v1/flows/Order/instances/o1", "/v1/live/"])
  func upgradeWithoutKey(_ path: String) throws {
    _ = try keys.add("ann", "--scope", "read")
    let server = try serve()
    let upgrade = [
      "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]
    #expect(try HTTPClient(port: server.port).send("GET", path, headers: upgrade).status == 401)
  }

  @Test(
    "an invalid Authorization header is a 401",
    arguments: [
      "Bearer flow_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Bearer", "Bearer ", "Basic YTpi", "flow_x", "",
      "Bearer \u{e9}", "Bearer a.b.c", "Bearer " + String(repeating: "A", count: 10_000),
    ])
  func invalidCredentials(_ header: String) throws {
    _ = try keys.add("ann", "--scope", "read")
    let server = try serve()
    let answer = try HTTPClient(port: server.port).send("GET", "/v1/flows", headers: ["Authorization": header])
    #expect(answer.status == 401)
    #expect(answer.headers["www-authenticate"]?.contains("invalid_token") == true)
  }

  @Test("a scope permits its own operations only") func scopes() throws {
    let reader = try keys.add("reader", "--scope", "read")
    let sender = try keys.add("sender", "--scope", "send", "--role", "requester")
    let worker = try keys.add("worker", "--scope", "work")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    let tries: [(String, String, JSON?, allowed: String)] = [
      ("GET", "/v1/flows", nil, reader), ("GET", "/v1/instances", nil, reader), ("GET", "/metrics", nil, reader),
      ("POST", "/v1/events", AccessTests.placed, sender),
      ("POST", "/v1/jobs/claim", ["queue": "none"], worker),
    ]
    for (method, path, body, allowed) in tries {
      for key in [reader, sender, worker] {
        let status = try client.send(method, path, body, headers: bearer(key)).status
        #expect(key == allowed ? status < 300 : status == 403, "\(method) \(path): \(status)")
      }
    }
    // Unknown routes require the strongest scope.
    for key in [reader, sender, worker] {
      #expect(try client.send("DELETE", "/v1/flows/Order/instances/o1", headers: bearer(key)).status == 403)
      #expect(try client.send("POST", "/v1/anything", [:], headers: bearer(key)).status == 403)
      #expect(try client.send("PUT", "/v1/flows/Order", [:], headers: bearer(key)).status == 403)
      // A flow may have the name of a resource; `/v1/flows/events` does not accept events.
      #expect(try client.send("POST", "/v1/flows/events", [:], headers: bearer(key)).status == 403)
      #expect(try client.send("POST", "/v1/flows/Order/instances/events", [:], headers: bearer(key)).status == 403)
    }
  }

  @Test("with keys, roles and caller come from the key, not from headers") func rolesOfKey() throws {
    let requester = try keys.add("ann", "--scope", "send", "--role", "requester")
    let manager = try keys.add("bob", "--scope", "send", "--scope", "read", "--role", "manager")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    let claimed = bearer(requester).merging(["Flow-Roles": "manager", "Flow-Caller": "bob"]) { $1 }
    #expect(try client.send("POST", "/v1/events", AccessTests.request, headers: claimed).status == 201)
    let path = "/v1/flows/Approval/instances/p1"
    #expect(try client.send("POST", path + "/events", ["event": "Approve"], headers: claimed).status == 403)
    let approved = try client.send("POST", path + "/events", ["event": "Approve"], headers: bearer(manager))
    #expect(approved.json["to"] == ["approved"])
    let history = try client.send("GET", path + "/history", headers: bearer(manager)).json["items"]?.array ?? []
    let callers = history.compactMap { $0["data"]?["event"]?["caller"]?.string }
    #expect(callers == ["ann", "bob"])
  }

  @Test("a key for one flow does not reveal other flows") func keyForOneFlow() throws {
    let all = try keys.add("all", "--scope", "read,send", "--role", "requester")
    let some = try keys.add("some", "--scope", "read,send", "--flow", "Order", "--role", "requester")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    let live = try WebSocketClient(port: server.port, path: "/v1/live?since=0", headers: bearer(some))
    #expect(try live.receive()["ok"] != nil)
    #expect(try client.send("POST", "/v1/events", AccessTests.request, headers: bearer(some)).status == 404)
    #expect(try client.send("POST", "/v1/events", AccessTests.request, headers: bearer(all)).status == 201)
    #expect(try client.send("POST", "/v1/events", AccessTests.placed, headers: bearer(some)).status == 201)
    #expect(try live.receive()["ev"]?["source"] == "/v1/flows/Order")

    let list = try client.send("GET", "/v1/instances", headers: bearer(some)).json["items"]?.array
    #expect(list?.compactMap { $0["flow"] } == ["Order"])
    #expect(try client.send("GET", "/v1/instances", headers: bearer(all)).json["items"]?.array?.count == 2)
    let flows = try client.send("GET", "/v1/flows", headers: bearer(some)).json["items"]?.array
    #expect(flows?.compactMap { $0["name"] } == ["Order"])
    for path in ["", "/instances", "/instances/p1", "/instances/p1/history"] {
      let there = try client.send("GET", "/v1/flows/Approval\(path)", headers: bearer(some))
      let invented = try client.send("GET", "/v1/flows/Invented\(path)", headers: bearer(some))
      #expect(there.status == 403 && invented.status == 403)
      let responses = [there, invented].map { answer in
        answer.json.members?.filter { $0.name != "requestId" }.map { $0.value.text() } ?? []
      }
      let expected = responses[1].map { $0.replacing("Invented", with: "Approval") }
      #expect(
        responses[0] == expected && responses[0].count > 5, "the response does not reveal whether the flow exists")
      #expect(try client.send("GET", "/v1/flows/%41pproval\(path)", headers: bearer(some)).status == 403)
    }
    #expect(try client.send("GET", "/metrics", headers: bearer(some)).status == 403)
  }

  @Test("a socket can authenticate with its first message") func helloMessage() throws {
    let reader = try keys.add("reader", "--scope", "read")
    let sender = try keys.add("sender", "--scope", "send")
    let server = try serve()
    func greeted(_ token: String) throws -> JSON {
      let socket = try WebSocketClient(port: server.port, path: "/v1/live?since=0")
      try socket.send(["id": 1, "op": "hello", "token": .string(token)])
      return try socket.receive()
    }
    #expect(try greeted(reader)["ok"]?["scopes"] == ["read"])
    #expect(closeCode { _ = try greeted("flow_nobody") } == "closed 4401")
    #expect(closeCode { _ = try greeted(sender) } == "closed 4403")
    let hasty = try WebSocketClient(port: server.port, path: "/v1/live")
    try hasty.send(["id": 1, "op": "sub", "since": 0])
    #expect(closeCode { _ = try hasty.receive() } == "closed 4401")
    #expect(
      closeCode { _ = try WebSocketClient(port: server.port, path: "/v1/live", headers: bearer("flow_x")) }
        .hasPrefix("HTTP/1.1 401"))
  }

  private func closeCode(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "open"
    } catch let refused as WebSocketClient.Refused {
      return refused.head
    } catch {
      return "\(error)"
    }
  }

  @Test("the rate limit of a key applies to that key only") func rateLimit() throws {
    let slow = try keys.add("slow", "--scope", "read", "--rate", "1")
    let quick = try keys.add("quick", "--scope", "read")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    var refused: HTTPClient.Response?
    for _ in 0..<200 where refused == nil {
      let answer = try client.send("GET", "/v1/flows", headers: bearer(slow))
      if answer.status == 429 { refused = answer }
    }
    #expect(refused?.headers["retry-after"] == "1")
    #expect(refused?.json["code"] == "rate-limited")
    #expect(try client.send("GET", "/v1/flows", headers: bearer(quick)).status == 200)
  }

  @Test("SIGHUP reloads the keys; an invalid file keeps the previous keys") func reloadOnSIGHUP() throws {
    let first = try keys.add("first", "--scope", "read")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    let live = try WebSocketClient(port: server.port, path: "/v1/live", headers: bearer(first))
    try FileManager.default.removeItem(atPath: keys.path)
    let second = try keys.add("second", "--scope", "read")
    server.send(SIGHUP)
    #expect(try eventually { try client.send("GET", "/v1/flows", headers: bearer(second)).status == 200 })
    #expect(try client.send("GET", "/v1/flows", headers: bearer(first)).status == 401)
    #expect(try live.receive()["op"] == "bye")
    #expect(closeCode { _ = try live.receive() } == "closed 1012")
    try "[[key]]\nnam = 1".write(toFile: keys.path, atomically: true, encoding: .utf8)
    server.send(SIGHUP)
    #expect(eventually { server.log.contains("the keys were not reloaded") })
    #expect(try client.send("GET", "/v1/flows", headers: bearer(second)).status == 200)
  }

  @Test("rejected requests are written to the audit log") func auditLog() throws {
    let reader = try keys.add("reader", "--scope", "read")
    let audit = folder.url.appending(path: "audit.jsonl").path
    let server = try serve("--audit", audit)
    let client = HTTPClient(port: server.port)
    try client.send("GET", "/v1/flows", headers: bearer(reader))
    try client.send(
      "POST", "/v1/flows/Order/instances/o1/cancel", [:],
      headers: bearer(reader).merging(["X-Request-Id": "r-7"]) { $1 })
    try client.send("GET", "/v1/flows", headers: bearer("flow_x"))
    let socket = try WebSocketClient(port: server.port, path: "/v1/live")
    try socket.send(["id": 1, "op": "hello", "token": "flow_x"])
    #expect(closeCode { _ = try socket.receive() } == "closed 4401")
    #expect(server.stop() == 0)
    let lines = try String(contentsOfFile: audit, encoding: .utf8).split(separator: "\n").map {
      try JSON(parsing: String($0))
    }
    #expect(lines.compactMap { $0["status"]?.int } == [403, 401, 401])
    #expect(lines.last?["path"] == "/v1/live" && lines.last?["address"] == "127.0.0.1")
    #expect(lines.first?["who"] == "reader" && lines.first?["requestId"] == "r-7")
    #expect(lines.first?["scope"] == "operate" && lines.first?["address"] == "127.0.0.1")
    #expect(lines.first?["path"] == "/v1/flows/Order/instances/o1/cancel")
    #expect(lines.last?["who"] == "")
  }

  @Test("audit lines are logged at any log level") func auditAtErrorLevel() throws {
    _ = try keys.add("reader", "--scope", "read")
    // At this log level the server does not print its port, so the script chooses one.
    let script = """
      port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
      "$1" serve "$2" --store "$3" --create --keys "$4" --addr 127.0.0.1:$port --log-level error 2>&1 &
      curl -s -o /dev/null --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:$port/v1/flows
      kill %1
      wait %1
      """
    let ran = try runProgram(
      "bash", "-mc", script, "bash", ServerProcess.binary.path, EndToEndTests.order, folder.store, keys.path)
    let lines = try ran.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
    #expect(lines.map { $0["msg"] } == ["audit"])
    #expect(lines.first?["status"] == 401)
  }

  @Test(
    "a public address requires a valid key file",
    arguments: [
      ([], "requests would not be authenticated"), (["--keys", "/nowhere.toml"], "cannot read"),
      (["--keys", "OPEN"], "chmod 600"), (["--keys", "EMPTY"], "neither a key nor an issuer"),
    ])
  func publicAddress(_ arguments: [String], _ message: String) throws {
    let open = try folder.write("OPEN", "")
    let empty = try folder.write("EMPTY", "")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: open)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: empty)
    let given = arguments.map { ["OPEN": open, "EMPTY": empty][$0] ?? $0 }
    let process = try FlowProcess.run(
      ["serve", EndToEndTests.order, "--addr", "0.0.0.0:0", "--store", folder.store, "--create"] + given)
    #expect(process.code == 2)
    #expect(process.errors.contains(message), "\(process.errors)")
  }

  @Test(
    "flow key rejects invalid options",
    arguments: [
      ["new"], ["new", "--scope", "fly"], ["new", "--scope", "read", "--expires", "soon"], ["old", "--scope", "read"],
      ["new", "--scope", "read", "--rate", "0"], [],
    ])
  func invalidKeyOptions(_ arguments: [String]) throws {
    let process = try FlowProcess.run(["key"] + arguments)
    #expect(process.code == 2)
    #expect(process.output.isEmpty)
  }

  @Test("an expired key is rejected") func expiredKey() throws {
    let old = try keys.add("old", "--scope", "read", "--expires", "2020-01-01T00:00:00Z")
    let server = try serve()
    let answer = try HTTPClient(port: server.port).send("GET", "/v1/flows", headers: bearer(old))
    #expect(answer.status == 401)
    #expect(answer.json["detail"] == "this key has expired")
  }
}
