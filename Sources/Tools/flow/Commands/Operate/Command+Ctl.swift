import FlowClient

extension Command {
  static let ctl = Command(
    name: "ctl", group: .serve, summary: "Inspect and control the instances of a running server.",
    operands: """
      flows
      stats
      nodes
      list [FLOW]
      show FLOW KEY
      why FLOW KEY
      history FLOW KEY
      send FLOW KEY EVENT [JSON]
      start FLOW EVENT [JSON]
      cancel|suspend|resume|retry|migrate FLOW KEY
      fork FLOW KEY [NEW-KEY]
      drop FLOW KEY [EVENT]
      dead [FLOW]
      redrive|dismiss|resolve ID…
      deploy FILE…
      tail [FLOW [KEY]]
      """,
    completion: .control, options: CtlOptions.all,
    example: "flow ctl list Order --status running --q 'data.paid > 0.0'",
    action: { arguments throws(UsageError) in
      let control = CtlCommand(
        client: try CtlOptions.client(arguments), arguments: arguments, isJSON: arguments[CtlOptions.format] == .json)
      do throws(Client.Unreachable) {
        return try control.run()
      } catch {
        throw UsageError("no response from \(error.message)", help: "is `flow serve` running? set --server URL")
      }
    })
}

/// The formats of commands that print either text or JSON.
enum TextFormat: String, CaseIterable { case text, json }

/// The options of `flow ctl`.
enum CtlOptions {
  static let server = Option.text(
    "server", "URL|unix:PATH", short: "s", help: "address of the server",
    default: "FLOW_SERVER or \(defaultServer)")
  static let tokenFile = Option.text(
    "token-file", "FILE", help: "file with the API key", default: "the key in FLOW_TOKEN", completion: .files)
  static let status = Option.text(
    "status", "STATUS", help: "list: only instances with this status",
    completion: .words(["running", "done", "failed", "cancelled", "suspended"]))
  static let state = Option.text("state", "STATE", help: "list: only instances in this state")
  static let query = Option.text(
    "q", "CEL", help: "list: only instances for which this expression is true, such as data.total > 100.0")
  static let limit = Option<Int?>.number(
    "limit", "N", in: 1...Int.max, help: "list, history, dead: maximum number of rows")
  static let reason = Option.text("reason", "TEXT", help: "reason to record in the journal")
  static let dryRun = Option.flag("dry-run", short: "n", help: "show the outcome without applying it")
  static let key = Option.text("key", "KEY", help: "send, start: idempotency key")
  static let caller = Option.text("caller", "NAME", help: "send, start: caller, for a server without keys")
  static let role = Option.list("role", "ROLE", help: "send, start: role of the caller, for a server without keys")
  static let since = Option.text("since", "OFFSET", help: "tail: start after this journal offset")
  static let format = Option.choice("format", short: "f", default: TextFormat.text, help: "output format")

  static let all: [any CommandOption] = [
    server, tokenFile, status, state, query, limit, reason, dryRun, key, caller, role, since, format,
  ]

  static let defaultServer = "http://127.0.0.1:8080"

  /// A client of the server that the options and the environment name.
  /// - Throws: `UsageError` when the file with the key can't be read.
  static func client(_ arguments: CommandArguments) throws(UsageError) -> Client {
    let base = arguments[server] ?? Terminal.variable("FLOW_SERVER") ?? defaultServer
    let token = try token(arguments)
    return Client(base: base, key: token.isEmpty ? nil : token)
  }

  /// The API key, empty for none.
  private static func token(_ arguments: CommandArguments) throws(UsageError) -> String {
    guard let file = arguments[tokenFile] else { return Terminal.variable("FLOW_TOKEN") ?? "" }
    guard let text = readFile(file) else { throw UsageError("cannot read `\(file)`") }
    return String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace }
  }
}
