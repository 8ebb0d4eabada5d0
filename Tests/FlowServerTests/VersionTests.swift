import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The sources of earlier versions stay available to callers with permission.
@Suite("Versions of a flow", .serialized) struct VersionTests {
  private static let path = "/v1/flows/Counter"
  private static let second = Counter.source.replacing("counting", with: "adding")

  private func put(_ source: String, _ client: HTTPClient) throws -> HTTPClient.Response {
    try client.send("PUT", VersionTests.path, text: source, headers: ["Content-Type": "text/x-flow"])
  }

  @Test("each version keeps its source") func sources() throws {
    let counter = try CounterServer()
    let client = counter.client
    try Counter.begin("a", client)
    let first = try #require(client.send("GET", VersionTests.path).json["definition"]?.string)
    let source = try client.send("GET", VersionTests.path + "/source")
    #expect(source.text == Counter.source && source.headers["content-type"]?.hasPrefix("text/x-flow") == true)
    #expect(try put(VersionTests.second, client).status == 200)
    let versions = try client.send("GET", VersionTests.path + "/versions").json["items"]?.array ?? []
    #expect(versions.map { $0["retired"] } == [false, true] && versions.map { $0["origin"] } == ["api", "files"])
    #expect(versions.last?["definition"]?.string == first)
    for name in [first, String(first.prefix(10))] {
      let old = try client.send("GET", VersionTests.path + "/versions/\(name)/source")
      #expect(old.text == Counter.source)
      let view = try client.send("GET", VersionTests.path + "/versions/\(name)").json
      #expect(view["definition"]?.string == first && view["retired"] == true)
      let picture = try client.send(
        "GET", VersionTests.path + "/versions/\(name)/graph", headers: ["Accept": "text/plain"])
      #expect(picture.text.contains("counting"))
    }
    // Both have the version number 1; the number refers to the newest.
    let newest = try client.send(
      "GET", VersionTests.path + "/versions/1/source", headers: ["Accept": "application/json"])
    #expect(newest.json["files"]?.array?.first?["text"]?.string == VersionTests.second)
    for name in ["2", "7a", "00000000", "x%2F", "99999999999999999999"] {
      #expect(try client.send("GET", VersionTests.path + "/versions/\(name)").status == 404, "\(name)")
    }
    let refused = try client.send("GET", VersionTests.path + "/source", headers: ["Accept": "image/png"])
    #expect(refused.status == 406 && refused.json["code"] == "not-acceptable")
  }

  @Test("the diagram of an instance shows its own version and active state") func diagramOfInstance() throws {
    let counter = try CounterServer()
    let client = counter.client
    try Counter.begin("a", client)
    _ = try put(VersionTests.second, client)
    let path = VersionTests.path + "/instances/a/graph"
    let text = try client.send("GET", path, headers: ["Accept": "text/plain"]).text
    #expect(text.contains("counting") && text.contains("← here"), "\(text)")
    let drawn = try client.send("GET", path, headers: ["Accept": "text/vnd.graphviz"]).text
    #expect(drawn.contains(/state\.counting.*class=active/))
    let mermaid = try client.send("GET", path, headers: ["Accept": "text/vnd.mermaid"]).text
    #expect(mermaid.hasSuffix("  class s_counting active\n"))
    let whole = try client.send("GET", VersionTests.path + "/graph", headers: ["Accept": "text/vnd.graphviz"]).text
    #expect(!whole.contains("class=active"))
    #expect(try client.send("GET", VersionTests.path + "/instances/z/graph").status == 404)
  }

  @Test("compiled IR is deployed without a source") func deployedIR() throws {
    let counter = try CounterServer()
    let client = counter.client
    let file = try counter.folder.write("second.flow", VersionTests.second)
    let ir = try FlowProcess.run("compile", file)
    let deployed = try client.send("PUT", VersionTests.path, try JSON(parsing: Array(ir.output.utf8)))
    #expect(deployed.status == 200 && deployed.json["diagnostics"] == [], "\(deployed.text)")
    #expect(try client.send("GET", VersionTests.path).json["states"]?.array?.first?["path"] == "adding")
    let missing = try client.send("GET", VersionTests.path + "/source")
    #expect(missing.status == 404 && missing.json["detail"]?.string?.contains("deployed as IR") == true)
    for body: JSON in [[:], ["ir": 1], ["ir": 99, "flows": []], 5] {
      let refused = try client.send("PUT", VersionTests.path, body)
      #expect(refused.status == 422 && refused.json["code"] == "compile-failed", "\(body.text()): \(refused.text)")
    }
  }

  @Test("a source is visible only to keys for all flows in it") func sourceVisibility() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let all = try keys.add("all", "--scope", "read")
    let some = try keys.add("some", "--scope", "read", "--flow", "Counter")
    let shared = try folder.write("shared.flow", "event Shared\n")
    let hidden = """

      event Hide { id: string }
      flow Hidden {
        key id
        data { id: string }
        start on Hide -> away do id = event.id
        final away
      }
      """
    let file = try folder.write("main.flow", "import \"shared.flow\"\n" + Counter.source + hidden)
    let server = try ServerProcess([file, "--store", folder.store, "--keys", keys.path])
    let client = HTTPClient(port: server.port)
    let headers = bearer(all).merging(["Accept": "application/json"]) { _, new in new }
    let files = try client.send("GET", VersionTests.path + "/source", headers: headers).json["files"]?.array ?? []
    #expect(Set(files.compactMap { $0["name"]?.string }) == [shared, file])
    #expect(try client.send("GET", VersionTests.path + "/source", headers: bearer(all)).text.hasPrefix("import"))
    #expect(try client.send("GET", VersionTests.path, headers: bearer(some)).status == 200)
    let refused = try client.send("GET", VersionTests.path + "/source", headers: bearer(some))
    #expect(refused.status == 403 && !refused.text.contains("import"))
  }
}
