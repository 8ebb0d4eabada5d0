import FlowTestSupport
import Foundation
import Testing

/// Source files as the commands read them: unusual files, unusual characters, broken neighbors.
@Suite struct SourceFileTests {
  private static let flow = "event Go\nflow A {\n  start on Go -> a\n  state a { always -> b }\n  final b\n}\n"

  private func folder(_ files: [String: String]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-sources-\(UUID().uuidString)")
    for (name, text) in files {
      let file = folder.appending(path: name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return folder
  }

  @Test(
    "an import of a device, a pipe, a folder or a huge file is reported as not readable",
    arguments: ["/dev/zero", "pipe.flow", "folder", "huge.flow"])
  func unreadableImports(_ path: String) throws {
    let folder = try folder(["main.flow": "import \"\(path)\"\n" + SourceFileTests.flow, "folder/notes.txt": ""])
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(mkfifo(folder.appending(path: "pipe.flow").path, 0o600) == 0)
    _ = FileManager.default.createFile(atPath: folder.appending(path: "huge.flow").path, contents: nil)
    #expect(truncate(folder.appending(path: "huge.flow").path, 1 << 32) == 0)
    for command in ["check", "lint", "test"] {
      let run = try FlowProcess.run(command, "main.flow", in: folder)
      #expect(run.code != 0 && (run.output + run.errors).contains("there is no readable file `\(path)`"), "\(command)")
    }
  }

  @Test("imports are compared after their paths are normalized") func normalizedImports() throws {
    let folder = try folder([
      "types.flow": "type T { a: int = 1 }\n",
      "sub/a.flow": "import \"../sub/../types.flow\"\nevent E { t: T }\n",
      "main.flow": "import \"./types.flow\"\nimport \"sub/../sub/a.flow\"\nimport \"sub/a.flow\"\n"
        + "flow A {\n  start on E -> a do log string(event.t.a)\n  final a\n}\n",
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try FlowProcess.run("check", "main.flow", in: folder)
    #expect(run.output == "no problems in 3 files\n" && run.code == 0, "\(run.output)")
    #expect(try FlowProcess.run("check", ".", in: folder).output == "no problems in 3 files\n")
  }

  @Test("invisible characters are reported by name, each once, and removed by the fix") func invisible() throws {
    let text = "\u{FEFF}" + SourceFileTests.flow.replacingOccurrences(of: " -> ", with: "\u{A0}-> ")
    let folder = try folder(["main.flow": text])
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try FlowProcess.run("check", "main.flow", in: folder)
    #expect(run.output.contains("the invisible character U+FEFF (BYTE ORDER MARK)"))
    #expect(run.output.contains("the invisible character U+00A0 (NO-BREAK SPACE), 2 times"))
    #expect(run.code == 1 && run.output.hasSuffix("2 errors (2 fixable) in 1 file\n"), "\(run.output)")
    #expect(try FlowProcess.run("lint", "main.flow", "--fix", in: folder).code == 0)
    let fixed = try String(contentsOf: folder.appending(path: "main.flow"), encoding: .utf8)
    #expect(fixed == SourceFileTests.flow)
  }

  @Test("files that do not compile do not keep `flow test` from the others") func brokenNeighbors() throws {
    let test = "test \"ends\" {\n  send Go\n  expect ended\n}\n"
    let folder = try folder([
      "a.flow": "flow Broken {\n", "b.flow": SourceFileTests.flow + test,
      "c.flow": "event Unused\n" + SourceFileTests.flow.replacingOccurrences(of: "Go", with: "Begin")
        + test.replacingOccurrences(of: "Go", with: "Begin"),
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try FlowProcess.run("test", ".", in: folder)
    #expect(run.code == 1 && run.output.contains("2 passed"), "\(run.output)")
    #expect(run.errors.contains("this `{` is not closed"))
    let warned = try FlowProcess.run("test", "c.flow", in: folder)
    #expect(warned.code == 0 && warned.output.contains("1 passed"), "\(warned.output)")
  }

  @Test("coverage counts states that are passed through, and `with` selects the flow") func coverage() throws {
    let text =
      SourceFileTests.flow + "flow B {\n  start on Go -> c\n  final c\n}\n"
      + "test \"first\" {\n  send Go\n  expect state b\n}\ntest \"second\" with B {\n  send Go\n  expect state c\n}\n"
    let folder = try folder(["main.flow": text])
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try FlowProcess.run("test", "main.flow", "--coverage", in: folder)
    #expect(run.code == 0 && run.output.contains("2 passed"), "\(run.output)\(run.errors)")
    #expect(run.output.contains("A: 2 of 2 states, 1 of 1 transitions"), "\(run.output)")
    #expect(run.output.contains("B: 1 of 1 states"), "\(run.output)")
  }

  @Test("a graph as SVG reports a missing Graphviz every time") func missingGraphviz() throws {
    let folder = try folder(["main.flow": SourceFileTests.flow])
    defer { try? FileManager.default.removeItem(at: folder) }
    for _ in 0..<12 {
      let run = try FlowProcess.run(
        "graph", "--format", "svg", "main.flow", in: folder, environment: ["PATH": "/nonexistent"])
      #expect(run.code == 2 && run.errors.contains("`dot` of Graphviz is required for SVG"), "\(run.code)")
    }
  }

  @Test("the REPL reads text in three quotes and comments with brackets") func unusualInput() throws {
    let input = "\"\"\"a {\nb\"\"\"\n1 + 1 // a ( comment\n2 + 2\n"
    let run = try FlowProcess.run("repl", input: input)
    #expect(run.output == "\"a {\\nb\" : string\n2 : int\n4 : int\n" && run.code == 0, "\(run.output)")
    let broken = try FlowProcess.run("repl", input: "1 +\n")
    #expect(broken.output.components(separatedBy: "error").count == 2, "\(broken.output)")
  }
}
