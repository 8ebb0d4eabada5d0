import FlowJSON
import FlowMachine

// The idempotency keys of outgoing requests. A key never identifies two bodies: see `Docs/durability.md`.
extension Engine {
  /// The idempotency key of a job: the same for every attempt, different from the key of every other job of this and
  /// of every other store, and different for another body.
  /// - Parameter body: The body of the request: a migration may change it.
  func idempotencyKey(of row: JobRow, _ cached: Cached, body: [UInt8]) -> String {
    let store = batch.counters.identity
    let digest = String(body.fnv1a, radix: 16)
    if let once = row.once { return "\(store)/once/\(once)/\(generation(of: once))-\(digest)" }
    // Rows of earlier versions have no origin, and keep the keys with which they were sent.
    guard row.origin != 0 else {
      return "\(store)/\(cached.row.flow)/\(cached.row.key)/\(row.revision)/\(row.number)"
    }
    let timeline = row.epoch == 0 ? store : "\(store).\(row.epoch)"
    return "\(timeline)/\(cached.row.flow)/\(cached.row.key)/\(row.origin)-\(digest)"
  }

  /// The number of results of a key whose work was undone.
  private func generation(of once: String) -> Int { onceRow(once)?.generation ?? 0 }

  /// The record of work that is done once, including the changes of the batch.
  func onceRow(_ key: String) -> OnceRow? {
    batch.writes.once[ExactText(key)] ?? read({ () throws(StoreError) in try store.once(key: key) }) ?? nil
  }
}

extension BoundAction {
  /// The part of an action that a receiver processes, without its address and headers.
  var body: [UInt8] {
    switch self {
    case .http(let method, _, _, let body): Array(method.utf8) + [0] + (body?.bytes(.canonical) ?? [])
    case .worker(_, let arguments): arguments.bytes(.canonical)
    case .log(let text): Array(text.utf8)
    case .other(_, let settings): settings.bytes(.canonical)
    }
  }
}
