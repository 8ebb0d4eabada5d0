import FlowHTTP
import FlowJSON
import Synchronization

/// Answers requests of a node: as a standby by itself, as the owner of the store through the service.
final class NodeHandler: HTTPHandler {
  static let ownerRole = "owner"
  static let standbyRole = "standby"

  private struct State {
    var service: (any HTTPHandler)?
    /// The URL of the owner; nil while none exists.
    var owner: String?
  }

  private let state = Mutex(State())

  /// Starts answering through the service.
  func activate(_ service: any HTTPHandler) { state.withLock { $0.service = service } }

  /// Records the owner to which a standby refers its clients; nil for none.
  func note(owner: String?) { state.withLock { $0.owner = owner } }

  private var service: (any HTTPHandler)? { state.withLock { $0.service } }

  func admit(_ head: HTTPRequest) -> HTTPAdmission { service?.admit(head) ?? .admitted(context: nil) }

  func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    let (service, owner) = state.withLock { ($0.service, $0.owner) }
    if let service { return service.handle(request, respond) }
    respond.send(NodeHandler.standbyResponse(to: request.path, owner: owner))
  }

  /// The response of a standby: it is alive, but not ready, and names the owner.
  static func standbyResponse(to path: String, owner: String?) -> HTTPResponse {
    if path == "/livez" {
      return HTTPResponse(status: 200, headers: [("Content-Type", "text/plain")], body: Array("ok\n".utf8))
    }
    var headers = [("Retry-After", "1"), ("Cache-Control", "no-store")]
    if let owner { headers.append(("Flow-Owner", owner)) }
    if path == "/readyz" {
      let text = owner.map { "\(standbyRole) of \($0)\n" } ?? "\(standbyRole)\n"
      return HTTPResponse(status: 503, headers: headers + [("Content-Type", "text/plain")], body: Array(text.utf8))
    }
    let detail = owner.map { "this node is a standby; the owner of the store is \($0)" } ?? "the store has no owner yet"
    var members: [JSON.Member] = [
      .init("type", "about:blank"), .init("title", "Service Unavailable"), .init("status", 503),
      .init("detail", .string(detail)), .init("code", .string(standbyRole)),
    ]
    if let owner { members.append(.init("owner", .string(owner))) }
    return HTTPResponse(
      status: 503, headers: headers + [("Content-Type", "application/problem+json")],
      body: JSON.object(members).bytes() + [0x0A])
  }

  func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    guard let service else { return socket.close(code: 1013, reason: NodeHandler.standbyRole) }
    service.opened(socket, request)
  }

  func received(_ message: WebSocketMessage, on socket: WebSocketHandle) { service?.received(message, on: socket) }
  func closed(_ socket: WebSocketHandle) { service?.closed(socket) }
  func abandoned(_ stream: ResponseHandle) { service?.abandoned(stream) }
  func drained(_ socket: WebSocketHandle) { service?.drained(socket) }
  func drained(_ stream: ResponseHandle) { service?.drained(stream) }
}
