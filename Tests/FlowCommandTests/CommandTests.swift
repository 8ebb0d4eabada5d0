import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The commands as scripts use them: their output, and the exit codes 0 success, 1 findings, 2 usage or input error.
@Suite struct CommandTests {
  static let broken = "Tests/FlowCompilerTests/Corpus/errors/unknown-state.flow"
  static let order = "samples/order.flow"

  /// The names in the list that `flow --help` prints.
  static let names: [String] = {
    let overview = (try? FlowProcess.run("--help"))?.output ?? ""
    return overview.split(separator: "\n").filter { $0.hasPrefix("  ") }.compactMap {
      $0.split(separator: " ").first.map(String.init)
    }
  }()

  @Test("--help of every command has a usage line, an example and a text for each option", arguments: names)
  func helpOfEveryCommand(_ name: String) throws {
    let help = try FlowProcess.run(name, "--help")
    #expect(help.code == 0 && help.errors.isEmpty)
    #expect(help.output.contains("usage: flow \(name)"))
    #expect(help.output.contains("example: flow \(name)"))
    let options = help.output.matches(of: /\n  (?:-\w, |    )--[\w-]+[^\n]*?(?:  |\n +)(\S[^\n]*)/)
    let count = help.output.split(separator: "\n").count { $0.contains(/^  (?:-\w, |    )--/) }
    #expect(!options.isEmpty && options.count == count, "each option has a description")
    let long = try FlowProcess.run("help", name)
    #expect(long.code == 0 && long.output == help.output)
    let wrong = try FlowProcess.run(name, "--no-such-option")
    #expect(wrong.code == 2 && wrong.errors.contains("--no-such-option"))
  }

  @Test("flow --help lists every command that the README names") func commandsOfTheReadme() throws {
    let readme = try String(contentsOf: packageRoot.appending(path: "README.md"), encoding: .utf8)
    let named = Set(readme.matches(of: #/`flow ([a-z]+) /#).map { String($0.1) })
    #expect(named.count > 8 && named.subtracting(CommandTests.names).isEmpty, "\(named)")
    #expect(CommandTests.names.count == Set(CommandTests.names).count)
  }

  @Test("an unknown command gets a suggestion and exit code 2") func unknownCommand() throws {
    let typo = try FlowProcess.run("chekc", CommandTests.order)
    #expect(typo.code == 2)
    #expect(typo.errors.contains("did you mean `flow check`?"))
    #expect(try FlowProcess.run().code == 2)
  }

  @Test("check exits with 1 for findings and with 2 for mistakes in the command line") func exitCodesOfCheck() throws {
    #expect(try FlowProcess.run("check", CommandTests.order).code == 0)
    let findings = try FlowProcess.run("check", CommandTests.broken)
    #expect(findings.code == 1)
    #expect(findings.output.contains("unknown-state.flow:31:50: error[F104]"))
    let missing = try FlowProcess.run("check", "none.flow")
    #expect(missing.code == 2 && missing.errors.contains("cannot read `none.flow`"))
    #expect(try FlowProcess.run("check").code == 2)
    #expect(try FlowProcess.run("check", CommandTests.order, "--format", "xml").code == 2)
  }

  /// Two programs of two files each, and files that are not flows.
  private func folderOfFlows() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-folder-\(UUID().uuidString)")
    let flow = { (name: String) in
      "import \"../go.flow\"\nevent Go\(name)\nflow \(name) {\n  start on Go\(name) -> half\n"
        + "  state half {\n    on Go -> end\n  }\n  final end\n}\n"
        + "test \"\(name) ends\" {\n  send Go\(name)\n  send Go\n  expect state end\n}\n"
    }
    for (name, text) in [
      ("b/two.flow", flow("Two")), ("a/one.flow", flow("One")), ("go.flow", "event Go\n"), (".hidden/x.flow", "?"),
      ("a/notes.txt", "?"), ("none/notes.txt", "?"),
    ] {
      let file = folder.appending(path: name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    return folder
  }

  @Test("commands accept folders and report missing or empty ones") func foldersAsOperands() throws {
    let folder = try folderOfFlows()
    defer { try? FileManager.default.removeItem(at: folder) }
    func run(_ words: String...) throws -> FlowProcess { try FlowProcess.run(words, in: folder) }
    #expect(try run("fmt", "--check", ".").output == "a/one.flow\nb/two.flow\n")
    for command in ["fmt", "fmt --check", "check", "lint", "graph"] {
      let ran = try FlowProcess.run(command.split(separator: " ").map(String.init) + ["."], in: folder)
      #expect(ran.code == 0, "\(command): \(ran.output) \(ran.errors)")
    }
    let compiled = try run("compile", ".")
    #expect(compiled.code == 2 && compiled.errors.contains("the files form 2 programs"), "\(compiled.errors)")
    let tests = try run("test", "--format", "tap", ".")
    #expect(tests.code == 0, "\(tests.errors)")
    #expect(tests.output.contains(/One ends[\s\S]*Two ends/), "\(tests.output)")
    #expect(try run("test", ".").output == run("test", ".").output)
    let coverage = try run("test", ".", "--coverage", "lcov").output
    #expect(coverage.contains("SF:a/one.flow") && coverage.contains("SF:b/two.flow"), "\(coverage)")
    #expect(try run("compile", ".").output == run("compile", "go.flow", "a/one.flow", "b/two.flow").output)
    #expect(try run("graph", ".", "--flow", "Two", "--state", "end").output.contains("end  ← here"))
    #expect(try run("graph", ".", "--flow", "Two", "--state", "nd").errors.contains("did you mean `end`?"))
    for command in ["check", "lint", "fmt", "test", "compile", "graph", "simulate", "run"] {
      let none = try run(command, "none")
      #expect(none.code == 2 && none.errors.contains("there is no `.flow` file in `none`"), "\(command)")
      let missing = try run(command, "nowhere")
      #expect(missing.code == 2 && missing.errors.contains("cannot read `nowhere`"), "\(command)")
    }
  }

  @Test("check --format json prints one document") func checkAsJSON() throws {
    let json = try FlowProcess.run("check", CommandTests.broken, "--format", "json")
    #expect(json.code == 1)
    #expect(try JSON(parsing: json.output)["summary"]?["errors"] == 1)
  }

  @Test("FORCE_COLOR colors a pipe unless NO_COLOR is set") func forcedColors() throws {
    let plain = try FlowProcess.run("check", CommandTests.broken, "--format", "pretty")
    #expect(!plain.output.contains("\u{1B}["))
    let coloured = try FlowProcess.run(
      "check", CommandTests.broken, "--format", "pretty", environment: ["FORCE_COLOR": "1", "NO_COLOR": ""])
    #expect(coloured.output.contains("\u{1B}[31m"))
    let refused = try FlowProcess.run(
      "check", CommandTests.broken, "--format", "pretty", environment: ["FORCE_COLOR": "1", "NO_COLOR": "1"])
    #expect(!refused.output.contains("\u{1B}["))
  }

  @Test("compile writes canonical JSON and reports unwritable files") func canonicalJSON() throws {
    let first = try FlowProcess.run("compile", CommandTests.order)
    #expect(first.code == 0)
    let json = try JSON(parsing: Array(first.output.utf8.dropLast()))
    #expect(json["ir"] == 1)
    #expect(json.text(.canonical) + "\n" == first.output)
    #expect(try FlowProcess.run("compile", CommandTests.broken).code == 1)
    #expect(try FlowProcess.run("compile", CommandTests.order, "-o", "/no/such/folder/x").code == 2)
  }

  @Test("the REPL runs scripts from standard input and stops at errors") func scriptsOfTheREPL() throws {
    let script = try FlowProcess.run("repl", CommandTests.order, input: "1 + 2\n:state\n")
    #expect(script.output.contains("error") || script.output.contains("Order has not started"))
    let strict = try FlowProcess.run("repl", CommandTests.order, input: ":frob\n:help\n")
    #expect(strict.code == 1 && !strict.output.contains(":undo"))
    let lenient = try FlowProcess.run("repl", CommandTests.order, "--keep-going", input: ":frob\n:help\n")
    #expect(lenient.code == 1 && lenient.output.contains(":undo"))
    #expect(try FlowProcess.run("repl", "-e", "[1, 2].map(x, x * x)").output == "[1,4] : list<int>\n")
  }

  @Test("a script with --echo prints a transcript") func echoOfTheREPL() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString + ".flowrepl")
    try Data("let two = 1 + 1\n\n// a remark\n[two,\n3]\n".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let echoed = try FlowProcess.run("repl", "--script", file.path, "--echo", "-e", "0")
    #expect(
      echoed.output == """
        flow> 0
        0 : int
        flow> let two = 1 + 1
        two : int
        flow> // a remark
        flow> [two,
        ...> 3]
        [2,3] : list<int>

        """)
    let missing = try FlowProcess.run("repl", "--script", "none.flowrepl")
    #expect(missing.code == 1 && missing.output.contains("cannot read `none.flowrepl`"))
    #expect(try FlowProcess.run("repl", "a.flow", "b.flow").code == 2)
  }

  @Test("repl --json prints one object per line") func jsonOfTheREPL() throws {
    let run = try FlowProcess.run("repl", CommandTests.order, "--json", "--keep-going", input: "1 + 1\n:frob\n")
    #expect(run.code == 1)
    let replies = try run.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
    #expect(replies.map { $0["kind"] } == ["load", "eval", "frob"] && replies.map { $0["ok"] } == [true, true, false])
    #expect(replies[1]["result"] == ["value": 2, "type": "int"])
  }

  @Test("eval prints values, types and explanations") func evaluation() throws {
    #expect(try FlowProcess.run("eval", "1 + 2 * 3", "--type").output == "7 : int\n")
    let explained = try FlowProcess.run(
      "eval", "items.all(i, i.qty > 0)", "--data", "-", "--explain", input: #"{"items": [{"qty": 0}]}"#)
    #expect(explained.code == 0 && explained.output.hasSuffix("false\n"))
    #expect(explained.output.contains("items.all(i, i.qty > 0)"))
    let json = try FlowProcess.run("eval", "[1u]", "--format", "json")
    #expect(try JSON(parsing: json.output)["type"] == "list<uint>")
    #expect(try FlowProcess.run("eval", "1 +").code == 1)
    #expect(try FlowProcess.run("eval", "[1][i]", "--data", "-", input: #"{"i": 4}"#).code == 1)
    #expect(try FlowProcess.run("eval", "x", "--data", "-", input: "[]").code == 2)
    #expect(try FlowProcess.run("eval").code == 2)
  }

  @Test("serve rejects public addresses without keys, broken flows and foreign stores") func unsafeServers() throws {
    let open = try FlowProcess.run("serve", CommandTests.order, "--addr", "0.0.0.0:0")
    #expect(open.code == 2 && open.errors.contains("--insecure"))
    #expect(try FlowProcess.run("serve", CommandTests.order, "--addr", "nowhere").code == 2)
    #expect(try FlowProcess.run("serve", CommandTests.broken).code == 1)
    let folder = try TestFolder()
    let foreign = try folder.write("foreign", "this is no database, and long enough to be looked at as one")
    let refused = try FlowProcess.run("serve", CommandTests.order, "--store", foreign, "--addr", "127.0.0.1:0")
    #expect(refused.code == 2 && refused.errors.contains("not a SQLite file"))
    withExtendedLifetime(folder) {}
  }

  @Test("serve accepts the output of compile") func serveIR() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-ir-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "order.ir.json").path
    #expect(try FlowProcess.run("compile", CommandTests.order, "-o", file).code == 0)
    let server = try ServerProcess([file, "--store", folder.appending(path: "x.db").path])
    let client = HTTPClient(port: server.port)
    #expect(try client.send("GET", "/v1/flows").json["items"]?.array?.first?["name"] == "Order")
    try Data(#"{"ir": 1, "flows": [{}]}"#.utf8).write(to: URL(filePath: file))
    #expect(try FlowProcess.run("serve", file).code == 1)
  }

  @Test(
    "serve reports the missing requirements of a program before it starts",
    arguments: [
      ("action tell(to: string) { email { to: to subject: \"x\" text: to } }", "no mail server is configured"),
      ("action work(to: string) { exec \"p\" }", "--allow-exec"),
      ("action work(to: string) { redis \"PING\" }", "set FLOW_REDIS_URL"),
      ("action work(to: string) { sql \"delete \" + to }", "built from values"),
      ("action work(to: string) { worker \"q\" signed env(\"S\") }", "only `http` actions can be `signed`"),
      ("event Hook from webhook { secret env(\"S\") header \"X\" } { id: string }", "the webhook `Hook`"),
    ])
  func missingRequirements(_ declaration: String, _ message: String) throws {
    let text =
      declaration + """

        event Begin { id: string }
        flow F {
          key id
          data { id: string }
          start on Begin -> a do id = event.id
          state a { after 1d -> b }
          final b
        }
        """
    let folder = try TestFolder()
    let result = try FlowProcess.run("serve", try folder.write("a.flow", text), "--addr", "127.0.0.1:0")
    #expect(result.code == 2 && result.errors.contains(message))
    withExtendedLifetime(folder) {}
  }

  @Test("the REPL completes, pastes, recalls and interrupts at a pseudo-terminal") func interactiveSession() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let script = packageRoot.appending(path: "Tests/FlowCommandTests/terminal.py").path
    process.arguments = ["python3", script, ServerProcess.binary.path, CommandTests.order]
    process.currentDirectoryURL = packageRoot
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
  }
}
