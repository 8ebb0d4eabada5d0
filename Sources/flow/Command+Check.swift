import FlowCompiler
import FlowSource

extension Command {
  static let check = Command(
    name: "check", summary: "Check flows: syntax, names, types, cycles, states.", operands: "FILE…",
    options: [
      Option(name: "format", value: "pretty|concise|json", help: "how to report; pretty on a terminal, else concise")
    ],
    example: "flow check samples/order.flow",
    action: { arguments in
      guard !arguments.operands.isEmpty else {
        Terminal.complain("`flow check` takes at least one file", help: "flow check samples/order.flow")
        return ExitCode.usage
      }
      guard let format = Format(arguments) else { return ExitCode.usage }
      if let missing = arguments.operands.first(where: { readFile($0) == nil }) {
        Terminal.complain("cannot read `\(missing)`")
        return ExitCode.usage
      }
      let compilation = FlowCompiler.compile(arguments.operands, isLowered: false, load: readFile)
      Terminal.output(format.render(compilation))
      return compilation.diagnostics.hasErrors ? ExitCode.findings : ExitCode.fine
    })
}

/// How diagnostics are reported.
enum Format: String {
  case pretty, concise, json

  init?(_ arguments: Arguments) {
    guard let name = arguments.value("format") else {
      self = Terminal.isOutputTerminal ? .pretty : .concise
      return
    }
    guard let format = Format(rawValue: name) else {
      Terminal.complain("there is no format `\(name)`", help: "the formats are pretty, concise and json")
      return nil
    }
    self = format
  }

  func render(_ compilation: Compilation) -> String {
    let diagnostics = compilation.diagnostics
    let sources = compilation.sources
    return switch self {
    case .pretty: PrettyRenderer(sources: sources, style: Terminal.outputStyle).render(diagnostics) + "\n"
    case .concise:
      renderConcise(diagnostics, sources: sources) + summary(of: diagnostics, fileCount: sources.files.count) + "\n"
    case .json: renderJSON(diagnostics, sources: sources).text(.indented) + "\n"
    }
  }
}

/// Compiles files for a command that needs the program; says what is wrong on standard error.
func compileForUse(_ paths: [String]) -> Compilation? {
  if let missing = paths.first(where: { readFile($0) == nil }) {
    Terminal.complain("cannot read `\(missing)`")
    return nil
  }
  let compilation = FlowCompiler.compile(paths, load: readFile)
  if !compilation.diagnostics.isEmpty {
    let renderer = PrettyRenderer(sources: compilation.sources, style: Terminal.errorStyle)
    Terminal.error(renderer.render(compilation.diagnostics) + "\n")
  }
  return compilation.program == nil ? nil : compilation
}
