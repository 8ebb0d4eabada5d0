import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The rule between files and deployments over the API.
@Suite(.serialized) struct DeployedFilesTests {
  private let folder: TestFolder
  private let file: String

  init() throws {
    folder = try TestFolder()
    file = try folder.write("counter.flow", Counter.source)
  }

  private func serve(_ arguments: String...) throws -> ServerProcess {
    try ServerProcess([file, "--store", folder.store] + arguments)
  }

  /// The name of the first state that the server has.
  private func state(_ server: ServerProcess) throws -> String? {
    try HTTPClient(port: server.port).send("GET", "/v1/flows/Counter").json["states"]?.array?.first?["path"]?.string
  }

  private func deploy(_ state: String, to server: ServerProcess) throws {
    let answer = try HTTPClient(port: server.port).send(
      "PUT", "/v1/flows/Counter", text: Counter.source.replacing("counting", with: state),
      headers: ["Content-Type": "text/x-flow"])
    #expect(answer.status == 200, "\(answer.text)")
  }

  @Test("a restart keeps a deployment over the API, and logs it") func aRestartKeepsADeployment() throws {
    var server = try serve()
    try deploy("adding", to: server)
    #expect(server.stop() == 0)
    server = try serve()
    #expect(try state(server) == "adding")
    #expect(eventually { server.log.contains("Counter") && server.log.contains("API") }, "\(server.log)")
  }

  @Test("files that were never served before replace it") func newFilesReplaceIt() throws {
    var server = try serve()
    try deploy("adding", to: server)
    #expect(server.stop() == 0)
    _ = try folder.write("counter.flow", Counter.source.replacing("counting", with: "summing"))
    server = try serve()
    #expect(try state(server) == "summing")
  }

  @Test("`--deployed replace` serves the files in any case") func replaceServesTheFiles() throws {
    var server = try serve()
    try deploy("adding", to: server)
    #expect(server.stop() == 0)
    server = try serve("--deployed", "replace")
    #expect(try state(server) == "counting")
  }
}
