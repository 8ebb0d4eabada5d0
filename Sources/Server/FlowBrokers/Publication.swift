public import FlowActions
import FlowIR
import FlowJSON
public import FlowServer

/// A part of the live stream that is published to a broker.
public struct Publication: Sendable {
  /// The name, under which its position in the journal is stored.
  public var name: String
  public var target: PublicationTarget
  /// The URL of the broker.
  public var url: String
  public var filter: FeedFilter
  /// The routing key of all messages; nil for one of the flow, the kind and the event.
  public var routingKey: String?

  public init(name: String, target: PublicationTarget, url: String, filter: FeedFilter, routingKey: String? = nil) {
    self.name = name
    self.target = target
    self.url = url
    self.filter = filter
    self.routingKey = routingKey
  }

  /// The channel, for the description of the API.
  public var channel: PublicationChannel {
    switch target {
    case .exchange(let exchange): PublicationChannel(name: name, broker: .amqp, address: exchange, filter: filter)
    case .stream(let stream): PublicationChannel(name: name, broker: .redis, address: stream, filter: filter)
    }
  }

  /// The message for an entry. The parts of the routing key are words of a topic exchange: `Order.step.Paid`.
  func message(for item: JournalFeed.Item) -> OutgoingMessage {
    let parts = [item.flow, item.kind] + (item.event.map { [$0] } ?? [])
    let key = String(decoding: Array((routingKey ?? parts.joined(separator: ".")).utf8.prefix(255)), as: UTF8.self)
    return OutgoingMessage(identifier: item.identifier, routingKey: key, body: item.document.bytes())
  }
}
