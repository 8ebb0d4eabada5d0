import FlowActions
import Foundation
import Synchronization

/// A thread that works until it is asked to end, and that can be woken while it pauses.
final class StoppableThread: Sendable {
  private let isStopping = Atomic<Bool>(false)
  private let wake = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// True when the thread has to end.
  var mustStop: Bool { isStopping.load(ordering: .acquiring) }

  func start(name: String, _ main: @escaping @Sendable () -> Void) {
    let thread = Thread { [ended] in
      BrokerThread.prepare()
      main()
      ended.signal()
    }
    thread.name = name
    thread.start()
  }

  /// Asks the thread to end after the work that it is doing.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    wake.signal()
  }

  /// Returns when the thread has ended, or after a time. A second call returns as well.
  func waitForEnd(seconds: Double? = nil) {
    let limit = seconds.map { DispatchTime.now() + $0 } ?? .distantFuture
    if ended.wait(timeout: limit) == .success { ended.signal() }
  }

  /// Pauses the thread that calls this, unless it has to end.
  func pause(seconds: Double) {
    guard !mustStop else { return }
    _ = wake.wait(timeout: .now() + seconds)
  }
}
