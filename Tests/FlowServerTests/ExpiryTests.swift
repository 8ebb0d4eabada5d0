import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

@testable import FlowServer

/// Live sockets and streams close when the key or token that opened them expires.
@Suite("Expiry of credentials on live connections") struct ExpiryTests {
  private static let seconds = 20.0

  /// The messages until the socket closes, and its close code.
  private func end(of socket: WebSocketClient) throws -> (bye: JSON?, code: String) {
    var last: JSON?
    do {
      while true { last = try socket.receive() }
    } catch let refused as WebSocketClient.Refused {
      return (last, refused.head)
    }
  }

  @Test("sockets and streams close when their key expires") func expiredKey() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let lasting = try keys.add("lasting", "--scope", "read")
    let brief = try keys.add("brief", "--scope", "read,send")
    let instant = Date(timeIntervalSinceNow: ExpiryTests.seconds).ISO8601Format()
    let file = try FileHandle(forWritingTo: URL(filePath: keys.path))
    try file.seekToEnd()
    try file.write(contentsOf: Data("\nexpires = \"\(instant)\"\n".utf8))
    try file.close()
    let flow = try folder.write("counter.flow", Counter.source)
    let server = try ServerProcess([flow, "--store", folder.store, "--keys", keys.path])
    let shown = try WebSocketClient(port: server.port, path: "/v1/live", headers: bearer(brief))
    let greeted = try WebSocketClient(port: server.port, path: "/v1/live")
    try greeted.send(["id": 1, "op": "hello", "token": .string(brief)])
    _ = try greeted.receive()
    let other = try WebSocketClient(port: server.port, path: "/v1/live", headers: bearer(lasting))
    let begin: JSON = ["id": 2, "op": "send", "event": "Begin", "data": ["id": "a"]]
    try shown.send(begin)
    #expect(try shown.receive()["ok"]?["created"] == true)
    let streams = try ["/v1/live?since=1", "/v1/flows/Counter/instances/a/history?after=1"].map {
      try EventStreamClient(port: server.port, path: $0, headers: bearer(brief))
    }
    for socket in [shown, greeted] {
      let end = try end(of: socket)
      #expect(end.bye == ["op": "bye", "reason": "this key has expired"])
      #expect(end.code == "closed 4401")
    }
    for stream in streams {
      var event = try stream.receive()
      while event.name != "bye" { event = try stream.receive() }
      #expect(event.data["reason"] == "this key has expired")
    }
    #expect(Date().timeIntervalSince1970 > (try Date(instant, strategy: .iso8601)).timeIntervalSince1970)
    try other.send(["id": 3, "op": "ping"])
    #expect(try other.receive()["op"] == "pong")
    #expect(throws: WebSocketClient.Refused.self) {
      try WebSocketClient(port: server.port, path: "/v1/live", headers: bearer(brief))
    }
  }

  @Test("a socket closes when its token expires") func expiredToken() throws {
    let made = try runProgram("python3", packageRoot.appending(path: "Tests/FlowServerTests/tokens.py").path)
    try #require(made.code == 0, "the package `cryptography` is needed")
    let tokens = try JSON(parsing: made.output)
    let folder = try TestFolder()
    let server = try TokenTests.serve(folder, jwks: tokens["jwks"] ?? .null)
    let headers = bearer(tokens["brief"]?.string ?? "")
    let socket = try WebSocketClient(port: server.port, path: "/v1/live", headers: headers)
    #expect(try end(of: socket).code == "closed 4401")
    #expect(try HTTPClient(port: server.port).send("GET", "/v1/flows", headers: headers).status == 401)
  }

  @Test("each expiration is reported once and not before its time") func expirations() {
    let clock = Atomic<Int64>(1_000)
    let ended = Mutex<[LiveListener]>([])
    let gone = { (count: Int) in eventually { ended.withLock { $0.count } == count } }
    let expirations = Expirations(clock: { clock.load(ordering: .relaxed) }) { listener in
      ended.withLock { $0.append(listener) }
    }
    expirations.add(.watcher(1), at: 5_000)
    expirations.add(.watcher(2), at: nil)
    expirations.add(.watcher(3), at: 2_000)
    expirations.add(.watcher(4), at: 2_000)
    expirations.remove(.watcher(4))
    expirations.add(.watcher(5), at: 900)
    #expect(gone(1) && ended.withLock { $0 } == [.watcher(5)])
    clock.store(2_000, ordering: .relaxed)
    #expect(gone(2) && ended.withLock { $0.last } == .watcher(3))
    clock.store(10_000, ordering: .relaxed)
    #expect(gone(3) && ended.withLock { $0.last } == .watcher(1))
    // All have expired and no timer is active: a new listener starts it again.
    expirations.add(.watcher(6), at: 9_000)
    #expect(gone(4))
  }
}
