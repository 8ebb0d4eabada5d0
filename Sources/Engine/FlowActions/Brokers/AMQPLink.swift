import CRabbitMQ
import Foundation

/// An open connection to an AMQP 0-9-1 broker with one channel; closed when it is released.
final class AMQPLink {
  /// The file of trusted root certificates on Debian.
  private static let certificates = "/etc/ssl/certs/ca-certificates.crt"

  let state: amqp_connection_state_t

  /// - Parameter heartbeatSeconds: The interval at which both sides show that they are alive; 0 for never.
  init(_ url: ServerURL, timeoutMilliseconds: Int64, heartbeatSeconds: Int32) throws(BrokerProblem) {
    guard let state = amqp_new_connection() else { throw BrokerProblem(message: "out of memory") }
    self.state = state
    let status = flow_amqp_connect(
      state, url.plainHost, Int32(url.port) ?? 0, url.scheme == "amqps" ? AMQPLink.certificates : nil,
      Int(timeoutMilliseconds))
    guard status == AMQP_STATUS_OK.rawValue else {
      throw BrokerProblem(message: "the broker can't be reached: \(String(cString: amqp_error_string2(status)))")
    }
    let host = url.path.isEmpty ? "/" : url.path
    let answer = flow_amqp_open(state, host, url.user ?? "guest", url.password ?? "guest", heartbeatSeconds)
    try require(answer, problem: "the broker does not let us in")
  }

  deinit { amqp_destroy_connection(state) }

  /// - Throws: The problem, unless the broker did as it was asked.
  func require(_ answer: flow_amqp_answer, problem: String) throws(BrokerProblem) {
    guard answer.result != FLOW_AMQP_TAKEN else { return }
    throw BrokerProblem(message: "\(problem): \(AMQPLink.text(answer))")
  }

  /// Sends a message with a function of the library.
  /// - Parameter headers: The names and values of its headers.
  func send(
    to exchange: String, key: String, identifier: String, headers: [(String, String)] = [], body: [UInt8],
    with function: (amqp_connection_state_t, UnsafePointer<flow_amqp_message>) -> flow_amqp_answer
  ) -> flow_amqp_answer {
    let texts = [exchange, key, identifier] + headers.map(\.0) + headers.map(\.1)
    let copies: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let names = copies[3..<3 + headers.count].map { UnsafePointer<CChar>($0) }
    let values = copies[(3 + headers.count)...].map { UnsafePointer<CChar>($0) }
    return names.withUnsafeBufferPointer { names in
      values.withUnsafeBufferPointer { values in
        body.withUnsafeBytes { body in
          var message = flow_amqp_message()
          message.exchange = UnsafePointer(copies[0])
          message.routing_key = UnsafePointer(copies[1])
          message.identifier = UnsafePointer(copies[2])
          message.names = names.baseAddress
          message.values = values.baseAddress
          message.headers = headers.count
          message.body = body.baseAddress
          message.length = body.count
          return function(state, &message)
        }
      }
    }
  }

  static func text(_ answer: flow_amqp_answer) -> String {
    withUnsafeBytes(of: answer.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
