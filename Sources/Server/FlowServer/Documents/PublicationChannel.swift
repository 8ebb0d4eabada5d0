public import FlowIR

/// A part of the live stream that is published to a broker, for the description of the API.
public struct PublicationChannel: Sendable {
  /// The name of its table.
  var name: String
  var broker: BrokerQueue.Broker
  /// The exchange or the stream.
  var address: String
  /// The kind of the entries; nil for all.
  var kind: String?

  public init(name: String, broker: BrokerQueue.Broker, address: String, filter: FeedFilter) {
    self.name = name
    self.broker = broker
    self.address = address
    kind = filter.filter.kind
  }
}
