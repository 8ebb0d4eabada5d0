import FlowJSON
import FlowRuntime

/// A position in the journal of one store: `1f2e3d4c:42`, as in lists, views and the live stream.
struct LivePosition: Hashable, Sendable {
  /// The identity of the store; empty for an offset without an epoch.
  var epoch: String
  var offset: Int64

  init(epoch: String, offset: Int64) {
    self.epoch = epoch
    self.offset = offset
  }

  /// The newest entry.
  init(_ span: JournalSpan) { self.init(epoch: span.epoch, offset: span.last) }

  /// Reads `1f2e3d4c:42` or `42`; nil for any other text.
  init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let last = parts.last, let offset = Int64(last), offset >= 0, parts.count <= 2, parts[0].count <= 64 else {
      return nil
    }
    self.init(epoch: parts.count == 2 ? String(parts[0]) : "", offset: offset)
  }

  /// Reads what ``init(_:)-(String)`` reads, a number, or `{"epoch": …, "offset": …}`.
  init?(_ json: JSON) {
    switch json {
    case .string(let text): self.init(text)
    case .int(let offset) where offset >= 0: self.init(epoch: "", offset: offset)
    case .object:
      guard let offset = json["offset"]?.int, offset >= 0 else { return nil }
      self.init(epoch: json["epoch"]?.string ?? "", offset: Int64(offset))
    default: return nil
    }
  }
}

extension LivePosition: CustomStringConvertible {
  var description: String { "\(epoch):\(offset)" }
}

/// The extent of a store's journal, and the identity of the store.
struct JournalSpan: Hashable, Sendable {
  var epoch: String
  /// The first entry from which on the journal is complete.
  var first: Int64
  var last: Int64

  init(_ queries: any Queries) throws(StoreError) {
    // The end of the epoch distinguishes stores, and is short enough to read.
    epoch = String(try queries.epoch().suffix(12))
    first = try queries.keptFrom()
    last = try queries.lastSequence()
  }

  /// The span up to the last entry that a row reflects: the row may be newer than the span, because each read sees the
  /// latest commit, and a client that follows from here must not receive an entry again.
  func including(_ row: InstanceRow, _ queries: any Queries) throws(StoreError) -> JournalSpan {
    var span = self
    let newer = try queries.history(instance: row.id, after: last, limit: 1000).rows
    if let entry = newer.last(where: { $0.revision <= row.revision }) { span.last = entry.sequence }
    return span
  }
}
