import FlowCompiler
import FlowDiagram
import FlowIR
import FlowServer
import FlowSource

extension Command {
  static let graph = Command(
    name: "graph", summary: "Draw a flow.", operands: "PATH",
    options: [
      Option(name: "format", value: "svg|dot|mermaid|text", help: "text by default; svg needs Graphviz"),
      Option(name: "flow", value: "NAME", help: "which flow of the file; the first one by default"),
      Option(name: "state", value: "STATE", help: "show this state as active; may be given again"),
    ],
    example: "flow graph samples/order.flow --format svg > order.svg",
    action: { arguments in
      guard arguments.operands.count == 1 else {
        Terminal.complain("`flow graph` takes one file or folder")
        return ExitCode.usage
      }
      guard let format = arguments.choice("format", of: ["text", "mermaid", "dot", "svg"]) else {
        return ExitCode.usage
      }
      guard let files = namedFiles(arguments.operands) else { return ExitCode.usage }
      guard let program = compileFiles(files)?.program else { return ExitCode.findings }
      guard let flow = flowIndex(arguments.value("flow"), in: program) else { return ExitCode.usage }
      let states = arguments.all("state")
      let known = program.flows[flow].states.dropFirst().map(\.path)
      if let unknown = states.first(where: { !known.contains($0) }) {
        let guess = Suggestion.closest(to: unknown, among: known).first
        Terminal.complain("there is no state `\(unknown)`", help: guess.map { "did you mean `\($0)`?" })
        return ExitCode.usage
      }
      return draw(program, flow, as: format, states)
    })

  private static func flowIndex(_ name: String?, in program: Program) -> FlowIndex? {
    let names = program.flows.map(\.name)
    guard let name else {
      if names.isEmpty { Terminal.complain("the file has no flow") }
      return names.isEmpty ? nil : 0
    }
    guard let index = program.flows.firstIndex(where: { $0.name == name }) else {
      let guess = Suggestion.closest(to: name, among: names).first
      Terminal.complain("there is no flow `\(name)`", help: guess.map { "did you mean `\($0)`?" })
      return nil
    }
    return index
  }

  private static func draw(_ program: Program, _ flow: FlowIndex, as format: String, _ active: [String]) -> Int32 {
    switch format {
    case "text": Terminal.output(textDiagram(program, flow: flow, active: active))
    case "mermaid": Terminal.output(mermaid(program, flow: flow, active: active))
    case "dot": Terminal.output(dot(program, flow: flow, active: active))
    default:
      guard let picture = Graphviz.svg(dot(program, flow: flow, active: active)) else {
        Terminal.complain(
          "`dot` of Graphviz is needed for a picture, and could not be run",
          help: "install the package graphviz, or use `--format mermaid` or `text`")
        return ExitCode.usage
      }
      Terminal.output(String(decoding: picture, as: UTF8.self))
    }
    return ExitCode.fine
  }
}
