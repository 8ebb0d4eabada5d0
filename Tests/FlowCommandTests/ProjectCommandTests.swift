import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow new`, `flow docs` and `flow config`.
@Suite struct ProjectCommandTests {
  @Test(
    "a new project is formatted, has no findings, and its tests pass", arguments: ["order", "approval", "schedule"])
  func newProject(_ template: String) throws {
    let folder = try TestFolder()
    let created = try FlowProcess.run("new", "deep/project", "--template", template, in: folder.url)
    #expect(created.code == 0, "\(created.errors)")
    let project = folder.url.appending(path: "deep/project")
    for file in ["README.md", "flow.toml", ".gitignore", ".github/workflows/flow.yml"] {
      #expect(FileManager.default.fileExists(atPath: project.appending(path: file).path), "\(file)")
    }
    #expect(try FlowProcess.run("fmt", "--check", ".", in: project).output.isEmpty)
    let lint = try FlowProcess.run("lint", ".", "--deny", "warnings", in: project)
    #expect(lint.output == "no problems in 2 files\n")
    let tests = try FlowProcess.run("test", ".", in: project)
    #expect(tests.code == 0 && tests.output.contains(" passed"), "\(tests.output) \(tests.errors)")
    let again = try FlowProcess.run("new", "deep/project", "--template", template, in: folder.url)
    #expect(again.code == 2 && again.errors.contains("already exists"))
    withExtendedLifetime(folder) {}
  }

  @Test("each lesson of the tour is formatted, has no findings, and its tests pass")
  func tour() throws {
    let folder = try TestFolder()
    let contents = try FlowProcess.run("tour", in: folder.url).output.split(separator: "\n").dropLast()
    #expect(contents.count == 8)
    for number in 1...contents.count {
      let shown = try FlowProcess.run("tour", "\(number)", in: folder.url)
      #expect(shown.code == 0 && shown.output.contains("Exercise: ") && shown.output.contains("1 passed"))
      let file = "lesson\(number).flow"
      #expect(try FlowProcess.run("tour", "\(number)", "--output", file, in: folder.url).code == 0)
      let text = try String(contentsOf: folder.url.appending(path: file), encoding: .utf8)
      #expect(shown.output.hasPrefix(text))
      #expect(text.split(separator: "\n").count <= 50, "a lesson fits a screen")
      #expect(try FlowProcess.run("fmt", "--check", file, in: folder.url).output.isEmpty, "\(file)")
      let lint = try FlowProcess.run("lint", file, "--deny", "warnings", in: folder.url)
      #expect(lint.output == "no problems in 1 file\n")
    }
    let unknown = try FlowProcess.run("tour", "99", in: folder.url)
    #expect(unknown.code == 2 && unknown.errors.contains("the lessons are 1 to 8"))
    let again = try FlowProcess.run("tour", "1", "--output", "lesson1.flow", in: folder.url)
    #expect(again.code == 2 && again.errors.contains("already exists"))
    withExtendedLifetime(folder) {}
  }

  @Test("docs prints a title, a diagram and tables from doc comments")
  func markdown() throws {
    let output = try FlowProcess.run("docs", "samples/order.flow").output
    #expect(output.hasPrefix("# Order\n\nAn order, from placement to the doorstep.\n\n```mermaid\nstateDiagram-v2\n"))
    #expect(output.contains("| `order_id` (key) | `string` |  |\n"))
    #expect(output.contains("| `stuck` | state | Requires an operator. |\n"))
    #expect(output.contains("| `Paid` | `amount: double` |  |\n"))
    #expect(
      output.contains("`NO_STOCK`, `UNAVAILABLE` | Ships the parcel; the warehouse responds when it has left. |\n"))
  }

  @Test("docs --format html embeds the diagram as SVG, and escapes types")
  func html() throws {
    let output = try FlowProcess.run("docs", "samples/order.flow", "--format", "html").output
    #expect(output.hasPrefix("<!doctype html>\n") && output.hasSuffix("</html>\n"))
    #expect(output.contains("<svg "))
    #expect(output.contains("<code>list&lt;Item&gt;</code>"))
    #expect(!output.contains("<?xml"))
  }

  @Test("config show prints each value with its origin, and hides secrets")
  func configuration() throws {
    let folder = try TestFolder()
    _ = try folder.write("flow.toml", "[lint]\npreset = \"strict\"\n[serve.redact]\nOrder = [\"email\"]\n")
    let environment = ["FLOW_TOKEN": "secret", "FLOW_SERVER": "http://127.0.0.1:1"]
    let shown = try FlowProcess.run("config", "show", "--origin", in: folder.url, environment: environment)
    let lines = shown.output.split(separator: "\n").map(String.init)
    #expect(lines.contains { $0.hasPrefix("lint.preset = \"strict\"  # ") && $0.hasSuffix("/flow.toml") })
    #expect(lines.contains { $0.hasPrefix("serve.redact.Order = [\"email\"]  # ") })
    #expect(lines.contains("lint.select = none  # default"))
    #expect(lines.contains("FLOW_SERVER = http://127.0.0.1:1  # environment"))
    #expect(lines.contains("FLOW_TOKEN = (set)  # environment"))
    let document = try JSON(
      parsing: try FlowProcess.run("config", "show", "--format", "json", in: folder.url).output)
    #expect(document.array?.first { $0["name"] == "lint.preset" }?["value"] == "\"strict\"")
    _ = try folder.write("flow.toml", "[lint]\nprest = 1\n")
    #expect(try FlowProcess.run("config", "show", in: folder.url).code == 2)
    withExtendedLifetime(folder) {}
  }

  @Test("flow.toml sets the options of serve; the command line overrides them, and mistakes name the file")
  func serveOptions() throws {
    let folder = try TestFolder()
    let flow = try folder.write("a.flow", "event Go\nflow A {\n  start on Go -> done\n  final done\n}\n")
    func run(_ settings: String, _ options: String...) throws -> FlowProcess {
      _ = try folder.write("flow.toml", "[serve]\n" + settings)
      return try FlowProcess.run(["serve", flow] + options)
    }
    let open = "addr = \"0.0.0.0:0\"\ndrain = \"1x\"\n"
    #expect(try run("addr = \"0.0.0.0:0\"\n").errors.contains("0.0.0.0 can be reached from other machines"))
    #expect(try run(open + "insecure = true\n", "--drain", "2h").errors.contains("2h"))
    #expect(try run("keys = \"keys.toml\"\n").errors.contains("\(folder.url.path)/keys.toml"))
    for (settings, message) in [
      ("adr = \"x\"\n", "did you mean `serve.addr`?"), ("insecure = 1\n", "`serve.insecure` must be true or false"),
      ("rate = 0\n", "flow.toml: `--rate` must be"), ("addr = [1]\n", "`serve.addr` must be a text"),
    ] {
      let result = try run(settings)
      #expect(result.code == 2)
      #expect(result.errors.contains(message))
    }
    withExtendedLifetime(folder) {}
  }
}
