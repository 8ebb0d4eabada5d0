import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Shutdown of a server, and its notifications to the service manager.
@Suite("Shutdown", .serialized) struct DrainTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  @Test("readiness fails first, and live sockets receive `bye` before the server stops") func draining() throws {
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store, "--drain", "8s"])
    let client = HTTPClient(port: server.port)
    let live = try WebSocketClient(port: server.port, path: "/v1/live?since=0")
    _ = try live.receive()
    server.send(SIGTERM)
    let bye = try live.receive()
    #expect(bye["op"] == "bye" && bye["reason"] == "draining" && bye["reconnectIn"] == [500, 5000])
    #expect(throws: WebSocketClient.Refused.self) { try live.receive() }
    let unready = try client.send("GET", "/readyz")
    #expect(unready.status == 503 && unready.text == "draining\n")
    #expect(try client.send("GET", "/livez").status == 200)
    #expect(try client.send("POST", "/v1/events", AccessTests.placed).status == 201)
    #expect(throws: WebSocketClient.Refused.self) { try WebSocketClient(port: server.port, path: "/v1/live") }
    #expect(server.wait() == 0)
  }

  @Test("idle connections do not delay the end") func idleConnections() throws {
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let clients = (0..<10).map { _ in HTTPClient(port: server.port) }
    for client in clients { #expect(try client.send("GET", "/livez").status == 200) }
    let socket = try WebSocketClient(port: server.port, path: "/v1/live")
    let stream = try EventStreamClient(port: server.port, path: "/v1/live")
    #expect(try stream.receive().name == "ready")
    let start = ContinuousClock.now
    server.send(SIGTERM)
    #expect(server.wait() == 0)
    #expect(ContinuousClock.now - start < .seconds(5), "a connection that is waited for has five seconds")
    _ = (socket, clients)
  }

  @Test(
    "readiness checks fail while nothing can be stored, and the log says why",
    .enabled(if: SmallDisk.isPossible, "a file system of its own requires the right to mount"))
  func readinessFailsWithCommits() throws {
    let disk = try SmallDisk(at: folder.url.appending(path: "disk"))
    let file = try folder.write("counter.flow", Counter.source)
    let server = try ServerProcess([file, "--store", disk.url.appending(path: "x.db").path])
    let client = HTTPClient(port: server.port)
    try Counter.begin("a", client)
    #expect(try client.send("GET", "/readyz").status == 200)
    try disk.fill()
    let note = String(repeating: "x", count: 100_000)
    let isRefused = try eventually { try Counter.add(1, note: note, to: "a", client).status == 503 }
    #expect(isRefused)
    let unready = try client.send("GET", "/readyz")
    #expect(unready.status == 503 && unready.text.contains("full"), "\(unready.text)")
    #expect(try client.send("GET", "/readyz?verbose").json["ready"] == false)
    disk.empty()
    let isBack = try eventually {
      _ = try Counter.add(1, to: "a", client)
      return try client.send("GET", "/readyz").status == 200
    }
    #expect(isBack)
  }

  @Test("--drain is at most one hour") func drainLimit() throws {
    let process = try FlowProcess.run(
      ["serve", EndToEndTests.order, "--store", folder.store, "--addr", "127.0.0.1:0", "--drain", "2d"])
    #expect(process.code == 2)
    #expect(process.errors.contains("at most 1h"), "\(process.errors)")
  }

  @Test("a second SIGTERM ends the server immediately") func secondSignal() throws {
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store, "--drain", "1h"])
    server.send(SIGTERM)
    #expect(eventually { server.log.contains("draining") })
    server.send(SIGHUP)
    #expect(server.isRunning)
    server.send(SIGTERM)
    #expect(server.wait() == 1)
  }

  private func systemd(_ address: String) throws -> (code: Int32, output: String) {
    let script = packageRoot.appending(path: "Tests/FlowServerTests/systemd.py").path
    let ran = try runProgram(
      "python3", script, ServerProcess.binary.path, EndToEndTests.order, folder.store, address)
    return (ran.code, ran.output)
  }

  /// The address of an inherited socket is subject to the same rule as `--addr`.
  @Test("an inherited socket with a public address requires keys") func publicSocket() throws {
    let ran = try systemd("0.0.0.0")
    #expect(ran.code == 2, "\(ran.output)")
  }

  @Test(
    "the server uses the socket of systemd and notifies it of its state",
    arguments: ["127.0.0.1", "unix"]) func systemdSocket(_ address: String) throws
  {
    let ran = try systemd(address)
    #expect(ran.code == 0, "\(ran.output)")
    #expect(ran.output.contains("READY=1\nWATCHDOG=1\n200\nRELOADING=1\nREADY=1\nSTOPPING=1\n"), "\(ran.output)")
  }
}
