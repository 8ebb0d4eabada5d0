import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// Events: `POST /v1/events`, `…/instances`, `…/instances/{key}/events`.
extension FlowService {
  func postEvent(_ exchange: RouteRequest) throws(Problem) {
    if exchange.request.mediaType == IncomingEvent.batch {
      return try EventBatch.submit(exchange, as: try caller(exchange.request), to: self)
    }
    try submit(exchange, flow: nil, key: nil)
  }

  func postStart(_ exchange: RouteRequest) throws(Problem) { try submit(exchange, flow: flow(exchange).name, key: nil) }

  func postEventToInstance(_ exchange: RouteRequest) throws(Problem) {
    try submit(exchange, flow: flow(exchange).name, key: exchange["key"])
  }

  /// Hands an event to the engine; the answer comes when the step is on the disk.
  private func submit(_ exchange: RouteRequest, flow: String?, key: String?) throws(Problem) {
    let caller = try self.caller(exchange.request)
    var command = self.command(try IncomingEvent(exchange.request), flow: flow, key: key, caller)
    if flow == nil { try checkReach(of: command, exchange.request) }
    command.ifMatch = try revision(exchange.request)
    if try exchange.query.flag("dryRun") { return tryOut(command, exchange) }
    let seconds = try wait(exchange.request)
    submit(command, exchange.request.visit) { [self] result in
      switch result {
      case .failure(let problem): exchange.respond.send(problem.response)
      case .success(let answer):
        guard let seconds else { return exchange.respond.send(answer.response) }
        answerWhenQuiet(answer, within: seconds, exchange.respond)
      }
    }
  }

  /// Hands a command to the engine, and notes what came of it; `answer` is called when its step is on the disk.
  func submit(
    _ command: EventCommand, _ visit: RequestContext?,
    _ answer: @escaping @Sendable (Result<EventAnswer, EngineProblem>) -> Void
  ) {
    let isKnown = catalogue.events.contains(command.event)
    engine.submit(command) { result in
      switch result {
      case .failure(let problem):
        if isKnown { visit?.gate.metrics.noteRefused(event: command.event, flow: command.flow, problem) }
      case .success(let taken): visit?.noteStep(taken.sequence)
      }
      answer(result)
    }
  }

  /// What the engine is asked for an event.
  func command(_ event: IncomingEvent, flow: String?, key: String?, _ caller: Caller) -> EventCommand {
    var command = EventCommand(flow: flow, key: key, event: event.name, payload: event.data)
    if flow == nil, let subject = event.subject, let slash = subject.firstIndex(of: "/"),
      catalogue[String(subject[..<slash])] != nil
    {
      command.flow = String(subject[..<slash])
      command.key = String(subject[subject.index(after: slash)...])
    }
    command.caller = caller
    command.idempotencyKey = event.idempotencyKey
    return command
  }

  private func tryOut(_ command: EventCommand, _ exchange: RouteRequest) {
    let now = clock()
    reader.read { [self] queries in
      let trial = DryRun(programs: programs, catalogue: catalogue, queries: queries, now: now)
      do throws(DryRunError) {
        exchange.respond.send(json(try trial.run(command)))
      } catch {
        exchange.respond.send(error.problem.response)
      }
    }
  }

  /// `If-Match: "3"`, or the tag of a view: `"3-1f2e3d4c"`.
  func revision(_ request: HTTPRequest) throws(Problem) -> Int? {
    guard let text = request.headers["If-Match"], text != "*" else { return nil }
    let digits = text.filter { $0 != "\"" }.prefix { $0 != "-" }
    guard !digits.hasPrefix("+"), let revision = Int(digits) else {
      throw .badRequest("`If-Match` has to be a revision in quotes, as `ETag` gives it")
    }
    return revision
  }
}

extension EventAnswer {
  var response: HTTPResponse {
    var headers = [("Content-Type", "application/json"), ("ETag", "\"\(revision)\"")]
    if created { headers.append(("Location", "/v1/flows/\(flow.percentEncoded)/instances/\(key.percentEncoded)")) }
    if replayed { headers.append(("Idempotent-Replay", "true")) }
    return HTTPResponse(status: created ? 201 : 200, headers: headers, body: json.bytes() + [0x0A])
  }
}
