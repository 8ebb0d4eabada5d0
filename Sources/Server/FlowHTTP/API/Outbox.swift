/// Messages for many peers. They are posted to each loop together, so that a peer that gets several receives them with
/// one system call.
public struct Outbox {
  /// The number of messages that are posted before more are added, so that the memory of a loop is bounded.
  public static let capacity = 16 * 1024

  /// One for each loop. They are few, so that a search is faster than a table.
  private var parts: [(inbox: Inbox, deliveries: [Inbox.Delivery])] = []
  private var count = 0

  public init() {}

  /// Adds a message that other sockets may share.
  public mutating func add(_ frame: EncodedFrame, to socket: WebSocketHandle) {
    add(.frame(frame, socket.target), to: socket.inbox)
  }

  /// Adds the next part of a streaming response.
  public mutating func add(chunk: [UInt8], to response: ResponseHandle) {
    add(.chunk(chunk, response.target), to: response.inbox)
  }

  /// Posts all messages. Later ones follow them in order.
  public mutating func post() {
    for index in parts.indices where !parts[index].deliveries.isEmpty {
      parts[index].inbox.post(parts[index].deliveries)
      parts[index].deliveries.removeAll(keepingCapacity: true)
    }
    count = 0
  }

  private mutating func add(_ delivery: Inbox.Delivery, to inbox: Inbox) {
    if count == Outbox.capacity { post() }
    count += 1
    if let index = parts.firstIndex(where: { $0.inbox === inbox }) {
      parts[index].deliveries.append(delivery)
    } else {
      parts.append((inbox, [delivery]))
    }
  }
}
