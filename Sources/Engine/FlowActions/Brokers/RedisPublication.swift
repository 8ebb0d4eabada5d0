/// Adds entries to a stream of Redis, with the fields `id` and `data`.
final class RedisPublication: PublicationConnection {
  private let connection: RedisConnection
  private let stream: String
  private let timeout: Int

  init(_ url: ServerURL, stream: String, timeoutMilliseconds: Int64) throws(BrokerProblem) {
    connection = try RedisConnection(url, timeoutMilliseconds: timeoutMilliseconds)
    self.stream = stream
    timeout = Int(timeoutMilliseconds)
  }

  func publish(_ messages: [OutgoingMessage]) throws(BrokerProblem) {
    for message in messages {
      let body = String(decoding: message.body, as: UTF8.self)
      let reply = try connection.values(
        ["XADD", stream, "*", "id", message.identifier, RedisStream.field, body], milliseconds: timeout)
      if case .failure(let text) = reply {
        throw BrokerProblem(message: "the stream `\(stream)` can't be written: \(text)")
      }
    }
  }
}
