import FlowRuntime
import FlowServer
import FlowStorePostgres
import Foundation
import Synchronization

/// Renews the lease of a store until it is stopped or the lease is lost.
final class LeaseHeartbeat: Sendable {
  private let lease: PostgresLease
  private let onBeat: @Sendable () -> Void
  private let isStopped = Atomic(false)
  private let wake = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// Starts a thread.
  /// - Parameters:
  ///   - onBeat: Called after each renewal; it must not take long.
  ///   - onLoss: Called once with the reason when this process must not commit or answer any more.
  init(
    _ lease: PostgresLease, log: Log, onBeat: @escaping @Sendable () -> Void,
    onLoss: @escaping @Sendable (String) -> Void
  ) {
    self.lease = lease
    self.onBeat = onBeat
    let thread = Thread { [self] in
      if let reason = renewUntilLoss(log), !isStopped.load(ordering: .acquiring) { onLoss(reason) }
      ended.signal()
    }
    thread.name = "flow-lease"
    thread.start()
  }

  /// - Returns: The reason of the loss; nil after a stop.
  private func renewUntilLoss(_ log: Log) -> String? {
    while true {
      _ = wake.wait(timeout: .now() + .milliseconds(Int(PostgresLease.heartbeatMilliseconds)))
      if isStopped.load(ordering: .acquiring) { return nil }
      do throws(StoreError) {
        guard try lease.renew() else { return "another node has claimed the store" }
        onBeat()
      } catch {
        log.write(.warn, "the lease was not renewed: \(error.message)")
        guard lease.isValid else { return "the lease could not be renewed: \(error.message)" }
      }
    }
  }

  /// Ends the renewals, and waits for the thread.
  func stop() {
    isStopped.store(true, ordering: .releasing)
    wake.signal()
    ended.wait()
  }
}
