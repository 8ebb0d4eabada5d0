public import FlowIR

/// A message as a broker has delivered it.
public struct ReceivedMessage: Sendable {
  /// The name of a delivery for its broker.
  public enum Receipt: Hashable, Sendable {
    /// The number of a delivery of AMQP, within its connection.
    case tag(UInt64)
    /// The identifier of an entry of a stream of Redis.
    case entry(String)
  }

  public var receipt: Receipt
  /// The identifier of the message, the same for each delivery; nil when it has none.
  public var identifier: String?
  public var body: [UInt8]
  /// True if the broker has delivered it before.
  public var isRedelivered: Bool

  public init(receipt: Receipt, identifier: String?, body: [UInt8], isRedelivered: Bool = false) {
    self.receipt = receipt
    self.identifier = identifier
    self.body = body
    self.isRedelivered = isRedelivered
  }
}

/// A message whose outcome is committed.
public struct SettledMessage: Hashable, Sendable {
  public var receipt: ReceivedMessage.Receipt
  /// True for a dead letter.
  public var isRefused: Bool

  public init(receipt: ReceivedMessage.Receipt, isRefused: Bool) {
    self.receipt = receipt
    self.isRefused = isRefused
  }
}

/// The reason why a server is unavailable.
public struct BrokerProblem: Error, Hashable, Sendable {
  public var message: String

  public init(message: String) { self.message = message }
}

/// A connection that reads one queue; it is used only by the thread that opened it. After an error it is released, and
/// the broker delivers again what was not settled.
public protocol QueueConnection: AnyObject {
  /// The next messages in their order; empty when none arrives in time. All of the last call are settled.
  func receive(milliseconds: Int) throws(BrokerProblem) -> [ReceivedMessage]

  /// Reports messages whose outcomes are committed, in the order of their delivery and without gaps.
  func settle(_ messages: [SettledMessage]) throws(BrokerProblem)

  /// The number of messages that wait in the queue; nil when it is not known.
  func lag() throws(BrokerProblem) -> Int?

  /// Ends the connection, and returns when the broker has what was reported; for one without an error.
  func close()
}

/// Opens connections to queues.
public enum QueueConnections {
  /// The number of messages that a queue has delivered and that are not settled, at most.
  public static let maximumUnsettled = 256

  /// Opens a connection that reads a queue.
  /// - Parameters:
  ///   - text: The URL of the broker.
  ///   - group: The name of the group of consumers of a stream of Redis.
  /// - Throws: The reason why the queue can't be read; it does not contain the password.
  public static func open(
    _ queue: BrokerQueue, url text: String, group: String, timeoutMilliseconds: Int64 = 10_000
  ) throws(BrokerProblem) -> any QueueConnection {
    switch queue.broker {
    case .amqp:
      guard let url = ServerURL(text, schemes: ["amqp", "amqps"]) else {
        throw BrokerProblem(message: "the broker is not given as amqp://HOST")
      }
      return try AMQPQueue(url, queue: queue.name, timeoutMilliseconds: timeoutMilliseconds)
    case .redis:
      guard let url = ServerURL(text, schemes: ["redis"]) else {
        throw BrokerProblem(message: "the broker is not given as redis://HOST")
      }
      return try RedisStream(url, stream: queue.name, group: group, timeoutMilliseconds: timeoutMilliseconds)
    }
  }
}
