import CEL
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// `POST /v1/hooks/{flow}/{event}`: signed deliveries of other systems.
extension FlowService {
  /// The `caller.id` of a webhook.
  static let webhookCaller = "webhook"

  /// The webhook of a path.
  /// - Throws: 404, the same for every path that is not a webhook, because the resource is open.
  func webhook(_ match: RouteMatch) throws(Problem) -> (entry: Catalogue.Entry, event: String, webhook: Webhook) {
    guard let entry = catalogue[match["flow"] ?? ""], let name = match["event"],
      let index = entry.machine.event(named: name), let webhook = entry.machine.program.events[index].webhook
    else { throw .notFound("there is no such webhook") }
    return (entry, name, webhook)
  }

  func receiveWebhook(_ request: RouteRequest) throws(Problem) {
    let context = request.context
    let (entry, name, webhook) = try webhook(context.match)
    let secret = try secret(of: webhook, entry.machine)
    let delivery = try WebhookDelivery(request.http, webhook, secret: secret, now: clock())
    var command = EventCommand(flow: entry.name, event: name, payload: .null)
    command.caller = Caller(id: FlowService.webhookCaller)
    command.sender = FlowService.webhookCaller
    command.idempotencyKey = delivery.identifier ?? context.hop?.key
    do throws(JSONError) {
      let body = try JSON(parsing: request.http.body)
      command.payload = body.trimmed(to: .record(name), in: entry.machine.types)
    } catch {
      return request.respond.send(Problem.invalidJSON(error).deliveryResponse)
    }
    submit(command, in: context) { result in
      switch result {
      case .success(let answer): request.respond.send(answer.response)
      case .failure(let problem):
        guard problem.status >= 500 || problem.status == 429 else {
          return request.respond.send(problem.deliveryResponse)
        }
        request.respond.send(problem)
      }
    }
  }

  private func secret(of webhook: Webhook, _ machine: Machine) throws(Problem) -> String {
    do throws(BindingError) {
      return try Stepper(machine).secret(of: webhook, environment: variable)
    } catch {
      // Reported when the server started, and not to the sender.
      throw .unverified("the secret of this webhook is not configured")
    }
  }
}

extension Problem {
  /// The response to a verified delivery that was refused: a 2xx, because a retry would not help, with the code and no
  /// values.
  fileprivate var deliveryResponse: HTTPResponse {
    .json([
      "disposition": "refused",
      "problem": [
        "type": .string("/problems/\(code)"), "title": .string(kind.title), "status": .int(Int64(status)),
        "code": .string(code), "detail": .string(code == "validation-failed" ? detail : kind.title),
      ],
    ])
  }
}
