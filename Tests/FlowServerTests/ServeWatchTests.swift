import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow serve --watch`: edited files are deployed if they compile.
@Suite("flow serve --watch", .serialized) struct ServeWatchTests {
  private static func source(_ word: String) -> String {
    Counter.source.replacing("state counting {", with: "state \(word) {").replacing("-> counting", with: "-> \(word)")
  }

  private func begin(_ key: String, _ client: HTTPClient) throws -> JSON {
    try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": .string(key)]]).json["to"] ?? .null
  }

  private func definition(_ client: HTTPClient) throws -> JSON? {
    try client.send("GET", "/v1/flows").json["items"]?.array?.first?["definition"]
  }

  @Test("an edited file is deployed if it compiles") func edit() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", ServeWatchTests.source("counting"))
    let server = try ServerProcess([file, "--store", folder.store, "--watch"])
    let client = HTTPClient(port: server.port)
    #expect(try begin("a", client) == ["counting"])
    let before = try definition(client)

    _ = try folder.write("counter.flow", ServeWatchTests.source("counting").replacing("-> end", with: "-> nowhere"))
    let isReported = eventually { server.log.contains("not deployed") }
    #expect(isReported)
    #expect(server.log.contains("nowhere") && server.log.contains("counter.flow:"), "\(server.log)")
    #expect(try begin("b", client) == ["counting"])
    #expect(try definition(client) == before)

    _ = try folder.write("counter.flow", ServeWatchTests.source("adding"))
    let isServed = try eventually { try definition(client) != before }
    #expect(isServed)
    #expect(try begin("c", client) == ["adding"])
    #expect(try Counter.add(1, to: "a", client).json["to"] == ["counting"], "a running instance keeps its definition")
    #expect(server.log.contains("deployed Counter for new instances"))
  }

  @Test("a watched change is a deployment of files: the next start serves the files as they are") func origin() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", ServeWatchTests.source("counting"))
    var server = try ServerProcess([file, "--store", folder.store, "--watch"])
    let first = HTTPClient(port: server.port)
    let before = try definition(first)
    _ = try folder.write("counter.flow", ServeWatchTests.source("adding"))
    let isServed = try eventually { try definition(first) != before }
    #expect(isServed)
    #expect(server.stop() == 0)
    _ = try folder.write("counter.flow", ServeWatchTests.source("counting"))
    server = try ServerProcess([file, "--store", folder.store])
    #expect(try begin("a", HTTPClient(port: server.port)) == ["counting"])
    #expect(!server.log.contains("over the API"), "\(server.log)")
  }

  @Test("a flow removed from its file starts no new instances") func removedFlow() throws {
    let folder = try TestFolder()
    let other = ServeWatchTests.source("waiting").replacing("Counter", with: "Other")
    let shared = other.split(separator: "flow Other")
    let file = try folder.write("two.flow", ServeWatchTests.source("counting") + "\nflow Other" + shared[1])
    let server = try ServerProcess([file, "--store", folder.store, "--watch"])
    let client = HTTPClient(port: server.port)
    #expect(try client.send("GET", "/v1/flows/Other").json["name"] == "Other")
    _ = try folder.write("two.flow", ServeWatchTests.source("counting"))
    let start: JSON = ["event": "Begin", "data": ["id": "x"]]
    let isGone = try eventually {
      try client.send("POST", "/v1/flows/Other/instances?dryRun=true", start).status != 201
        && client.send("POST", "/v1/flows/Other/instances?dryRun=true", start).status != 200
    }
    #expect(isGone)
  }

  @Test("a file added to a served folder is deployed") func newFile() throws {
    let folder = try TestFolder()
    _ = try folder.write("counter.flow", ServeWatchTests.source("counting"))
    let server = try ServerProcess([folder.url.path, "--watch"])
    let client = HTTPClient(port: server.port)
    #expect(try begin("a", client) == ["counting"])
    #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "flow.db").path))
    _ = try folder.write(
      "other.flow",
      """
      event Open { id: string }
      event Shut
      flow Other {
        key id
        data { id: string }
        start on Open -> open do id = event.id
        state open { on Shut -> shut }
        final shut
      }
      """)
    let isServed = try eventually { try client.send("GET", "/v1/flows/Other").status == 200 }
    #expect(isServed, "\(server.log)")
    let text = try client.send("GET", "/v1/flows/Other/source").text
    #expect(text.hasPrefix("event Open"), "\(text)")
  }

  @Test("--watch rejects files that are not `.flow` files") func irFile() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.json", "{}")
    let result = try FlowProcess.run("serve", file, "--watch", "--store", folder.store)
    #expect(result.code == 2 && result.errors.contains("`--watch` requires `.flow` files"))
  }
}
