/// A message from a WebSocket peer.
public enum WebSocketMessage: Sendable, Hashable {
  /// Valid UTF-8.
  case text(String)
  /// Any bytes.
  case binary([UInt8])
}

/// What answers requests; every method is called on a loop's thread and must not block.
public protocol HTTPHandler: Sendable {
  /// Answers `request` through `respond`, now or later, from any thread, once.
  func handle(_ request: HTTPRequest, _ respond: ResponseHandle)

  /// The upgrade that `request` asked for is done.
  func opened(_ socket: WebSocketHandle, _ request: HTTPRequest)

  /// A message came.
  func received(_ message: WebSocketMessage, on socket: WebSocketHandle)

  /// The socket is gone, for whatever reason; comes once after `opened`.
  func closed(_ socket: WebSocketHandle)

  /// The peer of a streaming response is gone before `finish()`, or takes no body.
  func abandoned(_ stream: ResponseHandle)

  /// All that was sent to the socket is on its way, after `notifyWhenDrained()`.
  func drained(_ socket: WebSocketHandle)

  /// All that was sent to the stream is on its way, after `notifyWhenDrained()`.
  func drained(_ stream: ResponseHandle)
}

extension HTTPHandler {
  /// Does nothing: for handlers that accept no upgrades.
  public func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {}
  /// Does nothing: for handlers that accept no upgrades.
  public func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {}
  /// Does nothing: for handlers that accept no upgrades.
  public func closed(_ socket: WebSocketHandle) {}
  /// Does nothing: for handlers that do not stream.
  public func abandoned(_ stream: ResponseHandle) {}
  /// Does nothing: for handlers that send no more than fits.
  public func drained(_ socket: WebSocketHandle) {}
  /// Does nothing: for handlers that send no more than fits.
  public func drained(_ stream: ResponseHandle) {}
}
