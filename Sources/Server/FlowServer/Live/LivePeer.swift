import Synchronization

/// The messages of one socket, in their order, although those that cost too much for a loop run on a worker.
final class LivePeer: Sendable {
  /// Messages that may wait for one that runs on a worker.
  static let maximumWaiting = 1_000

  private struct State {
    var isBusy = false
    var waiting: [String] = []
  }

  /// The request that opened the socket.
  let context: RequestContext
  private let state = Mutex(State())

  init(_ context: RequestContext) { self.context = context }

  enum Turn { case now, later, tooMany }

  /// - Parameter isExpensive: Whether the message is to run on a worker; then it is the peer's turn until ``next()``
  ///   returns nil.
  func enqueue(_ text: String, isExpensive: Bool) -> Turn {
    state.withLock { state in
      guard state.isBusy else {
        state.isBusy = isExpensive
        return .now
      }
      guard state.waiting.count < LivePeer.maximumWaiting else { return .tooMany }
      state.waiting.append(text)
      return .later
    }
  }

  /// The next message that has waited; nil when there is none, and loops may handle messages again.
  func next() -> String? {
    state.withLock { state in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
      state.isBusy = false
      return nil
    }
  }
}
