import CEL
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// The effect that events would have on an instance, with reasons: the explanation of a refusal without the event.
extension FlowService {
  func showTransitions(_ request: RouteRequest) throws(Problem) {
    let name = try instanceName(request)
    let access = try readAccess(request.context)
    let caller = access.caller
    let event = request.query["event"]
    let data = try request.query["data"].map { text throws(Problem) in try FlowService.parse(text) }
    if data != nil, event == nil { throw .badRequest("`data` needs an `event`") }
    let now = clock()
    answer(request) { [self] queries throws(StoreError) in
      guard let row = try row(name, queries: queries, access: access) else {
        return request.context.response(try missing(name, queries: queries, access: access))
      }
      guard let (instance, stepper) = try programs.instance(row) else {
        let problem = EngineProblem.storeUnavailable("the instance can't be read by its program").problem
        return request.context.response(problem)
      }
      let explanation = ExplanationRequest(
        row: row, instance: instance, stepper: stepper, caller: caller, now: now,
        known: request.context.knownEvents(of: stepper.machine, flow: instance.flow))
      do throws(EngineProblem) {
        return json(try explanation.json(event: event, data: data))
      } catch {
        return request.context.response(error.problem)
      }
    }
  }

  private static func parse(_ text: String) throws(Problem) -> JSON {
    do throws(JSONError) {
      return try JSON(parsing: text)
    } catch {
      throw .invalidJSON(error)
    }
  }
}

/// The evaluation of events against an instance without sending them.
private struct ExplanationRequest {
  let row: InstanceRow
  let instance: Instance
  let stepper: Stepper
  let caller: Caller
  let now: Int64
  /// The events that the caller may know.
  let known: [String]

  private var machine: Machine { stepper.machine }

  /// - Parameter event: Nil for all events that the instance accepts now.
  func json(event: String?, data: JSON?) throws(EngineProblem) -> JSON {
    var items: [JSON] = []
    for name in event.map({ [$0] }) ?? stepper.acceptedEvents(of: instance) {
      guard event == nil || known.contains(name), let index = machine.event(named: name) else {
        throw .unknownEvent(name, among: known)
      }
      items.append(try explain(index, data: data))
    }
    return [
      "flow": .string(row.flow), "key": .string(row.key), "status": .string(row.status.name),
      "revision": .int(Int64(row.revision)),
      "state": .array(stepper.leafPaths(of: instance).map { .string($0) }), "items": .array(items),
      "deferred": .array(InstanceView(row, machine).deferred), "deferredLimit": .int(Int64(Stepper.maximumDeferred)),
    ]
  }

  private func explain(_ event: EventIndex, data: JSON?) throws(EngineProblem) -> JSON {
    let name = machine.program.events[event].name
    switch Value.from(data ?? .object([]), as: .record(name), in: machine.types) {
    case .success(let payload): return explain(event, payload: payload)
    case .failure(let problems):
      // Without data, guards can be shown, but not evaluated.
      guard data == nil else { throw .invalidPayload(problems.mismatches.map { ($0.pointer, $0.message) }) }
      return ["event": .string(name), "would": "depend", "explanation": .array(reactions(to: event))]
    }
  }

  private func explain(_ event: EventIndex, payload: Value) -> JSON {
    let name = machine.program.events[event].name
    let outcome = stepper.step(instance, .event(event, payload: payload, caller: caller), now: now)
    var members: [JSON.Member] = [.init("event", .string(name))]
    switch outcome {
    case .refused(let refusal):
      members += [
        .init("would", "be-refused"), .init("reason", .string(refusal.code)),
        .init("detail", .string(refusal.message)), .init("explanation", refusal.explanationJSON(in: machine)),
      ]
    case .accepted(let step):
      let candidates = stepper.explain(instance, event: event, payload: payload, caller: caller, now: now)
      let refusal = Refusal(reason: .notHandled, input: name, states: [], accepted: [], candidates: candidates)
      members += [
        .init("would", .string("be-" + step.disposition.rawValue)),
        .init("to", .array(step.to.map { .string($0) })), .init("explanation", refusal.explanationJSON(in: machine)),
      ]
    }
    return .object(members)
  }

  /// The reactions to an event in the active states, with their guards as text.
  private func reactions(to event: EventIndex) -> [JSON] {
    let flow = machine.program.flows[instance.flow]
    return flow.transitions.filter { transition in
      instance.active.contains(transition.source) && (transition.trigger == .event(event) || transition.trigger == .any)
    }.map { transition in
      [
        "state": .string(flow.states[transition.source].path),
        "target": transition.target.map { .string(flow.states[$0].path) } ?? .null,
        "at": .string("\(transition.location)"),
        "roles": .array(transition.roles.map { .string(machine.program.roles[$0]) }),
        "guard": transition.guardExpression.map { ["expression": .string($0.text)] } ?? .null,
      ]
    }
  }
}
