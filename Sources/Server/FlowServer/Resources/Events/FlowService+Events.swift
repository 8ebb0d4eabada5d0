import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime

// Events: `POST /v1/events`, `…/instances`, `…/instances/{key}/events`.
extension FlowService {
  func postEvent(_ request: RouteRequest) throws(Problem) {
    if request.http.mediaType == IncomingEvent.batch {
      return try EventBatch.submit(request, as: try caller(request.context), to: self)
    }
    try submit(request, flow: nil, key: nil)
  }

  func postStart(_ request: RouteRequest) throws(Problem) { try submit(request, flow: flow(request).name, key: nil) }

  func postEventToInstance(_ request: RouteRequest) throws(Problem) {
    try submit(request, flow: flow(request).name, key: request["key"])
  }

  /// Sends an event to the engine; the response follows after the commit.
  private func submit(_ request: RouteRequest, flow: String?, key: String?) throws(Problem) {
    let context = request.context
    let address = EventAddress(flow: flow, key: key)
    var command = try command(for: try IncomingEvent(request.http), to: address, context)
    command.ifMatch = try revision(request.http)
    if try request.query.flag("dryRun") { return dryRun(command, request) }
    let preference = try WaitPreference(request.http, flows: flows(of: command, context))
    guard let preference, context.principal.may(.read) else {
      // The request is not needed any more, and a waiting event holds no body.
      return submit(command, in: context) { [respond = request.respond] in respond.send($0) }
    }
    let access = ReadAccess(caller: command.caller, programs: programs, clock: clock)
    submit(command, in: context) { [self] result in
      guard case .success(let answer) = result, context.principal.sees(answer.flow) else {
        return request.respond.send(result)
      }
      self.answer(answer, after: preference, request: request, access: access)
    }
  }

  /// Sends a command to the engine and records its outcome. `completion` is called after the commit, with the values
  /// that the caller may see.
  func submit(
    _ command: EventCommand, in context: RequestContext,
    completion: @escaping @Sendable (Result<EventAnswer, Problem>) -> Void
  ) {
    let isKnown = catalogue.declares(event: command.event)
    engine.submit(command) { result in
      switch result {
      case .failure(let problem):
        if isKnown { context.middleware.metrics.recordRefusal(of: command.event, flow: command.flow, problem) }
        completion(.failure(context.visible(problem, of: command.flow)))
      case .success(let taken):
        context.recordStep(taken.sequence)
        completion(.success(taken))
      }
    }
  }

  /// The command for an event.
  /// - Throws: 403 for a flow that the caller may not see.
  func command(
    for event: IncomingEvent, to address: EventAddress, _ context: RequestContext
  ) throws(Problem) -> EventCommand {
    var command = EventCommand(flow: address.flow, key: address.key, event: event.name, payload: event.data)
    // The subject of an event may name anything: one that names a flow outside of the key is like any other.
    if address.flow == nil, let subject = event.subject, let slash = subject.firstIndex(of: "/"),
      case let flow = String(subject[..<slash]), catalogue[flow] != nil, context.principal.sees(flow)
    {
      command.flow = flow
      command.key = String(subject[subject.index(after: slash)...])
    }
    command.caller = try caller(context)
    command.sender = context.middleware.hasKeys ? context.principal.identity : ""
    command.idempotencyKey = event.idempotencyKey
    try checkReach(of: command, context)
    try checkInternal(command, context)
    return command
  }

  /// - Throws: 403 for an event that only flows emit, before its payload is parsed.
  private func checkInternal(_ command: EventCommand, _ context: RequestContext) throws(Problem) {
    guard catalogue.declares(internalEvent: command.event) else { return }
    let isInternal = flows(of: command, context).contains { entry in
      entry.machine.event(named: command.event).map { entry.machine.isInternal(event: $0) } ?? false
    }
    if isInternal { throw Problem(.internalEvent, "`\(command.event)` is internal: only flows emit or raise it") }
  }

  /// The flow that a command names, or else all that the caller may see.
  private func flows(of command: EventCommand, _ context: RequestContext) -> [Catalogue.Entry] {
    guard let flow = command.flow else { return catalogue.entries.filter { context.principal.sees($0.name) } }
    return catalogue[flow].map { [$0] } ?? []
  }

  private func dryRun(_ command: EventCommand, _ request: RouteRequest) {
    let now = clock()
    let context = request.context
    reader.read { [self] queries in
      let run = DryRun(programs: programs, catalogue: catalogue, queries: queries, now: now)
      do throws(DryRunError) {
        let result = try run.run(command)
        request.respond.send(json(result.json(withValues: context.mayRead(result.flow))))
      } catch {
        switch error {
        case .problem(let problem): request.respond.send(context.visible(problem, of: command.flow))
        case .store(let error): request.respond.send(.storeUnavailable(error))
        }
      }
    }
  }

  /// `If-Match: "3"`, or the tag of a view: `"3-1f2e3d4c"`.
  func revision(_ request: HTTPRequest) throws(Problem) -> Int? {
    guard let text = request.headers["If-Match"], text != "*" else { return nil }
    let digits = text.filter { $0 != "\"" }.prefix { $0 != "-" }
    guard !digits.hasPrefix("+"), let revision = Int(digits) else {
      throw .badRequest("`If-Match` must be a revision in quotes, as `ETag` has it")
    }
    return revision
  }
}

/// The instance or flow to which an event is addressed; neither when the event is routed by its key.
struct EventAddress: Sendable {
  var flow: String?
  var key: String?
}

extension RequestContext {
  /// A problem without values that the caller may not see: they are for callers that may read the flow.
  func visible(_ problem: EngineProblem, of flow: String?) -> Problem {
    var shown = problem.problem
    if case .unknownEvent(let name, _, _) = problem, principal.flows != nil {
      // The nearest event may be one of another flow.
      shown.detail = "there is no event `\(name)`"
      shown.members = []
      return shown
    }
    if let flow, mayRead(flow) { return shown }
    // An event without an address may have been refused by any flow.
    if flow == nil, principal.flows == nil, middleware.service.catalogue.entries.allSatisfy({ mayRead($0.name) }) {
      return shown
    }
    switch problem {
    case .refused(let refusal, _):
      shown.detail = refusal.publicMessage
      shown.members = [.init("reason", .string(refusal.code))]
    case .unknownEvent(let name, _, _):
      shown.detail = "there is no event `\(name)`"
      shown.members = []
    case .notPossible(_, let summary): shown.detail = summary ?? shown.detail
    case .alreadyExists: shown.detail = "there is an instance with this key"
    case .unknownFlow(let name, _): shown.detail = "there is no flow `\(name)`"
    case .retired(let name) where !principal.sees(name): shown = .notFound("the event names no instance")
    default: break
    }
    return shown
  }
}

extension Refusal {
  /// The reason without states, guards or values.
  fileprivate var publicMessage: String {
    switch reason {
    case .notHandled, .guardsFalse, .raised, .invariant, .tooManyMicrosteps, .tooManyDeferred, .failed:
      "`\(input)` is not accepted"
    case .roleMissing, .notStarted, .internalEvent: message
    case .ended: "the instance has ended"
    }
  }
}

extension EventAnswer {
  var response: HTTPResponse {
    var headers = [("Content-Type", "application/json"), ("ETag", "\"\(revision)\"")]
    if created { headers.append(("Location", "/v1/flows/\(flow.percentEncoded)/instances/\(key.percentEncoded)")) }
    if replayed { headers.append(("Idempotent-Replay", "true")) }
    return HTTPResponse(status: created ? 201 : 200, headers: headers, body: HTTPResponse.body(json))
  }
}
