import Foundation
import Glibc

/// The signals that a server waits for.
struct Signals: Sendable {
  /// What an operator asks for.
  enum Request {
    case reload
    case end
  }

  private let set: sigset_t

  /// Keeps them from ending the process at once. Threads that are started later inherit that.
  init() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    self.set = set
  }

  /// Returns when one of them comes.
  func wait() -> Request {
    var set = set
    var received: Int32 = 0
    while sigwait(&set, &received) != 0 {}
    return received == SIGHUP ? .reload : .end
  }

  /// From now on another wish to end is granted at once, whatever is still under way.
  func endAtOnceWhenAskedAgain() {
    let thread = Thread {
      while wait() == .reload {}
      _exit(ExitCode.findings)
    }
    thread.name = "flow-signals"
    thread.start()
  }
}
