import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// A key for some flows has no access to other flows on any path.
@Suite("Visibility of flows", .serialized) struct VisibilityTests {
  private let folder: TestFolder
  private let server: ServerProcess
  private let all: [String: String]
  private let some: [String: String]

  init() throws {
    folder = try TestFolder()
    let keys = Keys(in: folder)
    all = bearer(try keys.add("all", "--scope", "read,send,deploy", "--role", "requester"))
    some = bearer(try keys.add("some", "--scope", "read,send", "--role", "requester", "--flow", "Order"))
    server = try ServerProcess(
      [EndToEndTests.order, EndToEndTests.approval, "--store", folder.store, "--keys", keys.path])
    let client = HTTPClient(port: server.port)
    try client.send("POST", "/v1/events", AccessTests.placed, headers: all)
    try client.send("POST", "/v1/events", AccessTests.request, headers: all)
  }

  @Test("lists and counts omit the flows outside of the key") func lists() throws {
    let client = HTTPClient(port: server.port)
    let flows = try client.send("GET", "/v1/instances", headers: some).json["items"]?.array?.map { $0["flow"] }
    #expect(flows == ["Order"])
    #expect(try client.send("GET", "/v1/instances?flow=Approval", headers: some).status == 403)
    #expect(try client.send("GET", "/v1/flows", headers: some).json["items"]?.array?.count == 1)
    let counts = try client.send("GET", "/v1/stats", headers: some).json
    #expect(counts["items"]?.array?.map { $0["flow"] } == ["Order"])
    #expect(counts["jobs"] == nil, "totals cover all flows")
    for path in ["/v1/dead-letters", "/openapi.json", "/docs", "/v1/flows/Approval/graph"] {
      #expect(try client.send("GET", path, headers: some).status == 403, "\(path)")
      #expect(try client.send("GET", path).status == 401, "\(path)")
      #expect(try client.send("GET", path, headers: all).status == 200, "\(path)")
    }
  }

  @Test("the subject of an event cannot address a flow outside of the key") func subjectOfEvent() throws {
    let client = HTTPClient(port: server.port)
    let event: JSON = [
      "specversion": "1.0", "id": "1", "source": "x", "type": "Withdraw", "subject": "Approval/p1", "data": [:],
    ]
    for query in ["", "?dryRun=true"] {
      let answer = try client.send("POST", "/v1/events" + query, event, headers: some)
      #expect(answer.status == 404 && answer.json["code"] == "unknown-event", "\(answer.text)")
    }
    let batch = some.merging(["Content-Type": "application/cloudevents-batch+json"]) { first, _ in first }
    let answer = try client.send("POST", "/v1/events", .array([event]), headers: batch)
    #expect(answer.json["items"]?.array?.first?["status"] == 404)
    #expect(try client.send("GET", "/v1/flows/Approval/instances/p1", headers: all).json["revision"] == 1)
  }

  @Test("a misspelt event names no events of other flows") func eventsOfOtherFlowsAreNotNamed() throws {
    let client = HTTPClient(port: server.port)
    for path in ["/v1/events", "/v1/flows/Order/instances/o1/events"] {
      for event in ["Withdrow", "Payed"] {
        let answer = try client.send("POST", path, ["event": .string(event)], headers: some)
        #expect(answer.json["code"] == "unknown-event")
        #expect(!answer.text.contains("Withdraw"), "\(answer.text)")
      }
    }
    let shown = try client.send("POST", "/v1/events", ["event": "Withdrow"], headers: all)
    #expect(shown.text.contains("Withdraw"), "a key for all flows gets the suggestion")
  }

  private static let pair = """
    event Post { id: string }
    event Open { id: string }
    event Ann { id: string }
    internal event Hush { id: string }
    flow Board {
      key id
      data { id: string }
      start on Post -> open do id = event.id
      state open { on Post do emit Ann{id: id} }
      ongoing
    }
    flow Case {
      key id
      data { id: string }
      start on Open -> hidden do id = event.id
      state hidden { on Ann, Hush -> closed }
      final closed
    }
    """

  @Test("a flow of the same program reveals neither its name nor its events and states")
  func flowsOfOneProgram() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let headers = bearer(try keys.add("board", "--scope", "read,send", "--flow", "Board"))
    let file = try folder.write("pair.flow", VisibilityTests.pair)
    let server = try ServerProcess([file, "--store", folder.store, "--keys", keys.path])
    let client = HTTPClient(port: server.port)
    let post: JSON = ["event": "Post", "data": ["id": "b1"]]
    #expect(try client.send("POST", "/v1/events", post, headers: headers).status == 201)
    let board = "/v1/flows/Board"
    for event in ["Post", "Ann"] {
      #expect(try client.send("GET", "\(board)/events/\(event)/schema", headers: headers).status == 200)
    }
    for path in ["\(board)/source", "\(board)/hover?line=1&column=1"] {
      let refused = try client.send("GET", path, headers: headers)
      #expect(refused.status == 403 && !refused.text.contains("Case"), "\(refused.text)")
    }
    /// The answer about an event, with the name of the event left out.
    func answer(_ method: String, _ path: String, _ event: String, _ body: JSON? = nil) throws -> String {
      let answer = try client.send(method, path.replacing("EVENT", with: event), body, headers: headers)
      #expect(answer.json["code"] == "unknown-event", "\(answer.text)")
      for name in ["Open", "Hush", "hidden"] where name != event { #expect(!answer.text.contains(name)) }
      let problem = answer.json.members?.filter { !["instance", "requestId"].contains($0.name) } ?? []
      return JSON.object(problem).text().replacing(event, with: "EVENT")
    }
    for event in ["Open", "Hush"] {
      let sent = { (name: String) -> JSON in ["event": .string(name), "data": ["id": "b1"]] }
      for path in ["/v1/events", "/v1/events?dryRun=true", "\(board)/instances/b1/events", "\(board)/instances"] {
        #expect(try answer("POST", path, event, sent(event)) == answer("POST", path, "Oben", sent("Oben")), "\(path)")
      }
      for path in ["\(board)/events/EVENT/schema", "\(board)/instances/b1/transitions?event=EVENT"] {
        #expect(try answer("GET", path, event) == answer("GET", path, "Nope"), "\(path)")
      }
      let steps = { (name: String) -> JSON in ["steps": [["event": .string(name), "data": ["id": "b1"]]]] }
      let path = "\(board)/simulate"
      #expect(try answer("POST", path, event, steps(event)) == answer("POST", path, "Nope", steps("Nope")))
    }
    let listed = try client.send("GET", "/v1/instances?state=hiden", headers: headers)
    #expect(listed.status == 400 && !listed.text.contains("`hidden`"), "\(listed.text)")
    let waits = headers.merging(["Prefer": "wait=1, state=hiden"]) { $1 }
    let waiting = try client.send("POST", "/v1/events", post, headers: waits)
    #expect(waiting.status == 400 && !waiting.text.contains("`hidden`"), "\(waiting.text)")
  }

  @Test("a deployed source cannot change a flow outside of the key") func deployedSource() throws {
    let client = HTTPClient(port: server.port)
    let flows = ["Order", "Approval"].map { name in
      """
      flow \(name) {
        key id
        data { id: string }
        start on E -> a do id = event.id
        state a { on Stop -> b }
        final b
      }

      """
    }
    let source = "event E { id: string }\nevent Stop\n" + flows.joined()
    let headers = some.merging(["Content-Type": "text/x-flow"]) { first, _ in first }
    let refused = try client.send("PUT", "/v1/flows/Order", text: source, headers: headers)
    #expect(refused.status == 403, "\(refused.text)")
    #expect(try client.send("GET", "/v1/flows/Approval", headers: all).json["states"]?.array?.isEmpty == false)
  }

  @Test("live streams omit the flows outside of the key") func streams() throws {
    let stream = try EventStreamClient(port: server.port, path: "/v1/live?since=0", headers: some)
    #expect(try stream.receive().name == "ready")
    #expect(try stream.receive().data["subject"] == "o1")
    let socket = try WebSocketClient(port: server.port, path: "/v1/live", headers: some)
    // A socket that ends all subscriptions and subscribes again has the same restriction.
    for id in [1, 3] as [Int64] {
      try socket.send(["id": .int(id), "op": "sub", "since": 0])
      #expect(try socket.receive()["ok"]?["recovered"] == true)
      #expect(try socket.receive()["ev"]?["subject"] == "o1")
      try socket.send(["id": .int(id + 1), "op": "unsub"])
      #expect(try socket.receive()["re"]?.int == Int(id + 1))
    }
  }

  @Test("a live stream requires a key") func streamWithoutKey() throws {
    #expect(throws: EventStreamClient.Refused.self) {
      try EventStreamClient(port: server.port, path: "/v1/live?since=0")
    }
  }
}
