import FlowDiagnostics
import FlowJSON
import FlowSource

extension Session {
  /// A command that starts with a colon: the source of help, completion and execution.
  public struct Command {
    public let name: String
    /// The syntax.
    public let usage: String
    public let help: String
    /// A valid example.
    public let example: String
    let action: (inout Session, String) -> Reply
  }
}

extension Session.Command {
  /// Short names that are not prefixes, or that are prefixes of several commands.
  private static let short = ["s": "send", "q": "quit", "?": "help", "h": "help", "l": "load", "d": "data"]

  /// A command by its name, or by an unambiguous prefix.
  static func named(_ name: String) -> Session.Command? {
    let full = short[name] ?? name
    if let exact = all.first(where: { $0.name == full }) { return exact }
    let matching = all.filter { $0.name.hasPrefix(name) && !name.isEmpty }
    return matching.count == 1 ? matching[0] : nil
  }

  init(
    _ name: String, _ operands: String, _ help: String, example: String,
    _ action: @escaping (inout Session, String) -> Session.Reply
  ) {
    self.name = name
    usage = operands.isEmpty ? ":\(name)" : ":\(name) \(operands)"
    self.help = help
    self.example = example
    self.action = action
  }

  /// Every command, in the order of the help.
  public static var all: [Session.Command] { sources + driving + seeing + instances + travelling + exploring + session }

  private static var sources: [Session.Command] {
    [
      .init("load", "FILE", "compile a file and start a new session", example: ":load samples/order.flow") {
        $0.loadFile($1)
      },
      .init(
        "reload", "[--fresh]", "compile the file again and repeat all inputs; `--fresh` starts a new session",
        example: ":reload"
      ) { $0.reload($1) },
      .init(
        "describe", "NAME", "describe a state, an event, a field or another name, as editors do on hover",
        example: ":describe unpaid"
      ) { $0.describe($1) },
      .init("diagram", "[mermaid|dot]", "draw the flow", example: ":diagram mermaid") { $0.showDiagram($1) },
      .init("explain", "CODE", "show the page of a diagnostic code", example: ":explain F104") { $0.explain($1) },
    ]
  }

  private static var driving: [Session.Command] {
    [
      .init(
        "send", "Event{…} [by ROLES] [as \"ID\"]",
        "send an event, also `-> Event{…}`; JSON is accepted as well; `as ROLE` sets the role",
        example: #"-> Paid{amount: 4.0} by support as "ana""#
      ) { $0.send($1) },
      .init("start", "{…}", "start a flow with parameters", example: #":start {"order": "o1"}"#) { $0.start($1) },
      .init("advance", "3d | next", "advance the clock and fire the timers that are due", example: ":advance next") {
        $0.advance($1)
      },
      .init("complete", "ACTION [RESULT]", "complete an outstanding call", example: #":complete ship {"id": "p1"}"#) {
        $0.end($1, isFailure: false)
      },
      .init("fail", "ACTION CODE", "fail an outstanding call", example: ":fail ship NO_STOCK") {
        $0.end($1, isFailure: true)
      },
      .init(
        "mock", "ACTION = RESULT | fail CODE", "complete or fail all calls of an action automatically",
        example: #":mock ship = {"id": "p1"}"#
      ) { $0.mock($1) },
      .init("unmock", "ACTION", "remove the mock of an action", example: ":unmock ship") { $0.unmock($1) },
    ]
  }

  private static var seeing: [Session.Command] {
    [
      .init("state", "", "show the active states, timers and outstanding calls", example: ":state") {
        session, _ in
        session.showState()
      },
      .init("data", "", "show the data of the instance", example: ":data") { session, _ in session.showData() },
      .init("can", "", "list the reactions that are possible now", example: ":can") { session, _ in session.showCan() },
      .init(
        "why", "Event{…}", "explain why an event would be accepted or refused, without sending it",
        example: ":why Paid{amount: 4.0}"
      ) { $0.showWhy($1) },
      .init("timers", "", "list the timers with their due times", example: ":timers") { session, _ in
        session.showTimers()
      },
      .init(
        "eval", "EXPRESSION", "evaluate a CEL expression over the instance; `:eval` is optional",
        example: "paid >= total"
      ) { $0.evaluate($1) },
      .init("type", "EXPRESSION", "show the type of an expression without evaluating it", example: ":type items[0]") {
        $0.showType($1)
      },
      .init("lets", "", "list the names defined with `let NAME = EXPRESSION`", example: "let rest = total - paid") {
        session, _ in
        session.showLets()
      },
      .init("forget", "NAME", "remove a name", example: ":forget rest") { $0.forget($1) },
    ]
  }

  private static var instances: [Session.Command] {
    [
      .init(
        "new", "[FLOW] [as ID]", "select a flow; its first event starts another instance",
        example: ":new Order as second"
      ) { $0.begin($1) },
      .init(
        "fork", "[#N] [as ID]", "copy the instance in its current state, or as of step N",
        example: ":fork #1 as what-if"
      ) { $0.fork($1) },
      .init("use", "ID", "switch to another instance", example: ":use 1") { $0.use($1) },
      .init("list", "", "list the instances; the current one has a star", example: ":list") { session, _ in
        session.list()
      },
      .init("drop", "ID", "remove an instance", example: ":drop what-if") { $0.drop($1) },
    ]
  }

  private static var travelling: [Session.Command] {
    [
      .init("history", "", "show the inputs as lines of a test", example: ":history") { session, _ in
        session.showHistory()
      },
      .init("undo", "[N]", "undo the last step, or the last N", example: ":undo 2") { $0.undo($1) },
      .init("redo", "[N]", "redo the last undone step, or N", example: ":redo") { $0.redo($1) },
      .init("back", "#N", "return to the state after step N", example: ":back #1") { $0.goBack($1) },
      .init(
        "diff", "#N [#M]", "compare two steps, or a step and the current state; an ID selects another instance",
        example: ":diff #1"
      ) { $0.showDifference($1) },
      .init("mark", "[NAME]", "name the current state; without NAME, list the names", example: ":mark before") {
        $0.mark($1)
      },
      .init("return", "NAME", "return to a named state", example: ":return before") { $0.goToMark($1) },
    ]
  }

  private static var exploring: [Session.Command] {
    [
      .init(
        "path", "STATE|EXPRESSION [--depth N]", "find a shortest path to a state, or to a true condition",
        example: ":path cancelled"
      ) { $0.showPath($1) },
      .init(
        "never", "STATE|EXPRESSION [--depth N]", "search for a path to a condition that should never be true",
        example: ":never paid > total --depth 4"
      ) { $0.showNever($1) },
      .init(
        "test", "[TEXT]", "run the tests of the file, or those whose name contains TEXT", example: ":test paid"
      ) { $0.runTests($1) },
      .init("verify", "", "prove the properties of the flow, or show runs that break them", example: ":verify") {
        session, _ in
        session.verify()
      },
    ]
  }

  private static var session: [Session.Command] {
    [
      .init(
        "export", "test NAME", "print the session as a test that expects the current state",
        example: ":export test two payments make one"
      ) { $0.export($1) },
      .init("save", "[FILE]", "save the statements of the session", example: ":save order.flowrepl") {
        $0.save($1)
      },
      .init("source", "FILE", "run the statements of a file", example: ":source order.flowrepl") { $0.source($1) },
      .init(
        "set", "[KEY VALUE]", "change a setting: format, trace, clock or color", example: ":set trace all"
      ) { $0.set($1) },
      .init("help", "[COMMAND]", "list the commands, or describe one", example: ":help send") { $0.help($1) },
      .init("quit", "", "end the session", example: ":quit") { _, _ in .init(text: "", isOver: true) },
    ]
  }
}

extension Session {
  func help(_ name: String) -> Reply {
    guard !name.isEmpty else {
      let width = Command.all.map(\.usage.count).max() ?? 0
      let lines = Command.all.map { command in
        "  " + command.usage + String(repeating: " ", count: width - command.usage.count + 2) + command.help
      }
      return Reply(text: lines.joined(separator: "\n"))
    }
    guard let command = Command.named(name.hasPrefix(":") ? String(name.dropFirst()) : name) else {
      let guess = Suggestion.closest(to: name, among: Command.all.map(\.name)).first
      return failure("there is no command `:\(name)`" + (guess.map { ", did you mean `:\($0)`?" } ?? ""))
    }
    return Reply(text: "\(command.usage)\n  \(command.help)\n  example: \(command.example)")
  }

  func explain(_ code: String) -> Reply {
    if let rule = Rule.named(code), let page = world.page(rule.code) { return Reply(text: page.trimmed) }
    let guess = Suggestion.closest(to: code, among: Rule.all.flatMap { [$0.code, $0.name] }).first
    return failure("there is no page for `\(code)`" + (guess.map { ", did you mean `\($0)`?" } ?? ""))
  }
}
