import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@Suite(.serialized) struct DiagramTests {
  @Test("a layout that fails is not tried again for every request")
  func failuresAreRemembered() throws {
    let folder = try TestFolder()
    let runs = folder.url.appending(path: "runs").path
    let dot = try folder.write("dot", "#!/bin/sh\necho run >> '\(runs)'\nexit 1\n")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: dot)
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let server = try ServerProcess(
      [try folder.write("counter.flow", Counter.source), "--store", folder.store],
      environment: ["PATH": folder.url.path + ":" + path])
    let client = HTTPClient(port: server.port)
    for _ in 0..<5 {
      let answer = try client.send("GET", "/v1/flows/Counter/graph", headers: ["Accept": "image/svg+xml"])
      #expect(answer.status == 501)
      #expect(answer.json["code"] == "not-available")
    }
    #expect(try String(contentsOfFile: runs, encoding: .utf8) == "run\n")
  }
}
