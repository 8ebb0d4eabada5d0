import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow serve` in a separate process, over HTTP and WebSocket.
@Suite("End to end", .serialized) struct EndToEndTests {
  static let order = packageRoot.appending(path: "samples/order.flow").path
  static let approval = packageRoot.appending(path: "samples/approval.flow").path

  private let placed: JSON = [
    "event": "Placed",
    "data": ["order_id": "o1", "email": "a@b.c", "items": [["sku": "x", "qty": 2, "price": .double(5)]]],
  ]

  private func paid(_ amount: Double) -> JSON { ["event": "Paid", "data": ["amount": .double(amount)]] }

  @Test("an order is paid, shipped and delivered, and the live stream reports each step") func orderLifecycle() throws {
    let folder = try TestFolder()
    let warehouse = try Warehouse()
    let server = try ServerProcess(
      [EndToEndTests.order, "--store", folder.store, "--allow-host", "127.0.0.1"], environment: warehouse.environment)
    let client = HTTPClient(port: server.port)
    let live = try WebSocketClient(port: server.port, path: "/v1/live?since=0")
    #expect(try live.receive()["ok"]?["recovered"] == true)

    let started = try client.send("POST", "/v1/flows/Order/instances", placed)
    #expect(started.status == 201)
    #expect(started.headers["location"] == "/v1/flows/Order/instances/o1")
    #expect(started.json["to"] == ["unpaid"])
    let half = try client.send("POST", "/v1/flows/Order/instances/o1/events", paid(4))
    #expect(half.status == 200 && half.json["to"] == ["unpaid"])
    let whole = try client.send("POST", "/v1/flows/Order/instances/o1/events", paid(6))
    #expect(whole.json["from"] == ["unpaid"] && whole.json["to"] == ["shipping"])
    let isDelivered = try eventually {
      try client.send("GET", "/v1/flows/Order/instances/o1").json["state"] == ["delivered"]
    }
    #expect(isDelivered)

    var offsets: [Int] = []
    var states: [JSON] = []
    while states.last != ["delivered"] {
      let message = try live.receive()
      offsets.append(try #require(message["offset"]?.int))
      if let to = message["ev"]?["data"]?["to"] { states.append(to) }
    }
    #expect(offsets == Array(1...offsets.count), "each entry once and in order")
    #expect(states == [["unpaid"], ["unpaid"], ["shipping"], ["delivered"]])

    let view = try client.send("GET", "/v1/flows/Order/instances/o1").json
    #expect(view["status"] == "done")
    #expect(view["data"]?["parcel"]?["id"] == "parcel-1")
    let history = try client.send("GET", "/v1/flows/Order/instances/o1/history").json
    #expect((history["items"]?.array?.count ?? 0) >= 4)
  }

  @Test("an event that the state does not accept is a 409 with the accepted events") func eventNotAccepted() throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    try client.send("POST", "/v1/flows/Order/instances", placed)
    let refused = try client.send(
      "POST", "/v1/flows/Order/instances/o1/events", ["event": "Retry"], headers: ["Flow-Roles": "support"])
    #expect(refused.status == 409)
    #expect(refused.headers["content-type"] == "application/problem+json")
    #expect(refused.json["code"] == "event-not-accepted")
    #expect(refused.json["allowedEvents"] == ["Paid", "Cancel"])
  }

  @Test("a false guard is explained with its values") func falseGuard() throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.approval, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let request: JSON = [
      "event": "Request", "data": ["id": "p1", "title": "chairs", "cents": 0, "owner": "ann"],
    ]
    let refused = try client.send(
      "POST", "/v1/flows/Approval/instances", request, headers: ["Flow-Roles": "requester"])
    #expect(refused.status == 409)
    let condition = refused.json["explanation"]?.array?.first?["guard"]
    #expect(condition?["expression"] == "event.cents > 0")
    #expect(condition?["value"] == false)
    #expect(condition?.text().contains(#""value":0"#) == true)
  }

  @Test("an event is accepted only with a required role") func roles() throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.approval, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let request: JSON = ["event": "Request", "data": ["id": "p1", "title": "t", "cents": 5, "owner": "ann"]]
    #expect(try client.send("POST", "/v1/events", request).status == 403)
    #expect(try client.send("POST", "/v1/events", request, headers: ["Flow-Roles": "requester"]).status == 201)
    let approve: JSON = ["event": "Approve"]
    let path = "/v1/flows/Approval/instances/p1/events"
    #expect(try client.send("POST", path, approve, headers: ["Flow-Roles": "boss"]).status == 400)
    let approved = try client.send("POST", path, approve, headers: ["Flow-Roles": "manager", "Flow-Caller": "eve"])
    #expect(approved.json["to"] == ["approved"])
  }

  @Test("the same idempotency key returns the first response") func idempotencyKey() throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    try client.send("POST", "/v1/flows/Order/instances", placed)
    let path = "/v1/flows/Order/instances/o1/events"
    let first = try client.send("POST", path, paid(1), headers: ["Idempotency-Key": "k1"])
    let again = try client.send("POST", path, paid(1), headers: ["Idempotency-Key": "k1"])
    #expect(first.status == 200 && again.status == 200)
    #expect(again.headers["idempotent-replay"] == "true")
    #expect(again.json == first.json)
    #expect(try client.send("POST", path, paid(2), headers: ["Idempotency-Key": "k1"]).status == 422)
    #expect(try client.send("GET", "/v1/flows/Order/instances/o1").json["data"]?["paid"] == .double(1))
    #expect(try client.send("POST", path, paid(1), headers: ["If-Match": "\"1\""]).status == 412)
  }

  @Test(
    "invalid requests receive a problem document",
    arguments: [
      ("POST", "/v1/events", #"{"event": "Payed"}"#, 404, "unknown-event"),
      ("POST", "/v1/events", #"{"event": "Placed", "data": {"order_id": 5}}"#, 422, "validation-failed"),
      ("POST", "/v1/events", #"{"no": 1}"#, 400, "bad-request"),
      ("POST", "/v1/flows/Ordr/instances", #"{"event": "Placed"}"#, 404, "not-found"),
      ("GET", "/v1/flows/Order/instances/none", "", 404, "not-found"),
      ("POST", "/v1/flows/Order/instances/none/events", #"{"event": "Paid", "data": {"amount": 1}}"#, 404, "not-found"),
      ("PUT", "/v1/events", "{}", 405, "method-not-allowed"),
      ("GET", "/nothing", "", 404, "not-found"),
      ("GET", "/v1/flows/", "", 404, "not-found"),
      ("GET", "/v1/flows/Order/instances//history", "", 404, "not-found"),
      ("GET", "/v1/flows/Order/instances/%zz", "", 400, "bad-request"),
      ("GET", "/v1/flows/Order/instances/%ff", "", 400, "bad-request"),
      ("POST", "/v1/jobs/one/complete", "{}", 404, "not-found"),
      ("GET", "/v1/flows/Order/instances?limit=x", "", 400, "bad-request"),
      ("GET", "/v1/live", "", 426, "upgrade-required"),
    ])
  func problems(
    _ method: String, _ path: String, _ body: String, _ status: Int, _ code: String
  ) throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let answer = try HTTPClient(port: server.port).send(method, path, body.isEmpty ? nil : JSON(parsing: body))
    #expect(answer.status == status)
    #expect(answer.json["code"] == .string(code))
    #expect(answer.json["detail"]?.string?.isEmpty == false)
  }

  @Test("405 lists the allowed methods, and only names in a path are percent-decoded") func allowedMethods() throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let refused = try client.send("DELETE", "/v1/flows/Order/instances")
    #expect(refused.status == 405)
    #expect(refused.headers["allow"] == "POST, GET, HEAD")
    // Names are percent-decoded; the fixed segments of a path are not.
    #expect(try client.send("GET", "/v1/%66lows").status == 404)
    #expect(try client.send("GET", "/v1/flows/%4Frder/instances").status == 200)
    #expect(try client.send("GET", "/v1/jobs/claim").headers["allow"] == "POST")
  }

  @Test(
    "content types that an HTML form can send are a 415",
    arguments: ["text/plain", "", "application/x-www-form-urlencoded"])
  func contentType(_ type: String) throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let answer = try HTTPClient(port: server.port).send("POST", "/v1/events", placed, headers: ["Content-Type": type])
    #expect(answer.status == 415)
  }

  @Test("timers and jobs survive a restart") func timersAndJobsSurviveARestart() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "wait.flow",
      """
      event Begin { id: string }
      event Woken { id: string }
      action work(id: string) -> string fails BROKEN { worker "hands" }
      flow Wait {
        key id
        data { id: string  result: string = "" }
        start on Begin -> sleeping do id = event.id
        state sleeping { after 1500ms -> working }
        state working {
          call work(id: id) as work_
          on work_.done -> end do result = event.result
          on work_.failed -> broken
        }
        final end
        failed broken
      }
      """)
    var server = try ServerProcess([file, "--store", folder.store])
    try HTTPClient(port: server.port).send(
      "POST", "/v1/flows/Wait/instances", ["event": "Begin", "data": ["id": "w1"]])
    server.kill()
    server = try ServerProcess([file, "--store", folder.store])
    let woken = try eventually {
      try HTTPClient(port: server.port).send("GET", "/v1/flows/Wait/instances/w1").json["state"] == ["working"]
    }
    #expect(woken)
    server.kill()
    server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let claimed = try client.send("POST", "/v1/jobs/claim", ["queue": "hands", "worker": "test"])
    let job = try #require(claimed.json["items"]?.array?.first)
    #expect(job["arguments"] == ["id": "w1"])
    let done = try client.send(
      "POST", "/v1/jobs/\(try #require(job["id"]).text())/complete",
      ["fence": job["fence"] ?? .null, "result": "well done"])
    #expect(done.status == 200)
    let view = try client.send("GET", "/v1/flows/Wait/instances/w1").json
    #expect(view["state"] == ["end"])
    #expect(view["data"]?["result"] == "well done")
  }
}
