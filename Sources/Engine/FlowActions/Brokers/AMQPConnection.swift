import CRabbitMQ
import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation

/// A connection to a broker by AMQP 0-9-1, with one channel in confirm mode.
final class AMQPConnection: BrokerConnection {
  /// The longest name of an exchange, a routing key or a header.
  static let longestName = 255
  private let link: AMQPLink
  private(set) var isUsable = true

  private var connection: amqp_connection_state_t { link.state }

  init(_ url: ServerURL, timeoutMilliseconds: Int64) throws(BrokerProblem) {
    link = try AMQPLink(url, timeoutMilliseconds: timeoutMilliseconds, heartbeatSeconds: 0)
    try link.require(flow_amqp_confirm(link.state), problem: "the broker does not confirm messages")
  }

  var descriptor: Int32 { amqp_get_sockfd(connection) }

  func perform(_ request: JobRequest, _ settings: JSON) -> JobOutcome {
    let exchange = settings["exchange"]?.string ?? ""
    let key = settings["key"]?.string ?? ""
    var headers = [("Idempotency-Key", request.idempotencyKey), ("Flow-Attempt", String(request.attempt))]
    headers += (settings["headers"]?.members ?? []).map { ($0.name, $0.value.string ?? "") }
    let names = [exchange, key] + headers.map(\.0)
    guard names.allSatisfy({ $0.utf8.count <= AMQPConnection.longestName }),
      (names + headers.map(\.1)).allSatisfy({ !$0.utf8.contains(0) })
    else {
      return .impossible(
        code: "BAD_REQUEST", message: "an exchange, a routing key or a header is too long or has a zero byte in it")
    }
    let answer = link.send(
      to: exchange, key: key, identifier: "msg_" + jobName(of: request.idempotencyKey), headers: headers,
      body: (settings["body"] ?? .null).bytes()
    ) { flow_amqp_publish($0, $1, Int(request.timeoutMilliseconds)) }
    return outcome(answer)
  }

  private func outcome(_ answer: flow_amqp_answer) -> JobOutcome {
    let text = AMQPLink.text(answer)
    switch answer.result {
    case FLOW_AMQP_TAKEN: return .done(.null)
    case FLOW_AMQP_UNROUTABLE: return .impossible(code: "UNROUTABLE", message: "no queue gets the message: \(text)")
    case FLOW_AMQP_REFUSED: return .failed(code: "AMQP_NACK", message: "the broker could not take the message")
    case FLOW_AMQP_CLOSED:
      isUsable = false
      let isTransient = answer.code == 320 || answer.code >= 540
      let code = "AMQP_\(answer.code)"
      return isTransient ? .failed(code: code, message: text) : .impossible(code: code, message: text)
    case FLOW_AMQP_TIMED_OUT:
      isUsable = false
      return .unreachable("the broker did not confirm the message in time")
    default:
      isUsable = false
      return .unreachable("the connection to the broker broke: \(text)")
    }
  }
}
