import CRabbitMQ
import Foundation

/// Publishes to an exchange of an AMQP broker, with confirms.
final class AMQPExchange: PublicationConnection {
  private let link: AMQPLink
  private let exchange: String
  private let timeout: Int
  /// The number of messages that were published on this connection.
  private var published: UInt64 = 0

  init(_ url: ServerURL, exchange: String, timeoutMilliseconds: Int64) throws(BrokerProblem) {
    link = try AMQPLink(url, timeoutMilliseconds: timeoutMilliseconds, heartbeatSeconds: 0)
    self.exchange = exchange
    timeout = Int(timeoutMilliseconds)
    try link.require(flow_amqp_confirm(link.state), problem: "the broker does not confirm messages")
  }

  func publish(_ messages: [OutgoingMessage]) throws(BrokerProblem) {
    let first = published + 1
    for message in messages {
      try link.require(send(message), problem: "a message could not be published")
      published += 1
    }
    try waitForConfirms(from: first)
  }

  private func waitForConfirms(from first: UInt64) throws(BrokerProblem) {
    var confirmed: Set<UInt64> = []
    var contiguous = first - 1
    while contiguous < published {
      var number: UInt64 = 0
      var includesEarlier: Int32 = 0
      let answer = flow_amqp_next_confirm(link.state, timeout, &number, &includesEarlier)
      if answer.result == FLOW_AMQP_REFUSED { throw BrokerProblem(message: "the broker could not take a message") }
      try link.require(answer, problem: "a message was not confirmed")
      if includesEarlier != 0 { contiguous = max(contiguous, number) } else { confirmed.insert(number) }
      while confirmed.remove(contiguous + 1) != nil { contiguous += 1 }
    }
  }

  private func send(_ message: OutgoingMessage) -> flow_amqp_answer {
    link.send(to: exchange, key: message.routingKey, identifier: message.identifier, body: message.body) {
      flow_amqp_send($0, $1, PublicationConnections.type)
    }
  }
}
