import FlowHTTP
import FlowJSON
import FlowNodes
import FlowTestSupport
import Foundation
import Synchronization
import Testing

@testable import FlowServer

/// A node in this process, whose owner is a server of the test.
private final class TestNode {
  static let secret = Array("a secret of the nodes".utf8)

  let handler: NodeHandler
  let port: Int
  private let forwarder: Forwarder
  private let server: HTTPServer

  init(owner: String?, limits: Forwarder.Limits = Forwarder.Limits()) throws {
    let metrics = Metrics(version: "test")
    forwarder = Forwarder(limits: limits, metrics: metrics, onMissingOwner: {})
    handler = NodeHandler(forwarder, onClaimRequest: {})
    var settings = AccessMiddleware.Settings()
    settings.nodeSecret = TestNode.secret
    handler.allowForwarding(StandbyAccess(settings, metrics: metrics, clock: { 0 }))
    forwarder.start()
    server = try HTTPServer(configuration: .init(), handler: handler)
    server.start()
    port = server.port
    handler.setOwner(owner)
  }

  deinit {
    server.shutdown()
    forwarder.stop()
  }

  static func hop(of request: LocalServer.Request) -> Hop? {
    let words = request.line.split(separator: " ").map(String.init)
    let headers = HTTPHeaders(request.headers.map { ($0.key, $0.value) })
    return Hop(HTTPRequest(method: words[0], target: words[1], headers: headers), secret: secret)
  }
}

/// Answers requests with the header that identifies them.
private struct EchoHandler: HTTPHandler {
  func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    let hop = Hop(request, secret: TestNode.secret)
    respond.send(HTTPResponse(status: 200, body: Array("\(hop?.client ?? "none") \(request.path)".utf8)))
  }
}

@Suite("Forwarding") struct ForwarderTests {
  private static let event = "/v1/flows/F/instances/a%20b/events?x=1"

  @Test("a request reaches the owner as it is, with the address of its client")
  func request() throws {
    let owner = LocalServer { _ in
      LocalServer.answer("201 Created", #"{"ok": true}"#, headers: "ETag: \"3\"\r\nKeep-Alive: timeout=1\r\n")
    }
    let node = try TestNode(owner: owner.url)
    let headers = [
      "Authorization": "Bearer k", "X-Empty": "", "Connection": "x-secret", "X-Secret": "1", "Accept-Encoding": "gzip",
    ]
    let response = try HTTPClient(port: node.port).send("POST", ForwarderTests.event, ["event": "E"], headers: headers)
    #expect(response.status == 201 && response.json["ok"] == true && response.headers["etag"] == "\"3\"")
    #expect(response.headers["keep-alive"] == nil)
    let seen = try #require(owner.requests.first)
    #expect(seen.line == "POST \(ForwarderTests.event) HTTP/1.1" && seen.body == #"{"event":"E"}"#)
    #expect(seen.headers["host"] == "127.0.0.1:\(node.port)" && seen.headers["authorization"] == "Bearer k")
    #expect(seen.headers["x-empty"] == "" && seen.headers["x-secret"] == nil)
    #expect(seen.headers["accept-encoding"] == "gzip")
    #expect(seen.headers["content-type"] == "application/json" && seen.headers["accept"] == nil)
    #expect(TestNode.hop(of: seen)?.client == "127.0.0.1")
  }

  @Test("a response without a body, and one to HEAD, have the headers of the owner")
  func withoutBody() throws {
    let owner = LocalServer { request in
      request.line.hasPrefix("HEAD")
        ? "HTTP/1.1 200 OK\r\nContent-Length: 70\r\nConnection: close\r\n\r\n"
        : "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nConnection: close\r\n\r\n"
    }
    let node = try TestNode(owner: owner.url)
    let head = try HTTPClient(port: node.port).send("HEAD", "/v1/flows")
    #expect(head.status == 200 && head.headers["content-length"] == "70")
    let unchanged = try HTTPClient(port: node.port).send("GET", "/v1/flows")
    #expect(unchanged.status == 304 && unchanged.headers["etag"] == "\"x\"")
  }

  @Test("an event whose response was lost is repeated once, and identified as the same")
  func lostResponse() throws {
    let count = Atomic(0)
    let owner = LocalServer { _ in
      count.add(1, ordering: .relaxed).oldValue == 0 ? "" : LocalServer.answer("200 OK", "done")
    }
    let node = try TestNode(owner: owner.url)
    #expect(try HTTPClient(port: node.port).send("POST", ForwarderTests.event, [:]).text == "done")
    let hops = owner.requests.map(TestNode.hop)
    #expect(hops.count == 2 && hops[0] != nil && hops[0] == hops[1])
  }

  @Test("an operation whose response was lost is not repeated")
  func lostOperation() throws {
    let owner = LocalServer { _ in "" }
    let node = try TestNode(owner: owner.url)
    let response = try HTTPClient(port: node.port).send("POST", "/v1/flows/F/instances/k/cancel", [:])
    #expect(response.status == 502 && response.json["code"] == "owner-lost")
    #expect(owner.requests.count == 1)
  }

  @Test("a node that is not the owner names it, and the request is sent there")
  func redirect() throws {
    let owner = LocalServer { _ in LocalServer.answer("200 OK", "owner") }
    let former = LocalServer { _ in
      LocalServer.answer("421 Misdirected Request", #"{"code": "not-owner"}"#, headers: "Flow-Owner: \(owner.url)\r\n")
    }
    let node = try TestNode(owner: former.url)
    let client = HTTPClient(port: node.port)
    #expect(try client.send("POST", "/v1/batches", [:]).text == "owner")
    #expect(try client.send("GET", "/v1/flows").text == "owner")
    #expect(former.requests.count == 1 && owner.requests.count == 2)
  }

  @Test("without an owner, a request waits for a short time") func withoutOwner() throws {
    var limits = Forwarder.Limits()
    limits.holdMilliseconds = 300
    let node = try TestNode(owner: nil, limits: limits)
    let start = ContinuousClock.now
    let refused = try HTTPClient(port: node.port).send("GET", "/v1/flows")
    #expect(ContinuousClock.now - start >= .milliseconds(250))
    #expect(refused.status == 503 && refused.json["code"] == "standby" && refused.headers["retry-after"] == "1")
    #expect(try HTTPClient(port: node.port).send("GET", "/readyz").status == 503)
  }

  @Test("the number of requests that wait is limited") func limitOfWaiting() throws {
    var limits = Forwarder.Limits()
    limits.holdMilliseconds = 600_000
    limits.held = 1
    let node = try TestNode(owner: nil, limits: limits)
    let port = node.port
    let refusals = DispatchSemaphore(value: 0)
    // One of the two waits for its owner; the other is refused at once, and never after ten minutes.
    for _ in 0..<2 {
      let client = Thread {
        let answer = try? HTTPClient(port: port).send("GET", "/v1/flows")
        if answer?.json["code"] == "standby" { refusals.signal() }
      }
      client.start()
    }
    #expect(refusals.wait(timeout: .now() + 60) == .success)
  }

  @Test("requests that wait are sent to the owner that appears, or answered by this node when it is the owner")
  func ownerAppears() throws {
    let owner = LocalServer { _ in LocalServer.answer("200 OK", "owner") }
    let dead = LocalServer { _ in nil }.url
    var limits = Forwarder.Limits()
    limits.holdMilliseconds = 60_000
    for isLocal in [false, true] {
      let node = try TestNode(owner: isLocal ? nil : dead, limits: limits)
      let handler = node.handler
      let promotion = Thread {
        usleep(200_000)
        if isLocal { handler.activate(EchoHandler()) } else { handler.setOwner(owner.url) }
      }
      promotion.start()
      let text = try HTTPClient(port: node.port).send("POST", "/v1/batches", [:]).text
      #expect(text == (isLocal ? "127.0.0.1 /v1/batches" : "owner"))
    }
    withExtendedLifetime(owner) {}
  }

  @Test("a request that was forwarded before, or claims to be, is not forwarded again")
  func noLoop() throws {
    let owner = LocalServer { _ in LocalServer.answer("200 OK") }
    let node = try TestNode(owner: owner.url)
    let client = HTTPClient(port: node.port)
    let valid = Hop(client: "").value(method: "GET", target: "/v1/flows", secret: TestNode.secret)
    for value in ["1", valid] {
      let response = try client.send("GET", "/v1/flows", headers: ["Flow-Hop": value])
      #expect(response.status == 421 && response.json["code"] == "not-owner")
      #expect(response.headers["flow-owner"] == owner.url)
    }
    #expect(owner.requests.isEmpty)
  }

  @Test("a request for another host is refused by the node that receives it")
  func foreignHost() throws {
    let owner = LocalServer { _ in LocalServer.answer("200 OK") }
    let node = try TestNode(owner: owner.url)
    let response = try HTTPClient(port: node.port).send("GET", "/v1/flows", headers: ["Host": "evil.example"])
    #expect(response.status == 421 && response.json["code"] == "host-not-allowed" && owner.requests.isEmpty)
  }

  @Test("a stream that the owner does not complete is not completed for the client")
  func truncatedStream() throws {
    let owner = LocalServer { _ in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" }
    let node = try TestNode(owner: owner.url)
    #expect(throws: (any Error).self) { try HTTPClient(port: node.port).send("GET", "/v1/flows") }
  }

  @Test("a long response is relayed at the pace of the client, and ends when the client leaves")
  func longResponse() throws {
    let owner = try EndlessServer()
    let node = try TestNode(owner: "http://127.0.0.1:\(owner.port)")
    var peer: TestPeer? = try TestPeer(port: node.port)
    try peer?.send("GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(try peer?.head().hasPrefix("HTTP/1.1 200") == true)
    var sent = -1
    while sent != owner.sent {
      sent = owner.sent
      usleep(300_000)
    }
    #expect(sent < 24 << 20, "the node and the sockets hold a bounded part")
    #expect(try peer?.take(8 << 20).count == 8 << 20)
    #expect(eventually { owner.sent > sent })
    peer = nil
    #expect(eventually { owner.isEnded })
  }
}

/// Sends an endless body to its only client.
private final class EndlessServer: Sendable {
  let port: Int
  private let count = Atomic(0)
  private let hasEnded = Atomic(false)

  var sent: Int { count.load(ordering: .relaxed) }
  var isEnded: Bool { hasEnded.load(ordering: .relaxed) }

  init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size)
        listen(listener, 1)
        getsockname(listener, address, &size)
      }
      return Int(UInt16(bigEndian: pointer.pointee.sin_port))
    }
    Thread { [self] in
      let client = accept(listener, nil, nil)
      let head = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
      _ = send(client, head, head.count, Int32(MSG_NOSIGNAL))
      let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 0x61, count: 1 << 16) + Array("\r\n".utf8)
      while send(client, chunk, chunk.count, Int32(MSG_NOSIGNAL)) > 0 { count.add(chunk.count, ordering: .relaxed) }
      hasEnded.store(true, ordering: .relaxed)
      close(client)
      close(listener)
    }.start()
  }
}
