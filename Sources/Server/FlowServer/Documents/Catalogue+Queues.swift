import FlowIR
import FlowMachine
import FlowRuntime

extension Catalogue {
  /// The flows that receive the messages of a queue.
  func receivers(of queue: BrokerQueue) -> [Entry] { entries.filter { !$0.events(from: queue).isEmpty } }

  /// The queues of all events that a flow receives, with the events and their programs, each queue once.
  var queues: [(queue: BrokerQueue, event: String, entry: Entry)] {
    var seen: Set<String> = []
    return entries.flatMap { entry in
      entry.received.compactMap { event in
        event.queue.flatMap { seen.insert($0.description).inserted ? ($0, event.name, entry) : nil }
      }
    }
  }
}

extension Catalogue.Entry {
  /// The events that the flow receives.
  fileprivate var received: [Event] {
    machine.program.events.indices.filter { machine.handles(event: $0, flow: flow) }.map { machine.program.events[$0] }
  }

  fileprivate func events(from queue: BrokerQueue) -> [Event] { received.filter { $0.queue == queue } }

  /// The queues of the events that the flow receives, as dead letters name them.
  var queues: [String] { received.compactMap { $0.queue?.description } }
}
