import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Questions that are nearly right: what is misspelt or of the wrong kind must not be passed over.
@Suite(.serialized) struct HostileQuestionTests {
  private static let path = "/v1/flows/Counter/instances"

  private func started() throws -> CounterServer {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    return counter
  }

  @Test(arguments: [
    ("POST", "/a/cancel?dryrun=true", "did you mean `dryRun`?"), ("POST", "/a/cancel?dry=1", "`dry`"),
    ("POST", "/a/fork?dryRun=yes", "`yes`"), ("POST", "/a/events?DryRun=true", "did you mean `dryRun`?"),
    ("GET", "?stauts=running", "did you mean `status`?"), ("GET", "?limit=%2B5", "`limit`"),
    ("GET", "/a?verbose", "there are none"), ("GET", "/a/history?kind=step", "`kind`"),
    ("GET", "?startedAfter=yesterday", "`startedAfter`"), ("GET", "?startedBefore=10000-01-01T00:00:00Z", "an instant"),
  ])
  func aParameterThatNobodyKnowsIsRefused(_ method: String, _ query: String, _ detail: String) throws {
    let counter = try started()
    let body: JSON? = method == "GET" ? nil : query.contains("/events") ? ["event": "Stop"] : [:]
    let answer = try counter.client.send(method, HostileQuestionTests.path + query, body)
    #expect(answer.status == 400 && answer.json["code"] == "bad-request", "\(answer.text)")
    #expect(answer.json["detail"]?.string?.contains(detail) == true, "\(answer.text)")
    #expect(try counter.client.send("GET", HostileQuestionTests.path + "/a").json["revision"] == 1)
  }

  @Test func whatIsOfTheWrongKindIsRefused() throws {
    let counter = try started()
    let client = counter.client
    let bodies: [(String, JSON)] = [
      ("/v1/batches", ["op": "cancel", "filter": ["flow": "Counter"], "dryRun": "true"]),
      ("/v1/batches", ["op": "cancel", "filter": ["flow": "Counter"], "dryRun": 1]),
      (HostileQuestionTests.path + "/a/events", ["event": "Stop", "key": 5]),
      (HostileQuestionTests.path + "/a/events", ["event": "Stop", "key": ["a": "b"]]),
      (
        HostileQuestionTests.path + "/a/events",
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
        "POST", HostileQuestionTests.path + "/a/events", ["event": "Stop"], headers: ["If-Match": tag])
      #expect(answer.status == 400, "\(tag)")
    }
    let view = try client.send("GET", HostileQuestionTests.path + "/a").json
    #expect(view["revision"] == 1 && view["status"] == "running")
  }

  @Test("Instances are found by when they began") func instancesAreFoundByWhenTheyBegan() throws {
    let counter = try started()
    let client = counter.client
    let began = try #require(client.send("GET", HostileQuestionTests.path + "/a").json["startedAt"]?.string)
    func count(_ query: String) throws -> Int? {
      try client.send("GET", HostileQuestionTests.path + query).json["items"]?.array?.count
    }
    #expect(try count("?startedAfter=2020-01-01T00:00:00Z") == 1)
    #expect(try count("?startedBefore=2020-01-01T00:00:00Z") == 0)
    #expect(try count("?startedAfter=\(began)") == 0 && count("?startedBefore=\(began)") == 0)
    #expect(try count("?startedAfter=0001-01-01T00:00:00Z&startedBefore=9999-12-31T23:59:59Z") == 1)
  }

  @Test("A history is filtered") func aHistoryIsFiltered() throws {
    let counter = try started()
    let client = counter.client
    for number in 1...4 { try Counter.add(Int64(number), to: "a", client) }
    try client.send("POST", HostileQuestionTests.path + "/a/suspend", [:])
    func page(_ query: String) throws -> JSON {
      try client.send("GET", HostileQuestionTests.path + "/a/history" + query).json
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

  /// A line as long as the file, with a finding in each part of it.
  @Test("A program on one line is read in time", .timeLimit(.minutes(1))) func aProgramOnOneLineIsReadInTime() throws {
    let counter = try started()
    let states = (0..<1500).map { "state s\($0) { on E -> s\($0 + 1) }" }.joined(separator: " ")
    let source = "event E flow Counter { start on E -> s0 \(states) final s1500 }"
    let answer = try counter.client.send(
      "PUT", "/v1/flows/Counter?dryRun=true", text: source, headers: ["Content-Type": "text/x-flow"])
    #expect(answer.status == 200, "\(answer.text.prefix(500))")
    #expect(answer.json["diagnostics"]?.array?.count ?? 0 <= 500)
  }

  /// Everybody deploys, retires, starts, forks and reads at once: each answer is one of those that there are.
  @Test("Many at once get an answer each") func manyAtOnceGetAnAnswerEach() async throws {
    let counter = try started()
    let port = counter.port
    let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
      for worker in 0..<8 {
        group.addTask {
          let client = HTTPClient(port: port)
          return try (0..<12).map { turn in try HostileQuestionTests.act(client, worker, turn) }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(statuses.count == 96 && statuses.allSatisfy { [200, 201, 202, 404, 409, 412].contains($0) }, "\(statuses)")
    #expect(try counter.client.send("GET", HostileQuestionTests.path + "/a").status == 200)
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
