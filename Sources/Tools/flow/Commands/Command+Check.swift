import FlowCompiler
import FlowDiagnostics

extension Command {
  static let check = Command(
    name: "check", summary: "Check flows: syntax, names, types, cycles, states. Errors only.", operands: "PATH…",
    options: reportOptions, example: "flow check samples/order.flow",
    action: { arguments in LintCommand.run(arguments, preset: .core) })

  static let lint = Command(
    name: "lint", summary: "Check flows, and say what probably is a mistake.", operands: "PATH…",
    options: [
      Option(name: "preset", value: "core|recommended|strict", help: "how much is said; recommended by default"),
      Option(name: "select", value: "CODES", help: "hear these as well: codes, names or beginnings, by comma"),
      Option(name: "ignore", value: "CODES", help: "do not hear these"),
      Option(name: "deny", value: "warnings", help: "end with 1 for warnings, too"),
      Option(name: "exit-zero", value: nil, help: "end with 0 whatever is found"),
      Option(name: "fix", value: nil, help: "carry out the fixes that are safe"),
      Option(name: "unsafe", value: nil, help: "with --fix: those that have to be looked at as well"),
      Option(name: "add-ignore", value: "REASON", help: "write `flow:ignore` comments above all that is found"),
      Option(name: "diff", value: nil, help: "with these: show what would change, and change nothing"),
      Option(name: "baseline", value: "FILE", help: "be silent about what this file lists"),
      Option(name: "write-baseline", value: "FILE", help: "list all that is found in this file"),
      Option(name: "statistics", value: nil, help: "count by code"),
    ] + reportOptions, example: "flow lint --preset strict samples",
    action: { arguments in LintCommand.run(arguments, preset: .recommended) })

  private static let reportOptions = [
    Option(
      name: "format", value: "pretty|concise|json|sarif|github|junit",
      help: "how to report; pretty on a terminal, else concise; may be repeated"),
    Option(name: "output", value: "FILE", help: "where the last format goes; the one before it with a second one"),
    Option(name: "max-errors", value: "N", help: "report no more than so many findings"),
    Option(name: "stdin-filename", value: "NAME", help: "check standard input as if it were this file"),
    Option(name: "color", value: "auto|always|never", help: "whatever the terminal and the environment say"),
    Option(name: "watch", value: nil, help: "check again whenever a file changes"),
  ]
}

/// Compiles files that can be read as one program; says what is wrong on standard error.
func compileFiles(_ paths: [String]) -> Compilation? {
  let compilation = FlowCompiler.compile(paths, load: readFile)
  let heard = compilation.filtered(by: RuleSelection())
  if !heard.isEmpty {
    let renderer = PrettyRenderer(sources: compilation.sources, style: Terminal.errorStyle)
    Terminal.error(renderer.render(heard) + "\n")
  }
  return compilation.program == nil ? nil : compilation
}
