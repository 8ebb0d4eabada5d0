import CEL
import FlowCompiler
import FlowDiagram
import FlowIR
import FlowSource
import FlowSyntax

extension Command {
  static let docs = Command(
    name: "docs", group: .develop, summary: "Generate documentation of flows, with diagrams, from their doc comments.",
    operands: "PATH…", completion: .flowFiles, options: [DocsOptions.output, DocsOptions.format],
    example: "flow docs samples/order.flow -o order.md",
    action: { arguments throws(UsageError) in
      guard !arguments.operands.isEmpty else { throw UsageError("`flow docs` requires files or folders") }
      let files = try namedFiles(arguments.operands)
      guard let programs = compileFiles(files) else { return ExitCode.findings }
      var document = FlowDocument(format: arguments[DocsOptions.format])
      let named = Set(files.map(absolute))
      var seen: Set<String> = []
      for compiled in programs {
        for file in compiled.compilation.sources.files where named.contains(absolute(file.name)) {
          if seen.insert(file.name).inserted { try document.add(file, of: compiled.program) }
        }
      }
      guard let path = arguments[DocsOptions.output] else {
        Terminal.output(document.text)
        return ExitCode.success
      }
      guard writeFile(path, Array(document.text.utf8)) else { throw UsageError("cannot write `\(path)`") }
      return ExitCode.success
    })
}

/// The options of `flow docs`.
private enum DocsOptions {
  static let output = Option.text(
    "output", "FILE", short: "o", help: "output file", default: "standard output", completion: .files)
  static let format = Option.choice(
    "format", short: "f", default: FlowDocument.Format.markdown,
    help: "output format; html contains the diagram as SVG and requires Graphviz")
}

/// The documentation of programs, built file by file.
struct FlowDocument {
  enum Format: String, CaseIterable { case markdown, html }

  let format: Format
  private var title = "Flow"
  private var body = ""

  init(format: Format) { self.format = format }

  /// The whole document.
  var text: String {
    guard format == .html else { return body }
    return """
      <!doctype html>
      <html lang="en">
      <meta charset="utf-8">
      <title>\(FlowDocument.escaped(title))</title>
      <style>
        body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
        table { border-collapse: collapse } td, th { border: 1px solid #ccc; padding: .2rem .6rem; text-align: left }
        svg { max-width: 100%; height: auto }
      </style>
      \(body)</html>

      """
  }

  /// Adds the declarations of a file.
  /// - Throws: `UsageError` when Graphviz is needed and can't be run.
  mutating func add(_ source: SourceFile, of program: Program) throws(UsageError) {
    if body.isEmpty, let first = program.flows.first { title = first.name }
    let declarations = parse(source).declarations
    for case .flow(let flow) in declarations { try add(flow, of: program, in: source) }
    var events: [[String]] = []
    var actions: [[String]] = []
    for declaration in declarations {
      switch declaration {
      case .event(let event):
        let computed = event.lets.map { code("\($0.name.text) = \(source.string($0.value.range))") }
        let data = [fields(event.fields, in: source)] + computed
        events.append(
          [
            code(event.name.text), data.filter { !$0.isEmpty }.joined(separator: ", "), prose(event.documentation),
          ])
      case .action(let action):
        let result = action.result.map { code(source.string($0.range)) } ?? ""
        let failures = action.failures.map { code($0.text) }.joined(separator: ", ")
        actions.append(
          [
            code(action.name.text), fields(action.parameters, in: source), result, failures,
            prose(action.documentation),
          ])
      default: break
      }
    }
    table("Events", columns: ["event", "data", "description"], rows: events)
    table("Actions", columns: ["action", "parameters", "result", "failures", "description"], rows: actions)
  }

  private mutating func add(_ flow: FlowNode, of program: Program, in source: SourceFile) throws(UsageError) {
    heading(1, flow.name.text)
    paragraph(flow.documentation)
    if let index = program.flows.firstIndex(where: { $0.name == flow.name.text }) {
      let drawing: DiagramFormat = format == .html ? .svg : .mermaid
      let picture = try diagram(of: program, flow: index, format: drawing)
      body += format == .html ? picture.dropProlog() + "\n" : "```mermaid\n\(picture)```\n\n"
    }
    let key = flow.key?.text
    table(
      "Data", columns: ["field", "type", "default"],
      rows: flow.data.map { field in
        [
          code(field.name.text) + (field.name.text == key ? " (key)" : ""), code(source.string(field.type.range)),
          field.defaultValue.map { code(source.string($0.range)) } ?? "",
        ]
      })
    table("States", columns: ["state", "kind", "description"], rows: flow.states.flatMap { rows(of: $0, depth: 0) })
  }

  private func rows(of state: StateNode, depth: Int) -> [[String]] {
    let indent = String(repeating: "\u{2003}", count: depth)
    let kind = state.kind == .plain ? (state.children.isEmpty ? "state" : "group") : state.kind.rawValue
    return [[indent + code(state.name.text), kind, prose(state.documentation)]]
      + state.children.flatMap { rows(of: $0, depth: depth + 1) }
  }

  private func fields(_ fields: [FieldNode], in source: SourceFile) -> String {
    fields.map { code("\($0.name.text): \(source.string($0.type.range))") }.joined(separator: ", ")
  }

  // MARK: - Markup

  private mutating func heading(_ level: Int, _ text: String) {
    body +=
      format == .html
      ? "<h\(level)>\(FlowDocument.escaped(text))</h\(level)>\n"
      : String(repeating: "#", count: level) + " \(text)\n\n"
  }

  private mutating func paragraph(_ text: String) {
    guard !text.isEmpty else { return }
    body += format == .html ? "<p>\(FlowDocument.escaped(text))</p>\n" : text + "\n\n"
  }

  private mutating func table(_ title: String, columns: [String], rows: [[String]]) {
    guard !rows.isEmpty else { return }
    heading(2, title)
    if format == .html {
      let head = columns.map { "<th>\($0)</th>" }.joined()
      let lines = rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>\n" }.joined()
      body += "<table>\n<tr>\(head)</tr>\n\(lines)</table>\n"
      return
    }
    let lines = [columns, columns.map { _ in "---" }] + rows.map { $0.map(FlowDocument.cell) }
    body += lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined() + "\n"
  }

  private func code(_ text: String) -> String {
    format == .html ? "<code>\(FlowDocument.escaped(text))</code>" : "`\(text)`"
  }

  private func prose(_ text: String) -> String { format == .html ? FlowDocument.escaped(text) : text }

  private static func cell(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}

extension String {
  /// An SVG document without its XML prolog, for embedding in HTML.
  fileprivate func dropProlog() -> String {
    firstRange(of: "<svg").map { String(self[$0.lowerBound...]) } ?? self
  }
}
