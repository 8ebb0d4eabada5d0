import FlowActions
import FlowRuntime
import Foundation
import Synchronization

/// Reads one queue on its own thread: delivers its messages to the engine in their order, and settles each when its
/// outcome is committed.
final class QueueReader: Sendable {
  /// The longest time until a reader notices that it has to stop, in milliseconds.
  static let waitMilliseconds = 250
  /// The longest wait before the next connection, in seconds.
  static let longestPause = 30.0
  /// The longest wait before messages are tried again, in seconds.
  static let longestDelay = 10.0
  /// The interval at which the number of waiting messages is read, in nanoseconds.
  static let lagInterval: UInt64 = 10_000_000_000

  /// The outside world of a reader.
  struct Environment: Sendable {
    var connect: @Sendable () throws(BrokerProblem) -> any QueueConnection
    /// Delivers messages to the engine.
    var submit: @Sendable ([BrokerMessage], @escaping @Sendable ([MessageOutcome]) -> Void) -> Void
    var report: @Sendable (QueueReport) -> Void
  }

  let subscription: QueueSubscription
  private let environment: Environment
  private let thread = StoppableThread()

  init(_ subscription: QueueSubscription, in environment: Environment) {
    self.subscription = subscription
    self.environment = environment
  }

  func start() { thread.start(name: "flow-queue") { [self] in main() } }

  /// Asks the thread to end after the batch that it delivers.
  func stop() { thread.stop() }

  /// Returns when the thread has ended, or after a time: what is not settled by then is delivered again.
  func waitForEnd(seconds: Double) { thread.waitForEnd(seconds: seconds) }

  // MARK: - On the thread

  private func main() {
    var backoff = Backoff(longest: QueueReader.longestPause)
    while !thread.mustStop {
      do throws(BrokerProblem) {
        let connection = try environment.connect()
        environment.report(.connected)
        try read(connection, resetting: &backoff)
        connection.close()
        environment.report(.disconnected(nil))
      } catch {
        environment.report(.disconnected(error.message))
        pause(&backoff)
      }
    }
  }

  private func read(_ connection: any QueueConnection, resetting backoff: inout Backoff) throws(BrokerProblem) {
    var measuredAt: UInt64 = 0
    while !thread.mustStop {
      let messages = try connection.receive(milliseconds: QueueReader.waitMilliseconds)
      backoff.reset()
      if !messages.isEmpty { try deliver(messages, of: connection) }
      let now = DispatchTime.now().uptimeNanoseconds
      if now - measuredAt >= QueueReader.lagInterval {
        measuredAt = now
        if let count = try connection.lag() { environment.report(.lag(count)) }
      }
    }
  }

  /// Delivers messages until each has an outcome, or the thread has to end.
  private func deliver(_ messages: [ReceivedMessage], of connection: any QueueConnection) throws(BrokerProblem) {
    environment.report(.received(redelivered: messages.filter(\.isRedelivered).count))
    var batch = MessageBatch(messages, of: subscription)
    var backoff = Backoff(longest: QueueReader.longestDelay)
    while !batch.isEmpty {
      let progress = batch.apply(outcomes(of: batch.events))
      environment.report(.settled(progress.results))
      try connection.settle(progress.settled)
      guard let obstacle = progress.obstacle else { continue }
      environment.report(.postponed(obstacle))
      if thread.mustStop { return }
      if !progress.settled.isEmpty { backoff.reset() }
      pause(&backoff)
    }
  }

  private func outcomes(of messages: [BrokerMessage]) -> [MessageOutcome] {
    let done = DispatchSemaphore(value: 0)
    let box = OutcomeBox()
    environment.submit(messages) { outcomes in
      box.outcomes.withLock { $0 = outcomes }
      done.signal()
    }
    done.wait()
    return box.outcomes.withLock { $0 }
  }

  private func pause(_ backoff: inout Backoff) {
    thread.pause(seconds: backoff.next(random: .random(in: 0..<1)))
  }
}

/// The outcomes that another thread delivers.
private final class OutcomeBox: Sendable {
  let outcomes = Mutex<[MessageOutcome]>([])
}

/// A change that operators see.
enum QueueReport: Hashable, Sendable {
  case connected
  /// The connection has ended, with the reason unless the reader has stopped.
  case disconnected(String?)
  /// Messages have arrived.
  case received(redelivered: Int)
  /// The outcomes of messages are committed.
  case settled([MessageOutcome])
  /// Messages can't be accepted at the moment, and are tried again.
  case postponed(String)
  /// The number of messages that wait in the queue.
  case lag(Int)
}
