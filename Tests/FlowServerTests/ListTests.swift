import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Lists and views of instances over real sockets.
@Suite("Lists and views of instances", .serialized) struct ListTests {
  private func start() throws -> CounterServer {
    let counter = try CounterServer()
    for number in 1...7 {
      try Counter.begin("k\(number)", counter.client)
      try Counter.add(Int64(number), to: "k\(number)", counter.client)
    }
    try counter.client.send("POST", "/v1/flows/Counter/instances/k7/events", ["event": "Stop"])
    return counter
  }

  private func keys(_ response: HTTPClient.Response) -> [String] {
    response.json["items"]?.array?.compactMap { $0["key"]?.string } ?? []
  }

  private static let path = "/v1/flows/Counter/instances"

  @Test("filters, order and limit select instances") func filters() throws {
    let counter = try start()
    let cases = [
      ("?status=done", ["k7"]), ("?state=counting&limit=2", ["k1", "k2"]), ("?key=k3", ["k3"]),
      ("?order=newest&limit=2", ["k7", "k6"]), ("?version=1&status=running&key=k6", ["k6"]), ("?version=2", []),
      ("?q=data.total%20%3E%205", ["k6", "k7"]),
      ("?q=status%20%3D%3D%20%22done%22%20%26%26%20revision%20%3E%202", ["k7"]),
      ("?updatedAfter=2999-01-01T00:00:00Z", []), ("?updatedBefore=2999-01-01T00:00:00Z&key=k2", ["k2"]),
    ]
    for (query, wanted) in cases {
      let answer = try counter.client.send("GET", ListTests.path + query)
      #expect(answer.status == 200 && keys(answer) == wanted, "\(query): \(answer.text)")
    }
    #expect(keys(try counter.client.send("GET", "/v1/instances?flow=Counter&key=k1")) == ["k1"])
    #expect(keys(try counter.client.send("GET", "/v1/instances?q=data.total%20%3D%3D%204")) == ["k4"])
  }

  @Test(
    "cursors visit every instance once, and only with the filter that created them",
    arguments: ["oldest", "newest"]) func cursors(_ order: String) throws
  {
    let counter = try start()
    var seen: [String] = []
    var next: String? = ""
    while let cursor = next {
      let query = "?limit=3&order=\(order)" + (cursor.isEmpty ? "" : "&cursor=\(cursor)")
      let page = try counter.client.send("GET", ListTests.path + query)
      seen += keys(page)
      next = page.json["page"]?["next"]?.string
      if next != nil, cursor.isEmpty {
        let other = try counter.client.send("GET", ListTests.path + "?status=done&cursor=\(next ?? "")")
        #expect(other.status == 400 && other.json["code"] == "cursor-mismatch")
      }
    }
    let all = (1...7).map { "k\($0)" }
    #expect(seen == (order == "newest" ? all.reversed() : all))
  }

  @Test(
    "an invalid filter is a 400 with its problem code",
    arguments: [
      ("?status=asleep", "bad-request"), ("?cursor=abc", "bad-request"), ("?limit=0", "bad-request"),
      ("?updatedAfter=yesterday", "bad-request"), ("?q=data.totl%20%3E%201", "invalid-query"),
      ("?q=1%20%2B%201", "invalid-query"), ("?q=((((", "invalid-query"), ("?order=random", "bad-request"),
      (
        "?cursor=%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80",
        "bad-request"
      ),
      ("?cursor=-000000000000001-000000000000001", "bad-request"),
    ])
  func invalidFilter(_ query: String, _ code: String) throws {
    let counter = try start()
    let answer = try counter.client.send("GET", ListTests.path + query)
    #expect(answer.status == 400 && answer.json["code"]?.string == code, "\(answer.text)")
  }

  @Test("a view has the reason for waiting and an entity tag") func viewOfInstance() throws {
    let counter = try start()
    let view = try counter.client.send("GET", ListTests.path + "/k1")
    #expect(view.json["why"] == "waits for `Add` or `Stop`")
    #expect(view.json["allowedEvents"] == ["Add", "Stop"])
    let tag = try #require(view.headers["etag"])
    let same = try counter.client.send("GET", ListTests.path + "/k1", headers: ["If-None-Match": tag])
    #expect(same.status == 304 && same.body.isEmpty && same.headers["etag"] == tag)
    let add: JSON = ["event": "Add", "data": ["n": 1]]
    let events = ListTests.path + "/k1/events"
    #expect(try counter.client.send("POST", events, add, headers: ["If-Match": tag]).status == 200)
    #expect(try counter.client.send("POST", events, add, headers: ["If-Match": tag]).status == 412)
    #expect(try counter.client.send("GET", ListTests.path + "/k1", headers: ["If-None-Match": tag]).status == 200)
    let done = try counter.client.send("GET", ListTests.path + "/k7").json["why"]?.string ?? ""
    #expect(done.hasPrefix("done in `end` since 2"))
  }

  @Test("a call that is retried is the reason for waiting, with its last error") func retriedCall() throws {
    let folder = try TestFolder()
    let server = try ServerProcess(
      [EndToEndTests.order, "--store", folder.store, "--allow-host", "127.0.0.1"],
      environment: ["WAREHOUSE_URL": "http://127.0.0.1:1"])
    let client = HTTPClient(port: server.port)
    let items: JSON = [["sku": "x", "qty": 1, "price": .double(1)]]
    try client.send(
      "POST", "/v1/flows/Order/instances",
      ["event": "Placed", "data": ["order_id": "o1", "email": "a@b.c", "items": items]])
    try client.send("POST", "/v1/flows/Order/instances/o1/events", ["event": "Paid", "data": ["amount": 1]])
    let isTried = try eventually {
      let view = try client.send("GET", "/v1/flows/Order/instances/o1").json
      return view["why"]?.string?.contains("last error") == true
        && view["pendingCalls"]?.array?.first?["lastFailure"]?["outcome"]?.string?.isEmpty == false
    }
    #expect(isTried)
  }
}
