import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// What operators read of the server itself, and its changes in the live stream.
@Suite(.serialized) struct OperatorViewTests {
  @Test("Deployments and retirements arrive in the live stream")
  func deployments() throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    try socket.send(["id": 1, "op": "sub"])
    let mark = try #require(try socket.receive()["ok"]?["flows"]?.string)
    try socket.send(["id": 2, "op": "sub", "flow": "Other"])
    _ = try socket.receive()
    let stream = try EventStreamClient(port: counter.port, path: "/v1/live?type=deployed")
    #expect(try stream.receive().name == "ready")
    let changed = Counter.source.replacing("total: int = 0", with: "total: int = 0  more: int = 0")
    let deployed = try counter.client.send(
      "PUT", "/v1/flows/Counter", text: changed, headers: ["Content-Type": "text/x-flow"])
    #expect(deployed.status == 200, "\(deployed.text)")
    let change = try socket.receive()
    #expect(change["sub"] == 1 && change["offset"] == nil)
    #expect(change["ev"]?["type"] == "flow.deployed.v1" && change["ev"]?["subject"] == "Counter")
    #expect(change["ev"]?["data"]?["definition"] == deployed.json["definition"])
    #expect(try stream.receive().name == "deployed")
    try counter.client.send("DELETE", "/v1/flows/Counter")
    #expect(try socket.receive()["ev"]?["type"] == "flow.retired.v1")
    try socket.send(["id": 3, "op": "hello"])
    let later = try #require(try socket.receive()["ok"]?["flows"]?.string)
    #expect(later != mark, "a client that was away recognizes that it has missed a change")
  }

  @Test("A subscription filters by the data of the instance")
  func filterByInstance() throws {
    let counter = try CounterServer()
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    try socket.send(["id": 1, "op": "sub", "type": "step", "filter": "instance.total > 5"])
    _ = try socket.receive()
    for key in ["a", "b"] { try Counter.begin(key, counter.client) }
    try Counter.add(3, to: "a", counter.client)
    try Counter.add(9, to: "b", counter.client)
    #expect(try socket.receive()["ev"]?["subject"] == "b")
    try Counter.add(3, to: "a", counter.client)
    #expect(try socket.receive()["ev"]?["subject"] == "a")
  }

  @Test("A scheduled start runs on request, with its reason in the history")
  func runNow() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "report.flow", "flow Report { start every 1d -> open  state open { after 90d -> over }  final over }")
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let schedule = try #require(try client.send("GET", "/v1/schedules").json["items"]?.array?.first)
    let started = try client.send("POST", "/v1/flows/Report/schedules/0/run", ["reason": "now"])
    #expect(started.status == 201, "\(started.text)")
    let key = try #require(started.json["key"]?.string)
    #expect(started.headers["location"]?.hasPrefix("/v1/flows/Report/instances/") == true)
    let items = try client.send("GET", "/v1/flows/Report/instances?key=\(key)").json["items"]?.array
    #expect(items?.count == 1)
    let after = try client.send("GET", "/v1/schedules").json["items"]?.array?.first
    #expect(after?["nextAt"] == schedule["nextAt"])
    #expect(try client.send("POST", "/v1/flows/Report/schedules/7/run", [:]).status == 404)
  }

  @Test("Keys are listed without their secrets, and operations are in the audit trail")
  func keysAndAudit() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let reader = try keys.add("reader", "--scope", "read")
    let chief = try keys.add("chief", "--scope", "read,operate", "--role", "lead")
    let file = try folder.write("counter.flow", Counter.source)
    let server = try ServerProcess([file, "--store", folder.store, "--keys", keys.path])
    let client = HTTPClient(port: server.port)
    #expect(try client.send("GET", "/v1/keys", headers: bearer(reader)).status == 403)
    let list = try client.send("GET", "/v1/keys", headers: bearer(chief))
    #expect(list.json["items"]?.array?.map { $0["name"] } == ["chief", "reader"])
    #expect(list.json["items"]?.array?.first?["scopes"] == ["operate", "read"])
    for secret in [reader, chief, "sha256"] { #expect(!list.text.contains(secret)) }
    let batch: JSON = ["op": "retry", "filter": ["flow": "Counter"]]
    #expect(try client.send("POST", "/v1/batches", batch, headers: bearer(chief)).status == 202)
    let trail = try client.send("GET", "/v1/audit", headers: bearer(chief)).json["items"]?.array ?? []
    #expect(trail.map { $0["path"] } == ["/v1/batches", "/v1/keys"], "the newest first; reading is no operation")
    #expect(trail.first?["who"] == "chief" && trail.first?["status"] == 202 && trail.last?["status"] == 403)
  }

  @Test("Instances with an incident are counted and listed")
  func incidents() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "stuck.flow",
      """
      event Begin { id: string  n: int }
      flow Stuck {
        key id
        data { id: string  n: int }
        start on Begin -> waiting do { id = event.id  n = event.n }
        state waiting { after 100ms -> over do n = 10 / n }
        final over
      }
      """)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    for (key, number) in [("good", 1), ("bad", 0)] {
      let data: JSON = ["id": .string(key), "n": .int(Int64(number))]
      #expect(try client.send("POST", "/v1/events", ["event": "Begin", "data": data]).status == 201)
    }
    let isStuck = try eventually { try client.send("GET", "/v1/stats").json["incidents"] == 1 }
    #expect(isStuck)
    let list = try client.send("GET", "/v1/instances?incident=true&count=true").json
    #expect(list["items"]?.array?.map { $0["key"] } == ["bad"] && list["page"]?["total"] == 1)
  }
}
