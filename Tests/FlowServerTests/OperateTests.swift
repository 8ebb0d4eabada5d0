import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Operator actions over the API.
@Suite("Operator API", .serialized) struct OperateTests {
  private static let path = "/v1/flows/Counter/instances"

  private func started() throws -> CounterServer {
    let counter = try CounterServer()
    for key in ["a", "b", "c"] { try Counter.begin(key, counter.client) }
    return counter
  }

  @Test("an instance is suspended, resumed and cancelled") func suspendResumeCancel() throws {
    let counter = try started()
    let client = counter.client
    let held = try client.send(
      "POST", OperateTests.path + "/a/suspend", ["reason": "wait"], headers: ["Flow-Caller": "ann"])
    #expect(held.status == 200 && held.json["status"] == "suspended")
    #expect(try Counter.add(1, to: "a", client).json["code"] == "suspended")
    #expect(try client.send("POST", OperateTests.path + "/a/suspend", [:]).json["code"] == "not-possible")
    let view = try client.send("GET", OperateTests.path + "/a").json
    #expect(view["why"]?.string?.hasPrefix("an operator has suspended it") == true)
    #expect(try client.send("POST", OperateTests.path + "/a/resume?dryRun=true", [:]).json["status"] == "suspended")
    #expect(try client.send("POST", OperateTests.path + "/a/resume", [:]).json["status"] == "running")
    #expect(try client.send("POST", OperateTests.path + "/a/retry", [:]).status == 200)
    let tag = ["If-Match": "\"7\""]
    #expect(try client.send("POST", OperateTests.path + "/a/cancel", [:], headers: tag).status == 412)
    #expect(try client.send("POST", OperateTests.path + "/a/cancel", [:]).json["status"] == "cancelled")
    #expect(try client.send("POST", OperateTests.path + "/a/cancel", [:]).status == 409)
    #expect(try client.send("POST", OperateTests.path + "/z/cancel", [:]).status == 404)
    #expect(try client.send("POST", OperateTests.path + "/b/cancel", ["reason": 5]).status == 400)
    let text = try client.send(
      "POST", OperateTests.path + "/b/cancel", text: "x", headers: ["Content-Type": "text/plain"])
    #expect(text.status == 415)
    #expect(try client.send("POST", OperateTests.path + "/b/cancel").status == 200, "a body is optional")
    let history = try client.send("GET", OperateTests.path + "/a/history").json["items"]?.array ?? []
    let record = history.first { $0["type"] == "operator" }?["data"]
    #expect(record?["action"] == "suspend" && record?["by"] == "ann" && record?["reason"] == "wait")
  }

  @Test(
    "an operation needs no body",
    arguments: ["", "Content-Length: 0\r\n", "Content-Length: 0\r\nContent-Type: application/json\r\n"])
  func operationWithoutBody(_ headers: String) throws {
    let counter = try started()
    for operation in ["suspend", "resume", "retry", "cancel"] {
      let peer = try TestPeer(port: counter.port)
      let path = OperateTests.path + "/a/" + operation
      try peer.send("POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(counter.port)\r\n\(headers)\r\n")
      let head = try peer.head()
      #expect(head.hasPrefix("HTTP/1.1 200"), "\(operation): \(head)")
    }
    #expect(try counter.client.send("GET", OperateTests.path + "/a").json["status"] == "cancelled")
  }

  @Test("a batch applies an operation to all instances of a filter") func batchOperation() throws {
    let counter = try started()
    let client = counter.client
    try client.send("POST", OperateTests.path + "/c/suspend", [:])
    let filter: JSON = ["flow": "Counter", "status": "running"]
    let begun = try client.send("POST", "/v1/batches", ["op": "cancel", "filter": filter, "reason": "clean"])
    #expect(begun.status == 202)
    let location = try #require(begun.headers["location"])
    let isDone = try eventually { try client.send("GET", location).json["status"] == "done" }
    #expect(isDone)
    let answer = try client.send("GET", location).json
    #expect(answer["done"] == 2 && answer["refused"] == 0)
    let again = try client.send(
      "POST", "/v1/batches", ["op": "suspend", "filter": ["flow": "Counter"], "dryRun": true])
    let placed = try #require(again.headers["location"])
    let isOver = try eventually { try client.send("GET", placed).json["refused"] == 3 }
    #expect(isOver)
    #expect(try client.send("GET", placed).json["errors"]?.array?.first?["problem"]?["code"] == "not-possible")
    #expect(try client.send("GET", OperateTests.path + "/c").json["status"] == "suspended")
    for body: JSON in [[:], ["op": "explode", "filter": [:]], ["op": "retry", "filter": ["colour": "red"]]] {
      #expect(try client.send("POST", "/v1/batches", body).status == 400)
    }
    #expect(try client.send("GET", "/v1/batches/99").status == 404)
  }

  @Test("statistics count instances by status") func statistics() throws {
    let counter = try started()
    let client = counter.client
    try client.send("POST", OperateTests.path + "/c/events", ["event": "Stop"])
    let statistics = try client.send("GET", "/v1/stats?flow=Counter").json
    let counts = statistics["items"]?.array?.map { [$0["status"]?.string, $0["count"]?.text()] }
    #expect(counts == [["running", "2"], ["done", "1"]])
    #expect(statistics["jobs"] == 0 && statistics["deadLetters"] == 0)
    #expect(try client.send("GET", "/v1/stats?flow=Conter").status == 404)
  }

  @Test("a dead letter is listed and redriven") func deadLetter() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "work.flow",
      """
      event Begin { id: string }
      event Stop { id: string }
      action work(id: string) fails BROKEN { worker "hands" }
      flow Work {
        key id
        data { id: string }
        start on Begin -> working do id = event.id
        state working { entry work(id: id)  on Stop -> end }
        final end
      }
      """)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": "w"]])
    let job = try client.send("POST", "/v1/jobs/claim", ["queue": "hands"]).json["items"]?.array?.first
    let id = try #require(job?["id"]).text()
    try client.send("POST", "/v1/jobs/\(id)/fail", ["fence": 1, "code": "BROKEN", "message": "it is"])
    let letter = try client.send("GET", "/v1/dead-letters?flow=Work").json["items"]?.array?.first
    #expect(letter?["code"] == "BROKEN")
    #expect(letter?["key"] == "w")
    #expect(letter?["attempts"] == 1)
    #expect(letter?["arguments"] == ["id": "w"])
    #expect(try client.send("POST", "/v1/dead-letters/\(id)/redrive", ["reason": "mended"]).status == 200)
    #expect(try client.send("POST", "/v1/dead-letters/\(id)/redrive", [:]).status == 404)
    #expect(try client.send("GET", "/v1/dead-letters").json["items"] == [])
    let claimed = try client.send("POST", "/v1/jobs/claim", ["queue": "hands", "worker": "w1"]).json["items"]?.array
    let again = try #require(claimed?.first)
    #expect(again["continues"]?.text() == id)
    #expect(again["idempotencyKey"] == job?["idempotencyKey"], "the same work")
    let view = try client.send("GET", "/v1/flows/Work/instances/w").json
    #expect(view["pendingCalls"]?.array?.first?["worker"] == "w1")
    #expect(try client.send("POST", "/v1/dead-letters/x/redrive", [:]).status == 404)
  }

  private func put(
    _ source: String, _ client: HTTPClient, query: String = "", headers: [String: String] = [:]
  ) throws -> HTTPClient.Response {
    try client.send(
      "PUT", "/v1/flows/Counter" + query, text: source,
      headers: ["Content-Type": "text/x-flow"].merging(headers) { _, new in new })
  }

  @Test("a flow is deployed while it is served; running instances keep their definition") func deployment() throws {
    let counter = try started()
    let client = counter.client
    let source = Counter.source.replacing("counting", with: "adding")
    let dry = try put(source, client, query: "?dryRun=true")
    #expect(dry.status == 200 && dry.json["isSame"] == false)
    #expect(dry.json["changes"]?["states"] == ["added": ["adding"], "removed": ["counting"]])
    #expect(dry.json["live"]?.array?.first?["count"] == 3 && dry.json["live"]?.array?.first?["isKept"] == false)
    #expect(try client.send("GET", "/v1/flows/Counter").json["states"]?.array?.first?["path"] == "counting")
    #expect(try put(source, client, headers: ["If-None-Match": "*"]).status == 412)
    #expect(try put(source, client, headers: ["If-Match": "\"abc\""]).status == 412)
    let live = try put(source, client)
    #expect(live.status == 200 && live.headers["etag"] != nil)
    try Counter.begin("d", client)
    #expect(try client.send("GET", OperateTests.path + "/d").json["state"] == ["adding"])
    let old = try client.send("GET", OperateTests.path + "/a").json
    #expect(old["state"] == ["counting"] && old["allowedEvents"] == ["Add", "Stop"])
    #expect(try Counter.add(1, to: "a", client).status == 200)
    #expect(try client.send("GET", "/v1/stats").json["items"]?.array?.count == 2)
    #expect(try client.send("DELETE", "/v1/flows/Counter").json["changed"] == true)
    #expect(try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": "e"]]).status == 410)
    #expect(try Counter.add(1, to: "d", client).status == 200)
  }

  @Test("a deployment reports which instances can be migrated, and they are migrated") func migration() throws {
    let counter = try started()
    let client = counter.client
    let bare = Counter.source.replacing("counting", with: "adding").replacing("key id", with: "version 2  key id")
    let refused = try put(bare, client, query: "?dryRun=true").json["migration"]
    #expect(refused?["looked"] == 3 && refused?["possible"] == 0)
    #expect(refused?["reasons"]?.array?.first?["detail"]?.string?.contains("counting") == true)
    let mapped = bare.replacing("start on", with: "migrate from 1 { state counting -> adding }\n  start on")
    let live = try put(mapped, client)
    #expect(live.status == 200 && live.json["migration"]?["possible"] == 3, "\(live.text)")
    let dry = try client.send("POST", OperateTests.path + "/a/migrate?dryRun=true", [:])
    #expect(dry.json["detail"] == "would be in adding" && dry.json["state"] == ["counting"])
    let moved = try client.send("POST", OperateTests.path + "/a/migrate", ["reason": "new words"])
    #expect(moved.json["state"] == ["adding"])
    #expect(try client.send("GET", OperateTests.path + "/a").json["version"] == 2)
    #expect(try client.send("POST", OperateTests.path + "/a/migrate", [:]).json["code"] == "not-possible")
    #expect(try Counter.add(3, to: "a", client).status == 200)
    let old = try client.send("GET", OperateTests.path + "?version=1").json["items"]?.array?.count
    #expect(old == 2)
  }

  @Test("an invalid source is a 422 with diagnostics") func invalidSource() throws {
    let counter = try started()
    let client = counter.client
    let broken = try put(Counter.source.replacing("-> end", with: "-> nowhere"), client)
    #expect(broken.status == 422 && broken.json["code"] == "compile-failed")
    #expect(broken.json["diagnostics"]?.array?.first?["code"]?.string?.hasPrefix("F") == true)
    #expect(try put("flow Other { state a }", client).status == 422)
    #expect(try put("import \"/etc/passwd\"\n" + Counter.source, client).status == 422)
    #expect(try put("\u{0}\u{1F600}", client).status == 422)
    #expect(try put("", client).status == 422)
    #expect(try put(Counter.source, client, headers: ["Content-Type": "text/html"]).status == 415)
    #expect(
      try put(Counter.source, client, headers: ["Content-Type": "application/json"]).json["code"] == "invalid-json")
  }

  @Test("a simulation reports its steps and stores nothing") func simulation() throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let items: JSON = [["sku": "x", "qty": 1, "price": .double(5)]]
    let placed: JSON = ["event": "Placed", "data": ["order_id": "o1", "email": "a", "items": items]]
    let path = "/v1/flows/Order/simulate"
    let expired = try client.send("POST", path, ["steps": [placed, ["advance": "4d"]]]).json
    #expect(expired["state"] == ["expired"] && expired["status"] == "failed")
    let paid: JSON = ["event": "Paid", "data": ["amount": 5]]
    let shipped: JSON = ["done": "ship", "result": ["id": "p1"]]
    let whole = try client.send(
      "POST", path, ["start": "2026-01-01T00:00:00Z", "steps": [placed, paid, ["event": "Cancel"], shipped]]
    ).json
    #expect(whole["state"] == ["delivered"] && whole["data"]?["parcel"]?["id"] == "p1")
    #expect(
      whole["steps"]?.array?.map { $0["disposition"]?.string } == ["applied", "applied", "ignored", "applied"])
    #expect(whole["steps"]?.array?.last?["at"] == "2026-01-01T00:00:00.000Z")
    let refused = try client.send("POST", path, ["steps": [placed, ["event": "Retry", "roles": ["support"]]]]).json
    #expect(refused["steps"]?.array?.last?["disposition"] == "refused")
    for steps: JSON in [
      [["event": "Nope"]], [["event": "Placed", "data": 5]], [["advance": "soon"]], [["done": "ship"]], [[:]], [5],
      [["advance": "300000000000d"]],
    ] {
      let answer = try client.send("POST", path, ["steps": steps])
      #expect([200, 400, 404, 422].contains(answer.status), "\(steps.text()): \(answer.status)")
    }
    #expect(try client.send("POST", path, [:]).status == 400)
    #expect(try client.send("GET", "/v1/instances").json["items"] == [])
  }
}
