import Glibc
import Testing

@testable import FlowHTTP

/// Unix sockets.
@Suite("Unix sockets", .serialized) struct LocalSocketTests {
  private let path = "/tmp/flow-http-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"

  private func serve() throws -> HTTPServer {
    var configuration = HTTPServer.Configuration()
    configuration.path = path
    configuration.loops = 4
    let handler = TestHandler { $1.send(HTTPResponse(status: 200, body: Array($0.remoteAddress.utf8))) }
    let server = try HTTPServer(configuration: configuration, handler: handler)
    server.start()
    return server
  }

  private var mode: mode_t? {
    var facts = stat()
    return lstat(path, &facts) == 0 ? facts.st_mode : nil
  }

  @Test("a request is answered, and the socket file is removed at shutdown") func lifecycle()
    throws
  {
    let server = try serve()
    #expect(server.port == 0)
    #expect(mode.map { $0 & 0o777 } == 0o660)
    let answer = try Client(path: path).get("/")
    #expect(answer.status == 200 && answer.body == "unix")
    server.shutdown()
    #expect(mode == nil)
  }

  @Test("a socket of a running server is not replaced") func addressInUse() throws {
    let server = try serve()
    defer { server.shutdown() }
    #expect(throws: HTTPServerError.cannotListenAt(path: path, reason: "another process listens on it")) { try serve() }
    #expect(try Client(path: path).get("/").status == 200)
  }

  @Test("a stale socket file is replaced") func staleSocket() throws {
    let left = try Sockets.listen(path: path)
    Sockets.close(left)
    #expect(mode != nil)
    let server = try serve()
    #expect(try Client(path: path).get("/").status == 200)
    server.shutdown()
  }

  @Test("a regular file at the path is not replaced") func existingFile() throws {
    let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
    close(descriptor)
    defer { unlink(path) }
    #expect(throws: HTTPServerError.self) { try serve() }
    #expect(mode.map { $0 & S_IFMT } == S_IFREG)
  }

  @Test("an empty or overlong path is rejected", arguments: ["", String(repeating: "x", count: 108)]) func pathLength(
    _ path: String
  ) {
    var configuration = HTTPServer.Configuration()
    configuration.path = path
    #expect(throws: HTTPServerError.self) { try HTTPServer(configuration: configuration, handler: TestHandler()) }
  }

  @Test("the address of a listening socket is reported") func address() throws {
    let local = try Sockets.listen(path: path)
    let other = try Sockets.listen(host: "127.0.0.1", port: 0, isShared: false)
    #expect(HTTPServer.path(ofListener: local) == "unix:" + path)
    #expect(HTTPServer.path(ofListener: other) == "127.0.0.1")
    #expect(HTTPServer.path(ofListener: -1) == nil)
    for socket in [local, other] { Sockets.close(socket) }
    Sockets.remove(path: path)
  }
}
