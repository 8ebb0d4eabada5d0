import CEL
import FlowCompiler
import FlowIR
import FlowMachine
public import FlowSource
import FlowTesting

/// A conversation with a flow: lines in, text out. Knows no terminal, no file and no clock.
public struct Session {
  /// What came of a line.
  public struct Reply {
    public var text: String
    public var isError = false
    public var isOver = false
  }

  /// How many steps can be undone.
  static let maximumHistory = 10_000

  let load: (String) -> [UInt8]?
  let style: TerminalStyle
  let start: Int64
  var machine: Machine?
  var run: VirtualRun?
  /// The runs before each step, oldest first.
  var past: [VirtualRun] = []
  var undone: [VirtualRun] = []
  /// What actions answer by themselves, by name.
  var mocks: [String: CallOutcome] = [:]
  /// Every line that was taken without an error, so that it can be saved.
  var transcript: [String] = []
  var sourceDepth = 0

  /// - Parameters:
  ///   - start: The instant at which the virtual clock begins, in milliseconds since 1970.
  ///   - load: Gives the text of a file.
  public init(start: Int64, style: TerminalStyle, load: @escaping (String) -> [UInt8]?) {
    self.start = start
    self.style = style
    self.load = load
  }

  /// `Order unpaid +3d #2>`, or `flow>` without an instance.
  public var prompt: String {
    guard let run, let instance = run.instance else { return "flow> " }
    let state = run.leafPaths.joined(separator: ",")
    return "\(instance.key) \(state) +\(LengthOfTime.text(run.now - start)) #\(instance.revision)> "
  }

  /// Takes one line: a command with a colon, `-> Event{…}`, or an expression.
  public mutating func feed(_ line: String) -> Reply {
    let reply = reply(to: line)
    let text = line.trimmed
    if !reply.isError, !text.isEmpty, !text.hasPrefix(":save"), !text.hasPrefix(":source") { transcript.append(text) }
    return reply
  }

  private mutating func reply(to line: String) -> Reply {
    let text = line.trimmed
    if text.isEmpty || text.hasPrefix("//") { return Reply(text: "") }
    if text.hasPrefix("->") { return send(String(text.dropFirst(2)).trimmed) }
    guard text.hasPrefix(":") else { return evaluate(text) }
    let parts = text.dropFirst().split(separator: " ", maxSplits: 1)
    let rest = parts.count > 1 ? String(parts[1]).trimmed : ""
    return command(parts.first.map(String.init) ?? "", rest)
  }

  private mutating func command(_ name: String, _ rest: String) -> Reply {
    switch Session.resolve(name) {
    case "load": loadFile(rest)
    case "new": begin(rest)
    case "send": send(rest)
    case "state": showState()
    case "data": showData()
    case "can": showCan()
    case "why": showWhy(rest)
    case "advance": advance(rest)
    case "complete": end(rest, isFailure: false)
    case "fail": end(rest, isFailure: true)
    case "undo": undo()
    case "redo": redo()
    case "eval": evaluate(rest)
    case "mock": mock(rest)
    case "unmock": unmock(rest)
    case "timers": showTimers()
    case "history": showHistory()
    case "path": showPath(rest)
    case "export": export(rest)
    case "save": save()
    case "source": source(rest)
    case "diagram": showDiagram(rest)
    case "help": help()
    case "quit": Reply(text: "", isOver: true)
    default:
      failure(
        "there is no command `:\(name)`"
          + (Suggestion.closest(to: name, among: Session.commands.map(\.name)).first.map { ", did you mean `:\($0)`?" }
            ?? ", see `:help`"))
    }
  }

  /// Every command, with what it does.
  public static let commands: [(name: String, usage: String, help: String)] = [
    ("load", ":load FILE", "compile a file and begin anew"),
    ("new", ":new FLOW", "choose a flow; its first event starts an instance"),
    ("send", ":send Event{field: value} [as ROLE…]", "send an event, also `-> Event{…}`; JSON works as well"),
    ("state", ":state", "where the instance is, its timers and its outstanding work"),
    ("data", ":data", "what the instance knows"),
    ("can", ":can", "the reactions possible now"),
    ("why", ":why Event{…}", "why an event would be taken or refused; changes nothing"),
    ("advance", ":advance 3d | next", "move the virtual clock and fire what comes due"),
    ("complete", ":complete ACTION [RESULT]", "end an outstanding call well"),
    ("fail", ":fail ACTION CODE", "end an outstanding call badly"),
    ("mock", ":mock ACTION = RESULT | fail CODE", "let an action answer by itself from now on"),
    ("unmock", ":unmock ACTION", "wait for answers of an action again"),
    ("timers", ":timers", "what is due, and when"),
    ("history", ":history", "what has been done, as the lines of a test"),
    ("path", ":path STATE", "a short way to a state, from the start"),
    ("export", ":export test NAME", "this session as a test, with what holds now as its expectation"),
    ("save", ":save", "the lines of this session, to be run again"),
    ("source", ":source FILE", "run the lines of a file"),
    ("diagram", ":diagram [mermaid|dot]", "draw the flow"),
    ("undo", ":undo", "go back one step"),
    ("redo", ":redo", "take back an undo"),
    ("eval", ":eval EXPRESSION", "evaluate CEL over the instance; the colon and word may be left out"),
    ("help", ":help", "this list"),
    ("quit", ":quit", "leave"),
  ]

  /// A command by its name or by a beginning that only it has; `s` is `send`.
  private static func resolve(_ name: String) -> String {
    if name == "s" { return "send" }
    if name == "?" { return "help" }
    if name == "q" { return "quit" }
    if commands.contains(where: { $0.name == name }) { return name }
    let matching = commands.filter { $0.name.hasPrefix(name) }
    return matching.count == 1 ? matching[0].name : name
  }

  private func help() -> Reply {
    let width = Session.commands.map(\.usage.count).max() ?? 0
    let lines = Session.commands.map { command in
      "  " + command.usage + String(repeating: " ", count: width - command.usage.count + 2) + command.help
    }
    return Reply(text: lines.joined(separator: "\n"))
  }

  func failure(_ message: String) -> Reply { Reply(text: style.paint("error", .red) + ": " + message, isError: true) }
}

extension String {
  /// Without white space at both ends.
  var trimmed: String {
    var scalars = Substring(self)
    while let first = scalars.first, first.isWhitespace { scalars.removeFirst() }
    while let last = scalars.last, last.isWhitespace { scalars.removeLast() }
    return String(scalars)
  }
}
