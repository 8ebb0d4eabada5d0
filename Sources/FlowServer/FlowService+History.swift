import FlowHTTP
import FlowRuntime
import FlowSource

// What happened to an instance: a list, lines, or a stream that goes on.
extension FlowService {
  func showHistory(_ exchange: Exchange) throws(Problem) {
    let name = try instanceName(exchange)
    if exchange.accepts("text/event-stream") { return try followHistory(exchange, name) }
    if exchange.accepts("application/x-ndjson") { return try dumpHistory(exchange, name) }
    let limit = try exchange.query.number("limit", default: 100, in: 1...FlowService.maximumLimit)
    let after = Int64(try exchange.query.number("after", default: 0, in: 0...Int.max))
    answer(exchange) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      guard let row = try queries.instance(flow: name.flow, key: name.key) else {
        return try missing(name, queries).response
      }
      let entries = try queries.history(instance: row.id, after: after, limit: limit)
      let next: JSON? = entries.count == limit ? entries.last.map { .int($0.sequence) } : nil
      let beginning = try queries.beginning(instance: row.id)
      return json(page(entries.map(\.view), next: next, limit: limit, asOf: span).begun(with: beginning))
    }
  }

  /// What has happened, and what happens next, until the client leaves.
  private func followHistory(_ exchange: Exchange, _ name: (flow: String, key: String)) throws(Problem) {
    let since = try exchange.position("after") ?? LivePosition(epoch: "", offset: 0)
    let filter = try LiveFilter { ["flow": name.flow, "key": name.key][$0] ?? exchange.query[$0] }
    begin(exchange, name) { [live] handle in
      exchange.request.visit?.endsWithKey(handle)
      live.stream(filter, since: since, to: handle)
    }
  }

  /// All that has happened, a line for each entry.
  private func dumpHistory(_ exchange: Exchange, _ name: (flow: String, key: String)) throws(Problem) {
    let after = Int64(try exchange.query.number("after", default: 0, in: 0...Int.max))
    let filter = try LiveFilter { ["flow": name.flow, "key": name.key][$0] ?? exchange.query[$0] }
    begin(exchange, name) { [live] handle in live.lines(filter, after: after, to: handle) }
  }

  /// Begins a stream about an instance, if there is one.
  private func begin(
    _ exchange: Exchange, _ name: (flow: String, key: String), _ stream: @escaping @Sendable (ResponseHandle) -> Void
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
      "offset": .int(sequence), "revision": .int(Int64(revision)), "type": .string(kind),
      "at": .string(timeText(at)), "data": body,
    ]
  }
}
