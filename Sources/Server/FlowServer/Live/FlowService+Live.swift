public import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

// The live stream: `GET /v1/live` as a WebSocket, or as server-sent events.
extension FlowService {
  func openLive(_ exchange: RouteRequest) throws(Problem) {
    let request = exchange.request
    guard request.isUpgrade else { return try streamLive(exchange) }
    let offersOurs = request.headers.contains(token: LiveProtocol.name, in: "Sec-WebSocket-Protocol")
    exchange.respond.handle.upgrade(subprotocol: offersOurs ? LiveProtocol.name : nil)
  }

  private func streamLive(_ exchange: RouteRequest) throws(Problem) {
    guard exchange.accepts("text/event-stream") else {
      throw Problem(
        status: 426, code: "upgrade-required", title: "Upgrade required",
        detail: "this resource speaks WebSocket, subprotocol \(LiveProtocol.name), and text/event-stream",
        headers: [("Upgrade", "websocket"), ("Connection", "Upgrade")])
    }
    var filter = try LiveFilter { exchange.query[$0] }
    filter.visible = exchange.request.visit?.principal.flows
    let since = try exchange.position("since")
    exchange.request.visit?.endsWithKey(exchange.respond.handle)
    live.stream(filter, since: since, to: exchange.respond.handle)
  }

  /// `?since=41&flow=Order` on the address subscribes at once, with the number 0.
  public func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    live.limit(socket, to: request.visit?.principal.flows)
    keepPeer(socket, request)
    guard let query = try? RouteRequest.query(of: request), let text = query["since"] else { return }
    guard let since = LivePosition(text) else {
      let problem = Problem.badRequest("`since` has to be an offset, or a position as the server gave it")
      return socket.send(text: LiveProtocol.failure(problem, 0))
    }
    do throws(Problem) {
      live.subscribe(socket, .init(id: 0, since: since, filter: try LiveFilter { query[$0] }))
    } catch {
      socket.send(text: LiveProtocol.failure(error, 0))
    }
  }

  public func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    guard case .text(let text) = message else {
      return socket.close(code: LiveProtocol.badFrame, reason: "send text")
    }
    do throws(LiveProtocol.Mistake) {
      switch try LiveProtocol.parse(text) {
      case .hello(let id): live.greet(socket, id: id, at: timeText(clock()))
      case .subscribe(let request): subscribe(socket, request)
      case .unsubscribe(let id, let subscription): live.unsubscribe(socket, id: id, subscription)
      case .send(let sending): send(sending, from: socket)
      case .ping(let id): socket.send(text: JSON.object([.init("re", .int(id)), .init("op", "pong")]).text())
      case .pong: break
      }
    } catch {
      switch error {
      case .noMessage(let reason): socket.close(code: LiveProtocol.badFrame, reason: reason)
      case .problem(let problem, let id): socket.send(text: LiveProtocol.failure(problem, id))
      }
    }
  }

  /// A subscription may read much of the journal, so it counts as a request does.
  private func subscribe(_ socket: WebSocketHandle, _ request: LiveProtocol.Subscription) {
    let visit = peers.withLock { $0[socket] }?.visit
    do throws(Problem) {
      try visit?.admit(message: .read, for: nil)
      live.subscribe(socket, request)
    } catch {
      visit?.noteRefused(error)
      socket.send(text: LiveProtocol.failure(error, request.id))
    }
  }

  public func closed(_ socket: WebSocketHandle) {
    peers.withLock { _ = $0.removeValue(forKey: socket) }
    live.forget(.socket(socket))
  }

  public func abandoned(_ stream: ResponseHandle) { live.forget(.stream(stream)) }

  public func drained(_ socket: WebSocketHandle) { live.drained(.socket(socket)) }

  public func drained(_ stream: ResponseHandle) { live.drained(.stream(stream)) }
}
