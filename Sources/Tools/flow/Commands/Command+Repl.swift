import CReadline
import FlowJSON
import FlowREPL
import Glibc

extension Command {
  static let repl = Command(
    name: "repl", summary: "Drive a flow by hand: send events, wait, look, go back.", operands: "[FILE]",
    options: [
      Option(
        name: "execute", value: "LINE", help: "run this line instead of asking; may stand more than once", short: "e"),
      Option(name: "script", value: "FILE", help: "run the lines of a file instead of asking"),
      Option(name: "keep-going", value: nil, help: "go on after an error in lines that are not typed"),
      Option(name: "echo", value: nil, help: "print each line before what comes of it, with its prompt"),
      Option(name: "json", value: nil, help: "print an object for each line"),
      Option(name: "no-init", value: nil, help: "leave the start-up files alone"),
      Option(name: "quiet", value: nil, help: "no greeting"),
    ],
    example: "flow repl samples/order.flow -e ':path delivered'",
    action: { arguments in
      guard arguments.operands.count <= 1 else {
        Terminal.complain("`flow repl` takes one file", help: "load others with `:load FILE`")
        return ExitCode.usage
      }
      var session = Session(start: currentMilliseconds(), style: Terminal.outputStyle, world: surroundings)
      if arguments.has("json") { _ = session.feed(":set format json") }
      if let file = arguments.operands.first {
        let reply = session.feed(":load \(file)")
        show(reply, to: ":load \(file)", session)
        if reply.isError { return ExitCode.findings }
      }
      guard let lines = statements(arguments) else {
        var conversation = TerminalSession(session, arguments)
        return conversation.run()
      }
      return run(lines, &session, isStrict: !arguments.has("keep-going"), isEchoed: arguments.has("echo"))
    })

  /// What nobody types; nil when somebody will.
  private static func statements(_ arguments: CommandArguments) -> [String]? {
    let given = arguments.all("execute")
    let path = arguments.value("script")
    if path == nil, given.isEmpty, Terminal.isInputTerminal { return nil }
    guard path != nil || given.isEmpty else { return given }
    guard let text = readFile(path ?? "-") else { return [":source \(path ?? "-")"] }
    return given + Session.statements(of: String(decoding: text, as: UTF8.self))
  }

  private static var surroundings: SessionEnvironment {
    SessionEnvironment(
      load: readFile,
      create: { path, text in
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return writeFile(path, text)
      }, page: page(of:), now: currentMilliseconds, isInterrupted: { flow_readline_is_interrupted() != 0 })
  }

  /// Runs lines that nobody types; an error ends it, unless it is told to keep going.
  private static func run(_ lines: [String], _ session: inout Session, isStrict: Bool, isEchoed: Bool) -> Int32 {
    var code = ExitCode.fine
    for line in lines {
      if isEchoed { Terminal.output(session.prompt + line.replacing("\n", with: "\n...> ") + "\n") }
      let reply = session.feed(line)
      show(reply, to: line, session)
      if reply.isOver { break }
      if reply.isError {
        code = ExitCode.findings
        if isStrict { break }
      }
    }
    return code
  }

  /// Prints what came of a line.
  static func show(_ reply: Session.Reply, to line: String, _ session: Session) {
    if session.settings.isJSON {
      Terminal.output(Session.json(reply, to: line).text() + "\n")
    } else if !reply.text.isEmpty {
      Terminal.output(reply.text + "\n")
    }
  }
}
