import Foundation

/// Threads that use the libraries of brokers and databases.
public enum BrokerThread {
  /// Prepares the current thread: some libraries write to sockets that the peer has closed, and the signal must not end
  /// this process.
  public static func prepare() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}
