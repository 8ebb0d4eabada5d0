public import FlowJSON

/// One entry of the journal.
public struct JournalEntry: Sendable {
  /// The kind of an entry. The raw values are those of the store, the archive and the API.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// An instance made a step.
    case step
    /// An instance emitted an event.
    case emit
    /// A flow wrote a log line.
    case log
    /// An instance failed to process a timer or a result.
    case incident
    /// A deferred event was refused when it was offered, or dropped without an offer.
    case refused
    /// An emitted event was refused by one of its receivers.
    case undelivered
    /// An attempt of a job has ended, other than with the result of a call, which a step has.
    case attempt
    /// The attempts of a job are exhausted.
    case dead
    /// An operator changed an instance.
    case `operator`
    /// A scheduled start was due.
    case schedule
    /// An entry of an unknown kind, which only damage causes.
    case unknown

    /// The kind of a stored name.
    public init(stored name: String) { self = Kind(rawValue: name) ?? .unknown }
  }

  /// The position in the journal: from 1, without gaps.
  public var sequence: Int64
  public var instance: Int64
  public var flow: String
  public var key: String
  public var revision: Int
  public var kind: Kind
  /// Milliseconds since 1970.
  public var at: Int64
  /// The step, if this process has executed it.
  public private(set) var step: StepRecord?
  /// The receivers of the step's event, if it reached several flows.
  private var receivers: JSON?
  private var document: JSON

  /// The contents.
  public var body: JSON {
    get { step?.json(receivers: receivers) ?? document }
    set { (step, receivers, document) = (nil, nil, newValue) }
  }

  public init(
    sequence: Int64, instance: Int64, flow: String, key: String, revision: Int, kind: Kind, at: Int64, body: JSON
  ) {
    self.sequence = sequence
    self.instance = instance
    self.flow = flow
    self.key = key
    self.revision = revision
    self.kind = kind
    self.at = at
    document = body
  }

  init(sequence: Int64, of row: InstanceRow, step: StepRecord, at: Int64) {
    self.init(
      sequence: sequence, instance: row.id, flow: row.flow, key: row.key, revision: row.revision, kind: .step, at: at,
      body: .null)
    self.step = step
  }

  /// Adds the receivers of the event to the entry of its first step.
  mutating func name(_ receivers: [EventAnswer.Receiver]) {
    self.receivers = .array(receivers.map(\.json))
  }

  /// Writes ``body`` as UTF-8.
  public func writeBody(to out: inout [UInt8]) {
    if let step { step.write(to: &out, receivers: receivers) } else { document.write(to: &out) }
  }
}

extension JournalEntry: Equatable {
  public static func == (a: JournalEntry, b: JournalEntry) -> Bool {
    a.sequence == b.sequence && a.instance == b.instance && a.flow == b.flow && a.key == b.key
      && a.revision == b.revision && a.kind == b.kind && a.at == b.at && a.body == b.body
  }
}
