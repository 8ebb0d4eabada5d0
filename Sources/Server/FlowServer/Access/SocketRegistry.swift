import Dispatch
import FlowHTTP
import FlowJSON
import Synchronization

/// The open sockets, and those whose client has not authenticated yet.
final class SocketRegistry: Sendable {
  /// The time within which a client has to authenticate, in seconds.
  static let helloSeconds = 10

  private enum Session {
    case open
    case waiting(HTTPRequest)
  }

  private let sessions = Mutex<[WebSocketHandle: Session]>([:])
  private let metrics: Metrics

  init(_ metrics: Metrics) { self.metrics = metrics }

  /// Registers an authenticated socket.
  func open(_ socket: WebSocketHandle) {
    let isNew = sessions.withLock { $0.updateValue(.open, forKey: socket) == nil }
    if isNew { metrics.sockets.add(1) }
  }

  /// Registers a socket whose client has to authenticate.
  func await(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    sessions.withLock { $0[socket] = .waiting(request) }
    metrics.sockets.add(1)
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(SocketRegistry.helloSeconds)) { [weak self] in
      if self?.waiting(socket) != nil { socket.close(code: 4408, reason: "no hello in time") }
    }
  }

  /// The request that opened a socket, while its client has not authenticated.
  func waiting(_ socket: WebSocketHandle) -> HTTPRequest? {
    sessions.withLock { sessions in
      if case .waiting(let request)? = sessions[socket] { request } else { nil }
    }
  }

  /// - Returns: True if the socket is known to the service.
  func close(_ socket: WebSocketHandle) -> Bool {
    guard let session = sessions.withLock({ $0.removeValue(forKey: socket) }) else { return false }
    metrics.sockets.add(-1)
    if case .open = session { return true }
    return false
  }

  /// Closes all sockets; their clients reconnect after different delays.
  func end(_ reason: String) {
    let bye: JSON = ["op": "bye", "reason": .string(reason), "reconnectIn": [500, 5000]]
    let frame = EncodedFrame(text: bye.text())
    for socket in sessions.withLock({ Array($0.keys) }) {
      socket.send(frame)
      socket.close(code: 1012, reason: reason)
    }
  }
}
