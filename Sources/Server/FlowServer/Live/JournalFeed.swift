public import FlowJSON
public import FlowRuntime

/// The entries that a feed selects, as in the live stream.
public struct FeedFilter: Sendable {
  /// The reason why a filter is not valid.
  public struct Invalid: Error, Hashable, Sendable { public var message: String }

  let filter: LiveFilter

  /// - Parameters:
  ///   - kind: The kind of the entries, such as `step` or `emit`.
  ///   - condition: A condition of CEL.
  /// - Throws: `Invalid` for a condition that does not compile.
  public init(
    flow: String? = nil, key: String? = nil, event: String? = nil, kind: String? = nil, condition: String? = nil
  ) throws(Invalid) {
    do throws(Problem) {
      filter = try LiveFilter(flow: flow, key: key, event: event, kind: kind, filter: condition)
    } catch {
      throw Invalid(message: error.detail)
    }
  }
}

/// The journal as CloudEvents, for a reader that keeps its own position. It belongs to one thread.
public final class JournalFeed {
  /// The number of entries that are read at a time.
  static let pageSize = 500

  /// An entry as others see it.
  public struct Item: Sendable {
    /// The identifier of the entry, unique among all stores.
    public var identifier: String
    public var flow: String
    /// The kind of the entry, such as `step`.
    public var kind: String
    /// The event of the entry, if it has one.
    public var event: String?
    /// The entry as a CloudEvent.
    public var document: JSON
  }

  /// A part of the journal.
  public struct Page: Sendable {
    /// The selected entries in their order.
    public var items: [Item] = []
    /// The position after the part.
    public var end: Int64
    /// The position of the newest entry.
    public var newest: Int64
    /// True if entries after the given position were archived, and are missing.
    public var hasGap = false
  }

  private let queries: any Queries
  private let redaction: Redaction
  private let filter: LiveFilter
  private let test: Predicate.Test?
  private let epoch: String

  /// - Throws: `StoreError` when the store can't be read.
  public init(_ filter: FeedFilter, queries: any Queries, redaction: Redaction) throws(StoreError) {
    self.queries = queries
    self.redaction = redaction
    self.filter = filter.filter
    test = filter.filter.condition?.makeTest(fuel: Predicate.liveFuel)
    epoch = try JournalSpan(queries).epoch
  }

  /// The stored position of a reader; nil for a new one.
  /// - Throws: `StoreError` when the store can't be read.
  public func position(of name: String) throws(StoreError) -> Int64? { try queries.cursors()[name] }

  /// The position of the newest entry.
  /// - Throws: `StoreError` when the store can't be read.
  public func newest() throws(StoreError) -> Int64 { try queries.lastSequence() }

  /// The entries after a position.
  /// - Throws: `StoreError` when the store can't be read.
  public func page(after position: Int64) throws(StoreError) -> Page {
    let newest = try queries.lastSequence()
    guard newest > position else { return Page(end: position, newest: newest) }
    let entries = try queries.journal(after: position, limit: JournalFeed.pageSize)
    var page = Page(end: entries.last?.sequence ?? newest, newest: newest)
    page.hasGap = try queries.keptFrom() > position + 1
    for kept in entries {
      var entry = kept
      entry.body = redaction.masked(entry.body, of: entry.flow)
      guard filter.admits(entry, test, instanceData: { data(of: entry) }) else { continue }
      page.items.append(
        Item(
          identifier: "\(LivePosition(epoch: epoch, offset: entry.sequence))", flow: entry.flow,
          kind: entry.kind.rawValue, event: entry.event, document: entry.cloudEvent))
    }
    return page
  }

  private func data(of entry: JournalEntry) -> JSON? {
    LiveHub.data(flow: entry.flow, key: entry.key, queries: queries, redaction: redaction)
  }
}
