import FlowHTTP
import FlowRuntime
import FlowSource

// What happened to an instance: a list, lines, or a stream that goes on.
extension FlowService {
  func showHistory(_ exchange: Exchange) throws(Problem) {
    let name = try instanceName(exchange)
    let limit = try exchange.number("limit", default: 100, in: 1...FlowService.maximumLimit)
    let after = Int64(try exchange.number("after", default: 0, in: 0...Int.max))
    answer(exchange) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      guard let row = try queries.instance(flow: name.flow, key: name.key) else { return try missing(name, queries).response }
      let entries = try queries.history(instance: row.id, after: after, limit: limit)
      let next: JSON? = entries.count == limit ? entries.last.map { .int($0.sequence) } : nil
      return json(page(entries.map(\.view), next: next, limit: limit, asOf: span))
    }
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
