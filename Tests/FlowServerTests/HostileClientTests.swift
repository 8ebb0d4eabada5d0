import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Malicious and faulty clients. After each of them, the server still serves other clients.
@Suite("Hostile clients", .serialized) struct HostileClientTests {
  private let folder: TestFolder
  private let server: ServerProcess

  init() throws {
    folder = try TestFolder()
    server = try ServerProcess([EndToEndTests.order, "--store", folder.store, "--host", "flow.example"])
  }

  private func othersAreServed() throws {
    #expect(server.isRunning)
    #expect(try HTTPClient(port: server.port).send("GET", "/v1/flows").status == 200)
  }

  @Test(
    "only allowed Host headers are served",
    arguments: [
      ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421), ("localhost:80x", 421),
      ("127.0.0.1:", 421), ("[::1", 421), ("127.1", 421), ("2130706433", 421), ("0.0.0.0", 421), ("", 421),
      ("localhost:99999", 421), ("flow.example.", 200), ("FLOW.example:443", 200), ("localhost", 200),
      ("LocalHost:8080", 200), ("[::1]:8080", 200), ("127.0.0.1", 200),
    ])
  func hostNames(_ host: String, _ status: Int) throws {
    let answer = try HTTPClient(port: server.port).send("GET", "/v1/flows", headers: ["Host": host])
    #expect(answer.status == status)
    if status == 421 { #expect(answer.json["code"] == "host-not-allowed") }
    try othersAreServed()
  }

  @Test("an absolute request target with another host is rejected") func absoluteTarget() throws {
    let client = HTTPClient(port: server.port)
    #expect(try client.send("GET", "http://evil.example/v1/flows").status == 421)
    #expect(try client.send("GET", "http://localhost/v1/flows").status == 200)
  }

  @Test(
    "pages of other origins can neither send events nor open the live stream",
    arguments: [
      "https://evil.example", "null", "http://127.0.0.1", "http://localhost:PORT", "http://127.0.0.1:PORT.evil.example",
      "file://", "http://127.0.0.1:PORT/",
    ])
  func foreignOrigins(_ origin: String) throws {
    let headers = ["Origin": origin.replacing("PORT", with: String(server.port))]
    let client = HTTPClient(port: server.port)
    let answer = try client.send("POST", "/v1/events", AccessTests.placed, headers: headers)
    #expect(answer.status == 403)
    #expect(answer.json["code"] == "origin-not-allowed")
    #expect(throws: WebSocketClient.Refused.self) {
      try WebSocketClient(port: server.port, path: "/v1/live", headers: headers)
    }
    #expect(try client.send("GET", "/v1/instances").json["items"] == [])
    try othersAreServed()
  }

  @Test("pages of the own origin can send events and open the live stream") func ownOrigin() throws {
    let headers = ["Origin": "http://127.0.0.1:\(server.port)"]
    let client = HTTPClient(port: server.port)
    #expect(try client.send("POST", "/v1/events", AccessTests.placed, headers: headers).status == 201)
    _ = try WebSocketClient(port: server.port, path: "/v1/live", headers: headers)
  }

  @Test(
    "invalid JSON bodies are rejected",
    arguments: [
      (String(repeating: "[", count: 200_000), "deep lists"),
      (String(repeating: #"{"a":"#, count: 100_000), "deep objects"),
      (
        #"{"event": "Placed", "data": "# + String(repeating: "[", count: 129) + String(repeating: "]", count: 129)
          + "}",
        "one level too deep"
      ),
      ("{\"event\": \"\u{0}\"}", "a raw zero"), (#"{"event": "\ud800"}"#, "half a character"), ("", "nothing"),
      (#"{"event": "Placed", "event": "Paid"}"#, "a member twice"), ("[1e999999999]", "a number past all"),
    ])
  func invalidJSON(_ text: String, _ name: String) throws {
    let headers = ["Content-Type": "application/json"]
    let client = HTTPClient(port: server.port)
    let answer = try client.send("POST", "/v1/events", bytes: Array(text.utf8), headers: headers)
    #expect(answer.status == 400, "\(name): \(answer.text)")
    try othersAreServed()
  }

  @Test(
    "invalid UTF-8 in a body or path is rejected",
    arguments: [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
    ] as [[UInt8]])
  func invalidUTF8(_ bytes: [UInt8]) throws {
    let body = Array(#"{"event": "P"#.utf8) + bytes + Array(#""}"#.utf8)
    let client = HTTPClient(port: server.port)
    let answer = try client.send("POST", "/v1/events", bytes: body, headers: ["Content-Type": "application/json"])
    #expect(answer.status == 400)
    let escaped = "%" + bytes.map { String($0, radix: 16) }.joined(separator: "%")
    #expect(try client.send("GET", "/v1/flows/\(escaped)/instances").status == 400)
    try othersAreServed()
  }

  @Test("a body that is too large is rejected by its Content-Length") func hugeBody() throws {
    let socket = try TestPeer(port: server.port)
    try socket.send("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
    #expect(try socket.head().hasPrefix("HTTP/1.1 413"))
    try othersAreServed()
  }

  /// Thousands of connections that send no data, while other clients are served.
  @Test("thousands of idle connections do not delay other clients") func idleConnections() throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    let count = min(5_000, Int(clamping: limit.rlim_max) - 500)
    try #require(count > 100, "this machine allows too few descriptors")
    let idle = try (0..<count).map { _ in try TestPeer(port: server.port) }
    for _ in 0..<20 { try othersAreServed() }
    let client = HTTPClient(port: server.port)
    #expect(try client.send("POST", "/v1/events", AccessTests.placed).status == 201)
    try idle[count - 1].send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(try idle[count - 1].head().hasPrefix("HTTP/1.1 200"))
  }
}
