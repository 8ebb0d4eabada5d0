import Synchronization
import Testing

@testable import FlowHTTP

/// Slow and excessive peers, with the clock of a transcript and over real sockets.
@Suite("Timeouts, handed-over sockets and observers", .serialized) struct TimeoutTests {
  @Test("a slow request head is a 408") func slowHead() {
    let peer = Transcript()
    peer.send("GET / HTTP/1.1\r\n")
    drip("X: y\r\n", seconds: 9, into: peer)
    #expect(peer.verdict() == "408 close")
  }

  /// Sends a part each second within the timeout, and then waits for a second too long.
  private func drip(_ text: String, seconds: Int, into peer: Transcript) {
    for _ in 0..<seconds {
      peer.wait(milliseconds: 1_000)
      peer.send(text)
    }
    #expect(peer.drain().isEmpty)
    peer.wait(milliseconds: 1_000)
  }

  @Test("a slow body is a 408 after a longer timeout") func slowBody() {
    let peer = Transcript()
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
    drip("x", seconds: 29, into: peer)
    #expect(peer.verdict() == "408 close")
    #expect(peer.events.isEmpty)
  }

  @Test("a body has a longer timeout than a head") func bodyTimeout() {
    let peer = Transcript()
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
    peer.wait(milliseconds: 20_000)
    peer.send("y")
    peer.answer()
    #expect(peer.verdict() == "200")
    peer.send("GET / HT")
    peer.wait(milliseconds: 9_999)
    #expect(peer.drain().isEmpty)
    peer.wait(milliseconds: 1)
    #expect(peer.verdict() == "408 close")
  }

  @Test("a connection closes after its maximum number of requests") func requestLimit() {
    let peer = Transcript { $0.limits.requestsPerConnection = 2 }
    peer.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
    peer.answer()
    #expect(peer.verdict() == "200")
    peer.answer()
    #expect(peer.verdict() == "200 close")
    #expect(peer.events == ["GET /1", "GET /2"])
  }

  /// Many clients with unfinished requests, and one with a complete request.
  @Test(
    "slow clients do not delay others",
    arguments: ["GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", ""])
  func slowClients(_ beginning: String) throws {
    var configuration = HTTPServer.Configuration()
    configuration.timeouts.requestMilliseconds = 300
    configuration.timeouts.bodyMilliseconds = 300
    configuration.timeouts.idleMilliseconds = 300
    configuration.timeouts.shutdownMilliseconds = 300
    let server = try HTTPServer(
      configuration: configuration, handler: TestHandler { $1.send(HTTPResponse(status: 200)) })
    server.start()
    defer { server.shutdown() }
    let slow = try (0..<200).map { _ in try Client(port: server.port) }
    for client in slow { try client.send(beginning) }
    for _ in 0..<50 { #expect(try Client(port: server.port).get("/").status == 200) }
    for client in slow {
      if !beginning.isEmpty { #expect(try client.answer().status == 408) }
      #expect(client.isAtEnd())
    }
  }

  @Test("a server can use an inherited listening socket") func inheritedSocket() throws {
    let handler = TestHandler { $1.send(HTTPResponse(status: 200)) }
    let socket = try Sockets.listen(host: "127.0.0.1", port: 0, isShared: false)
    var configuration = HTTPServer.Configuration()
    configuration.listeningSocket = socket
    configuration.loops = 4
    let server = try HTTPServer(configuration: configuration, handler: handler)
    server.start()
    #expect(try Client(port: Sockets.port(of: socket)).get("/").status == 200)
    server.shutdown()
    configuration.listeningSocket = 0
    #expect(throws: HTTPServerError.self) { try HTTPServer(configuration: configuration, handler: handler) }
  }

  @Test("an observer can change every response") func observer() throws {
    final class Observer: ResponseObserver {
      let seen = Mutex<[Int]>([])
      func willSend(_ response: HTTPResponse) -> HTTPResponse {
        seen.withLock { $0.append(response.status) }
        return HTTPResponse(status: 203, headers: [("X", "y")], body: response.body)
      }
      func willUpgrade() { seen.withLock { $0.append(101) } }
    }
    let observer = Observer()
    let handler = TestHandler { request, respond in
      var respond = respond
      respond.observer = observer
      if request.isUpgrade { return respond.upgrade(subprotocol: nil) }
      respond.send(HTTPResponse(status: 200, body: [65]))
    }
    let server = try HTTPServer(configuration: .init(), handler: handler)
    server.start()
    defer { server.shutdown() }
    let answer = try Client(port: server.port).get("/")
    #expect(answer.status == 203 && answer.body == "A" && answer.head.contains("\r\nX: y\r\n"))
    _ = try Client(port: server.port).upgrade()
    #expect(observer.seen.withLock { $0 } == [200, 101])
  }

  @Test("gzip returns nil unless the result is shorter") func gzip() throws {
    let long = try #require(Gzip.compressed([UInt8](repeating: 7, count: 100_000)))
    #expect(long.count < 1_000 && long.starts(with: [0x1F, 0x8B]))
    #expect(Gzip.compressed([1, 2, 3]) == nil)
    #expect(Gzip.compressed([]) == nil)
  }
}
