import Testing

@testable import FlowHTTP

@Suite struct RequestTests {
  private let simple = "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test("A request is read whole", arguments: [Int.max, 1, 3])
  func aRequestIsReadWhole(size: Int) throws {
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

  @Test("Chunks are joined and trailers dropped", arguments: [Int.max, 1, 3])
  func chunksAreJoinedAndTrailersDropped(size: Int) throws {
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
    "A target is split",
    arguments: [
      ("/", "/", nil), ("/a?", "/a", ""), ("/a?b?c", "/a", "b?c"), ("http://h/a?b", "/a", "b"), ("http://h", "/", nil),
      ("https://h?b", "/", "b"),
    ])
  func aTargetIsSplit(target: String, path: String, query: String?) {
    let request = HTTPRequest(method: "GET", target: target)
    #expect(request.path == path)
    #expect(request.query == query)
  }

  @Test("Headers answer for tokens") func headersAnswerForTokens() {
    let headers = HTTPHeaders([("Accept", "a, b"), ("accept", " C ,d")])
    #expect(headers.contains(token: "c", in: "ACCEPT"))
    #expect(!headers.contains(token: "e", in: "accept"))
    #expect(headers.count == 2)
  }

  @Test("An answer is framed") func anAnswerIsFramed() {
    let peer = Transcript()
    peer.send(simple)
    peer.answer(200, "hi", headers: [("X", "1"), ("Content-Length", "9"), ("Connection", "x"), ("Bad name", "")])
    #expect(peer.take() == "HTTP/1.1 200 OK\r\nDate: now\r\nX: 1\r\nContent-Length: 2\r\n\r\nhi")
    #expect(!peer.connection.isWriteEndDue)
  }

  @Test("A value can't end its line") func aValueCannotEndItsLine() {
    let peer = Transcript()
    peer.send(simple)
    peer.answer(302, headers: [("Location", "/a\r\nSet-Cookie: b")])
    #expect(peer.take().contains("\r\nLocation: /a  Set-Cookie: b\r\n"))
  }

  @Test("An answer without a body has none", arguments: [(204, ""), (304, ""), (200, "Content-Length: 2\r\n")])
  func anAnswerWithoutABodyHasNone(status: Int, length: String) {
    let peer = Transcript()
    peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    peer.answer(status, "hi")
    #expect(peer.take().hasSuffix("Date: now\r\n\(length)\r\n"))
  }

  @Test(
    "A connection lasts as asked",
    arguments: [
      ("HTTP/1.1", "close", "Connection: close\r\n", true), ("HTTP/1.0", "", "Connection: close\r\n", true),
      ("HTTP/1.0", "keep-alive", "Connection: keep-alive\r\n", false), ("HTTP/1.1", "keep-alive", "", false),
    ])
  func aConnectionLastsAsAsked(version: String, connection: String, answer: String, isOver: Bool) {
    let peer = Transcript()
    peer.send("GET / \(version)\r\nHost: h\r\nConnection: \(connection)\r\n\r\n")
    peer.answer(200)
    #expect(peer.take() == "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\(answer)\r\n")
    #expect(peer.connection.isWriteEndDue == isOver)
  }

  @Test("Pipelined requests are answered in order") func pipelinedRequestsAreAnsweredInOrder() {
    let peer = Transcript()
    peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab")
    peer.send("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.events == ["GET /1"])
    peer.answer(200, "one")
    #expect(peer.events == ["GET /1", "POST /2"])
    peer.answer(200, "two")
    peer.answer(200, "three")
    #expect(peer.events == ["GET /1", "POST /2", "GET /3"])
    let text = peer.take()
    #expect(text.split(separator: "HTTP/1.1 200 OK").map { $0.suffix(3) } == ["one", "two", "ree"])
  }

  @Test("Pipelined bytes are bounded") func pipelinedBytesAreBounded() {
    let peer = Transcript { $0.limits.pipelinedBytes = 100 }
    peer.send(simple)
    peer.send(simple + simple)
    #expect(peer.connection.wantsRead)
    peer.send(simple + simple)
    #expect(!peer.connection.wantsRead)
    for _ in 0..<5 {
      peer.answer()
      _ = peer.take()
    }
    #expect(peer.connection.wantsRead)
    #expect(peer.requests.count == 5)
  }

  @Test func answersNotTakenHoldBackTheNextRequest() {
    let peer = Transcript { $0.limits.pipelinedBytes = 1_000 }
    peer.send(simple + simple)
    peer.answer(200, String(repeating: "a", count: 2_000))
    #expect(peer.requests.count == 1)
    _ = peer.take()
    #expect(peer.requests.count == 2)
  }

  @Test func answersNotTakenHoldBackRequestsThatComeLater() {
    let peer = Transcript { $0.limits.pipelinedBytes = 1_000 }
    for _ in 0..<10 {
      peer.send(simple)
      peer.answer(200, String(repeating: "a", count: 2_000))
    }
    #expect(peer.requests.count == 1)
    _ = peer.take()
    #expect(peer.requests.count == 2)
  }

  @Test("An error after a good request is answered after it") func anErrorAfterAGoodRequestIsAnsweredAfterIt() {
    let peer = Transcript()
    peer.send(simple + "BREW / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.take().isEmpty)
    peer.answer(200, "fine")
    let text = peer.take()
    #expect(text.hasPrefix("HTTP/1.1 200"))
    #expect(text.contains("fineHTTP/1.1 501"))
  }

  @Test("A head that is refused costs no body and gets no 100 Continue")
  func aRefusedHeadIsAnsweredBeforeItsBody() {
    let peer = Transcript()
    peer.refusal = HTTPResponse(status: 401)
    peer.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
    #expect(peer.heads.map(\.path) == ["/p"])
    #expect(peer.verdict() == "401 close")
    peer.send(String(repeating: "a", count: 1000))
    #expect(peer.requests.isEmpty)
  }

  @Test("A head is announced once, and its context reaches the whole request")
  func anAdmittedHeadKeepsItsContext() {
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

  @Test("A peer that ends is seen by those who still work for it")
  func aPeerThatEndsIsSeen() {
    let peer = Transcript()
    peer.send(simple)
    #expect(peer.requests.first?.peer?.hasEnded == false)
    peer.end()
    #expect(peer.requests.first?.peer?.hasEnded == true)
    peer.answer(200, "x")
    #expect(peer.take().hasSuffix("x"))
  }

  @Test func continueComesOnlyWhileTheBodyIsMissing() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    let peer = Transcript()
    peer.send(head)
    #expect(peer.take() == "HTTP/1.1 100 Continue\r\n\r\n")
    peer.send("a")
    #expect(peer.take().isEmpty)
    peer.send("b")
    #expect(peer.requests.count == 1)
    let eager = Transcript()
    eager.send(head + "ab")
    #expect(eager.take().isEmpty)
    #expect(eager.requests.count == 1)
  }

  @Test("A slow drip is cut off") func aSlowDripIsCutOff() {
    let peer = Transcript()
    for byte in "GET / HTTP".utf8 {
      peer.send([byte])
      peer.wait(milliseconds: 999)
    }
    #expect(!peer.connection.isWriteEndDue && !peer.connection.isClosed)
    peer.wait(milliseconds: 10)
    #expect(peer.verdict() == "408 close")
  }

  @Test("An idle peer is left") func anIdlePeerIsLeft() {
    let peer = Transcript()
    peer.send(simple)
    peer.wait(milliseconds: 100_000)
    peer.answer()
    _ = peer.take()
    peer.wait(milliseconds: 59_999)
    #expect(!peer.connection.isClosed)
    peer.wait(milliseconds: 1)
    #expect(peer.connection.isClosed)
    #expect(peer.take().isEmpty)
  }

  @Test func aReaderThatTakesNothingIsLeft() {
    let peer = Transcript()
    peer.send(simple)
    peer.answer(200, "a")
    peer.wait(milliseconds: 60_000)
    #expect(peer.connection.isClosed)
  }

  @Test("A half closed peer still gets its answers") func aHalfClosedPeerStillGetsItsAnswers() {
    let peer = Transcript()
    peer.send(simple + simple)
    peer.end()
    peer.answer(200, "one")
    peer.answer(200, "two")
    #expect(peer.take().hasSuffix("two"))
    #expect(peer.connection.isClosed)
  }

  @Test("An answer to nothing is dropped") func anAnswerToNothingIsDropped() {
    let peer = Transcript()
    peer.answer(200, "early")
    peer.send(simple)
    peer.answer(200, "one")
    peer.answer(200, "again")
    #expect(peer.take().hasSuffix("one"))
  }

  @Test("A stream is chunked") func aStreamIsChunked() {
    let peer = Transcript()
    peer.send(simple)
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    peer.connection.stream(Array("0123456789abcdef".utf8), now: peer.now)
    peer.connection.stream([], now: peer.now)
    peer.connection.finishStream(now: peer.now)
    let head = "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(peer.take() == head + "10\r\n0123456789abcdef\r\n0\r\n\r\n")
    peer.send(simple)
    #expect(peer.requests.count == 2)
  }

  @Test("A stream for an old peer ends with the connection") func aStreamForAnOldPeerEndsWithTheConnection() {
    let peer = Transcript()
    peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    peer.connection.stream(Array("abc".utf8), now: peer.now)
    peer.connection.finishStream(now: peer.now)
    #expect(peer.take() == "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nabc")
    #expect(peer.connection.isWriteEndDue)
  }

  @Test("A stream without reader is abandoned") func aStreamWithoutReaderIsAbandoned() {
    let peer = Transcript { $0.limits.queuedBytes = 1_000 }
    peer.send(simple)
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    for _ in 0..<11 { peer.connection.stream([UInt8](repeating: 0, count: 90), now: peer.now) }
    _ = peer.take()
    #expect(peer.events.last == "abandoned")
    #expect(peer.connection.isClosed)
  }

  @Test func aStreamSaysWhenItsReaderHasTakenAll() {
    let peer = Transcript()
    peer.send(simple)
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    peer.connection.stream(Array("abc".utf8), now: peer.now)
    peer.connection.awaitDrain()
    #expect(!peer.events.contains("drained"), "it still waits to be written")
    _ = peer.take()
    #expect(peer.events.filter { $0 == "drained" }.count == 1)
    peer.connection.awaitDrain()
    _ = peer.take()
    #expect(peer.events.filter { $0 == "drained" }.count == 2, "with nothing to write it is told at once")
  }

  @Test func whoTakesNoBodyAbandonsTheStreamAtOnce() {
    let peer = Transcript()
    peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    peer.connection.respond(.streaming(status: 200), now: peer.now)
    _ = peer.take()
    #expect(peer.events.last == "abandoned")
    peer.send(simple)
    #expect(peer.requests.count == 2)
  }

  @Test("Shutting down ends idle peers and finishes begun ones") func shuttingDownEndsIdlePeersAndFinishesBegunOnes() {
    let idle = Transcript()
    idle.connection.shutDown(now: idle.now)
    #expect(idle.connection.isWriteEndDue)
    let busy = Transcript()
    busy.send(simple)
    busy.connection.shutDown(now: busy.now)
    busy.answer(200, "last")
    #expect(busy.take().contains("Connection: close\r\n\r\nlast"))
    #expect(busy.connection.isWriteEndDue)
  }
}
