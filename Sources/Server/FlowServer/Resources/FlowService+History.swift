import FlowHTTP
import FlowJSON
import FlowRuntime

// What happened to an instance: a list, lines, or a stream that goes on.
extension FlowService {
  func showHistory(_ exchange: RouteRequest) throws(Problem) {
    let name = try instanceName(exchange)
    if exchange.accepts("text/event-stream") { return try followHistory(exchange, name) }
    if exchange.accepts("application/x-ndjson") { return try dumpHistory(exchange, name) }
    let limit = try exchange.query.number("limit", default: 100, in: 1...FlowService.maximumLimit)
    let after = Int64(try exchange.query.number("after", default: 0, in: 0...Int.max))
    let filter = try historyFilter(exchange, name)
    let redaction = exchange.request.visit?.gate.settings.redaction ?? Redaction()
    answer(exchange) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      guard let row = try queries.instance(flow: name.flow, key: name.key) else {
        return try missing(name, queries).response
      }
      let history = HistoryPage(instance: row.id, filter: filter, redaction: redaction, limit: limit)
      let (entries, next) = try history.read(queries, after: after)
      let page = page(entries.map(\.view), next: next.map { .int($0) }, limit: limit, asOf: span)
      return json(page.begun(with: try queries.beginning(instance: row.id)))
    }
  }

  /// What of an instance's history somebody wants to hear.
  private func historyFilter(_ exchange: RouteRequest, _ name: (flow: String, key: String)) throws(Problem)
    -> LiveFilter
  {
    try LiveFilter { ["flow": name.flow, "key": name.key][$0] ?? exchange.query[$0] }
  }

  /// What has happened, and what happens next, until the client leaves.
  private func followHistory(_ exchange: RouteRequest, _ name: (flow: String, key: String)) throws(Problem) {
    let since = try exchange.position("after") ?? LivePosition(epoch: "", offset: 0)
    let filter = try historyFilter(exchange, name)
    begin(exchange, name) { [live] handle in
      exchange.request.visit?.endsWithKey(handle)
      live.stream(filter, since: since, to: handle)
    }
  }

  /// All that has happened, a line for each entry.
  private func dumpHistory(_ exchange: RouteRequest, _ name: (flow: String, key: String)) throws(Problem) {
    let after = Int64(try exchange.query.number("after", default: 0, in: 0...Int.max))
    let filter = try historyFilter(exchange, name)
    begin(exchange, name) { [live] handle in live.lines(filter, after: after, to: handle) }
  }

  /// Begins a stream about an instance, if there is one.
  private func begin(
    _ exchange: RouteRequest, _ name: (flow: String, key: String),
    _ stream: @escaping @Sendable (ResponseHandle) -> Void
  ) {
    reader.read { [self] queries in
      do throws(StoreError) {
        if try queries.instance(flow: name.flow, key: name.key) != nil {
          stream(exchange.respond.handle)
        } else {
          exchange.respond.send(try missing(name, queries).response)
        }
      } catch {
        exchange.respond.send(EngineProblem.storeUnavailable(error.message).response)
      }
    }
  }
}

/// A page of a history: the entries that a filter admits.
private struct HistoryPage {
  /// How many entries one answer looks at; a filter that finds little gives an empty page with a `next`.
  static let maximumScan = 10_000

  let instance: Int64
  let filter: LiveFilter
  /// What nobody gets to see, and so can't ask for.
  let redaction: Redaction
  let limit: Int

  /// - Returns: The entries, and the last one looked at when there may be more.
  func read(_ queries: any Queries, after start: Int64) throws(StoreError) -> ([JournalEntry], Int64?) {
    let test = filter.condition?.makeTest()
    var found: [JournalEntry] = []
    var position = start
    for _ in 0..<(HistoryPage.maximumScan / FlowService.maximumLimit) {
      let entries = try queries.history(instance: instance, after: position, limit: FlowService.maximumLimit)
      for entry in entries {
        position = entry.sequence
        if isMeant(entry, test) { found.append(entry) }
        if found.count == limit { return (found, position) }
      }
      if entries.count < FlowService.maximumLimit { return (found, nil) }
    }
    return (found, position)
  }

  private func isMeant(_ entry: JournalEntry, _ test: Predicate.Test?) -> Bool {
    var seen = entry
    if test != nil { seen.body = redaction.masked(entry.body, of: entry.flow) }
    return filter.admits(seen, test)
  }
}

extension JSON {
  /// The page of a history with what the history begins with, when what came before was archived.
  fileprivate func begun(with snapshot: InstanceSnapshot?) -> JSON {
    guard let snapshot, let members else { return self }
    let beginning: JSON = [
      "offset": .int(snapshot.sequence), "revision": .int(Int64(snapshot.revision)),
      "at": .string(timeText(snapshot.at)),
    ]
    return .object(members + [.init("archivedTo", beginning)])
  }
}

extension JournalEntry {
  /// The entry as histories have it.
  var view: JSON {
    [
      "offset": .int(sequence), "revision": .int(Int64(revision)), "type": .string(kind.rawValue),
      "at": .string(timeText(at)), "data": body,
    ]
  }
}
