import FlowJSON
public import FlowRuntime

extension Log {
  /// Writes a line for each committed entry that is relevant to an operator: log lines of flows and failures; steps at
  /// the level `debug` only.
  public func record(_ entries: [JournalEntry], _ redaction: Redaction) {
    // Most entries need no line, so that no document is created for them.
    for var entry in entries where entry.kind != .step || isEnabled(.debug) {
      entry.body = redaction.masked(entry.body, of: entry.flow)
      switch entry.kind {
      case .log: write(.info, "log", of: entry, members: ["text"])
      case .incident: write(.warn, "incident", of: entry, members: ["message"])
      case .dead: write(.error, "dead letter", of: entry, members: ["code", "message", "action"])
      case .undelivered: write(.info, "undelivered", of: entry, members: ["event", "reason"])
      case .step: writeStep(entry)
      default: break
      }
    }
  }

  private func write(_ level: Level, _ message: String, of entry: JournalEntry, members names: [String]) {
    guard isEnabled(level) else { return }
    let members = names.compactMap { name in entry.body[name].map { JSON.Member(name, $0) } }
    write(level, message, fields: location(entry) + members)
  }

  private func writeStep(_ entry: JournalEntry) {
    let fields: [JSON.Member] = [
      .init("event", .string(Metrics.cause(entry.body))), .init("from", entry.body["from"] ?? .null),
      .init("to", entry.body["to"] ?? .null),
    ]
    write(.debug, "step", fields: location(entry) + fields)
  }

  private func location(_ entry: JournalEntry) -> [JSON.Member] {
    [
      .init("workflow", .string(entry.flow)), .init("instance", .string(entry.key)),
      .init("offset", .int(entry.sequence)),
    ]
  }
}
