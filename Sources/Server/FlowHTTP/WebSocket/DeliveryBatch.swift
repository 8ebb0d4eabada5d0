/// Responses and frames that are sent together: each loop is locked once and woken at most once per `flush()`.
public struct DeliveryBatch {
  // There are as many entries as loops: a search is cheaper than hashing.
  private var parts: [(inbox: Inbox, deliveries: [Inbox.Delivery])] = []

  /// An empty batch.
  public init() {}

  /// Adds a response.
  public mutating func send(_ response: HTTPResponse, to handle: ResponseHandle) {
    add(.respond(handle.observed(response), handle.target), for: handle.inbox)
  }

  /// Adds a part of a streaming response.
  public mutating func send(chunk: [UInt8], to handle: ResponseHandle) {
    add(.chunk(chunk, handle.target), for: handle.inbox)
  }

  /// Adds a message for one socket.
  public mutating func send(_ frame: EncodedFrame, to socket: WebSocketHandle) {
    add(.frame(frame, socket.target), for: socket.inbox)
  }

  /// Adds a message for many sockets.
  public mutating func broadcast(_ frame: EncodedFrame, to sockets: [WebSocketHandle]) {
    var groups: [(inbox: Inbox, targets: [Inbox.Target])] = []
    for socket in sockets {
      if let index = groups.firstIndex(where: { $0.inbox === socket.inbox }) {
        groups[index].targets.append(socket.target)
      } else {
        groups.append((socket.inbox, [socket.target]))
      }
    }
    for group in groups { add(.broadcast(frame, group.targets), for: group.inbox) }
  }

  /// Posts all deliveries and empties the batch.
  public mutating func flush() {
    for index in parts.indices where !parts[index].deliveries.isEmpty {
      parts[index].inbox.post(parts[index].deliveries)
      parts[index].deliveries.removeAll(keepingCapacity: true)
    }
  }

  private mutating func add(_ delivery: Inbox.Delivery, for inbox: Inbox) {
    if let index = parts.firstIndex(where: { $0.inbox === inbox }) {
      parts[index].deliveries.append(delivery)
    } else {
      parts.append((inbox, [delivery]))
    }
  }
}
