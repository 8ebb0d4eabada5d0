import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

// The live stream: `GET /v1/live` as a WebSocket, or as server-sent events.
extension FlowService {
  func openLive(_ request: RouteRequest) throws(Problem) {
    guard request.http.isUpgrade else { return try streamLive(request) }
    let offersOurs = request.http.headers.contains(token: LiveProtocol.name, in: "Sec-WebSocket-Protocol")
    request.respond.handle.upgrade(subprotocol: offersOurs ? LiveProtocol.name : nil)
  }

  private func streamLive(_ request: RouteRequest) throws(Problem) {
    guard request.accepts("text/event-stream") else {
      throw Problem(
        .upgradeRequired, "this resource is a WebSocket, subprotocol \(LiveProtocol.name), or text/event-stream",
        headers: [("Upgrade", "websocket"), ("Connection", "Upgrade")])
    }
    var filter = try LiveFilter { request.query[$0] }
    filter.visible = request.context.principal.flows
    filter.access = try readAccess(request.context)
    let since = try request.position("since")
    request.context.endsWithKey(request.respond.handle)
    live.stream(filter, since: since, to: request.respond.handle)
  }

  /// `?since=41&flow=Order` in the address subscribes immediately, with the number 0.
  func opened(_ socket: WebSocketHandle, request: HTTPRequest, context: RequestContext) {
    live.limit(socket, to: context.principal.flows, access: try? readAccess(context))
    let peer = LivePeer(context, request)
    peers.withLock { $0[socket] = peer }
    guard let query = try? RouteRequest.query(of: request), let text = query["since"] else { return }
    guard let since = LivePosition(text) else {
      let problem = Problem.badRequest("`since` must be an offset, or a position as the server returned it")
      return socket.send(text: LiveProtocol.failure(problem, 0))
    }
    subscribe(socket) { () throws(Problem) in
      .init(id: 0, since: since, filter: try LiveFilter { query[$0] })
    }
  }

  /// Subscribes with a filter that is compiled on a worker.
  private func subscribe(
    _ socket: WebSocketHandle, _ make: @escaping @Sendable () throws(Problem) -> LiveProtocol.Subscription
  ) {
    guard let peer = peers.withLock({ $0[socket] }), peer.enqueue("", isExpensive: true) == .now else { return }
    run(socket, peer: peer) { [self] in
      do throws(Problem) {
        live.subscribe(socket, try make())
      } catch {
        socket.send(text: LiveProtocol.failure(error, 0))
      }
    }
  }

  func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    guard case .text(let text) = message else {
      return socket.close(code: LiveProtocol.badFrame, reason: "send text")
    }
    guard let peer = peers.withLock({ $0[socket] }) else { return }
    let isExpensive = text.utf8.count > RouteMatch.cheapBytes || text.contains("\"filter\"")
    switch peer.enqueue(text, isExpensive: isExpensive) {
    case .now where isExpensive: run(socket, peer: peer) { [self] in handle(text, from: peer, on: socket) }
    case .now: handle(text, from: peer, on: socket)
    case .later: break
    case .tooMany: socket.close(code: LiveProtocol.tooMuch, reason: "too many messages are waiting")
    }
  }

  /// Runs work of a socket on a worker, and then the messages that arrived meanwhile.
  private func run(_ socket: WebSocketHandle, peer: LivePeer, body: @escaping @Sendable () -> Void) {
    let isAccepted = peer.context.middleware.workers.run { [self] in
      body()
      while let text = peer.next() { handle(text, from: peer, on: socket) }
    }
    if !isAccepted { socket.close(code: LiveProtocol.tooMuch, reason: "the server is overloaded") }
  }

  private func handle(_ text: String, from peer: LivePeer, on socket: WebSocketHandle) {
    do throws(LiveProtocol.Failure) {
      switch try LiveProtocol.parse(text) {
      case .hello(let id): live.greet(socket, id: id, at: timeText(clock()))
      case .subscribe(let request): subscribe(socket, to: request, peer.context)
      case .unsubscribe(let id, let subscription): live.unsubscribe(socket, id: id, subscription: subscription)
      case .send(let sending):
        forward != nil ? forward(sending, from: socket, peer) : send(sending, from: socket, peer.context)
      case .ping(let id): socket.send(text: JSON.object([.init("re", .int(id)), .init("op", "pong")]).text())
      case .pong: break
      }
    } catch {
      switch error {
      case .notAMessage(let reason): socket.close(code: LiveProtocol.badFrame, reason: reason)
      case .problem(let problem, let id): socket.send(text: LiveProtocol.failure(problem, id))
      }
    }
  }

  /// A subscription may read much of the journal, so it counts as a request.
  private func subscribe(_ socket: WebSocketHandle, to request: LiveProtocol.Subscription, _ context: RequestContext) {
    do throws(Problem) {
      try context.admit(message: .read, flow: request.filter.flow)
      live.subscribe(socket, request)
    } catch {
      context.recordRefusal(error)
      socket.send(text: LiveProtocol.failure(error, request.id))
    }
  }

  func closed(_ socket: WebSocketHandle) {
    peers.withLock { _ = $0.removeValue(forKey: socket) }
    live.remove(.socket(socket))
  }
}
