public import FlowIR

/// The counters of messages between queues of brokers and this server.
public final class QueueMetrics: Sendable {
  private static let labels = ["broker", "queue"]

  private let messages = Family(
    "flow_queue_messages_total", help: "Messages of brokers, by result.", labels: labels + ["result"]
  ) { Counter() }
  private let redelivered = Family(
    "flow_queue_redelivered_total", help: "Messages that a broker has delivered before.", labels: labels
  ) { Counter() }
  private let connected = Family(
    "flow_queue_connected", help: "1 if a queue is consumed, 0 while its broker can't be reached.", labels: labels
  ) { Gauge() }
  private let lag = Family("flow_queue_lag", help: "Messages that wait in a queue.", labels: labels) { Gauge() }

  private let published = Family(
    "flow_published_total", help: "Entries that a broker has confirmed.", labels: ["publication"]
  ) { Counter() }
  private let publishing = Family(
    "flow_publication_connected", help: "1 if a publication has a connection to its broker.", labels: ["publication"]
  ) { Gauge() }
  private let unpublished = Family(
    "flow_publication_lag", help: "Entries of the journal after the position of a publication.",
    labels: ["publication"]
  ) { Gauge() }

  /// The result of a received message.
  public enum Result: String, Sendable {
    case accepted
    /// It was accepted before, and had no effect again.
    case repeated
    /// It is a dead letter.
    case refused
  }

  init() {}

  /// Counts a message whose outcome is committed.
  public func record(_ result: Result, of queue: BrokerQueue) {
    messages[queue.broker.rawValue, queue.name, result.rawValue].add()
  }

  /// Counts a message that a broker has delivered before.
  public func recordRedelivery(of queue: BrokerQueue) { redelivered[queue.broker.rawValue, queue.name].add() }

  /// Records whether a queue is consumed.
  public func setConnected(_ isConnected: Bool, of queue: BrokerQueue) {
    connected[queue.broker.rawValue, queue.name].set(isConnected ? 1 : 0)
  }

  /// Records the number of messages that wait in a queue.
  public func setLag(_ count: Int, of queue: BrokerQueue) { lag[queue.broker.rawValue, queue.name].set(count) }

  /// Counts entries that a broker has confirmed.
  public func recordPublished(_ count: Int, by publication: String) { published[publication].add(count) }

  /// Records whether a publication has a connection.
  public func setPublishing(_ isConnected: Bool, by publication: String) {
    publishing[publication].set(isConnected ? 1 : 0)
  }

  /// Records the number of entries that a publication has not reached.
  public func setUnpublished(_ count: Int, by publication: String) { unpublished[publication].set(count) }

  func write(to out: inout MetricsText) {
    out.add(messages)
    out.add(redelivered)
    out.add(connected)
    out.add(lag)
    out.add(published)
    out.add(publishing)
    out.add(unpublished)
  }
}
