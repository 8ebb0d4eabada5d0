import CReadline
import FlowJSON
import FlowREPL
import Glibc

extension Command {
  static let repl = Command(
    name: "repl", group: .run, summary: "Drive flows interactively: send events, advance time, inspect, undo, search.",
    operands: "[FILE]", completion: .flowFiles, options: ReplOptions.all,
    example: "flow repl samples/order.flow -e ':path delivered'",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count <= 1 else {
        throw UsageError("`flow repl` accepts one file", help: "load others with `:load FILE`")
      }
      var session = Session(start: currentMilliseconds(), style: Terminal.outputStyle, world: environment)
      if arguments[ReplOptions.json] { _ = session.feed(":set format json") }
      if let file = arguments.operands.first {
        let reply = session.feed(":load \(file)")
        show(reply, to: ":load \(file)", in: session)
        if reply.isError { return ExitCode.findings }
      }
      guard let lines = ReplOptions.statements(arguments) else {
        var terminal = TerminalSession(
          session, isQuiet: arguments[ReplOptions.quiet], readsStartUpFiles: !arguments[ReplOptions.noInit])
        return terminal.run()
      }
      return run(
        lines, in: &session, stopsAtErrors: !arguments[ReplOptions.keepGoing], echoes: arguments[ReplOptions.echo])
    })

  private static var environment: SessionEnvironment {
    SessionEnvironment(
      load: readSource,
      create: { path, text in
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return writeFile(path, text)
      }, page: page(of:), now: currentMilliseconds, isInterrupted: { flow_readline_is_interrupted() != 0 })
  }

  /// Runs the lines of a script.
  private static func run(
    _ lines: [String], in session: inout Session, stopsAtErrors: Bool, echoes: Bool
  ) -> Int32 {
    var code = ExitCode.success
    for line in lines {
      if echoes { Terminal.output(session.prompt + line.replacing("\n", with: "\n...> ") + "\n") }
      let reply = session.feed(line)
      show(reply, to: line, in: session)
      if reply.isOver { break }
      if reply.isError {
        code = ExitCode.findings
        if stopsAtErrors { break }
      }
    }
    return code
  }

  /// Prints the reply to a line.
  static func show(_ reply: Session.Reply, to line: String, in session: Session) {
    if session.settings.isJSON {
      Terminal.output(Session.json(reply, to: line).text() + "\n")
    } else if !reply.text.isEmpty {
      Terminal.output(reply.text + "\n")
    }
  }
}

/// The options of `flow repl`.
private enum ReplOptions {
  static let execute = Option.list(
    "execute", "LINE", short: "e", help: "run this line instead of an interactive session")
  static let script = Option.text(
    "script", "FILE", help: "run the lines of FILE instead of an interactive session", completion: .files)
  static let keepGoing = Option.flag("keep-going", help: "continue after an error in a script")
  static let echo = Option.flag("echo", help: "print each line of a script, with its prompt, before its result")
  static let json = Option.flag("json", help: "print one JSON object per line")
  static let noInit = Option.flag("no-init", help: "do not read the start-up files")
  static let quiet = Option.flag("quiet", help: "do not print the greeting")

  static let all: [any CommandOption] = [execute, script, keepGoing, echo, json, noInit, quiet]

  /// The statements of the options or of a pipe; nil for an interactive session.
  static func statements(_ arguments: CommandArguments) -> [String]? {
    let given = arguments[execute]
    let path = arguments[script]
    if path == nil, given.isEmpty, Terminal.isInputTerminal { return nil }
    guard path != nil || given.isEmpty else { return given }
    guard let text = readFile(path ?? "-") else { return [":source \(path ?? "-")"] }
    return given + Session.statements(of: String(decoding: text, as: UTF8.self))
  }
}
