import FlowDiagnostics
import FlowSource
import FlowSyntax

extension Command {
  static let fmt = Command(
    name: "fmt", group: .develop, summary: "Format flows in place.", operands: "PATH…\n--stdin",
    completion: .flowFiles, options: [FmtOptions.check, FmtOptions.diff, FmtOptions.stdin], example: "flow fmt samples",
    action: { arguments throws(UsageError) in
      let isFromInput = arguments[FmtOptions.stdin]
      guard arguments.operands.isEmpty == isFromInput else {
        throw UsageError("`flow fmt` requires files or folders, or `--stdin`", help: "flow fmt samples/order.flow")
      }
      var formatter = FileFormatter(mode: FmtOptions.mode(arguments))
      for file in isFromInput ? ["-"] : try namedFiles(arguments.operands) { formatter.format(file) }
      return formatter.code
    })
}

/// The options of `flow fmt`.
private enum FmtOptions {
  static let check = Option.flag("check", help: "list the files that are not formatted, and exit with 1; write nothing")
  static let diff = Option.flag("diff", help: "print the changes, and exit with 1; write nothing")
  static let stdin = Option.flag("stdin", help: "format standard input to standard output")

  static func mode(_ arguments: CommandArguments) -> FileFormatter.Mode {
    if arguments[diff] { return .diff }
    if arguments[check] { return .check }
    return arguments[stdin] ? .print : .write
  }
}

/// Formats files one after the other, and keeps the exit code.
private struct FileFormatter {
  enum Mode { case write, check, diff, print }

  let mode: Mode
  private(set) var code = ExitCode.success

  init(mode: Mode) { self.mode = mode }

  mutating func format(_ path: String) {
    guard let text = readSource(path) else { return fail("cannot read `\(path)`") }
    let name = path == "-" ? "<stdin>" : path
    var sources = SourceSet()
    guard let source = sources.add(name: name, text: text) else { return fail("`\(name)` is too long") }
    let result = FlowSyntax.format(source)
    guard let formatted = result.text else {
      let renderer = PrettyRenderer(sources: sources, style: Terminal.errorStyle)
      Terminal.errorOutput(renderer.render(result.diagnostics) + "\n")
      code = max(code, ExitCode.findings)
      return
    }
    if mode == .print { return Terminal.output(formatted) }
    let bytes = Array(formatted.utf8)
    if bytes != text { change(path, name: name, from: text, to: bytes) }
  }

  private mutating func change(_ path: String, name: String, from old: [UInt8], to new: [UInt8]) {
    switch mode {
    case .write:
      if !replaceFile(path, new) { fail("cannot write `\(path)`") }
      return
    case .diff:
      let texts = (String(decoding: old, as: UTF8.self), String(decoding: new, as: UTF8.self))
      Terminal.output(UnifiedDiff(name: name, old: texts.0, new: texts.1).text)
    case .check, .print: Terminal.output(name + "\n")
    }
    code = max(code, ExitCode.findings)
  }

  private mutating func fail(_ message: String) {
    Terminal.error(message)
    code = ExitCode.usage
  }
}
