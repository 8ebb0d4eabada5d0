import Synchronization
import Testing

@testable import FlowHTTP

/// A handler made of closures that keeps its sockets.
final class TestHandler: HTTPHandler {
  let sockets = Mutex<[WebSocketHandle]>([])
  let closedCount = Mutex(0)
  let abandonedCount = Mutex(0)
  private let answer: @Sendable (HTTPRequest, ResponseHandle) -> Void

  init(_ answer: @escaping @Sendable (HTTPRequest, ResponseHandle) -> Void = { $1.upgrade(subprotocol: nil) }) {
    self.answer = answer
  }

  func handle(_ request: HTTPRequest, _ respond: ResponseHandle) { answer(request, respond) }
  func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) { sockets.withLock { $0.append(socket) } }
  func closed(_ socket: WebSocketHandle) { closedCount.withLock { $0 += 1 } }
  func abandoned(_ stream: ResponseHandle) { abandonedCount.withLock { $0 += 1 } }

  func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    switch message {
    case .text(let text): socket.send(text: text)
    case .binary(let bytes): socket.send(EncodedFrame(binary: bytes))
    }
  }
}

/// Responds on a separate thread in bursts, as an engine does.
final class Answerer: Sendable {
  private let waiting = Mutex<[(String, ResponseHandle)]>([])
  private let isOver = Atomic(false)

  func add(_ request: HTTPRequest, _ respond: ResponseHandle) {
    waiting.withLock { $0.append((request.target, respond)) }
  }

  func run() -> LoopThread? {
    LoopThread(name: "answerer") { [self] in
      while !isOver.load(ordering: .relaxed) {
        let burst = waiting.withLock { waiting in
          defer { waiting = [] }
          return waiting
        }
        for (target, respond) in burst { respond.send(HTTPResponse(status: 200, body: Array(target.utf8))) }
        if burst.isEmpty { rest() }
      }
    }
  }

  func stop() { isOver.store(true, ordering: .relaxed) }
}

@Suite("HTTP server", .serialized) struct ServerTests {
  private func withServer(
    _ handler: any HTTPHandler, _ change: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: (HTTPServer) throws -> Void
  ) throws {
    var configuration = HTTPServer.Configuration()
    configuration.timeouts.shutdownMilliseconds = 300
    change(&configuration)
    let server = try HTTPServer(configuration: configuration, handler: handler)
    server.start()
    defer { server.shutdown() }
    try body(server)
  }

  private let echo = TestHandler { request, respond in
    respond.send(HTTPResponse(status: 200, body: Array("\(request.method) \(request.target)".utf8)))
  }

  @Test("a request is answered") func request() throws {
    let handler = TestHandler { $1.send(HTTPResponse(status: 201, body: Array($0.remoteAddress.utf8))) }
    try withServer(handler) { server in
      let answer = try Client(port: server.port).get("/")
      #expect(answer.status == 201)
      #expect(answer.body == "127.0.0.1")
      #expect(answer.head.contains("\r\nDate: "))
    }
  }

  @Test("a thousand requests use one connection", arguments: [1, 2])
  func persistentConnection(loops: Int) throws {
    try withServer(echo, { $0.loops = loops }) { server in
      let client = try Client(port: server.port)
      for number in 0..<1_000 { #expect(try client.get("/\(number)").body == "GET /\(number)") }
    }
  }

  @Test("large bodies are received and sent") func largeBodies() throws {
    let handler = TestHandler { $1.send(HTTPResponse(status: 200, body: $0.body)) }
    try withServer(handler) { server in
      let client = try Client(port: server.port)
      let body = String(repeating: "0123456789abcdef", count: 65_536)
      try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      #expect(try client.answer().body == body)
    }
  }

  @Test("responses from another thread are sent in order") func responsesOfAnotherThread() throws {
    let answerer = Answerer()
    let thread = try #require(answerer.run())
    try withServer(TestHandler { answerer.add($0, $1) }) { server in
      let clients = try (0..<8).map { _ in try Client(port: server.port) }
      let numbers = 0..<100
      for client in clients {
        try client.send(numbers.map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
      }
      for client in clients {
        for number in numbers { #expect(try client.answer().body == "/\(number)") }
      }
    }
    answerer.stop()
    thread.join()
  }

  @Test("a response for a lost connection is dropped") func lostPeer() throws {
    let kept = Mutex<[ResponseHandle]>([])
    let handler = TestHandler { request, respond in
      if request.target == "/keep" { return kept.withLock { $0.append(respond) } }
      respond.send(HTTPResponse(status: 200))
    }
    try withServer(handler) { server in
      let lost = try Client(port: server.port)
      try lost.send("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n")
      try wait { !kept.withLock({ $0.isEmpty }) }
      lost.reset()
      for _ in 0..<100 { #expect(try Client(port: server.port).get("/").status == 200) }
      for handle in kept.withLock({ $0 }) { handle.send(HTTPResponse(status: 500)) }
      #expect(try Client(port: server.port).get("/").status == 200)
    }
  }

  @Test("an error response reaches a peer that is still sending") func errorWhileSending()
    throws
  {
    try withServer(echo) { server in
      let client = try Client(port: server.port)
      try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n")
      try client.send([UInt8](repeating: 7, count: 2_000_000))
      #expect(try client.answer().status == 413)
      #expect(client.isAtEnd())
    }
  }

  @Test("a peer that reads is not cut off by a burst that exceeds its queue") func burst() throws {
    try withServer(BurstHandler(), { $0.limits.queuedBytes = 256_000 }) { server in
      let client = try Client(port: server.port).upgrade()
      try client.send(clientText("go"))
      for _ in 0..<BurstHandler.count { #expect(try client.frame().payload.count == BurstHandler.size) }
    }
  }

  @Test("WebSocket messages are received and sent") func webSocketEcho() throws {
    let handler = TestHandler()
    try withServer(handler) { server in
      let client = try Client(port: server.port).upgrade()
      try client.send(clientText("hello") + clientFrame(0x2, [1, 2, 3]))
      #expect(try client.text() == "hello")
      #expect(try client.frame().payload == [1, 2, 3])
      try client.send(clientFrame(0x8, [0x03, 0xE8]))
      #expect(try client.frame() == (8, [0x03, 0xE8]))
      #expect(client.isAtEnd())
      try wait { handler.closedCount.withLock({ $0 }) > 0 }
    }
  }

  @Test("one frame is sent to fifty sockets", arguments: [1, 2])
  func broadcast(loops: Int) throws {
    let handler = TestHandler()
    try withServer(handler, { $0.loops = loops }) { server in
      let clients = try (0..<50).map { _ in try Client(port: server.port).upgrade() }
      try wait { handler.sockets.withLock({ $0.count }) == 50 }
      for number in 0..<20 {
        let frame = EncodedFrame(text: "event \(number)")
        for socket in handler.sockets.withLock({ $0 }) { socket.send(frame) }
      }
      for client in clients {
        for number in 0..<20 { #expect(try client.text() == "event \(number)") }
      }
    }
  }

  @Test("a slow reader is closed without affecting others") func slowReader() throws {
    let handler = TestHandler()
    try withServer(handler, { $0.limits.queuedBytes = 1_000_000 }) { server in
      let slow = try Client(port: server.port).upgrade()
      try wait { handler.sockets.withLock({ $0.count }) == 1 }
      let frame = EncodedFrame(binary: [UInt8](repeating: 1, count: 60_000))
      for _ in 0..<400 { handler.sockets.withLock { $0[0] }.send(frame) }
      let quick = try Client(port: server.port).upgrade()
      try quick.send(clientText("still here"))
      #expect(try quick.text() == "still here")
      var last = try slow.frame()
      while last.opcode == 2 { last = try slow.frame() }
      #expect(last.payload.prefix(2) == [0x03, 0xF5])
    }
  }

  @Test("a stream arrives in parts and is abandoned when its peer resets") func stream() throws {
    let kept = Mutex<[ResponseHandle]>([])
    let handler = TestHandler { request, respond in
      respond.send(.streaming(status: 200, headers: [("Content-Type", "text/event-stream")]))
      kept.withLock { $0.append(respond) }
    }
    try withServer(handler) { server in
      let client = try Client(port: server.port)
      try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try client.head().contains("Transfer-Encoding: chunked"))
      let handle = try #require(kept.withLock { $0.first })
      handle.send(chunk: Array("data: 1\n\n".utf8))
      #expect(try client.read(14) == Array("9\r\ndata: 1\n\n\r\n".utf8))
      client.reset()
      try wait { handler.abandonedCount.withLock({ $0 }) > 0 }
      handle.send(chunk: [1])
      handle.finish()
    }
  }

  @Test("shutdown completes requests in progress") func shutdown() throws {
    let kept = Mutex<[ResponseHandle]>([])
    let handler = TestHandler { request, respond in
      if request.isUpgrade { return respond.upgrade(subprotocol: nil) }
      kept.withLock { $0.append(respond) }
    }
    let server = try HTTPServer(configuration: HTTPServer.Configuration(host: "localhost", port: 0), handler: handler)
    server.start()
    let socket = try Client(port: server.port).upgrade()
    let idle = try Client(port: server.port)
    let busy = try Client(port: server.port)
    try busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    try wait { !kept.withLock({ $0.isEmpty }) }
    let stopping = try #require(LoopThread(name: "stopping") { server.shutdown() })
    #expect(try socket.frame().payload.prefix(2) == [0x03, 0xE9])
    try socket.send(clientFrame(0x8, [0x03, 0xE9]))
    #expect(idle.isAtEnd())
    kept.withLock { $0[0].send(HTTPResponse(status: 200, body: [65])) }
    #expect(try busy.answer().body == "A")
    #expect(busy.isAtEnd() && socket.isAtEnd())
    for client in [busy, idle, socket] { client.reset() }
    stopping.join()
    #expect(handler.closedCount.withLock { $0 } == 1)
    #expect(throws: Client.Failure.self) { try Client(port: server.port) }
  }

  @Test("idle peers that do not close are not waited for", arguments: [1, 2])
  func idlePeersAreNotWaitedFor(loops: Int) throws {
    var configuration = HTTPServer.Configuration(host: "127.0.0.1", port: 0)
    configuration.loops = loops
    configuration.timeouts.shutdownMilliseconds = 600_000
    let server = try HTTPServer(configuration: configuration, handler: echo)
    server.start()
    let idle = try (0..<20).map { _ in try Client(port: server.port) }
    for client in idle { #expect(try client.get("/").status == 200) }
    let start = ContinuousClock.now
    server.shutdown()
    #expect(ContinuousClock.now - start < .seconds(60), "a peer that is waited for has ten minutes")
    for client in idle { #expect(client.isAtEnd()) }
  }

  @Test("a socket whose peer does not answer the closing frame is not waited for long")
  func silentSocketsAreNotWaitedFor() throws {
    var configuration = HTTPServer.Configuration(host: "127.0.0.1", port: 0)
    configuration.timeouts.shutdownMilliseconds = 600_000
    let server = try HTTPServer(configuration: configuration, handler: TestHandler())
    server.start()
    let socket = try Client(port: server.port).upgrade()
    let start = ContinuousClock.now
    server.shutdown()
    #expect(ContinuousClock.now - start < .seconds(60), "a peer that is waited for has ten minutes")
    #expect(try socket.frame().payload.prefix(2) == [0x03, 0xE9])
  }

  @Test("while a request is finished, new connections get a refusal") func newConnectionsGetARefusal() throws {
    let kept = Mutex<[ResponseHandle]>([])
    let handler = TestHandler { request, respond in
      guard request.path == "/slow" else { return respond.send(HTTPResponse(status: 200)) }
      kept.withLock { $0.append(respond) }
    }
    let server = try HTTPServer(
      configuration: HTTPServer.Configuration(host: "127.0.0.1", port: 0), handler: handler)
    server.start()
    let busy = try Client(port: server.port)
    try busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
    try wait { !kept.withLock({ $0.isEmpty }) }
    let stopping = try #require(LoopThread(name: "stopping") { server.shutdown() })
    try wait { (try? Client(port: server.port).get("/").status) == 503 }
    let late = try Client(port: server.port)
    try late.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
    let refusal = try late.answer()
    #expect(refusal.status == 503 && refusal.head.contains("Retry-After: 1"))
    #expect(refusal.head.contains("Connection: close"))
    let silent = try Client(port: server.port)
    #expect(kept.withLock { $0.count } == 1, "late requests reach no handler once the stop has begun")
    for handle in kept.withLock({ $0 }) { handle.send(HTTPResponse(status: 200, body: [65])) }
    #expect(try busy.answer().body == "A")
    stopping.join()
    #expect(silent.isAtEnd())
  }

  @Test("shutdown ends with a timeout") func shutdownTimeout() throws {
    let handler = TestHandler { _, _ in }
    try withServer(handler) { server in
      let client = try Client(port: server.port)
      try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
      server.shutdown()
      #expect(client.isAtEnd())
    }
  }

  @Test(
    "an address in use or an unknown host is an error",
    arguments: [1, 2])
  func addressInUse(loops: Int) throws {
    try withServer(echo) { server in
      let configuration = HTTPServer.Configuration(host: "127.0.0.1", port: server.port, loops: loops)
      #expect(throws: HTTPServerError.self) { try HTTPServer(configuration: configuration, handler: echo) }
    }
    #expect(throws: HTTPServerError.unknownHost("not a host")) {
      try HTTPServer(configuration: HTTPServer.Configuration(host: "not a host", port: 0), handler: echo)
    }
  }

  @Test("Readers that receive nothing are ended beyond the memory of the server, and others are served")
  func stalledReadersAreEnded() throws {
    let page = [UInt8](repeating: 0x61, count: 12 << 20)
    let pages = TestHandler { request, respond in
      respond.send(HTTPResponse(status: 200, body: request.target == "/" ? [] : page))
    }
    try withServer(pages, { $0.limits.heldBytes = 64 << 20 }) { server in
      let stalled = try (0..<40).map { _ in try Client(port: server.port) }
      for client in stalled { try client.send(Array("GET /page HTTP/1.1\r\nHost: a\r\n\r\n".utf8)) }
      let quick = try Client(port: server.port)
      #expect(try quick.get("/").status == 200)
      // A response that was ended arrives in part; the others arrive as a whole.
      let received = stalled.map { $0.countToEnd(atMost: page.count) }
      let complete = received.count { $0 >= page.count }
      #expect(complete < stalled.count, "the server would hold \(stalled.count * page.count >> 20) MiB")
      #expect(complete > 0, "only the connections beyond the limit are ended")
      #expect(try quick.get("/").status == 200)
    }
  }

  @Test("the number of connections is limited") func connectionLimit() throws {
    try withServer(echo, { $0.limits.connections = 2 }) { server in
      let first = try Client(port: server.port)
      let second = try Client(port: server.port)
      #expect(try first.get("/").status == 200)
      #expect(try second.get("/").status == 200)
      #expect(try Client(port: server.port).isAtEnd())
    }
  }
}

/// Answers a message with several in the same turn of the loop.
private final class BurstHandler: HTTPHandler {
  static let count = 60
  static let size = 10_000

  func handle(_ request: HTTPRequest, _ respond: ResponseHandle) { respond.upgrade(subprotocol: nil) }

  func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    let frame = EncodedFrame(binary: [UInt8](repeating: 7, count: BurstHandler.size))
    for _ in 0..<BurstHandler.count { socket.send(frame) }
  }
}
