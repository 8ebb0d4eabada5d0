import Synchronization

/// The jobs that workers limited to some flows have claimed.
///
/// They are kept in memory: after a restart such a worker loses its leases, and the jobs are claimed again.
final class JobClaims: Sendable {
  /// The maximum number of claims; the oldest are dropped first.
  static let maximum = 100_000

  private struct State {
    var holders: [Int64: String] = [:]
    var order: [Int64] = []
    var first = 0
  }

  private let state = Mutex(State())

  func record(_ jobs: [Int64], by worker: String) {
    state.withLock { state in
      for job in jobs {
        if state.holders.updateValue(worker, forKey: job) == nil { state.order.append(job) }
        if state.holders.count > JobClaims.maximum {
          state.holders[state.order[state.first]] = nil
          state.first += 1
        }
      }
      if state.first > JobClaims.maximum {
        state.order.removeFirst(state.first)
        state.first = 0
      }
    }
  }

  func isHeld(_ job: Int64, by worker: String) -> Bool { state.withLock { $0.holders[job] == worker } }
}
