import FlowTestSupport
import Foundation
import Testing

/// `flow completion` and the completions of the three shells.
@Suite struct CompletionTests {
  @Test(
    "the last word of a command line is completed",
    arguments: [
      (["se"], [":none", "serve"]), (["serve", "--st"], [":none", "--store"]),
      (["lint", "--preset", "s"], [":none", "strict"]), (["lint", "--preset=r"], [":none", "--preset=recommended"]),
      (["explain", "F50"], [":none", "F501", "F502", "F503", "F504", "F505", "F506", "F507", "F508", "F509"]),
      (["graph", "samples/order.flow", "--state", "s"], [":none", "shipping", "stuck"]),
      (["graph", "--flow", "", "samples/order.flow"], [":flows"]),
      (["store", "c"], [":none", "check", "compact", "copy"]),
      (["ctl", "re"], [":none", "resume", "retry", "redrive", "resolve"]), (["check", ""], [":flows"]),
      (["serve", "--store", ""], [":files"]), (["help", "che"], [":none", "check"]), (["check", "--no"], [":none"]),
    ])
  func proposals(_ words: [String], _ expected: [String]) throws {
    let run = try FlowProcess.run(["__complete", "--"] + words)
    let lines = run.output.split(separator: "\n").map { String($0.split(separator: "\t")[0]) }
    #expect(lines == expected)
  }

  @Test("keys and events of flow ctl come from the server")
  func control() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "door.flow",
      """
      event Open { id: string }
      event Close
      flow Door {
        key id
        data { id: string }
        start on Open -> opened do id = event.id
        state opened { after 90d -> closed  on Close -> closed }
        final closed
      }
      """)
    let server = try ServerProcess([file, "--store", folder.store])
    let environment = ["FLOW_SERVER": "http://127.0.0.1:\(server.port)"]
    func complete(_ words: String...) throws -> [String] {
      let run = try FlowProcess.run(["__complete", "--", "ctl"] + words, environment: environment)
      return run.output.split(separator: "\n").dropFirst().map(String.init)
    }
    #expect(
      try FlowProcess.run("ctl", "start", "Door", "Open", #"{"id": "front"}"#, environment: environment).code == 0)
    #expect(try complete("show", "") == ["Door"])
    #expect(try complete("show", "Door", "") == ["front"])
    #expect(try complete("send", "Door", "front", "") == ["Close"])
    #expect(try complete("start", "Door", "") == ["Open"])
    withExtendedLifetime((folder, server)) {}
  }

  private static func isInstalled(_ shell: String) -> Bool {
    ["/bin/", "/usr/bin/"].contains { FileManager.default.isExecutableFile(atPath: $0 + shell) }
  }

  /// A folder with the binary as `flow` and the scripts of all shells, at the front of `PATH`.
  private func scripts() throws -> TestFolder {
    let folder = try TestFolder()
    try FileManager.default.createSymbolicLink(
      at: folder.url.appending(path: "flow"), withDestinationURL: ServerProcess.binary)
    for shell in ["bash", "zsh", "fish"] {
      _ = try folder.write("flow.\(shell)", try FlowProcess.run("completion", shell).output)
    }
    return folder
  }

  @Test("bash completes commands, options, values and states")
  func bash() throws {
    let folder = try scripts()
    let script = """
      PATH=\(folder.url.path):$PATH; source \(folder.url.path)/flow.bash; cd \(packageRoot.path)
      try() {
        COMP_LINE="$1"; COMP_POINT=${#1}; read -r -a COMP_WORDS <<< "${1//=/ = }"
        [[ $1 == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _flow 2>/dev/null; echo "${COMPREPLY[*]}"
      }
      try "flow se"; try "flow serve --st"; try "flow lint --preset=st"; try "flow graph samples/order.flow --state s"
      try "flow check samples/or"
      """
    let lines = try runProgram("bash", "-c", script).output.split(separator: "\n").map(String.init)
    #expect(lines == ["serve", "--store", "strict", "shipping stuck", "samples/order.flow"])
    withExtendedLifetime(folder) {}
  }

  @Test("fish completes commands, options and states", .enabled(if: isInstalled("fish")))
  func fish() throws {
    let folder = try scripts()
    let script = """
      set -x PATH \(folder.url.path) $PATH; set -x HOME \(folder.url.path); source \(folder.url.path)/flow.fish
      cd \(packageRoot.path)
      for line in "flow se" "flow serve --st" "flow graph samples/order.flow --state s"
        complete -C $line | string split -f1 \\t
      end
      """
    let lines = try runProgram("fish", "--no-config", "-c", script).output.split(separator: "\n").map(String.init)
    #expect(lines == ["serve", "--store", "shipping", "stuck"])
    withExtendedLifetime(folder) {}
  }

  @Test("zsh completes commands and options at a terminal", .enabled(if: isInstalled("zsh")))
  func zsh() throws {
    let folder = try scripts()
    let script = packageRoot.appending(path: "Tests/FlowCommandTests/zsh.py").path
    let expected = "flow serve\nflow serve --store\nflow check samples/order.flow\n"
    #expect(try runProgram("python3", script, folder.url.path, packageRoot.path).output == expected)
    withExtendedLifetime(folder) {}
  }
}
