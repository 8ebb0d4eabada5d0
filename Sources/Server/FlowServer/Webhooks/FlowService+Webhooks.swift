import CEL
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// `POST /v1/hooks/{flow}/{event}`: what other systems deliver, signed.
extension FlowService {
  /// Whoever is behind a webhook, as `caller.id` has it.
  static let webhookCaller = "webhook"

  func takeWebhook(_ exchange: RouteRequest) throws(Problem) {
    let name = exchange["event"] ?? ""
    // Anybody may ask, so that what there is besides is not told.
    guard let entry = catalogue[exchange["flow"] ?? ""], let index = entry.machine.event(named: name),
      let webhook = entry.machine.program.events[index].webhook
    else { throw .notFound("there is no such webhook") }
    let secret = try secret(of: webhook, entry.machine)
    let delivery = try WebhookDelivery(exchange.request, webhook, secret: secret, now: clock())
    var command = EventCommand(flow: entry.name, event: name, payload: .null)
    command.caller = Caller(id: FlowService.webhookCaller)
    command.idempotencyKey = delivery.identifier
    do throws(JSONError) {
      let body = try JSON(parsing: exchange.request.body)
      command.payload = body.trimmed(to: .record(name), in: entry.machine.types)
    } catch {
      return exchange.respond.send(Problem.invalidJSON(error).verdict)
    }
    let visit = exchange.request.visit
    engine.submit(command) { result in
      switch result {
      case .success(let answer):
        visit?.noteStep(answer.sequence)
        exchange.respond.send(answer.response)
      case .failure(let problem):
        visit?.gate.metrics.noteRefused(event: name, flow: entry.name)
        exchange.respond.send(problem.problem.verdict)
      }
    }
  }

  private func secret(of webhook: Webhook, _ machine: Machine) throws(Problem) -> String {
    do throws(BindingError) {
      return try Stepper(machine).secret(of: webhook, environment: variable)
    } catch {
      // Said when the server began; the sender learns nothing of it.
      throw .unverified("the secret of this webhook is not known here")
    }
  }
}

extension Problem {
  /// What a verified delivery is told. That the flow refuses it is no reason to send it again, so it is no error of
  /// the delivery; that it could not be kept is one.
  fileprivate var verdict: HTTPResponse {
    guard status < 500, status != 429 else { return response }
    return .json(["disposition": "refused", "problem": json])
  }
}

extension JSON {
  /// Without the members that a type does not know: other systems send more than a flow asks for.
  func trimmed(to type: ValueType, in types: TypeRegistry) -> JSON {
    switch (self, type) {
    case (_, .optional(let wrapped)): return trimmed(to: wrapped, in: types)
    case (.array(let items), .list(let element)): return .array(items.map { $0.trimmed(to: element, in: types) })
    case (.object(let members), .map(_, let value)):
      return .object(members.map { .init($0.name, $0.value.trimmed(to: value, in: types)) })
    case (.object(let members), .record(let name)):
      guard let record = types.record(named: name) else { return self }
      return .object(
        members.compactMap { member in
          guard let index = record.index(of: member.name) else { return nil }
          return .init(member.name, member.value.trimmed(to: record.fields[index].type, in: types))
        })
    default: return self
    }
  }
}
