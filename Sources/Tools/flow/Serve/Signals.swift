import Foundation
import Glibc

/// The signals that a server handles: SIGINT and SIGTERM to end, SIGHUP to reload, and SIGUSR1, which the process sends
/// to itself.
struct Signals: Sendable {
  /// The meaning of a signal.
  enum Request {
    case reload
    case end
    /// There may be something to do, such as the claim of a store.
    case wake
  }

  private let set: sigset_t

  /// Blocks the signals, for this thread and all threads that it starts.
  init() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    self.set = set
  }

  /// Waits for the next signal.
  func wait() -> Request {
    var set = set
    var received: Int32 = 0
    while sigwait(&set, &received) != 0 {}
    return Signals.request(received)
  }

  /// Waits for the next signal for a limited time.
  /// - Returns: Nil when there was none.
  func wait(milliseconds: Int64) -> Request? {
    var set = set
    var time = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
    let received = sigtimedwait(&set, nil, &time)
    guard received > 0 else { return nil }
    return Signals.request(received)
  }

  private static func request(_ signal: Int32) -> Request {
    switch signal {
    case SIGHUP: .reload
    case SIGUSR1: .wake
    default: .end
    }
  }

  /// Ends the wait of the thread that waits for signals.
  @Sendable static func wake() { kill(getpid(), SIGUSR1) }

  /// Makes the next request to end exit immediately, even while the server shuts down.
  func exitOnNextRequest() {
    let thread = Thread {
      while wait() != .end {}
      _exit(ExitCode.findings)
    }
    thread.name = "flow-signals"
    thread.start()
  }
}
