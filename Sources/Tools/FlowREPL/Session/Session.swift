import CEL
import FlowCompiler
public import FlowDiagnostics
import FlowIR
public import FlowJSON
import FlowMachine
import FlowSource
import FlowTesting
import FlowTime

/// An interactive session: statements are inputs, replies are text. Access to the outside is passed as functions.
public struct Session {
  /// The reply to a statement.
  public struct Reply {
    public var text: String
    public var isError = false
    public var isOver = false
    /// The reply as JSON, if it contains more than text.
    public var result: JSON?
  }

  let world: SessionEnvironment
  let start: Int64
  public internal(set) var settings: Settings
  var machine: Machine?
  /// The path of the loaded file.
  var path = ""
  /// The loaded file and its imports, as they were compiled.
  var files: [SourceFile] = []
  /// The tests of these files.
  var tests: [TestCase] = []
  /// The instances of the session.
  var tracks: [Timeline] = []
  /// The index of the current instance.
  var current = 0
  /// The outcomes of mocked actions, by name.
  var mocks: [String: CallOutcome] = [:]
  /// The named expressions, in the order of their definition.
  var lets: [(name: String, text: String)] = []
  /// The accepted statements, for saving the session.
  var transcript: [String] = []
  var sourceDepth = 0
  /// With a real clock: the last reading of both clocks.
  var anchor: (real: Int64, own: Int64)?

  /// - Parameter start: The initial time of the virtual clock, in milliseconds since 1970.
  public init(start: Int64, style: TerminalStyle, world: SessionEnvironment) {
    self.start = start
    self.world = world
    settings = Settings(isColoured: style.isColoured)
  }

  /// The run of the current instance.
  var run: VirtualRun? { tracks.isEmpty ? nil : tracks[current].run }

  var style: TerminalStyle { settings.isColoured && !settings.isJSON ? .coloured : .plain }

  /// `o1 unpaid +3d #2>`, or `flow>` without an instance; with several instances, preceded by the id.
  public var prompt: String {
    let name = tracks.count > 1 ? tracks[current].id + ": " : ""
    guard let run, let instance = run.instance else { return name + "flow> " }
    let state = run.leafPaths.joined(separator: ",")
    return name + "\(instance.key) \(state) +\(DurationText.text(run.now - start)) #\(instance.revision)> "
  }

  /// Executes one statement: a command with a colon, `-> Event{…}`, `let name = …`, or an expression.
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

  /// The reply as one JSON object: the input, its success, and its result.
  public static func json(_ reply: Reply, to line: String) -> JSON {
    var members: [JSON.Member] = [
      .init("in", .string(line.trimmed)), .init("ok", .bool(!reply.isError)), .init("kind", .string(kind(of: line))),
    ]
    if let result = reply.result { members.append(.init("result", result)) }
    members.append(.init("text", .string(reply.text)))
    return .object(members)
  }

  /// The name of the command in a line.
  private static func kind(of line: String) -> String {
    let text = line.trimmed
    if text.hasPrefix("->") { return "send" }
    if text.hasPrefix("let ") { return "let" }
    guard text.hasPrefix(":") else { return "eval" }
    let name = String(text.dropFirst().prefix { $0 != " " })
    return Command.named(name)?.name ?? name
  }

  /// A reply with an error. Rendered diagnostics already start with their severity.
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
  /// The text without surrounding white space.
  var trimmed: String {
    var scalars = Substring(self)
    while let first = scalars.first, first.isWhitespace { scalars.removeFirst() }
    while let last = scalars.last, last.isWhitespace { scalars.removeLast() }
    return String(scalars)
  }
}
