public import FlowHTTP
import FlowRuntime
import FlowSource

// The live stream: `GET /v1/live` as a WebSocket.
extension FlowService {
  func openLive(_ request: HTTPRequest, _ respond: ResponseHandle) throws(Problem) {
    guard request.isUpgrade else {
      throw Problem(
        status: 426, code: "upgrade-required", title: "Upgrade required",
        detail: "this resource speaks WebSocket, subprotocol \(LiveProtocol.name)",
        headers: [("Upgrade", "websocket"), ("Connection", "Upgrade")])
    }
    let offersOurs = request.headers.contains(token: LiveProtocol.name, in: "Sec-WebSocket-Protocol")
    respond.upgrade(subprotocol: offersOurs ? LiveProtocol.name : nil)
  }

  /// `?since=41&flow=Order` on the address subscribes at once.
  public func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    live.limit(socket, to: request.visit?.principal.flows)
    guard let route = try? Route(request), let text = route.query["since"] else { return }
    guard let since = Int64(text), since >= 0 else {
      socket.send(text: LiveProtocol.failure(.badRequest("`since` has to be a sequence number")))
      return
    }
    subscribe(socket, id: 0, since: since, LiveHub.Filter(flow: route.query["flow"], key: route.query["key"]))
  }

  public func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    guard case .text(let text) = message else {
      socket.close(code: 1003, reason: "send text")
      return
    }
    do throws(Problem) {
      switch try LiveProtocol.parse(text) {
      case .subscribe(let id, let since, let filter): subscribe(socket, id: id, since: since, filter)
      case .unsubscribe(let id):
        live.remove(socket)
        socket.send(text: LiveProtocol.reply(id, .object([])))
      case .pong: break
      }
    } catch {
      socket.send(text: LiveProtocol.failure(error))
    }
  }

  public func closed(_ socket: WebSocketHandle) { live.forget(socket) }

  private func subscribe(_ socket: WebSocketHandle, id: Int64, since: Int64?, _ filter: LiveHub.Filter) {
    guard !live.isSubscribed(socket) else {
      socket.send(text: LiveProtocol.failure(.badRequest("this socket is subscribed already")))
      return
    }
    var filter = filter
    filter.visible = live.visible(socket)
    let present = live.lastSequence
    let start = min(since ?? present, present)
    live.add(socket, filter: filter)
    socket.send(text: LiveProtocol.reply(id, ["offset": .int(start), "recovered": true]))
    catchUp(socket, from: start, filter)
  }

  /// Sends what was committed after `sequence`, a page at a time, until the subscriber is in the present.
  private func catchUp(_ socket: WebSocketHandle, from sequence: Int64, _ filter: LiveHub.Filter) {
    if live.promote(socket, at: sequence) { return }
    reader.read { [self] queries in
      guard live.isSubscribed(socket) else { return }
      do {
        let page = try queries.journal(after: sequence, limit: LiveProtocol.pageSize)
        for entry in page where filter.admits(entry) { socket.send(text: live.text(of: entry)) }
        if let last = page.last {
          catchUp(socket, from: last.sequence, filter)
        } else {
          // Published but not yet seen by this connection: ask again.
          catchUp(socket, from: sequence, filter)
        }
      } catch {
        live.remove(socket)
        socket.close(code: 1011, reason: "the journal could not be read")
      }
    }
  }
}
