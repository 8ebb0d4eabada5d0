import FlowHTTP
import FlowJSON
import FlowRuntime

// The history of an instance: a page, lines, or an infinite stream.
extension FlowService {
  func showHistory(_ request: RouteRequest) throws(Problem) {
    let name = try instanceName(request)
    let access = try readAccess(request.context)
    if request.accepts("text/event-stream") { return try followHistory(request, name: name, access: access) }
    if request.accepts("application/x-ndjson") { return try dumpHistory(request, name: name, access: access) }
    let limit = try request.query.number("limit", default: 100, in: 1...FlowService.maximumLimit)
    let after = Int64(try request.query.number("after", default: 0, in: 0...Int.max))
    let filter = try historyFilter(request, of: name, access: access)
    let redaction = request.context.middleware.settings.redaction
    answer(request) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      guard let row = try row(name, queries: queries, access: access) else {
        return request.context.response(try missing(name, queries: queries, access: access))
      }
      let history = HistoryPage(
        instance: row.id, filter: filter, redaction: redaction, limit: limit, peer: request.http.peer)
      let (entries, next) = try history.read(queries, after: after)
      let page = page(entries.map(\.view), next: next.map { .int($0) }, limit: limit, asOf: span)
      return json(page.begun(with: try queries.beginning(instance: row.id)))
    }
  }

  /// The entries of an instance's history that a request selects.
  private func historyFilter(
    _ request: RouteRequest, of name: (flow: String, key: String), access: ReadAccess
  ) throws(Problem) -> LiveFilter {
    var filter = try LiveFilter { ["flow": name.flow, "key": name.key][$0] ?? request.query[$0] }
    filter.visible = request.context.principal.flows
    filter.access = access
    return filter
  }

  /// All entries, and future ones until the client disconnects.
  private func followHistory(
    _ request: RouteRequest, name: (flow: String, key: String), access: ReadAccess
  ) throws(Problem) {
    let since = try request.position("after") ?? LivePosition(epoch: "", offset: 0)
    let filter = try historyFilter(request, of: name, access: access)
    startStream(request, name: name, access: access) { [live] handle in
      request.context.endsWithKey(handle)
      live.stream(filter, since: since, to: handle)
    }
  }

  /// The whole history, one line for each entry.
  private func dumpHistory(
    _ request: RouteRequest, name: (flow: String, key: String), access: ReadAccess
  ) throws(Problem) {
    let after = Int64(try request.query.number("after", default: 0, in: 0...Int.max))
    let filter = try historyFilter(request, of: name, access: access)
    startStream(request, name: name, access: access) { [live] handle in live.lines(filter, after: after, to: handle) }
  }

  /// Starts a stream about an instance, if the instance exists.
  private func startStream(
    _ request: RouteRequest, name: (flow: String, key: String), access: ReadAccess,
    with stream: @escaping @Sendable (ResponseHandle) -> Void
  ) {
    reader.read { [self] queries in
      do throws(StoreError) {
        if try row(name, queries: queries, access: access) != nil {
          stream(request.respond.handle)
        } else {
          request.respond.send(try missing(name, queries: queries, access: access))
        }
      } catch {
        request.respond.send(.storeUnavailable(error))
      }
    }
  }
}

/// A page of a history: the entries that a filter selects.
private struct HistoryPage {
  let instance: Int64
  let filter: LiveFilter
  /// The redacted fields, which therefore cannot be used in filters.
  let redaction: Redaction
  let limit: Int
  let peer: HTTPPeer?

  /// The number of entries that are read together; large ones end the page by its bytes.
  private static let chunk = 100

  /// - Returns: The entries, and the last one visited when there may be more.
  func read(_ queries: any Queries, after start: Int64) throws(StoreError) -> ([JournalEntry], Int64?) {
    let test = filter.condition?.makeTest()
    var budget = RequestBudget(for: peer)
    var found: [JournalEntry] = []
    var position = start
    while true {
      let entries = try queries.history(instance: instance, after: position, limit: HistoryPage.chunk)
      for kept in entries {
        let entry = filter.restricted(kept) ?? kept
        position = entry.sequence
        budget.addRow()
        if isMeant(entry, test, in: queries) {
          found.append(entry)
          budget.add(bytes: entry.body.bytes().count)
        }
        if found.count == limit || budget.isSpent { return (found, position) }
      }
      if !entries.hasMore { return (found, nil) }
    }
  }

  private func isMeant(_ entry: JournalEntry, _ test: Predicate.Test?, in queries: any Queries) -> Bool {
    var seen = entry
    if test != nil { seen.body = redaction.masked(entry.body, of: entry.flow) }
    return filter.admits(seen, test) {
      let row = (try? queries.instance(flow: entry.flow, key: entry.key)) ?? nil
      return row.flatMap { try? JSON(parsing: $0.data) }.map { redaction.masked($0, of: entry.flow) }
    }
  }
}

extension JSON {
  /// The page of a history, with the initial snapshot if earlier entries were archived.
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
  /// The entry in the format of histories.
  var view: JSON {
    [
      "offset": .int(sequence), "revision": .int(Int64(revision)), "type": .string(kind.rawValue),
      "at": .string(timeText(at)), "data": body,
    ]
  }
}
