import FlowCompiler
import FlowDiagram
import FlowIR
import FlowSource
import Foundation

extension Command {
  static let graph = Command(
    name: "graph", summary: "Draw a flow.", operands: "FILE",
    options: [
      Option(name: "format", value: "svg|dot|mermaid|text", help: "text by default; svg needs Graphviz"),
      Option(name: "flow", value: "NAME", help: "which flow of the file; the first one by default"),
    ],
    example: "flow graph samples/order.flow --format svg > order.svg",
    action: { arguments in
      guard arguments.operands.count == 1 else {
        Terminal.complain("`flow graph` takes one file")
        return ExitCode.usage
      }
      guard let program = compileForUse(arguments.operands)?.program else { return ExitCode.findings }
      guard let flow = flowIndex(arguments.value("flow"), in: program) else { return ExitCode.usage }
      return draw(program, flow, as: arguments.value("format") ?? "text")
    })

  private static func flowIndex(_ name: String?, in program: Program) -> Int? {
    let names = program.flows.map(\.name)
    guard let name else {
      if names.isEmpty { Terminal.complain("the file has no flow") }
      return names.isEmpty ? nil : 0
    }
    guard let index = names.firstIndex(of: name) else {
      let guess = Suggestion.closest(to: name, among: names).first
      Terminal.complain("there is no flow `\(name)`", help: guess.map { "did you mean `\($0)`?" })
      return nil
    }
    return index
  }

  private static func draw(_ program: Program, _ flow: Int, as format: String) -> Int32 {
    switch format {
    case "text": Terminal.output(textDiagram(program, flow: flow))
    case "mermaid": Terminal.output(mermaid(program, flow: flow))
    case "dot": Terminal.output(dot(program, flow: flow))
    case "svg":
      guard let picture = rendered(dot(program, flow: flow)) else {
        Terminal.complain(
          "`dot` of Graphviz is needed for a picture, and could not be run",
          help: "install the package graphviz, or use `--format mermaid` or `text`")
        return ExitCode.usage
      }
      Terminal.output(picture)
    default:
      Terminal.complain("there is no format `\(format)`", help: "the formats are svg, dot, mermaid and text")
      return ExitCode.usage
    }
    return ExitCode.fine
  }

  /// Graphviz does the layout, as a process of its own.
  private static func rendered(_ text: String) -> String? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["dot", "-Tsvg"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
      // A layout that fails closes its input early; what is read then says so.
      try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
      try input.fileHandleForWriting.close()
    } catch {
      return nil
    }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: bytes, as: UTF8.self) : nil
  }
}
