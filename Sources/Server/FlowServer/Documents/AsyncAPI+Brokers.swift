import FlowIR
import FlowJSON
import FlowRuntime

// The channels of brokers: queues that flows read, to which a client sends, and published parts of the live stream,
// which a client receives. The addresses of brokers are the operator's, and are not described.
extension AsyncAPI {
  private typealias Queue = (queue: BrokerQueue, event: String, entry: Catalogue.Entry)

  private func name(_ queue: Queue) -> String { "\(queue.queue.broker.rawValue).\(queue.event)" }

  private var queues: [(name: String, queue: Queue)] {
    var seen: [String: Int] = [:]
    return catalogue.queues.map { queue in
      let name = name(queue)
      seen[name, default: 0] += 1
      // Programs may declare an event of the same name with different queues.
      let number = seen[name] ?? 1
      return (number == 1 ? name : "\(name).\(number)", queue)
    }
  }

  // MARK: - Queues

  var queueChannels: [JSON.Member] {
    queues.map { name, queue in
      let kind = queue.queue.broker == .amqp ? "queue" : "stream"
      return .init(
        name,
        [
          "address": .string(queue.queue.name),
          "description": .string("The \(kind) from which the event `\(queue.event)` is received."),
          "messages": .object([.init(queue.event, ["$ref": .string("#/components/messages/\(name)")])]),
          "bindings": AsyncAPI.bindings(queue.queue),
        ])
    }
  }

  var queueOperations: [JSON.Member] {
    queues.map { name, queue in
      .init(
        "send.\(name)",
        [
          "action": "send", "channel": ["$ref": .string("#/channels/\(name)")],
          "messages": [["$ref": .string("#/channels/\(name)/messages/\(queue.event)")]],
        ])
    }
  }

  var queueMessages: [JSON.Member] {
    queues.map { name, queue in
      .init(
        name,
        [
          "summary": .string("The event `\(queue.event)`"), "contentType": "application/json",
          "payload": Schemas.reference("Event.\(queue.event)"),
        ])
    }
  }

  private static func bindings(_ queue: BrokerQueue) -> JSON {
    switch queue.broker {
    case .amqp: ["amqp": ["is": "queue", "queue": ["name": .string(queue.name)]]]
    case .redis: ["redis": .object([])]
    }
  }

  // MARK: - Publications

  var publicationChannels: [JSON.Member] {
    publications.map { channel in
      let (kind, bindings): (String, JSON) =
        switch channel.broker {
        case .amqp: ("exchange", ["amqp": ["is": "routingKey", "exchange": ["name": .string(channel.address)]]])
        case .redis: ("stream", ["redis": .object([])])
        }
      return .init(
        "publish.\(channel.name)",
        [
          "address": .string(channel.address),
          "description": .string("The \(kind) to which entries of the live stream are published."),
          "messages": .object(
            kinds(of: channel).map { .init($0, ["$ref": .string("#/components/messages/published.\($0)")]) }),
          "bindings": bindings,
        ])
    }
  }

  var publicationOperations: [JSON.Member] {
    publications.map { channel in
      .init(
        "receive.\(channel.name)",
        [
          "action": "receive", "channel": ["$ref": .string("#/channels/publish.\(channel.name)")],
          "messages": .array(
            kinds(of: channel).map { ["$ref": .string("#/channels/publish.\(channel.name)/messages/\($0)")] }),
        ])
    }
  }

  var publishedMessages: [JSON.Member] {
    guard !publications.isEmpty else { return [] }
    return AsyncAPI.kinds.map { kind, summary in
      .init(
        "published.\(kind)",
        [
          "summary": .string(summary), "contentType": "application/cloudevents+json",
          "payload": AsyncAPI.cloudEvent(kind, Schemas.anyObject),
        ])
    }
  }

  private func kinds(of channel: PublicationChannel) -> [String] {
    channel.kind.map { [$0] } ?? AsyncAPI.kinds.map(\.0)
  }
}
