import FlowIR
import FlowMachine
import FlowRuntime

/// A queue with the event that its messages are.
struct QueueSubscription: Hashable, Sendable {
  var queue: BrokerQueue
  var event: String
}

extension Catalogue {
  /// The queues of the events that a flow receives, each once.
  ///
  /// Programs that are deployed separately may name different events for one queue: the messages are the event that
  /// `known` reads already, or else the first by name.
  func subscriptions(
    known: Set<QueueSubscription> = []
  ) -> (subscriptions: Set<QueueSubscription>, conflicts: [QueueSubscription]) {
    var found: [BrokerQueue: Set<String>] = [:]
    for machine in machines {
      for event in machine.program.events {
        guard let queue = event.queue, entries.contains(where: { $0.isReached(by: event.name) }) else { continue }
        found[queue, default: []].insert(event.name)
      }
    }
    var subscriptions: Set<QueueSubscription> = []
    var conflicts: [QueueSubscription] = []
    for (queue, events) in found {
      let ordered = events.sorted().map { QueueSubscription(queue: queue, event: $0) }
      guard let chosen = ordered.first(where: known.contains) ?? ordered.first else { continue }
      subscriptions.insert(chosen)
      conflicts += ordered.filter { $0 != chosen }
    }
    return (subscriptions, conflicts)
  }
}
