import FlowHTTP
import FlowJSON
import FlowRuntime

// `{"op": "send"}` of the live stream: `POST …/events` without a request for each event.
extension FlowService {
  /// Sends an event to the engine; the reply follows after the commit.
  func send(_ sending: LiveProtocol.Sending, from socket: WebSocketHandle, _ context: RequestContext) {
    let middleware = context.middleware
    let reply = { @Sendable (text: @escaping @Sendable () -> String) in
      // Completions run on the engine's thread, which must not be blocked.
      if middleware.settings.redaction.isEmpty { return socket.send(text: text()) }
      middleware.finishing.run { socket.send(text: text()) }
    }
    let refuse = { @Sendable (problem: Problem, flow: String?) in
      reply {
        LiveProtocol.failure(problem, sending.id) { middleware.settings.redaction.masked($0, of: flow) }
      }
    }
    do throws(Problem) {
      let command = try command(sending, context)
      submit(command, in: context) { result in
        switch result {
        case .failure(let problem): refuse(problem, command.flow)
        case .success(let answer):
          let more: [JSON.Member] = answer.replayed ? [.init("replayed", true)] : []
          let members = JSON.object((answer.json.members ?? []) + more)
          reply { LiveProtocol.reply(sending.id, middleware.settings.redaction.masked(members, of: answer.flow)) }
        }
      }
    } catch {
      context.recordRefusal(error)
      refuse(error, sending.flow)
    }
  }

  /// The same command as for a request with the same flow and key, so that each can repeat the other with its
  /// idempotency key.
  private func command(_ sending: LiveProtocol.Sending, _ context: RequestContext) throws(Problem) -> EventCommand {
    try context.admit(message: .send, flow: sending.flow)
    if let flow = sending.flow, catalogue[flow] == nil { throw .unknownFlow(flow, known: knownFlows(context)) }
    let address = EventAddress(flow: sending.flow, key: sending.key)
    var command = try command(for: sending.event, to: address, context)
    command.ifMatch = sending.ifRevision
    return command
  }
}
