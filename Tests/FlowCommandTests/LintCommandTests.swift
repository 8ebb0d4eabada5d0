import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// `flow check`, `flow lint` and `flow explain` as people and scripts use them.
@Suite struct LintCommandTests {
  static let codes = "Tests/FlowCompilerTests/Corpus/codes"

  /// A folder of its own, with files in it.
  private func folder(_ files: [String: String]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    for (name, text) in files {
      let url = folder.appending(path: name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    return folder
  }

  private func sample(_ name: String) throws -> String {
    let files = Sample.all(in: LintCommandTests.codes)
    return try #require(files.first { $0.name.hasPrefix(name) }).text
  }

  @Test func aPresetSaysHowMuchIsHeard() throws {
    let folder = try folder(["a.flow": sample("F501"), "b.flow": sample("F601")])
    let core = try FlowProcess.run("check", ".", in: folder)
    #expect(core.code == 0 && core.output == "no problems in 2 files\n")
    let usual = try FlowProcess.run("lint", ".", in: folder)
    #expect(usual.code == 0 && usual.output.contains("warning[F501]") && !usual.output.contains("F601"))
    let strict = try FlowProcess.run("lint", ".", "--preset", "strict", "--deny", "warnings", in: folder)
    #expect(strict.code == 1 && strict.output.contains("F601"))
    #expect(
      try FlowProcess.run("lint", ".", "--ignore", "F5", "--select", "missing-timeout", in: folder).output
        .contains("1 warning"))
    #expect(try FlowProcess.run("lint", ".", "--deny", "warnings", "--exit-zero", in: folder).code == 0)
  }

  @Test(arguments: [
    (["--preset", "strickt"], "did you mean `strict`?"), (["--select", "unused-evnt"], "did you mean `unused-event`?"),
    (["--format", "sarf"], "did you mean `sarif`?"), (["--color", "blue"], "always or never"),
    (["--deny", "notes"], "`warnings`"), (["--max-errors", "none"], "a number"), (["--baseline", "none"], "baseline"),
  ])
  func whatDoesNotExistIsSaid(_ options: [String], _ help: String) throws {
    let result = try FlowProcess.run("lint", "samples", options[0], options[1])
    #expect(result.code == 2 && result.errors.contains(help))
  }

  @Test func standardInputIsAFileLikeOthers() throws {
    let result = try FlowProcess.run("check", "--stdin-filename", "x.flow", input: sample("F104"))
    #expect(result.code == 1 && result.output.contains("x.flow:"))
  }

  @Test func theConfigurationIsFoundUpwards() throws {
    let folder = try folder([
      "flow.toml": "[lint]\npreset = \"strict\"\nignore = [\"F501\"]\n[lint.severity]\nF601 = \"error\"\n",
      "deep/er/a.flow": sample("F501"), "deep/er/b.flow": sample("F601"),
    ])
    let result = try FlowProcess.run("lint", "deep", in: folder)
    #expect(result.code == 1 && result.output.contains("error[F601]") && !result.output.contains("F501"))
    #expect(try FlowProcess.run("lint", "deep", "--preset", "core", in: folder).code == 0)
    for (text, message) in [
      ("[lint]\nprest = 1", "did you mean `lint.preset`?"), ("[lint\n", "flow.toml:1"),
      ("[lint.severity]\nF601 = \"loud\"", "error, warning or info"), ("[lint]\nselect = [\"F9999\"]", "no rule"),
    ] {
      try text.write(to: folder.appending(path: "flow.toml"), atomically: true, encoding: .utf8)
      let wrong = try FlowProcess.run("lint", "deep", in: folder)
      #expect(wrong.code == 2 && wrong.errors.contains(message))
    }
  }

  @Test func fixesAreCarriedOut() throws {
    let text = try sample("F104")
    let folder = try folder(["a.flow": text])
    let shown = try FlowProcess.run("lint", "a.flow", "--fix", "--unsafe", "--diff", in: folder)
    #expect(shown.code == 0 && shown.output.contains("+    on Paid -> closed"))
    #expect(try String(contentsOf: folder.appending(path: "a.flow"), encoding: .utf8) == text)
    let careful = try FlowProcess.run("lint", "a.flow", "--fix", in: folder)
    #expect(careful.code == 1 && careful.errors.contains("0 fixed"))
    let fixed = try FlowProcess.run("lint", "a.flow", "--fix", "--unsafe", in: folder)
    #expect(fixed.code == 0 && fixed.errors.contains("1 fixed"))
    #expect(try String(contentsOf: folder.appending(path: "a.flow"), encoding: .utf8).contains("on Paid -> closed"))
  }

  /// What a baseline lists stays unsaid when lines move, and what is new is said.
  @Test func aBaselineKnowsWhatWasThere() throws {
    let folder = try folder(["a.flow": sample("F501")])
    #expect(try FlowProcess.run("lint", "a.flow", "--write-baseline", "known.json", in: folder).code == 0)
    try ("\n\n" + sample("F501")).write(to: folder.appending(path: "a.flow"), atomically: true, encoding: .utf8)
    let moved = try FlowProcess.run("lint", "a.flow", "--baseline", "known.json", in: folder)
    #expect(moved.output == "no problems in 1 file\n")
    try (sample("F501") + "\nrole nobody\n").write(
      to: folder.appending(path: "a.flow"), atomically: true, encoding: .utf8)
    let new = try FlowProcess.run("lint", "a.flow", "--baseline", "known.json", in: folder)
    #expect(new.output.contains("F514") && !new.output.contains("F501"))
  }

  @Test func machinesGetWhatTheyRead() throws {
    let output = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString + ".sarif")
    let both = try FlowProcess.run(
      "lint", LintCommandTests.codes, "--exit-zero", "--format", "github", "--format", "sarif", "--output", output.path)
    #expect(
      both.code == 0 && both.output.hasPrefix("::error file=") && both.output.contains("title=F104 unknown-state"))
    let sarif = try JSON(parsing: try String(contentsOf: output, encoding: .utf8))
    let run = try #require(sarif["runs"]?.array?.first)
    let results = try #require(run["results"]?.array)
    #expect(sarif["version"] == "2.1.0" && results.count > 50)
    let rules = run["tool"]?["driver"]?["rules"]?.array ?? []
    for result in results {
      let index = try #require(result["ruleIndex"]?.int)
      #expect(rules[index]["id"] == result["ruleId"])
    }
    let junit = try FlowProcess.run("lint", LintCommandTests.codes, "--exit-zero", "--format", "junit")
    #expect(junit.output.hasPrefix("<?xml") && junit.output.contains("<failure type=\"F104\""))
    let usual = try FlowProcess.run(
      "lint", LintCommandTests.codes, environment: ["GITHUB_ACTIONS": "true"])
    #expect(usual.code == 1 && usual.output.hasPrefix("::error"))
    #expect(try FlowProcess.run("lint", "samples", "--statistics", "--select", "F507").errors.contains("F507"))
  }

  @Test func codesAreExplained() throws {
    let page = try FlowProcess.run("explain", "shadowed-transition")
    #expect(page.code == 0 && page.output.hasPrefix("# F401 shadowed-transition"))
    #expect(try FlowProcess.run("explain", "F401").output == page.output)
    #expect(try FlowProcess.run("explain", "--list").output.split(separator: "\n").count == Rule.all.count)
    let json = try JSON(parsing: try FlowProcess.run("explain", "f104", "--format", "json").output)
    #expect(json["name"] == "unknown-state")
    let wrong = try FlowProcess.run("explain", "shadowd-transition")
    #expect(wrong.code == 2 && wrong.errors.contains("did you mean `shadowed-transition`?"))
  }

  /// A flow that changes on the disk is checked again.
  @Test func aChangeIsSeen() throws {
    let folder = try folder(["a.flow": sample("F104")])
    let process = Process()
    process.executableURL = ServerProcess.binary
    process.arguments = ["lint", "a.flow", "--watch", "--format", "concise"]
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    defer { kill(process.processIdentifier, SIGKILL) }
    var seen = ""
    for wanted in ["error[F104]", "no problems"] {
      while !seen.contains(wanted) {
        let data = output.fileHandleForReading.availableData
        try #require(!data.isEmpty)
        seen += String(decoding: data, as: UTF8.self)
      }
      let mended = try sample("F104").replacing("-> closd", with: "-> closed")
      try mended.write(to: folder.appending(path: "a.flow"), atomically: true, encoding: .utf8)
    }
  }
}
