import Testing

@testable import FlowHTTP

@Suite("Requests and responses") struct RequestTests {
  private let simple = "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test("a request is parsed, in any pieces", arguments: [Int.max, 1, 3])
  func request(size: Int) throws {
    let peer = Transcript()
    let text = "POST /p%20q?x=1&y HTTP/1.1\r\nhOST: h:80\r\nX-Two: 1\r\nContent-Length: 5\r\nx-two:  2 \r\n\r\nhello"
    peer.send(Array(text.utf8), inPiecesOf: size)
    let request = try #require(peer.requests.first)
    #expect(request.method == "POST")
    #expect(request.target == "/p%20q?x=1&y")
    #expect(request.path == "/p%20q")
    #expect(request.query == "x=1&y")
    #expect(request.headers["host"] == "h:80")
    #expect(request.headers.values(of: "X-TWO") == ["1", "2"])
    #expect(request.headers.map(\.name) == ["hOST", "X-Two", "Content-Length", "x-two"])
    #expect(String(decoding: request.body, as: UTF8.self) == "hello")
    #expect(request.remoteAddress == "10.0.0.1")
    #expect(!request.isUpgrade)
  }

  @Test("chunks are joined, and trailers are dropped", arguments: [Int.max, 1, 3])
  func chunkedBody(size: Int) throws {
    let peer = Transcript()
    let text =
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
    peer.send(Array(text.utf8), inPiecesOf: size)
    let request = try #require(peer.requests.first)
    #expect(String(decoding: request.body, as: UTF8.self) == "abc0123456789")
    #expect(request.headers["X-Trailer"] == nil)
  }

  @Test(
    "a target is split into path and query",
    arguments: [
      ("/", "/", nil), ("/a?", "/a", ""), ("/a?b?c", "/a", "b?c"), ("http://h/a?b", "/a", "b"), ("http://h", "/", nil),
      ("https://h?b", "/", "b"),
    ])
  func target(target: String, path: String, query: String?) {
    let request = HTTPRequest(method: "GET", target: target)
    #expect(request.path == path)
    #expect(request.query == query)
  }

  @Test("repeated headers are found without regard to case") func repeatedHeaders() {
    let headers = HTTPHeaders(
      [("Host", "h"), ("ce-id", "1"), ("X-One", "1"), ("CE-ID", "2"), ("host", "h"), ("ce-", "")])
    #expect(headers.isRepeated("HOST") && !headers.isRepeated("x-one") && !headers.isRepeated("other"))
    #expect(headers.repeatedName(startingWith: "ce-") == "CE-ID")
    #expect(headers.repeatedName(startingWith: "x-") == nil)
  }

  @Test("tokens are found in comma-separated headers") func headerTokens() {
    let headers = HTTPHeaders([("Accept", "a, b"), ("accept", " C ,d")])
    #expect(headers.contains(token: "c", in: "ACCEPT"))
    #expect(!headers.contains(token: "e", in: "accept"))
    #expect(headers.count == 2)
  }

  @Test("a response is written with its length, without invalid headers") func response() {
    let peer = Transcript()
    peer.send(simple)
    peer.answer(200, "hi", headers: [("X", "1"), ("Content-Length", "9"), ("Connection", "x"), ("Bad name", "")])
    #expect(peer.drain() == "HTTP/1.1 200 OK\r\nDate: now\r\nX: 1\r\nContent-Length: 2\r\n\r\nhi")
    #expect(!peer.connection.isWriteEndDue)
  }

  @Test("a header value cannot end its line") func headerInjection() {
    let peer = Transcript()
    peer.send(simple)
    peer.answer(302, headers: [("Location", "/a\r\nSet-Cookie: b")])
    #expect(peer.drain().contains("\r\nLocation: /a  Set-Cookie: b\r\n"))
  }

  @Test("responses without a body have none", arguments: [(204, ""), (304, ""), (200, "Content-Length: 2\r\n")])
  func bodilessResponse(status: Int, length: String) {
    let peer = Transcript()
    peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    peer.answer(status, "hi")
    #expect(peer.drain().hasSuffix("Date: now\r\n\(length)\r\n"))
  }

  @Test(
    "the version and the Connection header determine keep-alive",
    arguments: [
      ("HTTP/1.1", "close", "Connection: close\r\n", true), ("HTTP/1.0", "", "Connection: close\r\n", true),
      ("HTTP/1.0", "keep-alive", "Connection: keep-alive\r\n", false), ("HTTP/1.1", "keep-alive", "", false),
    ])
  func keepAlive(version: String, connection: String, answer: String, isOver: Bool) {
    let peer = Transcript()
    peer.send("GET / \(version)\r\nHost: h\r\nConnection: \(connection)\r\n\r\n")
    peer.answer(200)
    #expect(peer.drain() == "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\(answer)\r\n")
    #expect(peer.connection.isWriteEndDue == isOver)
  }

  @Test("pipelined requests are answered in order") func pipelining() {
    let peer = Transcript()
    peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab")
    peer.send("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.events == ["GET /1"])
    peer.answer(200, "one")
    #expect(peer.events == ["GET /1", "POST /2"])
    peer.answer(200, "two")
    peer.answer(200, "three")
    #expect(peer.events == ["GET /1", "POST /2", "GET /3"])
    let text = peer.drain()
    #expect(text.split(separator: "HTTP/1.1 200 OK").map { $0.suffix(3) } == ["one", "two", "ree"])
  }

  @Test("pipelined input is limited") func pipelinedBytes() {
    let peer = Transcript { $0.limits.pipelinedBytes = 100 }
    peer.send(simple)
    peer.send(simple + simple)
    #expect(peer.connection.wantsRead)
    peer.send(simple + simple)
    #expect(!peer.connection.wantsRead)
    for _ in 0..<5 {
      peer.answer()
      _ = peer.drain()
    }
    #expect(peer.connection.wantsRead)
    #expect(peer.requests.count == 5)
  }

  @Test("unsent responses delay the next pipelined request") func backpressure() {
    let peer = Transcript { $0.limits.pipelinedBytes = 1_000 }
    peer.send(simple + simple)
    peer.answer(200, String(repeating: "a", count: 2_000))
    #expect(peer.requests.count == 1)
    _ = peer.drain()
    #expect(peer.requests.count == 2)
  }

  @Test("unsent responses delay requests that arrive later") func backpressureForLaterRequests() {
    let peer = Transcript { $0.limits.pipelinedBytes = 1_000 }
    for _ in 0..<10 {
      peer.send(simple)
      peer.answer(200, String(repeating: "a", count: 2_000))
    }
    #expect(peer.requests.count == 1)
    _ = peer.drain()
    #expect(peer.requests.count == 2)
  }

  @Test("an invalid request is answered after the valid one before it") func errorAfterRequest() {
    let peer = Transcript()
    peer.send(simple + "BREW / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.drain().isEmpty)
    peer.answer(200, "fine")
    let text = peer.drain()
    #expect(text.hasPrefix("HTTP/1.1 200"))
    #expect(text.contains("fineHTTP/1.1 501"))
  }

  @Test("a rejected head is answered without reading the body, and without 100 Continue")
  func rejectedHead() {
    let peer = Transcript()
    peer.refusal = HTTPResponse(status: 401)
    peer.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
    #expect(peer.heads.map(\.path) == ["/p"])
    #expect(peer.verdict() == "401 close")
    peer.send(String(repeating: "a", count: 1000))
    #expect(peer.requests.isEmpty)
  }

  @Test("a head is reported once, and its context is passed to the request")
  func contextOfHead() {
    let peer = Transcript()
    let text = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    peer.send(Array(text.utf8), inPiecesOf: 1)
    #expect(peer.heads.count == 1)
    #expect(peer.requests.first?.context as? String == "admitted")
    peer.answer()
    peer.send("GET /q HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.heads.count == 1)
    #expect(peer.requests.last?.context == nil)
  }

  @Test("a request reports that its peer has closed the connection")
  func endedPeer() {
    let peer = Transcript()
    peer.send(simple)
    #expect(peer.requests.first?.peer?.hasEnded == false)
    peer.end()
    #expect(peer.requests.first?.peer?.hasEnded == true)
    peer.answer(200, "x")
    #expect(peer.drain().hasSuffix("x"))
  }

  @Test("100 Continue is sent only if the body has not arrived") func expectContinue() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    let peer = Transcript()
    peer.send(head)
    #expect(peer.drain() == "HTTP/1.1 100 Continue\r\n\r\n")
    peer.send("a")
    #expect(peer.drain().isEmpty)
    peer.send("b")
    #expect(peer.requests.count == 1)
    let eager = Transcript()
    eager.send(head + "ab")
    #expect(eager.drain().isEmpty)
    #expect(eager.requests.count == 1)
  }

  @Test("a request that arrives byte by byte is a 408") func slowDrip() {
    let peer = Transcript()
    for byte in "GET / HTTP".utf8 {
      peer.send([byte])
      peer.wait(milliseconds: 999)
    }
    #expect(!peer.connection.isWriteEndDue && !peer.connection.isClosed)
    peer.wait(milliseconds: 10)
    #expect(peer.verdict() == "408 close")
  }

  @Test("an idle connection is closed after its timeout") func idleConnection() {
    let peer = Transcript()
    peer.send(simple)
    peer.wait(milliseconds: 100_000)
    peer.answer()
    _ = peer.drain()
    peer.wait(milliseconds: 59_999)
    #expect(!peer.connection.isClosed)
    peer.wait(milliseconds: 1)
    #expect(peer.connection.isClosed)
    #expect(peer.drain().isEmpty)
  }

  @Test("a connection is closed if the peer does not read the response") func stalledReader() {
    let peer = Transcript()
    peer.send(simple)
    peer.answer(200, "a")
    peer.wait(milliseconds: 60_000)
    #expect(peer.connection.isClosed)
  }

  @Test("a half-closed peer receives its responses") func halfClosedPeer() {
    let peer = Transcript()
    peer.send(simple + simple)
    peer.end()
    peer.answer(200, "one")
    peer.answer(200, "two")
    #expect(peer.drain().hasSuffix("two"))
    #expect(peer.connection.isClosed)
  }

  @Test("a response without a request is dropped") func unexpectedResponse() {
    let peer = Transcript()
    peer.answer(200, "early")
    peer.send(simple)
    peer.answer(200, "one")
    peer.answer(200, "again")
    #expect(peer.drain().hasSuffix("one"))
  }

  @Test("a stream is sent in chunks") func stream() {
    let peer = Transcript()
    peer.send(simple)
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    peer.connection.stream(Array("0123456789abcdef".utf8), now: peer.now)
    peer.connection.stream([], now: peer.now)
    peer.connection.finishStream(now: peer.now)
    let head = "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(peer.drain() == head + "10\r\n0123456789abcdef\r\n0\r\n\r\n")
    peer.send(simple)
    #expect(peer.requests.count == 2)
  }

  @Test("a stream to an HTTP/1.0 peer ends with the connection") func streamForHTTP10() {
    let peer = Transcript()
    peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    peer.connection.stream(Array("abc".utf8), now: peer.now)
    peer.connection.finishStream(now: peer.now)
    #expect(peer.drain() == "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nabc")
    #expect(peer.connection.isWriteEndDue)
  }

  @Test("a stream that the peer does not read is abandoned") func stalledStream() {
    let peer = Transcript { $0.limits.queuedBytes = 1_000 }
    peer.send(simple)
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    for _ in 0..<11 { peer.connection.stream([UInt8](repeating: 0, count: 90), now: peer.now) }
    _ = peer.drain()
    #expect(peer.events.last == "abandoned")
    #expect(peer.connection.isClosed)
  }

  @Test("a stream reports when all output is sent") func drainedStream() {
    let peer = Transcript()
    peer.send(simple)
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    peer.connection.stream(Array("abc".utf8), now: peer.now)
    peer.connection.awaitDrain()
    #expect(!peer.events.contains("drained"), "output is still waiting")
    _ = peer.drain()
    #expect(peer.events.filter { $0 == "drained" }.count == 1)
    peer.connection.awaitDrain()
    _ = peer.drain()
    #expect(peer.events.filter { $0 == "drained" }.count == 2, "without output it is reported immediately")
  }

  @Test("a stream for a HEAD request is abandoned immediately") func streamForHEAD() {
    let peer = Transcript()
    peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    _ = peer.drain()
    #expect(peer.events.last == "abandoned")
    peer.send(simple)
    #expect(peer.requests.count == 2)
  }

  @Test("shutdown closes idle connections and completes requests in progress") func shutdown() {
    let idle = Transcript()
    idle.connection.shutDown(now: idle.now)
    #expect(idle.connection.isWriteEndDue)
    let busy = Transcript()
    busy.send(simple)
    busy.connection.shutDown(now: busy.now)
    busy.answer(200, "last")
    #expect(busy.drain().contains("Connection: close\r\n\r\nlast"))
    #expect(busy.connection.isWriteEndDue)
  }
}
