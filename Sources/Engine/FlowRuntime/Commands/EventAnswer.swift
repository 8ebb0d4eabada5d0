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
  /// All flows that the event reached, this one included; empty if it reached no other.
  public var receivers: [Receiver] = []
  /// True if this answer was given before.
  public var replayed = false

  /// A flow that an event reached.
  public struct Receiver: Hashable, Sendable {
    public var flow: String
    /// Nil if no instance was started.
    public var key: String?
    /// `applied`, `ignored`, `deferred` or `refused`.
    public var disposition: String
    /// The code of the refusal; nil for an event that was not refused.
    public var code: String?
    /// The sequence number of the step in the journal; nil if the event was refused.
    public var sequence: Int64?
  }
}

extension EventAnswer.Receiver {
  /// The receiver of an accepted event.
  init(_ answer: EventAnswer) {
    self.init(
      flow: answer.flow, key: answer.key, disposition: answer.disposition.rawValue, code: nil,
      sequence: answer.sequence)
  }

  /// A flow that refused an event.
  /// - Parameters:
  ///   - key: The key of the existing instance.
  ///   - code: The ``EngineProblem/receiverCode``.
  public init(flow: String, key: String?, refusal code: String) {
    self.init(flow: flow, key: key, disposition: "refused", code: code, sequence: nil)
  }

  /// A flow that would accept an event.
  public init(flow: String, key: String?, disposition: Step.Disposition) {
    self.init(flow: flow, key: key, disposition: disposition.rawValue, code: nil, sequence: nil)
  }

  init?(_ json: JSON) {
    guard let flow = json["flow"]?.string, let disposition = json["disposition"]?.string else { return nil }
    self.init(
      flow: flow, key: json["key"]?.string, disposition: disposition, code: json["code"]?.string,
      sequence: json["offset"]?.int.map { Int64($0) })
  }

  /// The receiver in the API and in the journal.
  public var json: JSON {
    var members: [JSON.Member] = [.init("flow", .string(flow))]
    if let key { members.append(.init("key", .string(key))) }
    members.append(.init("disposition", .string(disposition)))
    if let code { members.append(.init("code", .string(code))) }
    if let sequence { members.append(.init("offset", .int(sequence))) }
    return .object(members)
  }
}

extension EventAnswer {
  /// The answer in the API.
  public var json: JSON {
    let answer: JSON = [
      "disposition": .string(disposition.rawValue), "flow": .string(flow), "key": .string(key),
      "revision": .int(Int64(revision)), "offset": .int(sequence), "from": .array(from.map { .string($0) }),
      "to": .array(to.map { .string($0) }), "status": .string(status.name), "created": .bool(created),
    ]
    guard !receivers.isEmpty else { return answer }
    return .object((answer.members ?? []) + [.init("receivers", .array(receivers.map(\.json)))])
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
      status: status, created: body["created"]?.bool ?? false,
      receivers: body["receivers"]?.array?.compactMap { Receiver($0) } ?? [])
  }
}

extension EngineProblem {
  /// The code of a refusal among the receivers of an event; nil if the flow is no receiver.
  public var receiverCode: String? {
    switch self {
    case .refused(let refusal, _): refusal.code
    case .suspended: "suspended"
    case .revisionMismatch: "revision-mismatch"
    case .invalidPayload: "validation-failed"
    case .retired: "flow-retired"
    case .storeUnavailable: "store-unavailable"
    default: nil
    }
  }
}
