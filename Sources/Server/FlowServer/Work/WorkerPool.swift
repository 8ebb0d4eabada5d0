import Dispatch
import Synchronization

/// Runs work off the loops and the engine's thread, with a fixed number of threads.
///
/// A loop serves many connections, so work that grows with the input of one client runs here: parsing bodies,
/// compiling conditions, redaction, compression.
final class WorkerPool: Sendable {
  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var first = 0
    var running = 0
  }

  private let width: Int
  private let limit: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - width: The maximum number of concurrent pieces of work.
  ///   - limit: The maximum number of waiting pieces of work.
  init(width: Int, limit: Int = .max) {
    self.width = max(1, width)
    self.limit = limit
  }

  /// Runs `body` on a worker.
  /// - Returns: False when the limit is reached; `body` is then dropped.
  @discardableResult
  func run(_ body: @escaping @Sendable () -> Void) -> Bool {
    let (isAccepted, isStarting) = state.withLock { state -> (Bool, Bool) in
      if state.running == width, state.waiting.count - state.first >= limit { return (false, false) }
      state.waiting.append(body)
      guard state.running < width else { return (true, false) }
      state.running += 1
      return (true, true)
    }
    if isStarting { DispatchQueue.global().async { self.work() } }
    return isAccepted
  }

  private func work() {
    while let body = next() { body() }
  }

  private func next() -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard state.first < state.waiting.count else {
        state.running -= 1
        return nil
      }
      let body = state.waiting[state.first]
      state.first += 1
      if state.first == state.waiting.count || state.first > 1024 {
        state.waiting.removeFirst(state.first)
        state.first = 0
      }
      return body
    }
  }
}
