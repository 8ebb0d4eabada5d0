import Synchronization

/// Identifies a pending request; responses to a request whose peer has disconnected are discarded.
public struct ResponseHandle: Sendable {
  let inbox: Inbox
  let target: Inbox.Target
  /// Observes the response before it is sent; after an upgrade, it is the context of the request that opened the
  /// socket.
  public var observer: (any ResponseObserver)?

  init(inbox: Inbox, target: Inbox.Target) {
    self.inbox = inbox
    self.target = target
  }

  /// Sends the response, or its head and first part if it is streaming.
  public func send(_ response: HTTPResponse) {
    inbox.post(.respond(observed(response), target))
  }

  /// Runs `body` on the thread that serves the connection, whether the peer still waits or not.
  public func run(_ body: @escaping @Sendable () -> Void) {
    if !inbox.post(.run(body)) { body() }
  }

  func observed(_ response: HTTPResponse) -> HTTPResponse { observer?.willSend(response) ?? response }

  /// Accepts the WebSocket upgrade of the request, with one of the offered subprotocols.
  public func upgrade(subprotocol: String?) {
    observer?.willUpgrade()
    inbox.post(.upgrade(subprotocol: subprotocol, context: observer, target))
  }

  /// Sends the next part of a streaming response.
  public func send(chunk: [UInt8]) {
    inbox.post(.chunk(chunk, target))
  }

  /// Ends a streaming response.
  public func finish() {
    inbox.post(.finish(target))
  }

  /// Relays the connection of an upgrade request from now on, because another server has accepted the upgrade. Bytes of
  /// the peer are passed to `tunnelled`, `send(chunk:)` sends bytes as they are, and `finish()` closes the connection.
  /// - Parameter head: The response of that server, with the bytes that follow it.
  public func tunnel(_ head: [UInt8]) {
    inbox.post(.tunnel(head, target))
  }

  /// Closes the connection without completing the response, so that the peer notices that it is incomplete.
  public func abort() {
    inbox.post(.abort(target))
  }

  /// Requests a call of `drained` when the peer has received the sent data, so that a long response is paced by the
  /// peer.
  public func notifyWhenDrained() {
    inbox.post(.awaitDrain(target))
  }
}

extension ResponseHandle {
  /// The target of a request without a connection: what is sent to it is dropped after it was observed.
  private static let nowhere = Inbox(limit: 0)
  private static let lastNumber = Atomic<UInt64>(0)

  /// A handle for a request that a component of the server makes; nil when the system has no descriptor left.
  /// - Parameter receive: Called with the response.
  public init?(receive: @escaping @Sendable (HTTPResponse) -> Void) {
    guard let inbox = ResponseHandle.nowhere else { return nil }
    inbox.close()
    let number = ResponseHandle.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
    self.init(inbox: inbox, target: Inbox.Target(slot: 0, generation: number))
    observer = ResponseReceiver(receive)
  }
}

/// Passes a response to a component of the server.
private final class ResponseReceiver: ResponseObserver {
  private let receive: @Sendable (HTTPResponse) -> Void

  init(_ receive: @escaping @Sendable (HTTPResponse) -> Void) { self.receive = receive }

  func willSend(_ response: HTTPResponse) -> HTTPResponse {
    receive(response)
    return response
  }

  func willUpgrade() {}
}

/// Observes the response to a request, on the thread that sends it.
public protocol ResponseObserver: AnyObject, Sendable {
  /// Returns the response to send instead of `response`.
  func willSend(_ response: HTTPResponse) -> HTTPResponse

  /// The upgrade is accepted.
  func willUpgrade()
}

/// Identifies an open WebSocket; messages to a closed one are discarded.
public struct WebSocketHandle: Sendable {
  let inbox: Inbox
  let target: Inbox.Target

  /// Sends a text message to this socket alone.
  public func send(text: String) {
    send(EncodedFrame(text: text))
  }

  /// Sends a message that other sockets may share.
  public func send(_ frame: EncodedFrame) {
    inbox.post(.frame(frame, target))
  }

  /// Requests a call of `drained` when the peer has received the sent data, so that a long replay is paced by the peer.
  public func notifyWhenDrained() {
    inbox.post(.awaitDrain(target))
  }

  /// Starts the closing handshake; `closed` follows when the peer has answered or at the timeout.
  public func close(code: Int, reason: String) {
    inbox.post(.close(code: code, reason: reason, target))
  }
}

extension ResponseHandle: Hashable {
  /// Returns true if both identify the same request.
  public static func == (one: Self, other: Self) -> Bool {
    one.inbox === other.inbox && one.target == other.target
  }

  /// Hashes the loop and the target.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(inbox))
    hasher.combine(target)
  }
}

extension WebSocketHandle: Hashable {
  /// Returns true if both identify the same socket.
  public static func == (one: Self, other: Self) -> Bool {
    one.inbox === other.inbox && one.target == other.target
  }

  /// Hashes the loop and the target.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(inbox))
    hasher.combine(target)
  }
}
