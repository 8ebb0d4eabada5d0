import Dispatch
import Synchronization

/// The listeners that are closed when their key or token expires.
final class Expirations: Sendable {
  /// The maximum delay after which a changed clock, or an earlier expiration, is detected, in milliseconds.
  static let longestWait: Int64 = 1000

  private struct State {
    var instants: [LiveListener: Int64] = [:]
    var isWaiting = false
  }

  private let clock: @Sendable () -> Int64
  private let end: @Sendable (LiveListener) -> Void
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "flow.expirations")

  /// - Parameter clock: Milliseconds since 1970.
  /// - Parameter end: Called once for each listener, when it expires.
  init(clock: @escaping @Sendable () -> Int64, end: @escaping @Sendable (LiveListener) -> Void) {
    self.clock = clock
    self.end = end
  }

  /// - Parameter instant: Milliseconds since 1970; nil for a listener that does not expire.
  func add(_ listener: LiveListener, at instant: Int64?) {
    guard let instant else { return }
    let mustWait = state.withLock { state in
      state.instants[listener] = instant
      defer { state.isWaiting = true }
      return !state.isWaiting
    }
    if mustWait { wait(until: instant) }
  }

  /// Removes a listener that is already closed.
  func remove(_ listener: LiveListener) { state.withLock { _ = $0.instants.removeValue(forKey: listener) } }

  private func wait(until instant: Int64) {
    let milliseconds = min(max(instant - clock(), 0), Expirations.longestWait)
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(milliseconds))) { [weak self] in self?.endDue() }
  }

  private func endDue() {
    let now = clock()
    let (due, next) = state.withLock { state in
      let due = state.instants.filter { $0.value <= now }.map(\.key)
      for listener in due { state.instants[listener] = nil }
      state.isWaiting = !state.instants.isEmpty
      return (due, state.instants.values.min())
    }
    for listener in due { end(listener) }
    if let next { wait(until: next) }
  }
}
