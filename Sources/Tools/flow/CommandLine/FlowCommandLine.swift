import FlowSource

/// The entry point of the tool: finds the command, runs it, and exits with its code.
@main
enum FlowCommandLine {
  static let version = "0.1.0"
  /// The date of the release, for the manual pages.
  static let releaseDate = "2026-11-29"

  static let commands: [Command] = [
    .check, .lint, .fmt, .graph, .compile, .explain, .lsp,
    .test, .simulate, .verify, .run, .repl, .eval,
    .serve, .ctl, .key, .store,
    .new, .tour, .docs, .config, .completion, .man, .version,
  ]

  static func main() {
    exitProcess(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Runs a command line without the name of the program; the result is the exit code.
  static func run(_ words: [String]) -> Int32 {
    guard let name = words.first else {
      Terminal.errorOutput(overview(of: commands, version: version))
      return ExitCode.usage
    }
    switch name {
    case "help" where words.count > 1: return help(words[1])
    case "help", "--help", "-h":
      Terminal.output(overview(of: commands, version: version))
      return ExitCode.success
    case "--version", "-V": return dispatch("version", Array(words.dropFirst()))
    default: return dispatch(name, Array(words.dropFirst()))
    }
  }

  private static func help(_ name: String) -> Int32 {
    guard let command = command(named: name) else { return unknown(name) }
    Terminal.output(command.help)
    return ExitCode.success
  }

  static func command(named name: String) -> Command? {
    name == Command.complete.name ? .complete : commands.first { $0.name == name }
  }

  private static func dispatch(_ name: String, _ words: [String]) -> Int32 {
    guard let command = command(named: name) else { return unknown(name) }
    Terminal.setMessageFormat(command.messageFormat(words))
    let arguments: CommandArguments
    do throws(UsageError) {
      switch try CommandArguments.parse(words, for: command) {
      case .help:
        Terminal.output(command.help)
        return ExitCode.success
      case .arguments(let parsed): arguments = parsed
      }
    } catch {
      Terminal.error(error.message, help: error.help ?? "see `flow \(name) --help`")
      return ExitCode.usage
    }
    do throws(UsageError) {
      return try command.action(arguments)
    } catch {
      Terminal.error(error.message, help: error.help)
      return ExitCode.usage
    }
  }

  private static func unknown(_ name: String) -> Int32 {
    let guess = Suggestion.closest(to: name, among: commands.map(\.name)).first
    Terminal.error(
      "unknown command `\(name)`", help: guess.map { "did you mean `flow \($0)`?" } ?? "see `flow --help`")
    return ExitCode.usage
  }
}

/// The exit codes of the tool.
enum ExitCode {
  static let success: Int32 = 0
  /// Errors in a flow, failed tests, a refused event.
  static let findings: Int32 = 1
  /// A mistake in the command line or in a file that it names.
  static let usage: Int32 = 2
}
