import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation
import Synchronization
import Testing

@testable import FlowActions
@testable import FlowMachine

/// The requests that the runner sends, and the outcome of each kind of response.
@Suite("HTTP requests of actions") struct HTTPRunnerTests {
  static let runner = open()

  /// A runner that may call the local machine.
  static func open(_ limits: HostLimits = HostLimits()) -> BindingRunner {
    BindingRunner(settings: ActionSettings(reach: NetworkPolicy(allowsPrivate: true), limits: limits), log: { _ in })
  }

  private func run(
    _ method: String, _ url: String, headers: [(String, String)] = [], body: JSON? = nil,
    timeout: Int64 = 5000, key: String = "k", runner: BindingRunner = HTTPRunnerTests.runner
  ) async -> JobOutcome {
    let pairs = headers.map { BoundAction.Header(name: $0.0, value: $0.1) }
    let request = JobRequest(
      action: .http(method: method, url: url, headers: pairs, body: body), timeoutMilliseconds: timeout,
      idempotencyKey: key, attempt: 3)
    return await withCheckedContinuation { continuation in
      runner.run(request) { continuation.resume(returning: $0) }
    }
  }

  @Test("a request has its headers, body, idempotency key and attempt number") func request() async {
    let server = LocalServer { _ in LocalServer.answer("200 OK", #"{"id": 7}"#) }
    let outcome = await run(
      "PUT", server.url + "/parcels", headers: [("Authorization", "Bearer x")], body: ["order": "o 1"],
      key: "Order/ü\r\n/2/0")
    guard case .done(let json) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(json == ["id": 7])
    let request = server.requests[0]
    #expect(request.line == "PUT /parcels HTTP/1.1")
    #expect(request.headers["idempotency-key"] == "Order/%C3%BC%0D%0A/2/0")
    #expect(request.headers["flow-attempt"] == "3")
    #expect(request.headers["authorization"] == "Bearer x")
    #expect(request.headers["content-type"] == "application/json")
    #expect(request.headers["expect"] == nil)
    #expect(request.body == #"{"order":"o 1"}"#)
  }

  @Test(
    "a request without a body has a Content-Length only if its method allows a body",
    arguments: [("POST", "0"), ("GET", nil), ("DELETE", nil)] as [(String, String?)])
  func emptyBody(_ method: String, _ length: String?) async {
    let server = LocalServer { _ in LocalServer.answer("204 No Content") }
    guard case .done(.null) = await run(method, server.url) else { return #expect(Bool(false)) }
    #expect(server.requests[0].line == "\(method) / HTTP/1.1")
    #expect(server.requests[0].headers["content-length"] == length)
  }

  @Test(
    "the Content-Type determines how a response is parsed",
    arguments: [
      ("application/json", #"{"a":[1]}"#, #"{"a":[1]}"#), ("text/plain", "123", #""123""#),
      ("text/plain", "{broken", #""{broken""#), ("application/problem+json", "5", "5"),
    ])
  func contentType(_ type: String, _ body: String, _ expected: String) async {
    let server = LocalServer { _ in LocalServer.answer("200 OK", body, headers: "Content-Type: \(type)\r\n") }
    guard case .done(let json) = await run("POST", server.url) else { return #expect(Bool(false)) }
    #expect(json.text() == expected)
  }

  @Test("a response with an invalid JSON body is a failure with its own code")
  func brokenJSON() async {
    let server = LocalServer { _ in
      LocalServer.answer("200 OK", "{broken", headers: "Content-Type: application/json\r\n")
    }
    guard case .impossible("INVALID_RESULT", let message) = await run("POST", server.url) else {
      return #expect(Bool(false))
    }
    #expect(message.contains("not JSON"))
  }

  @Test(
    "an error status is reported with its Retry-After",
    arguments: [
      ("503 Service Unavailable", "Retry-After: 7\r\n", 503, 7000), ("404 Not Found", "", 404, nil),
      ("429 Too Many Requests", "Retry-After: 999999999\r\n", 429, 86_400_000),
      ("301 Moved", "Location: /x\r\n", 301, nil),
    ] as [(String, String, Int, Int64?)])
  func statusWithRetryAfter(_ line: String, _ headers: String, _ status: Int, _ after: Int64?) async {
    let server = LocalServer { _ in LocalServer.answer(line, "why", headers: headers) }
    guard case .status(let got, let message, let retryAfter) = await run("POST", server.url) else {
      return #expect(Bool(false))
    }
    #expect(got == status && message == "why" && retryAfter == after)
    #expect(server.requests.count == 1, "a redirect is not followed")
  }

  @Test("redirects are not followed") func redirect() async {
    let server = LocalServer { _ in LocalServer.answer("302 Found", headers: "Location: /to\r\n") }
    guard case .status(302, _, _) = await run("GET", server.url + "/from") else { return #expect(Bool(false)) }
    #expect(server.requests.count == 1)
  }

  @Test(
    "a malformed response counts as unreachable",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n1", "nonsense\r\n\r\n", "",
    ])
  func brokenResponse(_ answer: String) async {
    let server = LocalServer { _ in answer }
    guard case .unreachable(let message) = await run("POST", server.url) else { return #expect(Bool(false)) }
    #expect(!message.isEmpty)
  }

  @Test("a request without a response ends with its timeout") func timeout() async {
    let server = LocalServer { _ in nil }
    guard case .unreachable(let message) = await run("POST", server.url, timeout: 200) else {
      return #expect(Bool(false))
    }
    #expect(message.contains("Timeout"))
  }

  @Test("a refused connection counts as unreachable") func refusedConnection() async {
    let port = LocalServer({ _ in nil }).port
    guard case .unreachable = await run("POST", "http://127.0.0.1:\(port)") else { return #expect(Bool(false)) }
  }

  @Test("a response that is too long is a failure") func longResponse() async {
    let server = LocalServer { _ in LocalServer.answer("200 OK", String(repeating: "x", count: (1 << 20) + 1)) }
    guard case .impossible("ANSWER_TOO_LONG", _) = await run("POST", server.url) else { return #expect(Bool(false)) }
  }

  @Test(
    "invalid URLs, methods and headers are rejected",
    arguments: [
      ("GET", "file:///etc/passwd", "", ""), ("GET", "gopher://127.0.0.1/", "", ""), ("GET", "127.0.0.1:1", "", ""),
      ("G T", "http://127.0.0.1:1", "", ""), ("GET", "http://127.0.0.1:1/ x", "", ""),
      ("GET", "http://127.0.0.1:1", "A\r\nB", "c"), ("GET", "http://127.0.0.1:1", "A", "b\r\nC: d"),
      ("GET", "http://127.0.0.1:1", "Content-Length", "5"), ("GET", "http://127.0.0.1:1", "", "x"),
    ])
  func invalidRequest(_ method: String, _ url: String, _ name: String, _ value: String) async {
    let headers = name.isEmpty && value.isEmpty ? [] : [(name, value)]
    guard case .impossible("BAD_REQUEST", let message) = await run(method, url, headers: headers) else {
      return #expect(Bool(false))
    }
    #expect(!message.isEmpty)
  }

  @Test("more requests than transfer slots all complete") func manyRequests() async {
    let server = LocalServer { _ in LocalServer.answer("200 OK", "1") }
    let count = TransferLoop.maximumTransfers + 50
    let runner = HTTPRunnerTests.open(HostLimits(concurrent: count, waiting: count))
    let done = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<count {
        group.addTask { if case .done = await run("POST", server.url, runner: runner) { true } else { false } }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(done == count)
  }

  @Test("shutdown ends requests in progress") func shutdown() async {
    let server = LocalServer { _ in nil }
    let runner = HTTPRunnerTests.open()
    async let outcome = run("POST", server.url, runner: runner)
    while server.requests.isEmpty { await Task.yield() }
    runner.shutdown()
    guard case .unreachable = await outcome else { return #expect(Bool(false)) }
    guard case .unreachable = await run("POST", server.url, runner: runner) else { return #expect(Bool(false)) }
  }

  @Test("a log action writes its line, and a worker action is rejected") func logAction() {
    let lines = Mutex<[String]>([])
    let ended = Mutex(0)
    let runner = BindingRunner { line in lines.withLock { $0.append(line) } }
    let log = JobRequest(action: .log("hello"), timeoutMilliseconds: 1, idempotencyKey: "k", attempt: 1)
    runner.run(log) { outcome in
      if case .done = outcome { ended.withLock { $0 += 1 } }
    }
    let work = JobRequest(
      action: .worker(queue: "q", arguments: .null), timeoutMilliseconds: 1, idempotencyKey: "k", attempt: 1)
    runner.run(work) { outcome in
      if case .impossible = outcome { ended.withLock { $0 += 1 } }
    }
    runner.shutdown()
    #expect(lines.withLock { $0 } == ["hello"])
    #expect(ended.withLock { $0 } == 2)
  }
}
