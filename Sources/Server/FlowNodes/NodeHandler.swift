public import FlowHTTP
public import FlowServer
import Synchronization

/// Answers the requests to a node: as the owner of the store through the service, otherwise by forwarding them.
public final class NodeHandler: HTTPHandler {
  /// The role of a node among several.
  public enum Role: String, Sendable {
    case owner
    case standby
    /// The process ends, and its requests go to another node.
    case draining
  }

  /// The path at which the owner asks its successor to claim the store. It is for nodes only.
  public static let claimPath = "/nodes/claim"

  private struct State {
    var role = Role.standby
    /// The service of the owner. Its sockets and streams remain when the node stops being the owner.
    var service: (any HTTPHandler)?
    var access: StandbyAccess?
    /// Answers requests without the owner.
    var reader: StandbyReader?
    /// The sockets that ``reader`` has opened.
    var sockets: Set<WebSocketHandle> = []
    /// The URL of the owner; nil while none is known.
    var owner: String?
    /// True if the process is about to end, so that readiness checks fail.
    var isDraining = false
    /// True if the node holds the lease, and is about to serve.
    var isStarting = false
  }

  private let state = Mutex(State())
  private let forwarder: Forwarder
  private let onClaimRequest: @Sendable () -> Void

  /// - Parameters:
  ///   - forwarder: Forwards requests while this node does not own the store.
  ///   - onClaimRequest: Called when the owner wants this node to claim the store.
  public init(_ forwarder: Forwarder, onClaimRequest: @escaping @Sendable () -> Void) {
    self.forwarder = forwarder
    self.onClaimRequest = onClaimRequest
  }

  /// The role as other nodes see it.
  public var role: Role { state.withLock { $0.isDraining ? .draining : $0.role } }

  /// Provides the settings that are necessary for forwarding.
  public func allowForwarding(_ access: StandbyAccess) {
    state.withLock { $0.access = access }
    forwarder.allow(access)
  }

  /// The URL of the owner; nil while none is known.
  public var owner: String? { state.withLock { $0.owner } }

  /// Starts answering some requests on this node, while it is a standby.
  public func read(through reader: StandbyReader) { state.withLock { $0.reader = reader } }

  /// Starts answering through the service, with the requests that have waited for an owner.
  public func activate(_ service: any HTTPHandler) {
    state.withLock { state in
      state.role = .owner
      state.service = service
      state.isStarting = false
    }
    forwarder.serve(by: service)
  }

  /// This node has claimed the store: requests wait until it serves.
  public func prepareToServe() {
    let reader = state.withLock { state in
      state.isStarting = true
      state.owner = nil
      return state.reader
    }
    forwarder.setOwner(nil)
    reader?.end()
  }

  /// Makes readiness checks fail; requests are still answered.
  public func announceDrain() { state.withLock { $0.isDraining = true } }

  /// Stops answering through the service; further requests wait for the next owner.
  public func handOver() {
    state.withLock { state in
      state.role = .draining
      state.owner = nil
    }
    forwarder.setOwner(nil)
  }

  /// Records the owner to which requests are forwarded; nil for none.
  public func setOwner(_ owner: String?) {
    state.withLock { $0.owner = owner }
    forwarder.setOwner(owner)
  }

  // MARK: - Requests

  public func admit(_ head: HTTPRequest) -> HTTPAdmission {
    let service = state.withLock { $0.role == .owner ? $0.service : nil }
    return service?.admit(head) ?? .admitted(context: nil)
  }

  public func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    let state = state.withLock { $0 }
    if state.role == .owner, let service = state.service, !state.isDraining || request.path != "/readyz" {
      return service.handle(request, respond)
    }
    if let response = localResponse(to: request, state) { return respond.send(response) }
    guard let access = state.access else { return respond.send(StandbyAccess.withoutOwner(nil)) }
    guard request.headers[Hop.header] == nil else { return answer(node: request, respond, by: access, in: state) }
    if let refusal = access.refusal(of: request) { return respond.send(refusal) }
    guard state.role == .standby, !state.isStarting, !state.isDraining, let reader = state.reader,
      StandbyReader.mayAnswer(request)
    else { return forwarder.forward(request, respond) }
    reader.handle(request, respond) { [forwarder] in forwarder.forward(request, respond) }
  }

  /// Answers another node. Its request is never forwarded again.
  private func answer(
    node request: HTTPRequest, _ respond: ResponseHandle, by access: StandbyAccess, in state: State
  ) {
    guard access.isFromNode(request) else { return respond.send(StandbyAccess.notOwner(state.owner)) }
    if request.path == NodeHandler.claimPath {
      onClaimRequest()
      return respond.send(HTTPResponse(status: 204))
    }
    guard state.owner == nil, state.isStarting || state.role == .draining else {
      return respond.send(StandbyAccess.notOwner(state.owner))
    }
    // This node is about to serve, or is about to know its successor.
    forwarder.hold(request, respond)
  }

  private func localResponse(to request: HTTPRequest, _ state: State) -> HTTPResponse? {
    let type = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    switch request.path {
    case "/livez": return HTTPResponse(status: 200, headers: type, body: Array("ok\n".utf8))
    case "/readyz":
      let isReady = state.role == .standby && state.owner != nil && state.access != nil && !state.isDraining
      var text = (state.isDraining ? .draining : state.role).rawValue
      if isReady, let owner = state.owner { text += " of \(owner)" }
      return HTTPResponse(status: isReady ? 200 : 503, headers: type, body: Array("\(text)\n".utf8))
    case "/metrics": return state.access?.showMetrics(request, role: state.role.rawValue)
    default: return state.access?.page(for: request)
    }
  }

  // MARK: - Sockets and streams

  public func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    let handler = state.withLock { state -> (any HTTPHandler)? in
      guard let reader = state.reader, reader.hasOpened(request) else { return state.service }
      state.sockets.insert(socket)
      return reader.access
    }
    handler?.opened(socket, request)
  }

  public func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    handler(of: socket)?.received(message, on: socket)
  }

  public func closed(_ socket: WebSocketHandle) {
    handler(of: socket)?.closed(socket)
    state.withLock { _ = $0.sockets.remove(socket) }
  }

  public func drained(_ socket: WebSocketHandle) { handler(of: socket)?.drained(socket) }
  public func tunnelled(_ bytes: [UInt8], from stream: ResponseHandle) { forwarder.send(bytes, to: stream) }

  public func abandoned(_ stream: ResponseHandle) {
    forwarder.abandoned(stream)
    for handler in streaming { handler.abandoned(stream) }
  }

  public func drained(_ stream: ResponseHandle) {
    forwarder.drained(stream)
    for handler in streaming { handler.drained(stream) }
  }

  private func handler(of socket: WebSocketHandle) -> (any HTTPHandler)? {
    state.withLock { $0.sockets.contains(socket) ? $0.reader?.access : $0.service }
  }

  /// The handlers that may have streams: an event of a stream of another one has no effect.
  private var streaming: [any HTTPHandler] {
    state.withLock { state in
      (state.reader.map { [$0.access] } ?? []) + (state.service.map { [$0] } ?? [])
    }
  }
}
