import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Misspelt parameters and values of the wrong type are rejected instead of being ignored.
@Suite("Invalid parameters and concurrent requests", .serialized) struct ParameterTests {
  private static let path = "/v1/flows/Counter/instances"

  private func started() throws -> CounterServer {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    return counter
  }

  @Test(
    "an unknown or invalid query parameter is rejected with a suggestion",
    arguments: [
      ("POST", "/a/cancel?dryrun=true", "did you mean `dryRun`?"), ("POST", "/a/cancel?dry=1", "`dry`"),
      ("POST", "/a/fork?dryRun=yes", "`yes`"), ("POST", "/a/events?DryRun=true", "did you mean `dryRun`?"),
      ("GET", "?stauts=running", "did you mean `status`?"), ("GET", "?limit=%2B5", "`limit`"),
      ("GET", "/a?verbose", "this request takes none"), ("GET", "/a/history?kind=step", "`kind`"),
      ("GET", "?startedAfter=yesterday", "`startedAfter`"),
      ("GET", "?startedBefore=10000-01-01T00:00:00Z", "an instant"),
    ])
  func unknownParameter(_ method: String, _ query: String, _ detail: String) throws {
    let counter = try started()
    let body: JSON? = method == "GET" ? nil : query.contains("/events") ? ["event": "Stop"] : [:]
    let answer = try counter.client.send(method, ParameterTests.path + query, body)
    #expect(answer.status == 400 && answer.json["code"] == "bad-request", "\(answer.text)")
    #expect(answer.json["detail"]?.string?.contains(detail) == true, "\(answer.text)")
    #expect(try counter.client.send("GET", ParameterTests.path + "/a").json["revision"] == 1)
  }

  @Test("a misspelt kind of the live stream is rejected instead of selecting nothing") func misspeltKind() throws {
    let counter = try started()
    let answer = try counter.client.send("GET", "/v1/live?type=stepp", headers: ["Accept": "text/event-stream"])
    #expect(answer.status == 400, "\(answer.text)")
    #expect(answer.json["detail"]?.string?.contains("did you mean `step`?") == true, "\(answer.text)")
  }

  @Test("members and headers of the wrong type are rejected") func mistypedMembers() throws {
    let counter = try started()
    let client = counter.client
    let bodies: [(String, JSON)] = [
      ("/v1/batches", ["op": "cancel", "filter": ["flow": "Counter"], "dryRun": "true"]),
      ("/v1/batches", ["op": "cancel", "filter": ["flow": "Counter"], "dryRun": 1]),
      (ParameterTests.path + "/a/events", ["event": "Stop", "key": 5]),
      (ParameterTests.path + "/a/events", ["event": "Stop", "key": ["a": "b"]]),
      (
        ParameterTests.path + "/a/events",
        ["specversion": "1.0", "id": "1", "source": "s", "type": "Stop", "subject": 5]
      ),
      ("/v1/jobs/1/fail", ["fence": 1, "code": "X", "message": 5]),
    ]
    for (path, body) in bodies {
      let answer = try client.send("POST", path, body)
      #expect(answer.status == 400, "\(path) \(body.text()): \(answer.text)")
    }
    for tag in ["\"+1\"", "one", "\"99999999999999999999\""] {
      let answer = try client.send(
        "POST", ParameterTests.path + "/a/events", ["event": "Stop"], headers: ["If-Match": tag])
      #expect(answer.status == 400, "\(tag)")
    }
    let view = try client.send("GET", ParameterTests.path + "/a").json
    #expect(view["revision"] == 1 && view["status"] == "running")
  }

  @Test("lists filter instances by start time") func startedAfter() throws {
    let counter = try started()
    let client = counter.client
    let began = try #require(client.send("GET", ParameterTests.path + "/a").json["startedAt"]?.string)
    func count(_ query: String) throws -> Int? {
      try client.send("GET", ParameterTests.path + query).json["items"]?.array?.count
    }
    #expect(try count("?startedAfter=2020-01-01T00:00:00Z") == 1)
    #expect(try count("?startedBefore=2020-01-01T00:00:00Z") == 0)
    #expect(try count("?startedAfter=\(began)") == 0 && count("?startedBefore=\(began)") == 0)
    #expect(try count("?startedAfter=0001-01-01T00:00:00Z&startedBefore=9999-12-31T23:59:59Z") == 1)
  }

  @Test("a history is filtered by type, event and expression") func historyFilter() throws {
    let counter = try started()
    let client = counter.client
    for number in 1...4 { try Counter.add(Int64(number), to: "a", client) }
    try client.send("POST", ParameterTests.path + "/a/suspend", [:])
    func page(_ query: String) throws -> JSON {
      try client.send("GET", ParameterTests.path + "/a/history" + query).json
    }
    #expect(try page("")["items"]?.array?.count == 6)
    #expect(try page("?type=operator")["items"]?.array?.count == 1)
    #expect(try page("?event=Add&filter=data.event.data.n%20%3E%202")["items"]?.array?.count == 2)
    let first = try page("?event=Add&limit=3")
    let next = try #require(first["page"]?["next"]).text()
    #expect(first["items"]?.array?.count == 3)
    #expect(try page("?event=Add&limit=3&after=\(next)")["items"]?.array?.count == 1)
    #expect(try page("?filter=nonsense(")["code"] == "invalid-query")
  }

  @Test(
    "a claim is for at most a thousand jobs and a minute",
    arguments: [
      (["queue": "none", "limit": 1000, "wait": "1ms"], 200), (["queue": "none", "limit": 1001], 400),
      (["queue": "none", "limit": 0], 400), (["queue": "none", "wait": "61s"], 400),
    ] as [(JSON, Int)])
  func limitsOfClaims(_ body: JSON, _ status: Int) throws {
    let counter = try started()
    let answer = try counter.client.send("POST", "/v1/jobs/claim", body)
    #expect(answer.status == status, "\(answer.text)")
  }

  /// A program on a single line, with a finding in each part.
  @Test("a large program on one line compiles in bounded time", .timeLimit(.minutes(5))) func programOnOneLine() throws
  {
    let counter = try started()
    let states = (0..<1500).map { "state s\($0) { on E -> s\($0 + 1) }" }.joined(separator: " ")
    let source = "event E flow Counter { start on E -> s0 \(states) final s1500 }"
    let answer = try counter.client.send(
      "PUT", "/v1/flows/Counter?dryRun=true", text: source, headers: ["Content-Type": "text/x-flow"])
    #expect(answer.status == 200, "\(answer.text.prefix(500))")
    #expect(answer.json["diagnostics"]?.array?.count ?? 0 <= 500)
  }

  /// Concurrent deployments, retirements, starts, forks and reads: each response is one of the documented ones.
  @Test("concurrent deployments, starts, forks and reads leave a sound store") func concurrentChanges() async throws {
    let counter = try started()
    let port = counter.port
    let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
      for worker in 0..<8 {
        group.addTask {
          let client = HTTPClient(port: port)
          return try (0..<12).map { turn in try ParameterTests.act(client, worker, turn) }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(
      statuses.count == 96 && statuses.allSatisfy { [200, 201, 202, 404, 409, 410, 412].contains($0) }, "\(statuses)")
    #expect(try counter.client.send("GET", ParameterTests.path + "/a").status == 200)
    #expect(try FlowProcess.run("store", "check", counter.folder.store).code == 0)
  }

  private static func act(_ client: HTTPClient, _ worker: Int, _ turn: Int) throws -> Int {
    let flow = "/v1/flows/Counter"
    switch (worker + turn) % 6 {
    case 0:
      let source = Counter.source.replacing("counting", with: "state\(turn % 3)")
      return try client.send("PUT", flow, text: source, headers: ["Content-Type": "text/x-flow"]).status
    case 1: return try client.send("DELETE", flow).status
    case 2:
      let body: JSON = ["event": "Begin", "data": ["id": .string("w\(worker)-\(turn)")]]
      return try client.send("POST", path, body).status
    case 3: return try client.send("POST", path + "/a/fork", ["key": .string("f\(worker)-\(turn)")]).status
    case 4: return try client.send("GET", flow + "/versions").status
    default: return try client.send("POST", path + "/a/migrate", [:]).status
    }
  }
}
