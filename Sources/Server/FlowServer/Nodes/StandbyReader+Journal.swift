public import FlowJSON
public import FlowRuntime
import Synchronization

// The live stream of a node that does not own the store. One request at a time to the owner waits for news; the entries
// are read from the database, once for all subscribers of this node.
extension StandbyReader {
  /// The number of entries that are read together.
  private static let pageSize = 500
  /// The time that a request to the owner waits, in milliseconds.
  public static let waitMilliseconds = 2000

  /// The progress of the node in the journal.
  struct Progress {
    /// The last entry that was passed on; nil before the first news.
    var position: Int64?
    /// Identifies the last change of a flow.
    var change = ""
  }

  /// True if this node has subscribers of its own.
  public var hasSubscribers: Bool { live.hasListeners }

  /// The target of the next request to the owner.
  public var nextRequest: String {
    let progress = progress.withLock { $0 }
    // The first one asks where the journal ends.
    let wait = progress.position == nil || progress.change.isEmpty ? 0 : StandbyReader.waitMilliseconds
    return "\(NodeRequest.journal)?after=\(progress.position ?? 0)&change=\(progress.change)&wait=\(wait)"
  }

  /// Passes on the news of the owner to the subscribers of this node.
  /// - Returns: False when the document is of another version of Flow.
  /// - Throws: `StoreError` when the database can't be read.
  public func receive(_ document: JSON) throws(StoreError) -> Bool {
    guard let news = LiveFollowers.News(document) else { return false }
    // Flows decide who may read an entry, and which fields are redacted.
    if news.flows != servedFlows { try update() }
    try publish(upTo: news.last)
    for change in news.changes { live.publish(change) }
    progress.withLock { $0.change = news.change }
    return true
  }

  /// Passes on what the database has, while no owner answers.
  /// - Throws: `StoreError` when the database can't be read.
  public func poll() throws(StoreError) {
    let last = try feed.lastSequence()
    try update()
    try publish(upTo: last)
  }

  /// Reads the served flows. Without them subscribers have to be served by the owner.
  private func update() throws(StoreError) {
    do throws(StoreError) {
      try refresh()
    } catch {
      access.endConnections("the flows of the store can't be read")
      throw error
    }
  }

  private func publish(upTo last: Int64) throws(StoreError) {
    var position = progress.withLock { $0.position } ?? live.lastSequence
    defer { progress.withLock { $0.position = position } }
    while position < last, live.hasListeners {
      let page = try feed.journal(after: position, limit: StandbyReader.pageSize)
      let entries = page.filter { $0.sequence <= last }
      // Archived entries are missing: each subscriber then reads the journal by itself.
      guard let end = entries.last?.sequence, end == position + Int64(entries.count) else { break }
      live.publish(entries)
      position = end
    }
    guard position < last else { return }
    live.advance(to: last)
    position = last
  }
}
