import FlowCompiler
import FlowDiagram
import FlowIR
import FlowServer
import FlowSource
import Glibc

extension Command {
  static let graph = Command(
    name: "graph", group: .develop, summary: "Draw a flow as text, Mermaid, DOT or SVG.", operands: "PATH",
    completion: .flowFiles, options: [GraphOptions.format, GraphOptions.flow, GraphOptions.state],
    example: "flow graph samples/order.flow --format svg > order.svg",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1 else { throw UsageError("`flow graph` requires one file or folder") }
      let files = try namedFiles(arguments.operands)
      let name = arguments[GraphOptions.flow]
      guard let program = compileFiles(files, with: name) else { return ExitCode.findings }
      let flow = try flowIndex(named: name, in: program)
      let states = arguments[GraphOptions.state]
      let known = program.flows[flow].states.dropFirst().map(\.path)
      if let unknown = states.first(where: { !known.contains($0) }) {
        let guess = Suggestion.closest(to: unknown, among: known).first
        throw UsageError("there is no state `\(unknown)`", help: guess.map { "did you mean `\($0)`?" })
      }
      Terminal.output(try diagram(of: program, flow: flow, format: arguments[GraphOptions.format], active: states))
      return ExitCode.success
    })
}

/// The options of `flow graph`.
private enum GraphOptions {
  static let format = Option.choice(
    "format", short: "f", default: DiagramFormat.text, help: "output format; svg requires Graphviz")
  static let flow = Option.text(
    "flow", "NAME", help: "flow to draw", default: "the first of the file", completion: .flows)
  static let state = Option.list("state", "STATE", help: "mark this state as active", completion: .states)
}

/// The formats of a diagram.
enum DiagramFormat: String, CaseIterable { case text, mermaid, dot, svg }

/// The index of a flow by its name; the first flow when there is no name.
func flowIndex(named name: String?, in program: Program) throws(UsageError) -> FlowIndex {
  let names = program.flows.map(\.name)
  guard let name else {
    if names.isEmpty { throw UsageError("the file declares no flow") }
    return 0
  }
  guard let index = program.flows.firstIndex(where: { $0.name == name }) else {
    let guess = Suggestion.closest(to: name, among: names).first
    throw UsageError("there is no flow `\(name)`", help: guess.map { "did you mean `\($0)`?" })
  }
  return index
}

/// The text of a diagram.
/// - Throws: `UsageError` when Graphviz is needed and can't be run.
func diagram(
  of program: Program, flow: FlowIndex, format: DiagramFormat, active: [String] = []
) throws(UsageError) -> String {
  switch format {
  case .text: return textDiagram(program, flow: flow, active: active)
  case .mermaid: return mermaid(program, flow: flow, active: active)
  case .dot: return dot(program, flow: flow, active: active)
  case .svg:
    // Without `dot` the pipe has no reader: the write fails, and must not end the process.
    signal(SIGPIPE, SIG_IGN)
    guard let picture = Graphviz.svg(dot(program, flow: flow, active: active)) else {
      throw UsageError(
        "`dot` of Graphviz is required for SVG and could not be run",
        help: "install the package graphviz, or use `--format mermaid` or `text`")
    }
    return String(decoding: picture, as: UTF8.self)
  }
}
