import Dispatch

/// The entries of a stream of Redis, read as the one consumer of a group.
///
/// Entries that were delivered and not acknowledged stay in the list of the consumer. It is read first, and again when
/// nothing else arrives: another process with the name of this consumer may have read entries before it ended.
final class RedisStream: QueueConnection {
  /// The name of the consumer: only the owner of a store reads, and a restart continues with its own list.
  private static let consumer = "flow"
  /// The interval at which the list of entries that were not acknowledged is read again, in nanoseconds.
  private static let checkInterval: UInt64 = 5_000_000_000
  /// The field with the payload of an entry that has several.
  static let field = "data"

  private let connection: RedisConnection
  private let stream: String
  private let group: String
  private let timeout: Int
  /// True if the list of entries that were not acknowledged may have some.
  private var isBehind = true
  private var checkedAt: UInt64 = 0

  init(
    _ url: ServerURL, stream: String, group: String, timeoutMilliseconds: Int64
  ) throws(BrokerProblem) {
    connection = try RedisConnection(url, timeoutMilliseconds: timeoutMilliseconds)
    self.stream = stream
    self.group = group
    timeout = Int(timeoutMilliseconds)
    let made = try connection.values(
      ["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"], milliseconds: timeout)
    // A group that exists continues where it was.
    if case .failure(let text) = made, !text.hasPrefix("BUSYGROUP") { throw problem(text) }
  }

  func receive(milliseconds: Int) throws(BrokerProblem) -> [ReceivedMessage] {
    let now = DispatchTime.now().uptimeNanoseconds
    if isBehind || now - checkedAt >= RedisStream.checkInterval {
      checkedAt = now
      let pending = try read(from: "0", milliseconds: 0)
      isBehind = !pending.isEmpty
      if isBehind { return pending }
    }
    return try read(from: ">", milliseconds: milliseconds)
  }

  /// - Parameter start: `0` for the entries that were not acknowledged, `>` for new ones.
  private func read(from start: String, milliseconds: Int) throws(BrokerProblem) -> [ReceivedMessage] {
    let isNew = start == ">"
    let words =
      ["XREADGROUP", "GROUP", group, RedisStream.consumer, "COUNT", String(QueueConnections.maximumUnsettled)]
      + (isNew ? ["BLOCK", String(max(milliseconds, 1))] : []) + ["STREAMS", stream, start]
    let reply = try connection.values(words, milliseconds: timeout + milliseconds)
    if case .failure(let text) = reply { throw problem(text) }
    let entries = reply.array?.first?.array?.last?.array ?? []
    var messages: [ReceivedMessage] = []
    var deleted: [SettledMessage] = []
    for entry in entries {
      guard let parts = entry.array, parts.count == 2, let id = parts[0].text else { continue }
      if let fields = parts[1].array {
        messages.append(
          ReceivedMessage(
            receipt: .entry(id), identifier: id, body: RedisStream.body(fields), isRedelivered: !isNew))
      } else {
        deleted.append(SettledMessage(receipt: .entry(id), isRefused: false))
      }
    }
    // An entry that was deleted from the stream stays in the list of the consumer until it is acknowledged.
    try settle(deleted)
    return messages
  }

  /// The payload: the field `data`, or the only field.
  private static func body(_ fields: [RedisValue]) -> [UInt8] {
    if fields.count == 2 { return fields[1].bytes ?? [] }
    return RedisValue.array(fields).member(field)?.bytes ?? []
  }

  func settle(_ messages: [SettledMessage]) throws(BrokerProblem) {
    let ids = messages.compactMap { message -> String? in
      if case .entry(let id) = message.receipt { id } else { nil }
    }
    guard !ids.isEmpty else { return }
    let reply = try connection.values(["XACK", stream, group] + ids, milliseconds: timeout)
    if case .failure(let text) = reply { throw problem(text) }
  }

  func lag() throws(BrokerProblem) -> Int? {
    let reply = try connection.values(["XINFO", "GROUPS", stream], milliseconds: timeout)
    if case .failure(let text) = reply { throw problem(text) }
    let mine = reply.array?.first { $0.member("name")?.text == group }
    return mine?.member("lag")?.integer.map { Int($0) }
  }

  /// Every report was answered.
  func close() {}

  private func problem(_ text: String) -> BrokerProblem {
    BrokerProblem(message: "the stream `\(stream)` can't be read: \(text)")
  }
}
