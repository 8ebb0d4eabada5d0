import CReadline
import FlowREPL
import Glibc

/// An interactive session: reads lines, and reports timers that fire while a line is being edited.
struct TerminalSession {
  /// The session as readline's completion callback sees it; both run on the thread that reads lines.
  private final class Box {
    var session: Session

    init(_ session: Session) { self.session = session }
  }

  private let box: Box
  private let isQuiet: Bool
  private let readsStartUpFiles: Bool

  init(_ session: Session, isQuiet: Bool, readsStartUpFiles: Bool) {
    box = Box(session)
    self.isQuiet = isQuiet
    self.readsStartUpFiles = readsStartUpFiles
  }

  mutating func run() -> Int32 {
    if !isQuiet { Terminal.output("flow \(FlowCommandLine.version), `:help` for help\n") }
    flow_readline_prepare("flow")
    flow_readline_complete(
      { context, line in
        guard let context, let line else { return nil }
        let box = Unmanaged<Box>.fromOpaque(context).takeUnretainedValue()
        let words = box.session.completions(of: String(cString: line))
        return words.isEmpty ? nil : strdup(words.joined(separator: "\n"))
      }, Unmanaged.passUnretained(box).toOpaque())
    if readsStartUpFiles { readStartUpFiles() }
    if let path = UserFolder.state.file("history") { flow_readline_history(path) }
    while let text = readStatement() {
      flow_readline_remember(text)
      for statement in Session.statements(of: text) {
        let reply = box.session.feed(statement)
        Command.show(reply, to: statement, in: box.session)
        if reply.isOver { return ExitCode.success }
        if flow_readline_ending_signal() != 0 { break }
        if flow_readline_is_interrupted() != 0 {
          flow_readline_forget_interrupt()
          Terminal.output("interrupted\n")
          break
        }
      }
    }
    let signal = flow_readline_ending_signal()
    return signal == 0 ? ExitCode.success : 128 + signal
  }

  // MARK: - Lines

  /// The next statement, of several lines while it is unfinished; nil at the end of the input. Two empty lines in a row
  /// give it up.
  private func readStatement() -> String? {
    var text = ""
    var isAfterEmptyLine = false
    while true {
      switch readLine(prompt: text.isEmpty ? box.session.prompt : "...> ") {
      case .line(let line):
        text += text.isEmpty ? line : "\n" + line
        let isEmpty = line.allSatisfy(\.isWhitespace)
        if isEmpty && isAfterEmptyLine || !Session.isUnfinished(text) { return text }
        isAfterEmptyLine = isEmpty
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

  /// Waits for a line; the steps of timers that fire meanwhile are printed above it.
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
    Command.show(reply, to: ":source \(path)", in: box.session)
  }

  private func isTrusted(_ path: String) -> Bool {
    guard let list = UserFolder.state.file("trusted") else { return false }
    let known = String(decoding: readFile(list) ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
    if known.contains(path) { return true }
    Terminal.output("\(path) is a start-up file of this folder and has not been run before.\n")
    guard case .line(let answer) = readLine(prompt: "run it now and in future sessions? [y/N] "),
      ["y", "yes"].contains(answer.lowercased())
    else { return false }
    if !appendToFile(list, Array((path + "\n").utf8)) { Terminal.error("cannot write `\(list)`") }
    return true
  }
}
