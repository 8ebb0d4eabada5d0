import FlowHTTP
import Synchronization

/// The messages of one socket in order, although those that are too expensive for a loop run on a worker.
final class LivePeer: Sendable {
  /// The maximum number of messages that wait for one on a worker.
  static let maximumWaiting = 1_000

  private struct State {
    var isBusy = false
    var waiting: [String] = []
  }

  /// The request that opened the socket.
  let context: RequestContext
  /// The fields of that request that identify the caller, for requests to the owner of the store.
  let credentials: [(name: String, value: String)]
  private let state = Mutex(State())

  init(_ context: RequestContext, _ request: HTTPRequest) {
    self.context = context
    credentials = ["Host", "Authorization", "Cookie", "Flow-Caller", "Flow-Roles"].flatMap { name in
      request.headers.values(of: name).map { (name, $0) }
    }
  }

  enum Turn { case now, later, tooMany }

  /// - Parameter isExpensive: True if the message is to run on a worker; the peer then is busy until ``next()`` returns
  ///   nil.
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

  /// The next waiting message; nil when none is waiting, and loops may handle messages again.
  func next() -> String? {
    state.withLock { state in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
      state.isBusy = false
      return nil
    }
  }
}
