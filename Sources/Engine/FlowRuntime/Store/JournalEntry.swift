public import FlowJSON

/// Something that happened, with its place in the order of everything that happened.
public struct JournalEntry: Sendable {
  /// From 1, without a hole.
  public var sequence: Int64
  public var instance: Int64
  public var flow: String
  public var key: String
  public var revision: Int
  /// `step`, `emit`, `log`, `incident`, `undelivered`, `dead`, `operator` or `schedule`.
  public var kind: String
  public var at: Int64
  /// For a step that this process has made.
  public private(set) var note: StepRecord?
  private var document: JSON

  /// What it says.
  public var body: JSON {
    get { note?.json ?? document }
    set { (note, document) = (nil, newValue) }
  }

  public init(
    sequence: Int64, instance: Int64, flow: String, key: String, revision: Int, kind: String, at: Int64, body: JSON
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

  init(sequence: Int64, of row: InstanceRow, _ note: StepRecord, at: Int64) {
    self.init(
      sequence: sequence, instance: row.id, flow: row.flow, key: row.key, revision: row.revision, kind: "step", at: at,
      body: .null)
    self.note = note
  }

  /// Writes ``body`` as UTF-8.
  public func writeBody(to out: inout [UInt8]) {
    if let note { note.write(to: &out) } else { document.write(to: &out) }
  }
}

extension JournalEntry: Equatable {
  public static func == (a: JournalEntry, b: JournalEntry) -> Bool {
    a.sequence == b.sequence && a.instance == b.instance && a.flow == b.flow && a.key == b.key
      && a.revision == b.revision && a.kind == b.kind && a.at == b.at && a.body == b.body
  }
}
