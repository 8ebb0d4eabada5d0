import Dispatch
import FlowSource

extension Parallelism {
  /// Uses all processors.
  static let threads = Parallelism { count, body in DispatchQueue.concurrentPerform(iterations: count, execute: body) }
}
