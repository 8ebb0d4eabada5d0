import CReadline
import FlowREPL
import Glibc

/// A session at a terminal: asks for lines, and lets timers speak while one is typed.
struct TerminalSession {
  /// Where readline's completion finds the session; both live on the one thread that asks for lines.
  private final class Box {
    var session: Session

    init(_ session: Session) { self.session = session }
  }

  private let box: Box
  private let arguments: CommandArguments

  init(_ session: Session, _ arguments: CommandArguments) {
    box = Box(session)
    self.arguments = arguments
  }

  mutating func run() -> Int32 {
    if !arguments.has("quiet") { Terminal.output("flow \(FlowCommandLine.version), `:help` for help\n") }
    flow_readline_prepare("flow")
    flow_readline_complete(
      { context, line in
        guard let context, let line else { return nil }
        let box = Unmanaged<Box>.fromOpaque(context).takeUnretainedValue()
        let words = box.session.completions(of: String(cString: line))
        return words.isEmpty ? nil : strdup(words.joined(separator: "\n"))
      }, Unmanaged.passUnretained(box).toOpaque())
    if !arguments.has("no-init") { readStartUpFiles() }
    if let path = UserFolder.state.file("history") { flow_readline_history(path) }
    while let text = readStatement() {
      flow_readline_remember(text)
      for statement in Session.statements(of: text) {
        let reply = box.session.feed(statement)
        Command.show(reply, to: statement, box.session)
        if reply.isOver { return ExitCode.fine }
        if flow_readline_ending_signal() != 0 { break }
        if flow_readline_is_interrupted() != 0 {
          flow_readline_forget_interrupt()
          Terminal.output("interrupted\n")
          break
        }
      }
    }
    let signal = flow_readline_ending_signal()
    return signal == 0 ? ExitCode.fine : 128 + signal
  }

  // MARK: - Lines

  /// What was typed, of several lines when a bracket stayed open; nil at the end.
  private func readStatement() -> String? {
    var text = ""
    while true {
      switch readLine(prompt: text.isEmpty ? box.session.prompt : "...> ") {
      case .line(let line):
        text += text.isEmpty ? line : "\n" + line
        let isGivenUp = line.allSatisfy(\.isWhitespace)
        if isGivenUp || !Session.isUnfinished(text) { return text }
      case .interrupted: text = ""
      case .end: return nil
      }
    }
  }

  private enum Typed {
    case line(String)
    case interrupted
    case end
  }

  /// Waits for a line; what timers bring about meanwhile is shown above it.
  private func readLine(prompt: String) -> Typed {
    var prompt = prompt
    while true {
      let wait = box.session.millisecondsToTimer.map { Int32(clamping: $0) } ?? -1
      switch flow_readline_wait(prompt, wait) {
      case FLOW_READLINE_LINE:
        guard let bytes = flow_readline_take() else { return .end }
        defer { flow_readline_free(bytes) }
        return .line(String(cString: bytes))
      case FLOW_READLINE_INTERRUPT: return .interrupted
      case FLOW_READLINE_TIMEOUT:
        guard let text = box.session.catchUp() else { continue }
        if prompt != "...> " { prompt = box.session.prompt }
        flow_readline_notice(text, prompt)
      default: return .end
      }
    }
  }

  // MARK: - Start-up files

  /// Runs `init.flowrepl` of the user, and `.flowrepl` of the folder after the user has agreed once.
  private func readStartUpFiles() {
    if let path = UserFolder.configuration.file("init.flowrepl"), readFile(path) != nil { source(path) }
    let path = absolute("./.flowrepl")
    guard readFile(path) != nil, isTrusted(path) else { return }
    source(path)
  }

  private func source(_ path: String) {
    let reply = box.session.feed(":source \(path)")
    Command.show(reply, to: ":source \(path)", box.session)
  }

  private func isTrusted(_ path: String) -> Bool {
    guard let list = UserFolder.state.file("trusted") else { return false }
    let known = String(decoding: readFile(list) ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
    if known.contains(path) { return true }
    Terminal.output("\(path) wants to be run whenever `flow repl` begins here.\n")
    guard case .line(let answer) = readLine(prompt: "run it, now and from now on? [y/N] "),
      ["y", "yes"].contains(answer.lowercased())
    else { return false }
    if !appendToFile(list, Array((path + "\n").utf8)) { Terminal.complain("cannot write `\(list)`") }
    return true
  }
}
