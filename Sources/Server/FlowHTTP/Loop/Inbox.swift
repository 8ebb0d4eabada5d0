internal import CEpoll
internal import Glibc
internal import Synchronization

/// The queue from other threads to a loop: responses, frames and the request to stop.
final class Inbox: Sendable {
  /// Identifies a request or socket within its loop; it remains unique when the slot is reused.
  struct Target: Sendable, Hashable {
    var slot: Int
    var generation: UInt64
  }

  enum Delivery: Sendable {
    case respond(HTTPResponse, Target)
    case chunk([UInt8], Target)
    case finish(Target)
    case upgrade(subprotocol: String?, context: (any Sendable)?, Target)
    case frame(EncodedFrame, Target)
    case close(code: Int, reason: String, Target)
    case awaitDrain(Target)
    case tunnel([UInt8], Target)
    case abort(Target)
    case run(@Sendable () -> Void)
    case shutDown

    /// True if the loss could not be repaired by reconnecting.
    var isVital: Bool {
      switch self {
      case .respond, .finish, .upgrade, .awaitDrain, .tunnel, .abort, .run, .shutDown: true
      case .chunk, .frame, .close: false
      }
    }
  }

  private struct State {
    var deliveries: [Delivery] = []
    var isAsleep = false
    var isClosed = false
    var hasOverflowed = false
  }

  /// Becomes readable when a delivery was posted while the loop was asleep.
  let wakeup: Int32
  private let limit: Int
  private let state = Mutex(State())

  init?(limit: Int) {
    self.limit = limit
    wakeup = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    if wakeup < 0 { return nil }
  }

  deinit { Glibc.close(wakeup) }

  // MARK: For all threads.

  /// - Returns: False if the loop has ended, so that the delivery is discarded.
  @discardableResult
  func post(_ delivery: Delivery) -> Bool {
    let (isOpen, mustWake) = state.withLock { state in
      admit(delivery, in: &state)
      return (!state.isClosed, wake(&state))
    }
    if mustWake { eventfd_write(wakeup, 1) }
    return isOpen
  }

  private func admit(_ delivery: Delivery, in state: inout State) {
    if state.isClosed { return }
    if state.deliveries.count >= limit, !delivery.isVital {
      state.hasOverflowed = true
    } else {
      state.deliveries.append(delivery)
    }
  }

  private func wake(_ state: inout State) -> Bool {
    defer { state.isAsleep = false }
    return state.isAsleep
  }

  // MARK: For the loop.

  /// Exchanges the queued deliveries for the empty `deliveries`; returns true if some were discarded.
  func drain(into deliveries: inout [Delivery]) -> Bool {
    state.withLock { state in
      swap(&state.deliveries, &deliveries)
      defer { state.hasOverflowed = false }
      return state.hasOverflowed
    }
  }

  /// From now on a delivery wakes the loop; returns false if one is already queued.
  func prepareToSleep() -> Bool {
    state.withLock { state in
      state.isAsleep = state.deliveries.isEmpty && !state.hasOverflowed
      return state.isAsleep
    }
  }

  /// The loop is awake.
  func wakeUp(isSignalled: Bool) {
    state.withLock { $0.isAsleep = false }
    var count: eventfd_t = 0
    if isSignalled { eventfd_read(wakeup, &count) }
  }

  /// The loop has ended: later deliveries are discarded.
  /// - Returns: Those that are still queued.
  @discardableResult
  func close() -> [Delivery] {
    state.withLock { state in
      state.isClosed = true
      defer { state.deliveries = [] }
      return state.deliveries
    }
  }
}
