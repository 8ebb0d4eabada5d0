import Foundation
import Glibc

/// The signals that a server handles: SIGINT and SIGTERM to end, SIGHUP to reload.
struct Signals: Sendable {
  /// The meaning of a signal.
  enum Request {
    case reload
    case end
  }

  private let set: sigset_t

  /// Blocks the signals, for this thread and all threads that it starts.
  init() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    self.set = set
  }

  /// Waits for the next signal.
  func wait() -> Request {
    var set = set
    var received: Int32 = 0
    while sigwait(&set, &received) != 0 {}
    return received == SIGHUP ? .reload : .end
  }

  /// Waits for the next signal for a limited time.
  /// - Returns: Nil when there was none.
  func wait(milliseconds: Int64) -> Request? {
    var set = set
    var time = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
    let received = sigtimedwait(&set, nil, &time)
    guard received > 0 else { return nil }
    return received == SIGHUP ? .reload : .end
  }

  /// Makes the next request to end exit immediately, even while the server shuts down.
  func exitOnNextRequest() {
    let thread = Thread {
      while wait() == .reload {}
      _exit(ExitCode.findings)
    }
    thread.name = "flow-signals"
    thread.start()
  }
}
