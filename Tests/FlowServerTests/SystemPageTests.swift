import FlowTestSupport
import Foundation
import Testing

/// The commands in `Docs/systems` have the documented results. The comment after each `curl` is its status.
@Suite("Pages of Docs/systems", .serialized) struct SystemPageTests {
  @Test(
    "the commands of a page have the status that it states",
    arguments: ["board", "process", "pipeline", "automation", "drip"])
  func commandsOfPage(_ name: String) throws {
    let page = try String(contentsOf: packageRoot.appending(path: "Docs/systems/\(name).md"), encoding: .utf8)
    let blocks = page.matches(of: /```sh\n([^`]*)```/).map { String($0.1) }
    let script = blocks.filter { !$0.contains("flow serve") }.joined(separator: "\n")
    let expected = script.matches(of: /\s# (\d\d\d)$/.anchorsMatchLineEndings()).map { String($0.1) }
    #expect(blocks.count > 2 && expected.count >= 5)
    let system = try System(name)
    let said = try run(
      script.replacing("localhost:8080", with: "127.0.0.1:\(system.port)")
        .replacing("localhost:8090", with: "127.0.0.1:\(system.services.port)"))
    #expect(said == expected)
  }

  /// Runs a script in which each `curl` that is not silent prints only its status.
  private func run(_ script: String) throws -> [String] {
    let function = #"""
      curl() { case "$1" in -s) command curl "$@";; *) command curl -s -o /dev/null -w '%{http_code}\n' "$@";; esac; }

      """#
    return try runProgram("bash", "-c", function + script).output.split(separator: "\n").map(String.init)
  }
}
