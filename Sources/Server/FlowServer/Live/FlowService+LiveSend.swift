import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

// `{"op": "send"}` of the live stream: what `POST …/events` does, without a request for each event.
extension FlowService {
  /// Hands an event to the engine; the reply comes when the step is on the disk.
  func send(_ sending: LiveProtocol.Sending, from socket: WebSocketHandle) {
    guard let request = peers.withLock({ $0[socket] }) else { return }
    let redaction = request.visit?.gate.settings.redaction ?? Redaction()
    let refuse = { @Sendable (problem: Problem, flow: String?) in
      socket.send(text: LiveProtocol.failure(problem, sending.id) { redaction.masked($0, of: flow) })
    }
    do throws(Problem) {
      let command = try command(sending, request)
      submit(command, request.visit) { result in
        switch result {
        case .failure(let problem): refuse(problem.problem, command.flow)
        case .success(let answer):
          let more: [JSON.Member] = answer.replayed ? [.init("replayed", true)] : []
          let members = JSON.object((answer.json.members ?? []) + more)
          socket.send(text: LiveProtocol.reply(sending.id, redaction.masked(members, of: answer.flow)))
        }
      }
    } catch {
      request.visit?.noteRefused(error)
      refuse(error, sending.flow)
    }
  }

  /// What the engine is asked: the same as for a request with the same flow and key, so that either may repeat the
  /// other under its idempotency key.
  private func command(_ sending: LiveProtocol.Sending, _ request: HTTPRequest) throws(Problem) -> EventCommand {
    try request.visit?.admit(message: .send, for: sending.flow)
    if let flow = sending.flow, catalogue[flow] == nil { throw .unknownFlow(flow, catalogue) }
    let caller = try self.caller(request)
    var command = self.command(sending.event, flow: sending.flow, key: sending.key, caller)
    if sending.flow == nil { try checkReach(of: command, request) }
    command.ifMatch = sending.ifRevision
    return command
  }

  /// What of the request that opened a socket says who its events come from.
  func keepPeer(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    let headers = ["Flow-Caller", "Flow-Roles"].compactMap { name in request.headers[name].map { (name, $0) } }
    var peer = HTTPRequest(method: request.method, target: request.target, headers: HTTPHeaders(headers))
    peer.context = request.context
    peers.withLock { $0[socket] = peer }
  }
}
