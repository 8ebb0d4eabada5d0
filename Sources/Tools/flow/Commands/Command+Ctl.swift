import FlowClient

extension Command {
  static let ctl = Command(
    name: "ctl", summary: "Look after the instances of a running server.",
    operands: """
      flows | stats | list [FLOW] | show FLOW KEY | history FLOW KEY | send FLOW KEY EVENT [DATA] |
      start FLOW EVENT [DATA] | cancel|suspend|resume|retry|migrate FLOW KEY | fork FLOW KEY [COPY] |
      dead [FLOW] | redrive ID… | deploy FILE… | tail [FLOW [KEY]]
      """,
    options: [
      Option(
        name: "server", value: "URL|unix:PATH",
        help: "where it listens; FLOW_SERVER or http://127.0.0.1:8080 by default"),
      Option(name: "token-file", value: "FILE", help: "the key to ask with; the variable FLOW_TOKEN by default"),
      Option(name: "status", value: "STATUS", help: "list: only these"),
      Option(name: "state", value: "STATE", help: "list: only in this state"),
      Option(name: "q", value: "CEL", help: "list: only where this holds, such as data.total > 100.0"),
      Option(name: "limit", value: "N", help: "list, history, dead: how many at most"),
      Option(name: "reason", value: "TEXT", help: "why, for the journal"),
      Option(name: "dry-run", value: nil, help: "only say what would come of it"),
      Option(name: "key", value: "KEY", help: "send, start: the idempotency key"),
      Option(name: "since", value: "OFFSET", help: "tail: from behind this place of the journal"),
      Option(name: "format", value: "text|json", help: "for people, or for programs"),
    ],
    example: "flow ctl list Order --status running --q 'data.paid > 0.0'",
    action: { arguments in
      guard let format = arguments.choice("format", of: ["text", "json"]) else { return ExitCode.usage }
      guard let token = token(arguments) else { return ExitCode.usage }
      let server = arguments.value("server") ?? Terminal.variable("FLOW_SERVER") ?? "http://127.0.0.1:8080"
      let control = CtlCommand(
        client: Client(base: server, key: token.isEmpty ? nil : token), arguments: arguments, isJSON: format == "json")
      do throws(Client.Unreachable) {
        return try control.run()
      } catch {
        Terminal.complain("no answer from \(error.message)", help: "is `flow serve` running? say --server URL")
        return ExitCode.usage
      }
    })

  /// The key to ask with, empty for none; nil when its file can't be read.
  private static func token(_ arguments: CommandArguments) -> String? {
    guard let file = arguments.value("token-file") else { return Terminal.variable("FLOW_TOKEN") ?? "" }
    guard let text = readFile(file) else {
      Terminal.complain("cannot read `\(file)`")
      return nil
    }
    return String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace }
  }
}
