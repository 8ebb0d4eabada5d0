import FlowActions
import FlowIR
import FlowRuntime

/// The messages of one delivery whose outcomes are not committed, in their order.
struct MessageBatch {
  private(set) var messages: [ReceivedMessage]
  private let subscription: QueueSubscription

  init(_ messages: [ReceivedMessage], of subscription: QueueSubscription) {
    self.messages = messages
    self.subscription = subscription
  }

  var isEmpty: Bool { messages.isEmpty }

  /// The events of the messages.
  var events: [BrokerMessage] {
    messages.map { message in
      BrokerMessage(
        queue: subscription.queue, event: subscription.event, identifier: message.identifier, body: message.body)
    }
  }

  /// The result of an attempt to commit the messages.
  struct Progress {
    /// The messages to settle, in their order.
    var settled: [SettledMessage] = []
    var results: [MessageOutcome] = []
    /// The reason why the rest has to be tried again; nil when all are settled.
    var obstacle: String?
  }

  /// Removes the messages with a committed outcome. The first one without it, and all after it, stay.
  mutating func apply(_ outcomes: [MessageOutcome]) -> Progress {
    var progress = Progress()
    for (message, outcome) in zip(messages, outcomes) {
      switch outcome {
      case .accepted: progress.settled.append(SettledMessage(receipt: message.receipt, isRefused: false))
      case .refused: progress.settled.append(SettledMessage(receipt: message.receipt, isRefused: true))
      case .postponed(let reason): progress.obstacle = reason
      }
      if progress.obstacle != nil { break }
      progress.results.append(outcome)
    }
    messages.removeFirst(progress.settled.count)
    return progress
  }
}
