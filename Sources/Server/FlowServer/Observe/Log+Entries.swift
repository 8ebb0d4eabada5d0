import FlowJSON
public import FlowRuntime

extension Log {
  /// Tells of committed entries: what flows say, and what has gone wrong; steps only to those who want it all.
  public func note(_ entries: [JournalEntry], _ redaction: Redaction) {
    // Of most entries nothing is told, and no document is made.
    for var entry in entries where entry.kind != .step || hears(.debug) {
      entry.body = redaction.masked(entry.body, of: entry.flow)
      switch entry.kind {
      case .log: tell(.info, "log", entry, ["text"])
      case .incident: tell(.warn, "incident", entry, ["message"])
      case .dead: tell(.error, "dead letter", entry, ["code", "message", "action"])
      case .undelivered: tell(.info, "undelivered", entry, ["event", "reason"])
      case .step: step(entry)
      default: break
      }
    }
  }

  private func tell(_ level: Level, _ message: String, _ entry: JournalEntry, _ names: [String]) {
    guard hears(level) else { return }
    write(level, message, place(entry) + names.compactMap { name in entry.body[name].map { .init(name, $0) } })
  }

  private func step(_ entry: JournalEntry) {
    let fields: [JSON.Member] = [
      .init("event", .string(Metrics.cause(entry.body))), .init("from", entry.body["from"] ?? .null),
      .init("to", entry.body["to"] ?? .null),
    ]
    write(.debug, "step", place(entry) + fields)
  }

  private func place(_ entry: JournalEntry) -> [JSON.Member] {
    [
      .init("workflow", .string(entry.flow)), .init("instance", .string(entry.key)),
      .init("offset", .int(entry.sequence)),
    ]
  }
}
