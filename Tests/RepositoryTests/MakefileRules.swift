import FlowTestSupport
import Foundation
import Testing

/// The commands of the project.
@Suite struct MakefileRules {
  private static let text = Repository.text(of: packageRoot.appending(path: "Makefile"))
    .replacing("\\\n", with: " ")

  /// The targets that are declared as commands.
  private static let commands: [String] = {
    let line = text.split(separator: "\n").first { $0.hasPrefix(".PHONY:") }
    return (line ?? "").split(whereSeparator: \.isWhitespace).dropFirst().map(String.init)
  }()

  @Test("every command has a rule with a description") func commandsHaveRules() {
    #expect(MakefileRules.commands.count > 30)
    let described = Set(
      MakefileRules.text.split(separator: "\n").filter { $0.contains(" ## ") || $0.hasSuffix("##") }
        .compactMap { $0.split(separator: ":").first.map(String.init) })
    for command in MakefileRules.commands where !described.contains(command) {
      Issue.record("Makefile: `\(command)` has no rule with a description after `##`")
    }
  }

  /// `check-reproducible` enters a folder that it creates.
  @Test("make accepts every command", arguments: MakefileRules.commands.filter { $0 != "check-reproducible" })
  func dryRun(_ command: String) throws {
    // Without the rules that install packages and fetch files.
    let result = try runProgram("make", "-n", "-o", "setup", "-C", packageRoot.path, command)
    #expect(result.code == 0, "\(result.output)")
    let lines = result.output.replacing("\\\n", with: " ")
    for program in lines.matches(of: #/(?m)^[ \t]*(Tests/\S+|packaging/\S+)/#).map(\.1) {
      let path = packageRoot.appending(path: String(program)).path
      #expect(FileManager.default.isExecutableFile(atPath: path), "\(program) is not an executable program")
    }
  }
}
