import FlowRuntime
import Synchronization

/// Runs reads of the store on workers, each with its own connection, so that loops do not wait for the disk and a slow
/// read does not delay others.
final class QueryQueue: Sendable {
  private let pool: WorkerPool
  /// The unused connections.
  private let free: Mutex<[any Queries]>
  /// The first connection, for uses outside of a read.
  let first: any Queries

  /// - Parameters:
  ///   - queries: A read-only connection.
  ///   - others: Further connections; the number of concurrent reads is the number of connections.
  init(_ queries: any Queries, _ others: [any Queries] = []) {
    first = queries
    free = Mutex([queries] + others)
    pool = WorkerPool(width: others.count + 1)
  }

  func read(_ body: @escaping @Sendable (any Queries) -> Void) {
    pool.run { [self] in
      // The width of the pool is the number of connections.
      let queries = free.withLock { $0.popLast() } ?? first
      body(queries)
      free.withLock { $0.append(queries) }
    }
  }
}
