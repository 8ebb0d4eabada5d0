import FlowHTTP
import FlowJSON
import FlowSource

// `{"op": "send"}` on a node that does not own the store: a request to the owner under the credentials of the socket.
extension FlowService {
  /// Sends an event to the owner; the reply follows with its response.
  func forward(_ sending: LiveProtocol.Sending, from socket: WebSocketHandle, _ peer: LivePeer) {
    let context = peer.context
    do throws(Problem) {
      try context.admit(message: .send, flow: sending.flow)
    } catch {
      context.recordRefusal(error)
      return socket.send(text: LiveProtocol.failure(error, sending.id))
    }
    let respond = ResponseHandle { response in socket.send(text: LiveProtocol.reply(sending.id, to: response)) }
    guard let forward, let respond else {
      return socket.send(text: LiveProtocol.failure(.overloaded, sending.id))
    }
    var request = sending.request
    for (name, value) in peer.credentials { request.headers.append(name: name, value: value) }
    request.remoteAddress = context.address
    forward(request, respond)
  }
}

extension LiveProtocol.Sending {
  /// The request with the same effect.
  fileprivate var request: HTTPRequest {
    var target = "/v1/events"
    if let flow {
      target = "/v1/flows/\(flow.percentEncoded)/instances" + (key.map { "/\($0.percentEncoded)/events" } ?? "")
    }
    var headers = HTTPHeaders([("Content-Type", IncomingEvent.json)])
    if let key = event.idempotencyKey { headers.append(name: "Idempotency-Key", value: key) }
    if let ifRevision { headers.append(name: "If-Match", value: "\"\(ifRevision)\"") }
    let body = JSON.object((document.members ?? []).filter { ["event", "data"].contains($0.name) })
    return HTTPRequest(method: "POST", target: target, headers: headers, body: body.bytes())
  }
}

extension LiveProtocol {
  /// The reply with the response of the owner: its result, or its problem without the members of HTTP.
  fileprivate static func reply(_ id: Int64, to response: HTTPResponse) -> String {
    let document = (try? JSON(parsing: response.body)) ?? .null
    guard response.status / 100 != 2 else {
      let isReplayed = response.headers.contains { $0.0.lowercased() == "idempotent-replay" }
      return reply(id, .object((document.members ?? []) + (isReplayed ? [.init("replayed", true)] : [])))
    }
    let known = ["code", "status", "detail"]
    let others = (document.members ?? []).filter { !(known + ["type", "title", "retryable"]).contains($0.name) }
    var error: [JSON.Member] = known.map { .init($0, document[$0] ?? .null) }
    let seconds = response.headers.first { $0.0.lowercased() == "retry-after" }.flatMap { Int64($0.1) }
    if let seconds { error.append(.init("retryAfter", .int(seconds))) }
    return JSON.object([.init("re", .int(id)), .init("err", .object(error + others))]).text()
  }
}
