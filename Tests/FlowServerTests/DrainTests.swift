import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// How a server ends, and what it tells its service manager meanwhile.
@Suite(.serialized) struct DrainTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  @Test("It looks unready first and says goodbye") func itLooksUnreadyFirstAndSaysGoodbye() throws {
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store, "--drain", "2s"])
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

  @Test func nobodyIsKeptWaitingForDays() throws {
    let process = try FlowProcess.run(
      ["serve", EndToEndTests.order, "--store", folder.store, "--addr", "127.0.0.1:0", "--drain", "2d"])
    #expect(process.code == 2)
    #expect(process.errors.contains("at most 1h"), "\(process.errors)")
  }

  @Test("The second signal ends it at once") func theSecondSignalEndsItAtOnce() throws {
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

  /// A socket is as open as it is, whoever has made it.
  @Test func aSocketForAllIsNotTakenWithoutKeys() throws {
    let ran = try systemd("0.0.0.0")
    #expect(ran.code == 2, "\(ran.output)")
  }

  @Test(arguments: ["127.0.0.1", "unix"]) func systemdIsToldAndItsSocketTaken(_ address: String) throws {
    let ran = try systemd(address)
    #expect(ran.code == 0, "\(ran.output)")
    #expect(ran.output.contains("READY=1\nWATCHDOG=1\n200\nRELOADING=1\nREADY=1\nSTOPPING=1\n"), "\(ran.output)")
  }
}
