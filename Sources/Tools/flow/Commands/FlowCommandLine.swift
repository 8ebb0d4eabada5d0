import FlowSource

/// The command line of FlowCommandLine: finds the command, runs it, ends with its exit code.
///
/// 0 fine, 1 findings, 2 usage or input error.
@main
enum FlowCommandLine {
  static let version = "0.1.0"
  static let commands: [Command] = [
    .check, .lint, .fmt, .test, .simulate, .graph, .compile, .run, .repl, .serve, .key, .ctl, .store, .eval, .explain,
  ]

  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    exitProcess(run(words))
  }

  static func run(_ words: [String]) -> Int32 {
    guard let name = words.first else {
      Terminal.error(overview)
      return ExitCode.usage
    }
    switch name {
    case "help" where words.count > 1: return help(words[1])
    case "help", "--help", "-h":
      Terminal.output(overview)
      return ExitCode.fine
    case "version", "--version":
      Terminal.output("flow \(version)\n")
      return ExitCode.fine
    default: return dispatch(name, Array(words.dropFirst()))
    }
  }

  private static func help(_ name: String) -> Int32 {
    guard let command = commands.first(where: { $0.name == name }) else { return unknown(name) }
    Terminal.output(command.help)
    return ExitCode.fine
  }

  private static func dispatch(_ name: String, _ words: [String]) -> Int32 {
    guard let command = commands.first(where: { $0.name == name }) else { return unknown(name) }
    switch CommandArguments.parse(words, for: command) {
    case .help:
      Terminal.output(command.help)
      return ExitCode.fine
    case .wrong(let message):
      Terminal.complain(message, help: "see `flow \(name) --help`")
      return ExitCode.usage
    case .arguments(let arguments): return command.action(arguments)
    }
  }

  private static func unknown(_ name: String) -> Int32 {
    let guess = Suggestion.closest(to: name, among: commands.map(\.name)).first
    Terminal.complain(
      "there is no command `\(name)`", help: guess.map { "did you mean `flow \($0)`?" } ?? "see `flow --help`")
    return ExitCode.usage
  }

  private static var overview: String {
    let width = commands.map(\.name.count).max() ?? 0
    let lines = commands.map { "  \($0.name)\(String(repeating: " ", count: width - $0.name.count + 2))\($0.summary)" }
    return """
      flow \(version): the workflow language and its engine

      usage: flow COMMAND [ARGUMENTS]

      \(lines.joined(separator: "\n"))

      `flow COMMAND --help` says more about each. Exit codes: 0 fine, 1 findings, 2 usage or input error.

      """
  }
}

/// What the process ends with.
enum ExitCode {
  static let fine: Int32 = 0
  static let findings: Int32 = 1
  static let usage: Int32 = 2
}
