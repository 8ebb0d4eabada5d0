public import FlowJSON
public import FlowMachine

/// The outcome of a committed event.
public struct EventAnswer: Hashable, Sendable {
  public var disposition: Step.Disposition
  public var flow: String
  public var key: String
  public var revision: Int
  /// The sequence number of the step in the journal.
  public var sequence: Int64
  /// The active states before and after, as paths.
  public var from: [String]
  public var to: [String]
  public var status: InstanceStatus
  /// True if the event started the instance.
  public var created: Bool
  /// True if this answer was given before.
  public var replayed = false
}

extension EventAnswer {
  /// The answer in the API.
  public var json: JSON {
    [
      "disposition": .string(disposition.rawValue), "flow": .string(flow), "key": .string(key),
      "revision": .int(Int64(revision)), "offset": .int(sequence), "from": .array(from.map { .string($0) }),
      "to": .array(to.map { .string($0) }), "status": .string(status.name), "created": .bool(created),
    ]
  }

  /// The answer to the event of a step's entry.
  init?(_ entry: JournalEntry) {
    let body = entry.body
    guard let disposition = body["disposition"]?.string.flatMap({ Step.Disposition(rawValue: $0) }),
      let status = body["status"]?.string.flatMap({ InstanceStatus(name: $0) })
    else { return nil }
    self.init(
      disposition: disposition, flow: entry.flow, key: entry.key, revision: entry.revision, sequence: entry.sequence,
      from: body["from"]?.array?.compactMap(\.string) ?? [], to: body["to"]?.array?.compactMap(\.string) ?? [],
      status: status, created: body["created"]?.bool ?? false)
  }
}
