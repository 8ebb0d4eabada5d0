/// The name of a request that waits for its answer; answers to a request whose peer is gone are dropped.
public struct ResponseHandle: Sendable {
  let inbox: Inbox
  let target: Inbox.Target

  /// Answers, or begins to answer if the response is streaming.
  public func send(_ response: HTTPResponse) {
    inbox.post(.respond(response, target))
  }

  /// Accepts the WebSocket upgrade that the request asks for, with one of the subprotocols that it offers.
  public func upgrade(subprotocol: String?) {
    inbox.post(.upgrade(subprotocol: subprotocol, target))
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
