/// A message for other systems.
public struct OutgoingMessage: Hashable, Sendable {
  /// The same for each time that it is published.
  public var identifier: String
  /// The routing key, for AMQP.
  public var routingKey: String
  public var body: [UInt8]

  public init(identifier: String, routingKey: String, body: [UInt8]) {
    self.identifier = identifier
    self.routingKey = routingKey
    self.body = body
  }
}

/// The destination of messages at a broker.
public enum PublicationTarget: Hashable, Sendable {
  /// An exchange of an AMQP broker.
  case exchange(String)
  /// A stream of Redis.
  case stream(String)
}

/// A connection that publishes messages; it is used only by the thread that opened it.
public protocol PublicationConnection: AnyObject {
  /// Publishes messages in their order, and returns when the broker has confirmed all of them.
  /// - Throws: When one was not confirmed; each of them may have been published nevertheless.
  func publish(_ messages: [OutgoingMessage]) throws(BrokerProblem)
}

/// Opens connections that publish messages.
public enum PublicationConnections {
  /// The media type of the messages.
  static let type = "application/cloudevents+json"

  /// - Parameter text: The URL of the broker.
  /// - Throws: The reason why there is no connection; it does not contain the password.
  public static func open(
    _ target: PublicationTarget, url text: String, timeoutMilliseconds: Int64 = 10_000
  ) throws(BrokerProblem) -> any PublicationConnection {
    switch target {
    case .exchange(let name):
      guard let url = ServerURL(text, schemes: ["amqp", "amqps"]) else {
        throw BrokerProblem(message: "the broker is not given as amqp://HOST")
      }
      return try AMQPExchange(url, exchange: name, timeoutMilliseconds: timeoutMilliseconds)
    case .stream(let name):
      guard let url = ServerURL(text, schemes: ["redis"]) else {
        throw BrokerProblem(message: "the broker is not given as redis://HOST")
      }
      return try RedisPublication(url, stream: name, timeoutMilliseconds: timeoutMilliseconds)
    }
  }
}
