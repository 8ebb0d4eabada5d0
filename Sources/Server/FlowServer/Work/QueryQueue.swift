import FlowRuntime
import Synchronization

/// Runs reads of the store on workers, each with a connection of its own, so that no loop waits for the disk and a
/// slow read delays no other.
final class QueryQueue: Sendable {
  private let pool: WorkerPool
  /// The connections that no read uses.
  private let free: Mutex<[any Queries]>
  /// The first connection, for what needs one outside of a read.
  let first: any Queries

  /// - Parameters:
  ///   - queries: A connection that only reads.
  ///   - others: More of them; as many reads run at the same time as there are connections.
  init(_ queries: any Queries, _ others: [any Queries] = []) {
    first = queries
    free = Mutex([queries] + others)
    pool = WorkerPool(width: others.count + 1)
  }

  func read(_ body: @escaping @Sendable (any Queries) -> Void) {
    pool.run { [self] in
      // The pool is as wide as there are connections.
      let queries = free.withLock { $0.popLast() } ?? first
      body(queries)
      free.withLock { $0.append(queries) }
    }
  }
}
