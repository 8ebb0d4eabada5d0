import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow store`: backups of a served store, restored stores, and checks of damaged ones.
@Suite("flow store", .serialized) struct StoreCommandTests {
  private static let counter = """
    event Begin { id: string }
    event Add { n: int }
    event Stop
    flow Counter {
      key id
      data { id: string  total: int = 0 }
      start on Begin -> counting do id = event.id
      state counting { on Add do total = total + event.n  on Stop -> over  after 30d -> over }
      final over
    }
    """

  private let folder: TestFolder
  private let file: String

  init() throws {
    folder = try TestFolder()
    file = try folder.write("counter.flow", StoreCommandTests.counter)
  }

  private func path(_ name: String) -> String { folder.url.appending(path: name).path }

  private func begin(_ count: Int, on server: ServerProcess) throws {
    let client = HTTPClient(port: server.port)
    for index in 0..<count {
      let id = "c\(index)"
      _ = try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": .string(id)]])
      _ = try client.send(
        "POST", "/v1/flows/Counter/instances/\(id)/events", ["event": "Add", "data": ["n": .int(Int64(index))]])
    }
  }

  @Test("a backup of a served store is restored and served") func backup() throws {
    let server = try ServerProcess([file, "--store", folder.store])
    try begin(20, on: server)
    let backup = try FlowProcess.run("store", "backup", folder.store, path("copy.db"))
    #expect(backup.code == 0, "\(backup.errors)")
    try begin(25, on: server)
    server.kill()
    let restored = try FlowProcess.run("store", "restore", path("copy.db"), path("again.db"))
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(try FlowProcess.run("store", "check", path("again.db")).output.contains("is sound"))
    let second = try ServerProcess([file, "--store", path("again.db")])
    let client = HTTPClient(port: second.port)
    #expect(try client.send("GET", "/v1/flows/Counter/instances/c19").json["data"]?["total"] == 19)
    #expect(try client.send("GET", "/v1/flows/Counter/instances/c24").status == 404)
  }

  @Test("existing files, served stores and foreign files are rejected") func existingFiles() throws {
    let server = try ServerProcess([file, "--store", folder.store])
    try begin(1, on: server)
    let again = try FlowProcess.run("store", "backup", folder.store, folder.store)
    #expect(again.code == 2 && again.errors.contains("there is a file at"))
    let compact = try FlowProcess.run("store", "compact", folder.store)
    #expect(compact.code == 2 && compact.errors.contains("another process serves this store"))
    let missing = try FlowProcess.run("store", "check", path("nothing.db"))
    #expect(missing.code == 2 && missing.errors.contains("cannot read"))
    let foreign = try FlowProcess.run("store", "check", file)
    #expect(foreign.code == 2, "\(foreign.errors)")
  }

  @Test("every command refuses a store of a newer version") func newerVersion() throws {
    let server = try ServerProcess([file, "--store", folder.store])
    try begin(1, on: server)
    #expect(server.stop() == 0)
    _ = try folder.sqlite("PRAGMA user_version = 99")
    for arguments in [
      ["store", "check", folder.store], ["store", "backup", folder.store, path("copy.db")],
      ["store", "restore", folder.store, path("again.db")], ["store", "compact", folder.store],
      ["serve", file, "--store", folder.store],
    ] {
      let run = try FlowProcess.run(arguments)
      #expect(run.code != 0 && run.errors.contains("is a store of version 99"), "\(arguments): \(run.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: path("copy.db")))
    #expect(!FileManager.default.fileExists(atPath: path("again.db")))
  }

  @Test("flow store check reports damaged pages") func damage() throws {
    let server = try ServerProcess([file, "--store", folder.store])
    try begin(200, on: server)
    _ = server.stop()
    #expect(try FlowProcess.run("store", "compact", folder.store).code == 0)
    #expect(try FlowProcess.run("store", "check", folder.store).code == 0)
    let url = URL(filePath: folder.store)
    var bytes = try Data(contentsOf: url)
    for index in stride(from: 3 * 4096, to: bytes.count - 4096, by: 4096) {
      bytes.replaceSubrange(index..<(index + 16), with: Data(repeating: 0x5A, count: 16))
    }
    try bytes.write(to: url)
    let check = try FlowProcess.run("store", "check", folder.store, "--format", "json")
    #expect(check.code == 1, "\(check.output) \(check.errors)")
    #expect(!(try JSON(parsing: Array(check.output.utf8))["problems"]?.array ?? []).isEmpty)
    #expect(throws: ServerProcess.NotStarted.self) { try ServerProcess([file, "--store", folder.store]) }
  }

  @Test("flow store check reports inconsistent rows and gaps in the journal") func inconsistentRows() throws {
    let server = try ServerProcess([file, "--store", folder.store])
    try begin(3, on: server)
    _ = server.stop()
    let edit = Process()
    edit.executableURL = URL(filePath: "/usr/bin/env")
    edit.arguments = [
      "python3", "-c",
      """
      import sqlite3, sys
      db = sqlite3.connect(sys.argv[1])
      db.executescript("UPDATE instance SET revision = 9 WHERE key = 'c1'; DELETE FROM journal WHERE sequence = 3")
      """, folder.store,
    ]
    try edit.run()
    edit.waitUntilExit()
    let check = try FlowProcess.run("store", "check", folder.store)
    #expect(check.code == 1)
    #expect(check.output.contains("instance Counter/c1 is at revision 9, its journal at"))
    #expect(check.output.contains("the journal has a hole before entry 4"))
  }
}
