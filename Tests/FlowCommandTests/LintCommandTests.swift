import FlowDiagnostics
import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow check`, `flow lint` and `flow explain`.
@Suite struct LintCommandTests {
  static let codes = "Tests/FlowCompilerTests/Corpus/codes"

  private let scratch: TestFolder

  init() throws { scratch = try TestFolder() }

  /// A new folder with files.
  private func folder(_ files: [String: String]) throws -> URL {
    let folder = scratch.url.appending(path: UUID().uuidString)
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

  @Test("the strict preset reports properties that a run breaks, as its page shows") func brokenProperties() throws {
    let page = try String(contentsOf: packageRoot.appending(path: "Docs/diagnostics/F408.md"), encoding: .utf8)
    let blocks = page.matches(of: /```[a-z]+\n(.*?)```\n/.dotMatchesNewlines()).map { String($0.1) }
    try #require(blocks.count == 3)
    let folder = try folder(["example.flow": blocks[0], "right.flow": blocks[2]])
    func lint(_ name: String, _ options: String...) throws -> FlowProcess {
      try FlowProcess.run(["lint", name, "--format", "pretty", "--color", "never"] + options, in: folder)
    }
    #expect(try lint("example.flow", "--select", "F408").output.hasPrefix(blocks[1]))
    #expect(try lint("example.flow", "--preset", "strict").output.contains("warning[F408]"))
    #expect(try !lint("example.flow").output.contains("F408"))
    #expect(try !lint("right.flow", "--preset", "strict").output.contains("F408"))
  }

  @Test("presets, --select, --ignore and --deny choose what is reported") func presets() throws {
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

  @Test(
    "an invalid value of an option is reported with the alternatives",
    arguments: [
      (["--preset", "strickt"], "did you mean `strict`?"),
      (["--select", "unused-evnt"], "did you mean `unused-event`?"),
      (["--format", "sarf"], "did you mean `sarif`?"), (["--color", "blue"], "auto, always or never"),
      (["--deny", "notes"], "must be warnings"), (["--max-errors", "none"], "a whole number"),
      (["--baseline", "none"], "baseline"),
      (["--ignore", "unknown-state"], "can't be disabled"),
      (["--stdin-filename", "x.flow", "--fix"], "requires a file"),
      (["--diff"], "`--add-ignore`"), (["Tests/FlowTestSupport"], "no `.flow` file"), (["--unsaf"], "`--unsafe`"),
    ])
  func invalidOptions(_ options: [String], _ help: String) throws {
    let result = try FlowProcess.run(["lint", "samples"] + options)
    #expect(result.code == 2 && result.errors.contains(help))
  }

  @Test("--stdin-filename checks standard input under that name") func checkStandardInput() throws {
    let result = try FlowProcess.run("check", "--stdin-filename", "x.flow", input: sample("F104"))
    #expect(result.code == 1 && result.output.contains("x.flow:"))
  }

  @Test("flow.toml is found in parent folders, and its mistakes are reported") func configurationFile() throws {
    let folder = try folder([
      "flow.toml": "[lint]\npreset = \"strict\"\nignore = [\"F501\"]\n[lint.severity]\nF601 = \"error\"\n",
      "deep/er/a.flow": sample("F501"), "deep/er/b.flow": sample("F601"),
    ])
    let result = try FlowProcess.run("lint", "deep", in: folder)
    #expect(result.code == 1 && result.output.contains("error[F601]") && !result.output.contains("F501"))
    #expect(try FlowProcess.run("lint", "deep", "--preset", "core", in: folder).code == 0)
    for (text, message) in [
      ("[lint]\nprest = 1", "did you mean `lint.preset`?"), ("[lint\n", "flow.toml:1"),
      ("[lint.severity]\nF601 = \"loud\"", "error, warning or info"), ("[lint]\nselect = [\"F9999\"]", "unknown rule"),
      ("[lint.severity]\nF104 = \"warning\"", "can't be disabled"),
      ("[lint]\nignore = [\"F104\"]", "can't be disabled"),
      ("[lint]\nselect = \"F3\"", "a list of codes"), ("[lint]\nselect = [3]", "a list of codes"),
      ("lint = 3", "`lint` must be a table"), ("[lint]\npreset = 3", "a text in quotes"),
      ("fmt = 1", "unknown setting `fmt`"),
      ("[lint.per-path.\"a\"]\nignor = []", "did you mean `lint.per-path.\"a\".ignore`?"),
      ("[lint]\nx = \"\\u0000\"", "unknown setting `lint.x`"), ("[lint]\nbaseline = \"none\"", "the baseline"),
    ] {
      try text.write(to: folder.appending(path: "flow.toml"), atomically: true, encoding: .utf8)
      let wrong = try FlowProcess.run("lint", "deep", in: folder)
      #expect(wrong.code == 2 && wrong.errors.contains(message))
    }
  }

  @Test("lint.per-path disables rules below a path") func rulesPerPath() throws {
    let folder = try folder([
      "flow.toml": "[lint.per-path.\"old/**\"]\nignore = [\"F5\"]\n", "old/deep/a.flow": sample("F501"),
      "new/a.flow": sample("F501"), "old.flow": sample("F501"),
    ])
    let found = try FlowProcess.run("lint", ".", in: folder)
    #expect(found.output.hasPrefix("new/a.flow:4:7: ") && found.output.contains("\nold.flow:4:7: "))
    #expect(found.output.hasSuffix("2 warnings in 3 files\n"))
    let inside = try FlowProcess.run("lint", "a.flow", in: folder.appending(path: "old/deep"))
    #expect(inside.output == "no problems in 1 file\n")
    let input = try FlowProcess.run("lint", "--stdin-filename", "old/b.flow", input: sample("F501"), in: folder)
    #expect(input.output == "no problems in 1 file\n")
  }

  /// However a file is given, it has one name, which a baseline uses.
  @Test("a file has the same name in reports however it is given") func namesOfFiles() throws {
    let folder = try folder(["deep/a.flow": sample("F501")])
    let path = folder.resolvingSymlinksInPath().appending(path: "deep/a.flow").path
    let result = try FlowProcess.run("lint", "./deep//a.flow", ".", "deep/./a.flow", path, in: folder)
    #expect(result.output.hasPrefix("deep/a.flow:4:7: ") && result.output.hasSuffix("1 warning in 1 file\n"))
  }

  @Test("--max-errors limits the report, not the count") func hiddenFindings() throws {
    let whole = try FlowProcess.run("lint", LintCommandTests.codes, "--max-errors", "100000")
    let result = try FlowProcess.run("lint", LintCommandTests.codes, "--max-errors", "2")
    #expect(result.code == 1 && whole.code == 1)
    // A finding is a line with its location and, indented, its help; the last line is the summary.
    let lines = whole.output.split(separator: "\n")
    let findings = lines.indices.dropLast().filter { !lines[$0].hasPrefix(" ") }
    let expected = lines[..<findings[2]] + [lines[lines.count - 1]]
    #expect(result.output.split(separator: "\n") == Array(expected))
    #expect(result.errors == "… and \(findings.count - 2) more, see `--max-errors`\n" && whole.errors.isEmpty)
  }

  @Test("--add-ignore inserts comments with a reason") func addIgnore() throws {
    let text = try sample("F501")
    let folder = try folder(["a.flow": text])
    let shown = try FlowProcess.run("lint", "a.flow", "--add-ignore", "not yet", "--diff", in: folder)
    #expect(shown.code == 0 && shown.output.contains("\n+// flow:ignore[F501] not yet\n"))
    #expect(try String(contentsOf: folder.appending(path: "a.flow"), encoding: .utf8) == text)
    let written = try FlowProcess.run("lint", "a.flow", "--add-ignore", "not yet", in: folder)
    #expect(written.errors == "1 ignored\n" && written.output == "no problems in 1 file\n")
  }

  @Test("--fix applies safe fixes, and --unsafe the others") func fixes() throws {
    let text = try sample("F104")
    let folder = try folder(["a.flow": text])
    let shown = try FlowProcess.run("lint", "a.flow", "--fix", "--unsafe", "--diff", in: folder)
    #expect(shown.code == 0 && shown.output.contains("+    on Paid -> closed"))
    #expect(try String(contentsOf: folder.appending(path: "a.flow"), encoding: .utf8) == text)
    let counts = try JSON(parsing: try FlowProcess.run("lint", "a.flow", "--format", "json", in: folder).output)[
      "summary"]
    #expect(counts?["fixable"] == 0 && counts?["fixableUnsafely"] == 1)
    let careful = try FlowProcess.run("lint", "a.flow", "--fix", in: folder)
    #expect(careful.code == 1 && careful.errors.contains("0 fixed"))
    let fixed = try FlowProcess.run("lint", "a.flow", "--fix", "--unsafe", in: folder)
    #expect(fixed.code == 0 && fixed.errors.contains("1 fixed"))
    #expect(try String(contentsOf: folder.appending(path: "a.flow"), encoding: .utf8).contains("on Paid -> closed"))
  }

  /// Findings of a baseline stay suppressed when lines move, and new ones are reported.
  @Test("a baseline suppresses known findings only") func baseline() throws {
    let folder = try folder(["a.flow": sample("F501")])
    #expect(try FlowProcess.run("lint", "a.flow", "--write-baseline", "known.json", in: folder).code == 0)
    try ("\n\n" + sample("F501")).write(to: folder.appending(path: "a.flow"), atomically: true, encoding: .utf8)
    let moved = try FlowProcess.run("lint", "a.flow", "--baseline", "known.json", in: folder)
    #expect(moved.output == "no problems in 1 file\n")
    try (sample("F501") + "\nrole nobody\n").write(
      to: folder.appending(path: "a.flow"), atomically: true, encoding: .utf8)
    let new = try FlowProcess.run("lint", "a.flow", "--baseline", "known.json", in: folder)
    #expect(new.output.contains("F514") && !new.output.contains("F501"))
    let again = try FlowProcess.run(
      "lint", ".", "--baseline", "known.json", "--write-baseline", "known.json", in: folder)
    #expect(again.output == "wrote known.json, 2 known findings\n")
  }

  @Test("several formats can be written in one run") func reportFormats() throws {
    let output = scratch.url.appending(path: "out.sarif")
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

  @Test("the github format appends a job summary") func stepSummary() throws {
    let folder = try folder(["a.flow": sample("F501"), "summary.md": "before\n"])
    _ = try FlowProcess.run(
      "lint", "a.flow", "--format", "github", in: folder,
      environment: ["GITHUB_STEP_SUMMARY": folder.appending(path: "summary.md").path])
    let summary = try String(contentsOf: folder.appending(path: "summary.md"), encoding: .utf8)
    #expect(summary.hasPrefix("before\n| | code |") && summary.contains("| warning | F501 | a.flow:4 | "))
    #expect(summary.hasSuffix("1 warning in 1 file\n"))
  }

  @Test(
    "--color takes precedence over NO_COLOR and FORCE_COLOR",
    arguments: [
      ("auto", [:], false), ("auto", ["CLICOLOR_FORCE": "1"], true), ("never", ["FORCE_COLOR": "1"], false),
      ("always", ["NO_COLOR": "1"], true), ("auto", ["FORCE_COLOR": "0"], false),
      ("auto", ["NO_COLOR": "1", "FORCE_COLOR": "1"], false), ("auto", ["NO_COLOR": "", "FORCE_COLOR": "1"], true),
    ])
  func precedenceOfColors(_ option: String, _ variables: [String: String], _ isColoured: Bool) throws {
    let none = ["NO_COLOR": "", "FORCE_COLOR": "", "CLICOLOR_FORCE": ""]
    let result = try FlowProcess.run(
      "lint", LintCommandTests.codes, "--format", "pretty", "--max-errors", "1", "--color", option,
      environment: none.merging(variables) { $1 })
    #expect(result.output.contains("\u{1B}[") == isColoured)
  }

  @Test("explain prints a page, a list by prefix, or JSON") func explanations() throws {
    let page = try FlowProcess.run("explain", "shadowed-transition")
    #expect(page.code == 0 && page.output.hasPrefix("# F401 shadowed-transition"))
    #expect(try FlowProcess.run("explain", "F401").output == page.output)
    #expect(try FlowProcess.run("explain", "--list").output.split(separator: "\n").count == Rule.all.count)
    let json = try JSON(parsing: try FlowProcess.run("explain", "f104", "--format", "json").output)
    #expect(json["name"] == "unknown-state")
    let hundred = try FlowProcess.run("explain", "F3")
    #expect(hundred.code == 0)
    let codes = hundred.output.split(separator: "\n").map { String($0.prefix(4)) }
    #expect(codes == Rule.all.map(\.code).filter { $0.hasPrefix("F3") })
    #expect(try JSON(parsing: try FlowProcess.run("explain", "F3", "--format", "json").output).array?.count ?? 0 > 3)
    let wrong = try FlowProcess.run("explain", "shadowd-transition")
    #expect(wrong.code == 2 && wrong.errors.contains("did you mean `shadowed-transition`?"))
  }

  /// Changed and added flows are checked again; a report written next to them is not a change.
  @Test("--watch checks again after a change", .timeLimit(.minutes(5))) func watching() throws {
    let folder = try folder(["a.flow": sample("F104")])
    let process = Process()
    process.executableURL = ServerProcess.binary
    process.arguments = ["lint", ".", "--watch", "--format", "concise", "--format", "json", "--output", "report.json"]
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    defer { kill(process.processIdentifier, SIGKILL) }
    let mended = try sample("F104").replacing("-> closd", with: "-> closed")
    let steps: [(wanted: String, file: String, text: String)] = [
      ("error[F104]", "a.flow", mended), ("no problems in 1 file\n", "new/b.flow", try sample("F501")),
      ("1 warning in 2 files\n", "flow.toml", "[lint]\nignore = [\"F501\"]\n"),
      ("no problems in 2 files\n", "flow.toml", "[lint]\n"),
    ]
    var seen = ""
    for step in steps {
      while !seen.contains(step.wanted) {
        let data = output.fileHandleForReading.availableData
        try #require(!data.isEmpty)
        seen += String(decoding: data, as: UTF8.self)
      }
      let url = folder.appending(path: step.file)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try step.text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(seen.split(separator: "\n").count { $0.contains(" in 1 file") } <= 8)
  }

  /// The samples follow all rules of the linter.
  @Test("the samples are formatted and have no findings") func samples() throws {
    let lint = try FlowProcess.run("lint", "samples", "--preset", "strict", "--deny", "warnings")
    #expect(lint.code == 0 && lint.output.hasPrefix("no problems in "), "\(lint.output)")
    let form = try FlowProcess.run("fmt", "--check", "samples")
    #expect(form.code == 0 && form.output.isEmpty)
  }
}
