import FlowDiagnostics
import FlowSource
import FlowSyntax

extension Command {
  static let fmt = Command(
    name: "fmt", summary: "Bring flows into their one form, in place.", operands: "PATH…",
    options: [
      Option(name: "check", value: nil, help: "change nothing; list the files that are not in form, and exit with 1"),
      Option(name: "diff", value: nil, help: "change nothing; show what would change, and exit with 1"),
      Option(name: "stdin", value: nil, help: "format standard input to standard output"),
    ],
    example: "flow fmt samples",
    action: { arguments in
      let isFromInput = arguments.has("stdin")
      guard arguments.operands.isEmpty == isFromInput else {
        Terminal.complain(
          "`flow fmt` takes files and folders, or `--stdin` and none", help: "flow fmt samples/order.flow")
        return ExitCode.usage
      }
      let mode: Formatting.Mode =
        arguments.has("diff") ? .diff : arguments.has("check") ? .check : isFromInput ? .show : .write
      var formatting = Formatting(mode: mode)
      guard let files = isFromInput ? ["-"] : namedFiles(arguments.operands) else { return ExitCode.usage }
      for file in files { formatting.format(file) }
      return formatting.code
    })
}

/// What one call of `flow fmt` does with each file.
private struct Formatting {
  enum Mode { case write, check, diff, show }

  let mode: Mode
  private(set) var code = ExitCode.fine

  init(mode: Mode) { self.mode = mode }

  mutating func format(_ path: String) {
    guard let text = readFile(path) else { return fail("cannot read `\(path)`") }
    let name = path == "-" ? "<stdin>" : path
    var sources = SourceSet()
    guard let source = sources.add(name: name, text: text) else { return fail("`\(name)` is too long") }
    let result = FlowSyntax.format(source)
    guard let formatted = result.text else {
      let renderer = PrettyRenderer(sources: sources, style: Terminal.errorStyle)
      Terminal.error(renderer.render(result.diagnostics) + "\n")
      code = max(code, ExitCode.findings)
      return
    }
    if mode == .show { return Terminal.output(formatted) }
    let bytes = Array(formatted.utf8)
    if bytes != text { change(path, name, from: text, to: bytes) }
  }

  private mutating func change(_ path: String, _ name: String, from old: [UInt8], to new: [UInt8]) {
    switch mode {
    case .write:
      if !replaceFile(path, new) { fail("cannot write `\(path)`") }
      return
    case .diff:
      let texts = (String(decoding: old, as: UTF8.self), String(decoding: new, as: UTF8.self))
      Terminal.output(UnifiedDiff(name: name, old: texts.0, new: texts.1).text)
    case .check, .show: Terminal.output(name + "\n")
    }
    code = max(code, ExitCode.findings)
  }

  private mutating func fail(_ message: String) {
    Terminal.complain(message)
    code = ExitCode.usage
  }
}
