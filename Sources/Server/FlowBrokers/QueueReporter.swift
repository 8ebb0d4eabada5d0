import FlowIR
import FlowJSON
import FlowRuntime
import FlowServer
import Synchronization

/// Writes the reports of a reader to the log and the metrics. A problem that repeats is one line.
final class QueueReporter: Sendable {
  private let subscription: QueueSubscription
  private let metrics: QueueMetrics
  private let log: Log
  private let problem = Mutex<String?>(nil)

  init(_ subscription: QueueSubscription, metrics: QueueMetrics, log: Log) {
    self.subscription = subscription
    self.metrics = metrics
    self.log = log
  }

  func report(_ report: QueueReport) {
    let queue = subscription.queue
    switch report {
    case .connected:
      metrics.setConnected(true, of: queue)
      problem.withLock { $0 = nil }
      write(.info, "queue connected")
    case .disconnected(nil):
      metrics.setConnected(false, of: queue)
      write(.info, "queue disconnected")
    case .disconnected(let reason?):
      metrics.setConnected(false, of: queue)
      writeOnce("queue disconnected", reason)
    case .received(let redelivered): for _ in 0..<redelivered { metrics.recordRedelivery(of: queue) }
    case .settled(let outcomes):
      if !outcomes.isEmpty { problem.withLock { $0 = nil } }
      for outcome in outcomes { record(outcome) }
    case .postponed(let reason): writeOnce("messages are postponed", reason)
    case .lag(let count): metrics.setLag(count, of: queue)
    }
  }

  private func record(_ outcome: MessageOutcome) {
    switch outcome {
    case .accepted(let isReplayed): metrics.record(isReplayed ? .repeated : .accepted, of: subscription.queue)
    case .refused(let code, _):
      metrics.record(.refused, of: subscription.queue)
      // The message of the refusal may contain values; it is in the dead letter.
      write(.warn, "message refused", fields: [.init("code", .string(code))])
    case .postponed: break
    }
  }

  private func writeOnce(_ message: String, _ reason: String) {
    let isNew = problem.withLock { problem in
      defer { problem = reason }
      return problem != reason
    }
    if isNew { write(.warn, message, fields: [.init("err", .string(reason))]) }
  }

  private func write(_ level: Log.Level, _ message: String, fields: [JSON.Member] = []) {
    let names: [JSON.Member] = [
      .init("broker", .string(subscription.queue.broker.rawValue)), .init("queue", .string(subscription.queue.name)),
      .init("event", .string(subscription.event)),
    ]
    log.write(level, message, fields: names + fields)
  }
}
