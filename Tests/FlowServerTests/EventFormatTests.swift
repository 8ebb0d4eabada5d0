import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// The formats of events, dry runs and `Prefer: wait`.
@Suite("Event formats and dry runs", .serialized) struct EventFormatTests {
  private static let structured = ["Content-Type": "application/cloudevents+json"]
  private static let batch = ["Content-Type": "application/cloudevents-batch+json; charset=utf-8"]

  private func cloudEvent(_ id: String, _ type: String, _ data: JSON, subject: String? = nil) -> JSON {
    var members: [JSON.Member] = [
      .init("specversion", "1.0"), .init("id", .string(id)), .init("source", "/test"), .init("type", .string(type)),
      .init("data", data),
    ]
    if let subject { members.append(.init("subject", .string(subject))) }
    return .object(members)
  }

  @Test("a CloudEvent is accepted in structured and binary mode and with base64 data") func cloudEventFormats() throws {
    let counter = try CounterServer()
    let begin = cloudEvent("1", "Begin", ["id": "a"])
    let first = try counter.client.send("POST", "/v1/events", begin, headers: EventFormatTests.structured)
    #expect(first.status == 201)
    let again = try counter.client.send("POST", "/v1/events", begin, headers: EventFormatTests.structured)
    #expect(again.headers["idempotent-replay"] == "true")
    let add = cloudEvent("2", "Add", ["n": 3], subject: "Counter/a")
    #expect(try counter.client.send("POST", "/v1/events", add, headers: EventFormatTests.structured).status == 200)
    let binary = [
      "ce-specversion": "1.0", "ce-id": "3", "ce-source": "/test", "ce-type": "Add", "ce-subject": "Counter%2Fa",
    ]
    #expect(try counter.client.send("POST", "/v1/events", ["n": 4], headers: binary).status == 200)
    let encoded: JSON = [
      "specversion": "1.0", "id": "4", "source": "/test", "type": "Add", "data_base64": "eyJuIjogNX0=",
    ]
    let path = "/v1/flows/Counter/instances/a/events"
    #expect(try counter.client.send("POST", path, encoded, headers: EventFormatTests.structured).status == 200)
    #expect(try counter.client.send("GET", "/v1/flows/Counter/instances/a").json["data"]?["total"] == 12)
  }

  @Test("a batch has a result for each event") func batchOfEvents() throws {
    let counter = try CounterServer()
    let events: JSON = .array([
      cloudEvent("1", "Begin", ["id": "a"]), cloudEvent("2", "Add", ["n": 2], subject: "Counter/a"), 5,
      cloudEvent("3", "Ad", [:]), cloudEvent("4", "Add", ["n": "two"], subject: "Counter/a"),
      cloudEvent("1", "Begin", ["id": "a"]), ["specversion": "1.0", "id": "", "source": "x", "type": "Add"],
    ])
    let answer = try counter.client.send("POST", "/v1/events", events, headers: EventFormatTests.batch)
    #expect(answer.status == 200)
    let items = answer.json["items"]?.array ?? []
    #expect(items.map { $0["status"]?.int } == [201, 200, 400, 404, 422, 201, 400])
    #expect(items[5]["replayed"] == true && items[3]["problem"]?["code"] == "unknown-event")
    #expect(answer.json["taken"] == 3 && answer.json["refused"] == 4)
    #expect(try counter.client.send("POST", "/v1/events", [], headers: EventFormatTests.batch).json["items"] == [])
    let keyed = EventFormatTests.batch.merging(["Idempotency-Key": "k"]) { first, _ in first }
    #expect(try counter.client.send("POST", "/v1/events", [], headers: keyed).status == 400)
    let dry = try counter.client.send("POST", "/v1/events?dryRun=true", [], headers: EventFormatTests.batch)
    #expect(dry.status == 400, "otherwise the events would be applied")
    let flood = JSON.array(Array(repeating: 1, count: 1001))
    #expect(try counter.client.send("POST", "/v1/events", flood, headers: EventFormatTests.batch).status == 413)
    #expect(try counter.client.send("POST", "/v1/events", ["a": 1], headers: EventFormatTests.batch).status == 400)
  }

  @Test("a dry run lists the same receivers as the event") func dryRunReceivers() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "flows.flow",
      """
      event Open { id: string  n: int }
      flow Small {
        key id
        data { id: string }
        start on Open when event.n < 5 -> open do { id = event.id }
        state open {}
        ongoing
      }
      flow Large {
        key id
        data { id: string }
        start on Open when event.n > 1 -> open do { id = event.id }
        state open {}
        ongoing
      }
      """)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    for (id, number, dispositions) in [("a", 3, ["applied", "applied"]), ("b", 9, ["refused", "applied"])] {
      let open: JSON = ["event": "Open", "data": ["id": .string(id), "n": .int(Int64(number))]]
      let dry = try client.send("POST", "/v1/events?dryRun=true", open).json
      let answer = try client.send("POST", "/v1/events", open).json
      let receivers = answer["receivers"]?.array ?? []
      #expect(receivers.map { $0["disposition"]?.string } == dispositions)
      let expected = receivers.map { JSON.object(($0.members ?? []).filter { $0.name != "offset" }) }
      #expect(dry["receivers"]?.array == expected && dry["flow"] == answer["flow"])
    }
  }

  @Test(
    "an invalid CloudEvent is a problem",
    arguments: [
      #"{"specversion": "0.3", "id": "1", "source": "x", "type": "Begin"}"#, #"{"specversion": "1.0"}"#, "[]", "null",
      #"{"specversion": "1.0", "id": "1", "source": "x", "type": "Begin", "data_base64": "!"}"#,
      #"{"specversion": "1.0", "id": "1", "source": "x", "type": "Begin", "data_base64": "e30"}"#,
    ])
  func invalidCloudEvent(_ text: String) throws {
    let counter = try CounterServer()
    let answer = try counter.client.send(
      "POST", "/v1/events", try JSON(parsing: text), headers: EventFormatTests.structured)
    #expect([400, 422].contains(answer.status), "\(answer.text)")
  }

  @Test("a dry run reports the outcome and changes nothing") func dryRun() throws {
    let counter = try CounterServer()
    let start = try counter.client.send(
      "POST", "/v1/flows/Counter/instances?dryRun=true", ["event": "Begin", "data": ["id": "a"]])
    #expect(start.status == 200 && start.json["created"] == true && start.json["to"] == ["counting"])
    #expect(try counter.client.send("GET", "/v1/flows/Counter/instances/a").status == 404)
    try Counter.begin("a", counter.client)
    let path = "/v1/flows/Counter/instances/a/events?dryRun=true"
    let add = try counter.client.send("POST", path, ["event": "Add", "data": ["n": 5]])
    #expect(add.json["disposition"] == "applied" && add.json["changes"] == ["total": 5])
    let refused = try counter.client.send("POST", path, ["event": "Add", "data": ["n": -1]])
    #expect(refused.status == 409 && refused.json["explanation"]?.array?.count == 1)
    #expect(try counter.client.send("POST", path, ["event": "Ad"]).status == 404)
    #expect(try counter.client.send("POST", path, ["event": "Add", "data": ["n": "x"]]).status == 422)
    #expect(try counter.client.send("POST", path, ["event": "Stop"], headers: ["If-Match": "\"9\""]).status == 412)
    #expect(try counter.client.send("POST", path + "x", ["event": "Stop"]).status == 400)
    let routed = try counter.client.send("POST", "/v1/events?dryRun=true", ["event": "Begin", "data": ["id": "z"]])
    #expect(routed.json["dryRun"] == true && routed.json["key"] == "z")
    let view = try counter.client.send("GET", "/v1/flows/Counter/instances/a")
    #expect(view.json["revision"] == 1 && view.json["data"]?["total"] == 0)
  }

  @Test("transitions reports the outcome of each event") func transitions() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    let path = "/v1/flows/Counter/instances/a/transitions"
    let all = try counter.client.send("GET", path).json
    #expect(all["items"]?.array?.map { $0["event"]?.string } == ["Add", "Stop"])
    let reaction = all["items"]?.array?.first?["explanation"]?.array?.first
    #expect(reaction?["guard"]?["expression"] == "event.n >= 0" && all["items"]?.array?.first?["would"] == "depend")
    #expect(all["items"]?.array?.last?["would"] == "be-applied")
    let refused = try counter.client.send("GET", path + "?event=Add&data=%7B%22n%22%3A-1%7D").json["items"]?.array?
      .first
    #expect(refused?["would"] == "be-refused" && refused?["reason"] == "guard-false")
    #expect(refused?["explanation"]?.array?.first?["guard"]?["value"] == false)
    for (query, status) in [
      ("?event=Nope", 404), ("?data=%7B%7D", 400), ("?event=Add&data=x", 400), ("?event=Add&data=1", 422),
    ] {
      #expect(try counter.client.send("GET", path + query).status == status)
    }
  }

  @Test("`Prefer: wait` delays the response until the instance is quiescent") func preferWait() throws {
    let folder = try TestFolder()
    let warehouse = try Warehouse()
    let server = try ServerProcess(
      [EndToEndTests.order, "--store", folder.store, "--allow-host", "127.0.0.1"], environment: warehouse.environment)
    let client = HTTPClient(port: server.port)
    let items: JSON = [["sku": "x", "qty": 1, "price": .double(1)]]
    try client.send(
      "POST", "/v1/flows/Order/instances",
      ["event": "Placed", "data": ["order_id": "o1", "email": "a@b.c", "items": items]])
    let paid: JSON = ["event": "Paid", "data": ["amount": 1]]
    let path = "/v1/flows/Order/instances/o1/events"
    #expect(try client.send("POST", path, paid, headers: ["Prefer": "wait=soon"]).status == 400)
    let answer = try client.send("POST", path, paid, headers: ["Prefer": "respond-async, wait=20"])
    #expect(answer.status == 200 && answer.headers["preference-applied"] == "wait=20")
    #expect(answer.json["to"] == ["shipping"] && answer.json["quiet"] == true)
    #expect(answer.json["instance"]?["state"] == ["delivered"])
  }

  @Test("`Prefer: wait, state` responds when the state is reached, although the instance waits for nothing")
  func preferState() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "door.flow",
      """
      event Knock { id: string }
      event Open {}
      event Leave {}
      flow Door {
        key id
        data { id: string }
        start on Knock -> closed do id = event.id
        state closed { on Open -> house  on Leave -> gone }
        state house {
          initial state porch { on Open -> hall }
          state hall { on Leave -> gone }
        }
        final gone
      }
      """)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let path = "/v1/flows/Door/instances"
    func knock(_ id: String, _ preference: String) throws -> HTTPClient.Response {
      try client.send("POST", path, ["event": "Knock", "data": ["id": .string(id)]], headers: ["Prefer": preference])
    }
    let late = try knock("d0", "wait=0, state=house")
    #expect(late.status == 202 && late.json["reached"] == false && late.json["quiet"] == true)
    let now = try knock("d1", "wait=20, state=closed")
    #expect(now.status == 201 && now.json["reached"] == true)
    #expect(now.headers["preference-applied"] == "wait=20, state=closed")
    #expect(try knock("d2", "wait=1, state=hose").json["detail"]?.string?.contains("did you mean `house`?") == true)
    #expect(try knock("d2", "state=house").status == 400)
    // Another caller opens while the first one waits.
    for (id, event, isReached) in [("d3", "Open", true), ("d4", "Leave", false)] {
      let result = Mutex<HTTPClient.Response?>(nil)
      let port = server.port
      let thread = Thread {
        let answer = try? HTTPClient(port: port).send(
          "POST", path, ["event": "Knock", "data": ["id": .string(id)]], headers: ["Prefer": "wait=30, state=house"])
        result.withLock { $0 = answer }
      }
      thread.start()
      #expect(try eventually { try client.send("GET", "\(path)/\(id)").status == 200 })
      try client.send("POST", "\(path)/\(id)/events", ["event": .string(event), "data": [:]])
      #expect(eventually { result.withLock { $0 != nil } })
      let answer = try #require(result.withLock { $0 })
      #expect(answer.status == 201)
      #expect(answer.json["reached"] == .bool(isReached))
    }
  }

  @Test("`Prefer: wait` ends with 202 after its time") func preferWaitTimeout() throws {
    let folder = try TestFolder()
    let server = try ServerProcess(
      [EndToEndTests.order, "--store", folder.store, "--allow-host", "127.0.0.1"],
      environment: ["WAREHOUSE_URL": "http://127.0.0.1:1"])
    let client = HTTPClient(port: server.port)
    try client.send(
      "POST", "/v1/flows/Order/instances",
      ["event": "Placed", "data": ["order_id": "o1", "email": "a@b.c", "items": []]])
    let answer = try client.send(
      "POST", "/v1/flows/Order/instances/o1/events", ["event": "Paid", "data": ["amount": 1]],
      headers: ["Prefer": "wait=0"])
    #expect(answer.status == 202 && answer.json["quiet"] == false)
    #expect(answer.json["instance"]?["state"] == ["shipping"])
  }
}
