/// A message from a WebSocket peer.
public enum WebSocketMessage: Sendable, Hashable {
  /// Valid UTF-8.
  case text(String)
  /// Any bytes.
  case binary([UInt8])
}

/// The decision about a request with a complete head and a pending body.
public enum HTTPAdmission: Sendable {
  /// The body is read; `context` becomes the ``HTTPRequest/context`` of the whole request.
  case admitted(context: (any Sendable)?)
  /// The response is sent without reading the body, and the connection is closed.
  case refused(HTTPResponse)
}

/// Answers requests. Every method is called on a loop's thread and must not block.
///
/// ```swift
/// struct Hello: HTTPHandler {
///   func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
///     respond.send(HTTPResponse(status: 200, body: Array("hello\n".utf8)))
///   }
/// }
/// ```
public protocol HTTPHandler: Sendable {
  /// Decides whether the body of a request is read; called at most once for each request, and only when its body does
  /// not arrive together with its head. `100 Continue` is sent only after an admission.
  /// - Parameter head: The request with an empty or partial body.
  func admit(_ head: HTTPRequest) -> HTTPAdmission

  /// Answers `request` through `respond`, once, at any time and from any thread.
  func handle(_ request: HTTPRequest, _ respond: ResponseHandle)

  /// The upgrade requested by `request` is complete.
  func opened(_ socket: WebSocketHandle, _ request: HTTPRequest)

  /// A message was received.
  func received(_ message: WebSocketMessage, on socket: WebSocketHandle)

  /// The socket is closed, for any reason; called once after `opened`.
  func closed(_ socket: WebSocketHandle)

  /// Bytes were received from the peer of a tunnel.
  func tunnelled(_ bytes: [UInt8], from stream: ResponseHandle)

  /// The peer of a streaming response or a tunnel has disconnected before `finish()`, or accepts no body.
  func abandoned(_ stream: ResponseHandle)

  /// All data sent to the socket has been written, after `notifyWhenDrained()`.
  func drained(_ socket: WebSocketHandle)

  /// All data sent to the stream has been written, after `notifyWhenDrained()`.
  func drained(_ stream: ResponseHandle)
}

extension HTTPHandler {
  /// Admits every request.
  public func admit(_ head: HTTPRequest) -> HTTPAdmission { .admitted(context: nil) }
  /// Does nothing: for handlers that accept no upgrades.
  public func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {}
  /// Does nothing: for handlers that accept no upgrades.
  public func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {}
  /// Does nothing: for handlers that accept no upgrades.
  public func closed(_ socket: WebSocketHandle) {}
  /// Does nothing: for handlers that relay no connections.
  public func tunnelled(_ bytes: [UInt8], from stream: ResponseHandle) {}
  /// Does nothing: for handlers that do not stream.
  public func abandoned(_ stream: ResponseHandle) {}
  /// Does nothing: for handlers that do not wait for the peer.
  public func drained(_ socket: WebSocketHandle) {}
  /// Does nothing: for handlers that do not wait for the peer.
  public func drained(_ stream: ResponseHandle) {}
}
