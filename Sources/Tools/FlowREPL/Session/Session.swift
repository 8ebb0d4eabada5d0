import CEL
import FlowCompiler
public import FlowDiagnostics
import FlowIR
public import FlowJSON
import FlowMachine
import FlowSource
import FlowTesting
import FlowTime

/// A conversation with flows: lines in, text out. What it needs of the world is handed in.
public struct Session {
  /// What came of a line.
  public struct Reply {
    public var text: String
    public var isError = false
    public var isOver = false
    /// The same for a program, where there is more than text to it.
    public var result: JSON?
  }

  let world: SessionEnvironment
  let start: Int64
  public internal(set) var settings: Settings
  var machine: Machine?
  /// The file that was loaded.
  var path = ""
  /// The instances, side by side.
  var tracks: [Timeline] = []
  /// Which of them is in use.
  var current = 0
  /// What actions answer by themselves, by name.
  var mocks: [String: CallOutcome] = [:]
  /// The names that were given to expressions, in order.
  var lets: [(name: String, text: String)] = []
  /// Every line that was taken without an error, so that it can be saved.
  var transcript: [String] = []
  var sourceDepth = 0
  /// With a real clock: what both clocks showed when they were compared last.
  var anchor: (real: Int64, own: Int64)?

  /// - Parameter start: The instant at which the virtual clock begins, in milliseconds since 1970.
  public init(start: Int64, style: TerminalStyle, world: SessionEnvironment) {
    self.start = start
    self.world = world
    settings = Settings(isColoured: style.isColoured)
  }

  /// The instance in use.
  var run: VirtualRun? { tracks.isEmpty ? nil : tracks[current].run }

  var style: TerminalStyle { settings.isColoured && !settings.isJSON ? .coloured : .plain }

  /// `o1 unpaid +3d #2>`, or `flow>` without an instance; which one it is goes before, when there are several.
  public var prompt: String {
    let name = tracks.count > 1 ? tracks[current].id + ": " : ""
    guard let run, let instance = run.instance else { return name + "flow> " }
    let state = run.leafPaths.joined(separator: ",")
    return name + "\(instance.key) \(state) +\(DurationText.text(run.now - start)) #\(instance.revision)> "
  }

  /// Takes one statement: a command with a colon, `-> Event{…}`, `let name = …`, or an expression.
  public mutating func feed(_ line: String) -> Reply {
    let fired = catchUp()
    var reply = reply(to: line)
    reply.text = [fired, reply.text].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "\n")
    compareClocks()
    let text = line.trimmed
    if !reply.isError, !text.isEmpty, !text.hasPrefix(":save"), !text.hasPrefix(":source") { transcript.append(text) }
    return reply
  }

  private mutating func reply(to line: String) -> Reply {
    let text = line.trimmed
    if text.isEmpty || text.hasPrefix("//") { return Reply(text: "") }
    if text.hasPrefix("->") { return send(String(text.dropFirst(2)).trimmed) }
    if text.hasPrefix("let ") { return define(String(text.dropFirst(4)).trimmed) }
    guard text.hasPrefix(":") else { return evaluate(text) }
    let parts = text.dropFirst().split(maxSplits: 1) { $0 == " " || $0.isNewline }
    let rest = parts.count > 1 ? String(parts[1]).trimmed : ""
    return command(parts.first.map(String.init) ?? "", rest)
  }

  private mutating func command(_ name: String, _ rest: String) -> Reply {
    if let command = Command.named(name) { return command.action(&self, rest) }
    let several = Command.all.map(\.name).filter { $0.hasPrefix(name) && !name.isEmpty }
    if several.count > 1 {
      return failure("`:\(name)` may be " + several.map { "`:\($0)`" }.joined(separator: ", "))
    }
    let guess = Suggestion.closest(to: name, among: Command.all.map(\.name)).first
    return failure("there is no command `:\(name)`" + (guess.map { ", did you mean `:\($0)`?" } ?? ", see `:help`"))
  }

  /// One object for a line: what went in, whether it was taken, and what came of it.
  public static func json(_ reply: Reply, to line: String) -> JSON {
    var members: [JSON.Member] = [
      .init("in", .string(line.trimmed)), .init("ok", .bool(!reply.isError)), .init("kind", .string(kind(of: line))),
    ]
    if let result = reply.result { members.append(.init("result", result)) }
    members.append(.init("text", .string(reply.text)))
    return .object(members)
  }

  /// The name of the command that a line means.
  private static func kind(of line: String) -> String {
    let text = line.trimmed
    if text.hasPrefix("->") { return "send" }
    if text.hasPrefix("let ") { return "let" }
    guard text.hasPrefix(":") else { return "eval" }
    let name = String(text.dropFirst().prefix { $0 != " " })
    return Command.named(name)?.name ?? name
  }

  /// A reply with an error. Rendered diagnostics already begin with their severity.
  func failure(_ message: String) -> Reply {
    let prefix = style.paint("error", .red) + ": "
    return Reply(text: isRendered(message) ? message : prefix + message, isError: true)
  }

  private func isRendered(_ message: String) -> Bool {
    ["error[", style.paint("error[", .red), style.paint("error", .red)].contains { message.hasPrefix($0) }
  }

  var notLoaded: Reply { failure("load a file first, with `:load FILE`") }
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
