import CRabbitMQ

/// The messages of a queue of an AMQP broker.
final class AMQPQueue: QueueConnection {
  private static let heartbeatSeconds: Int32 = 20

  private let link: AMQPLink
  private let name: String

  init(_ url: ServerURL, queue name: String, timeoutMilliseconds: Int64) throws(BrokerProblem) {
    self.name = name
    link = try AMQPLink(
      url, timeoutMilliseconds: timeoutMilliseconds, heartbeatSeconds: AMQPQueue.heartbeatSeconds)
    let answer = flow_amqp_consume(link.state, name, Int32(QueueConnections.maximumUnsettled))
    try link.require(answer, problem: "the queue `\(name)` can't be read")
  }

  func receive(milliseconds: Int) throws(BrokerProblem) -> [ReceivedMessage] {
    var messages: [ReceivedMessage] = []
    while messages.count < QueueConnections.maximumUnsettled {
      // Only the first one is waited for.
      guard let message = try next(milliseconds: messages.isEmpty ? milliseconds : 0) else { break }
      messages.append(message)
    }
    return messages
  }

  private func next(milliseconds: Int) throws(BrokerProblem) -> ReceivedMessage? {
    var delivery = flow_amqp_delivery()
    let answer = flow_amqp_receive(link.state, &delivery, milliseconds)
    if answer.result == FLOW_AMQP_TIMED_OUT { return nil }
    try link.require(answer, problem: "the connection to the broker broke")
    defer { flow_amqp_release(&delivery) }
    let identifier = delivery.identifier.map {
      String(decoding: UnsafeRawBufferPointer(start: $0, count: delivery.identifier_length), as: UTF8.self)
    }
    return ReceivedMessage(
      receipt: .tag(delivery.tag), identifier: identifier,
      body: Array(UnsafeRawBufferPointer(start: delivery.body, count: delivery.length)),
      isRedelivered: delivery.redelivered != 0)
  }

  func settle(_ messages: [SettledMessage]) throws(BrokerProblem) {
    var last: UInt64?
    for message in messages {
      guard case .tag(let tag) = message.receipt else { continue }
      if message.isRefused {
        try link.require(flow_amqp_reject(link.state, tag), problem: "a message could not be rejected")
      } else {
        last = tag
      }
    }
    // All messages before the last accepted one are settled: those that were refused were rejected.
    guard let last else { return }
    try link.require(flow_amqp_acknowledge(link.state, last), problem: "the messages could not be acknowledged")
  }

  func lag() throws(BrokerProblem) -> Int? {
    var count: UInt32 = 0
    try link.require(flow_amqp_count(link.state, name, &count), problem: "the queue `\(name)` can't be read")
    return Int(count)
  }

  /// Messages that have arrived and were not read would make the system reset the connection, and what was sent before
  /// could be lost.
  func close() { amqp_connection_close(link.state, AMQP_REPLY_SUCCESS) }
}
