import CReadline
import FlowREPL
import FlowSource
import Glibc

extension Command {
  static let repl = Command(
    name: "repl", summary: "Drive a flow by hand: send events, wait, look, go back.", operands: "[FILE]",
    options: [
      Option(name: "execute", value: "LINE", help: "run this line instead of asking; may stand more than once"),
      Option(name: "keep-going", value: nil, help: "go on after an error in lines that are not typed"),
    ],
    example: "flow repl samples/order.flow",
    action: { arguments in
      var session = Session(start: currentMilliseconds(), style: Terminal.outputStyle, load: readFile)
      if let file = arguments.operands.first {
        let reply = session.feed(":load \(file)")
        show(reply)
        if reply.isError { return ExitCode.findings }
      }
      let lines = arguments.all("execute")
      if !lines.isEmpty { return runLines(lines, &session, isStrict: !arguments.has("keep-going")) }
      if Terminal.isInputTerminal { return converse(&session) }
      let text = String(decoding: readFile("-") ?? [], as: UTF8.self)
      return runLines(
        text.split(separator: "\n").map(String.init), &session, isStrict: !arguments.has("keep-going"))
    })
}

private func show(_ reply: Session.Reply) {
  if !reply.text.isEmpty { Terminal.output(reply.text + "\n") }
}

/// Runs lines that nobody types; an error ends it, unless it is told to keep going.
private func runLines(_ lines: [String], _ session: inout Session, isStrict: Bool) -> Int32 {
  var code = ExitCode.fine
  for line in lines {
    let reply = session.feed(line)
    show(reply)
    if reply.isOver { break }
    if reply.isError {
      code = ExitCode.findings
      if isStrict { break }
    }
  }
  return code
}

/// Where readline's completion finds the session; both live on the one thread that asks for lines.
private final class Conversation {
  var session: Session

  init(_ session: Session) { self.session = session }
}

private func converse(_ session: inout Session) -> Int32 {
  Terminal.output("flow \(Flow.version), `:help` for help\n")
  flow_readline_prepare("flow")
  let conversation = Conversation(session)
  flow_readline_complete(
    { context, line in
      guard let context, let line else { return nil }
      let conversation = Unmanaged<Conversation>.fromOpaque(context).takeUnretainedValue()
      let words = conversation.session.completions(of: String(cString: line))
      return words.isEmpty ? nil : strdup(words.joined(separator: "\n"))
    }, Unmanaged.passUnretained(conversation).toOpaque())
  defer { session = conversation.session }
  while let bytes = flow_readline_read(conversation.session.prompt) {
    let line = String(cString: bytes)
    flow_readline_free(bytes)
    let reply = conversation.session.feed(line)
    show(reply)
    if reply.isOver { break }
  }
  return ExitCode.fine
}
