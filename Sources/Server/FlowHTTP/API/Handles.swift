/// The name of a request that waits for its answer; answers to a request whose peer is gone are dropped.
public struct ResponseHandle: Sendable {
  let inbox: Inbox
  let target: Inbox.Target
  /// Who sees the answer before it goes out; after an upgrade, it is the context of the request that opened the socket.
  public var observer: (any ResponseObserver)?

  init(inbox: Inbox, target: Inbox.Target) {
    self.inbox = inbox
    self.target = target
  }

  /// Answers, or begins to answer if the response is streaming.
  public func send(_ response: HTTPResponse) {
    inbox.post(.respond(observed(response), target))
  }

  func observed(_ response: HTTPResponse) -> HTTPResponse { observer?.willSend(response) ?? response }

  /// Accepts the WebSocket upgrade that the request asks for, with one of the subprotocols that it offers.
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

  /// Asks for `drained` once the peer has taken what was sent, so that a long answer goes at the peer's pace.
  public func notifyWhenDrained() {
    inbox.post(.awaitDrain(target))
  }
}

/// Looks at the answer to a request, on the thread that gives it.
public protocol ResponseObserver: AnyObject, Sendable {
  /// Gives what goes out in place of `response`.
  func willSend(_ response: HTTPResponse) -> HTTPResponse

  /// The upgrade is accepted.
  func willUpgrade()
}

/// The name of an open WebSocket; what is sent to one that is gone is dropped.
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

  /// Asks for `drained` once the peer has taken what was sent, so that a long past goes at the peer's pace.
  public func notifyWhenDrained() {
    inbox.post(.awaitDrain(target))
  }

  /// Says goodbye; `closed` comes when the peer has answered or its time is over.
  public func close(code: Int, reason: String) {
    inbox.post(.close(code: code, reason: reason, target))
  }
}

extension ResponseHandle: Hashable {
  /// Whether both name the same request.
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
  /// Whether both name the same socket.
  public static func == (one: Self, other: Self) -> Bool {
    one.inbox === other.inbox && one.target == other.target
  }

  /// Hashes the loop and the target.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(inbox))
    hasher.combine(target)
  }
}
