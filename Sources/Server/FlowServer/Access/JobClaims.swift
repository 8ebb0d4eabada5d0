import Synchronization

/// Who has claimed which job, of the workers that are not trusted with all flows.
///
/// It is forgotten with the process: such a worker then loses its leases, and the jobs are claimed again.
final class JobClaims: Sendable {
  /// How many are remembered; the oldest go first.
  static let maximum = 100_000

  private struct State {
    var holders: [Int64: String] = [:]
    var order: [Int64] = []
    var first = 0
  }

  private let state = Mutex(State())

  func note(_ jobs: [Int64], by worker: String) {
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
