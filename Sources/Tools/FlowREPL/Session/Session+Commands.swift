import FlowDiagnostics
import FlowJSON
import FlowSource

extension Session {
  /// A command that begins with a colon. Help, completion and what is done all come from here.
  public struct Command {
    public let name: String
    /// How it is written.
    public let usage: String
    public let help: String
    /// A line that could be typed.
    public let example: String
    let action: (inout Session, String) -> Reply
  }
}

extension Session.Command {
  /// Short names that are no beginnings, or that several begin with.
  private static let short = ["s": "send", "q": "quit", "?": "help", "h": "help", "l": "load", "d": "data"]

  /// A command by its name, or by a beginning that only it has.
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
      .init("load", "FILE", "compile a file and begin anew", example: ":load samples/order.flow") {
        $0.loadFile($1)
      },
      .init(
        "reload", "[--fresh]", "compile the file again and do again what was done; `--fresh` begins anew",
        example: ":reload"
      ) { $0.reload($1) },
      .init("diagram", "[mermaid|dot]", "draw the flow", example: ":diagram mermaid") { $0.showDiagram($1) },
      .init("explain", "CODE", "the page of a code", example: ":explain F104") { $0.explain($1) },
    ]
  }

  private static var driving: [Session.Command] {
    [
      .init(
        "send", "Event{…} [by ROLES] [as \"ID\"]",
        "send an event, also `-> Event{…}`; JSON works as well; `as ROLE` holds that role",
        example: #"-> Paid{amount: 4.0} by support as "ana""#
      ) { $0.send($1) },
      .init("start", "{…}", "begin a flow that has parameters", example: #":start {"order": "o1"}"#) { $0.start($1) },
      .init("advance", "3d | next", "move the clock and fire what comes due", example: ":advance next") {
        $0.advance($1)
      },
      .init("complete", "ACTION [RESULT]", "end an outstanding call well", example: #":complete ship {"id": "p1"}"#) {
        $0.end($1, isFailure: false)
      },
      .init("fail", "ACTION CODE", "end an outstanding call badly", example: ":fail ship NO_STOCK") {
        $0.end($1, isFailure: true)
      },
      .init(
        "mock", "ACTION = RESULT | fail CODE", "let an action answer by itself from now on",
        example: #":mock ship = {"id": "p1"}"#
      ) { $0.mock($1) },
      .init("unmock", "ACTION", "wait for answers of an action again", example: ":unmock ship") { $0.unmock($1) },
    ]
  }

  private static var seeing: [Session.Command] {
    [
      .init("state", "", "where the instance is, its timers and its outstanding work", example: ":state") {
        session, _ in
        session.showState()
      },
      .init("data", "", "what the instance knows", example: ":data") { session, _ in session.showData() },
      .init("can", "", "the reactions possible now", example: ":can") { session, _ in session.showCan() },
      .init(
        "why", "Event{…}", "why an event would be taken or refused; changes nothing", example: ":why Paid{amount: 4.0}"
      ) { $0.showWhy($1) },
      .init("timers", "", "what is due, and when", example: ":timers") { session, _ in session.showTimers() },
      .init(
        "eval", "EXPRESSION", "evaluate CEL over the instance; the colon and word may be left out",
        example: "paid >= total"
      ) { $0.evaluate($1) },
      .init("type", "EXPRESSION", "the type of an expression, without evaluating it", example: ":type items[0]") {
        $0.showType($1)
      },
      .init("lets", "", "the names given with `let NAME = EXPRESSION`", example: "let rest = total - paid") {
        session, _ in
        session.showLets()
      },
      .init("forget", "NAME", "forget a name", example: ":forget rest") { $0.forget($1) },
    ]
  }

  private static var instances: [Session.Command] {
    [
      .init(
        "new", "[FLOW] [as ID]", "choose a flow; its first event starts an instance beside the others",
        example: ":new Order as second"
      ) { $0.begin($1) },
      .init(
        "fork", "[#N] [as ID]", "copy the instance, as it is or was after N steps, and try another future",
        example: ":fork #1 as what-if"
      ) { $0.fork($1) },
      .init("use", "ID", "go on with another instance", example: ":use 1") { $0.use($1) },
      .init("list", "", "the instances, the one in use with a star", example: ":list") { session, _ in session.list() },
      .init("drop", "ID", "forget an instance", example: ":drop what-if") { $0.drop($1) },
    ]
  }

  private static var travelling: [Session.Command] {
    [
      .init("history", "", "what has been done, as the lines of a test", example: ":history") { session, _ in
        session.showHistory()
      },
      .init("undo", "[N]", "go back one step, or N", example: ":undo 2") { $0.undo($1) },
      .init("redo", "[N]", "take back an undo, or N", example: ":redo") { $0.redo($1) },
      .init("back", "#N", "go to where the instance was after N steps", example: ":back #1") { $0.goBack($1) },
      .init(
        "diff", "#N [#M]", "what differs between two steps, or from now; an ID stands for another instance",
        example: ":diff #1"
      ) { $0.showDifference($1) },
      .init("mark", "[NAME]", "give the present a name; without one, list them", example: ":mark before") {
        $0.mark($1)
      },
      .init("return", "NAME", "go to what was marked", example: ":return before") { $0.goToMark($1) },
    ]
  }

  private static var exploring: [Session.Command] {
    [
      .init(
        "path", "STATE|EXPRESSION [--depth N]", "a shortest way from here to a state, or to where something holds",
        example: ":path cancelled"
      ) { $0.showPath($1) },
      .init(
        "never", "STATE|EXPRESSION [--depth N]", "look for a way to where something holds that never should",
        example: ":never paid > total --depth 4"
      ) { $0.showNever($1) },
      .init("verify", "", "prove the properties of the flow, or show runs that break them", example: ":verify") {
        session, _ in
        session.verify()
      },
    ]
  }

  private static var session: [Session.Command] {
    [
      .init(
        "export", "test NAME", "this session as a test, with what holds now as its expectation",
        example: ":export test two payments make one"
      ) { $0.export($1) },
      .init("save", "[FILE]", "the lines of this session, to be run again", example: ":save order.flowrepl") {
        $0.save($1)
      },
      .init("source", "FILE", "run the lines of a file", example: ":source order.flowrepl") { $0.source($1) },
      .init(
        "set", "[KEY VALUE]", "how the session speaks: format, trace, clock, color", example: ":set trace all"
      ) { $0.set($1) },
      .init("help", "[COMMAND]", "this list, or more about one", example: ":help send") { $0.help($1) },
      .init("quit", "", "leave", example: ":quit") { _, _ in .init(text: "", isOver: true) },
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
