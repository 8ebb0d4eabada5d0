import Dispatch
import FlowHTTP
import FlowJSON
import Synchronization

/// The open sockets, and those that have not said yet who they are.
final class SocketRegistry: Sendable {
  /// How long a peer may take to say who it is, in seconds.
  static let helloSeconds = 10

  private enum Session {
    case open
    case waiting(HTTPRequest)
  }

  private let sessions = Mutex<[WebSocketHandle: Session]>([:])
  private let metrics: Metrics

  init(_ metrics: Metrics) { self.metrics = metrics }

  /// A socket that everything may go to.
  func begin(_ socket: WebSocketHandle) {
    let isNew = sessions.withLock { $0.updateValue(.open, forKey: socket) == nil }
    if isNew { metrics.sockets.add(1) }
  }

  /// A socket whose peer has to say who it is, and soon.
  func await(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    sessions.withLock { $0[socket] = .waiting(request) }
    metrics.sockets.add(1)
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(SocketRegistry.helloSeconds)) { [weak self] in
      if self?.waiting(socket) != nil { socket.close(code: 4408, reason: "there was no hello in time") }
    }
  }

  /// The request that opened a socket which has not said yet who it is.
  func waiting(_ socket: WebSocketHandle) -> HTTPRequest? {
    sessions.withLock { sessions in
      if case .waiting(let request)? = sessions[socket] { request } else { nil }
    }
  }

  /// - Returns: Whether the socket had got as far as the service.
  func finish(_ socket: WebSocketHandle) -> Bool {
    guard let session = sessions.withLock({ $0.removeValue(forKey: socket) }) else { return false }
    metrics.sockets.add(-1)
    if case .open = session { return true }
    return false
  }

  /// Says goodbye to all; they come back, at different times, to whoever answers then.
  func end(_ reason: String) {
    let bye: JSON = ["op": "bye", "reason": .string(reason), "reconnectIn": [500, 5000]]
    let frame = EncodedFrame(text: bye.text())
    for socket in sessions.withLock({ Array($0.keys) }) {
      socket.send(frame)
      socket.close(code: 1012, reason: reason)
    }
  }
}
