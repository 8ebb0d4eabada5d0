import Dispatch
import FlowRuntime

/// Runs reads one after the other on a queue of their own, so that no loop waits for the disk.
final class QueryQueue: Sendable {
  private let queue = DispatchQueue(label: "flow.reader")
  private let queries: any Queries

  init(_ queries: any Queries) { self.queries = queries }

  func read(_ body: @escaping @Sendable (any Queries) -> Void) {
    queue.async { [queries] in body(queries) }
  }
}
