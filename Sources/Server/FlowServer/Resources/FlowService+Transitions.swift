import CEL
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

// What an instance would do, and why: the same tree that a refusal brings.
extension FlowService {
  func showTransitions(_ exchange: RouteRequest) throws(Problem) {
    let name = try instanceName(exchange)
    let caller = try self.caller(exchange.request)
    let event = exchange.query["event"]
    let data = try exchange.query["data"].map { text throws(Problem) in try FlowService.parse(text) }
    if data != nil, event == nil { throw .badRequest("`data` needs an `event`") }
    let now = clock()
    answer(exchange) { [self] queries throws(StoreError) in
      guard let row = try queries.instance(flow: name.flow, key: name.key) else {
        return try missing(name, queries).response
      }
      guard let (instance, stepper) = try programs.instance(row) else {
        return EngineProblem.storeUnavailable("the instance can't be read by its program").response
      }
      let asker = ExplanationRequest(row: row, instance: instance, stepper: stepper, caller: caller, now: now)
      do throws(EngineProblem) {
        return json(try asker.answer(event, data))
      } catch {
        return error.response
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

/// Asks an instance about events without sending them.
private struct ExplanationRequest {
  let row: InstanceRow
  let instance: Instance
  let stepper: Stepper
  let caller: Caller
  let now: Int64

  private var machine: Machine { stepper.machine }

  /// - Parameter event: Nil asks about all that it takes here.
  func answer(_ event: String?, _ data: JSON?) throws(EngineProblem) -> JSON {
    var items: [JSON] = []
    for name in event.map({ [$0] }) ?? stepper.acceptedEvents(of: instance) {
      guard let index = machine.event(named: name) else {
        let known = machine.program.events.map(\.name)
        throw .unknownEvent(name, nearest: Suggestion.closest(to: name, among: known, limit: 3), known: known)
      }
      items.append(try ask(index, data))
    }
    return [
      "flow": .string(row.flow), "key": .string(row.key), "status": .string(row.status.name),
      "revision": .int(Int64(row.revision)),
      "state": .array(stepper.leafPaths(of: instance).map { .string($0) }), "items": .array(items),
    ]
  }

  private func ask(_ event: EventIndex, _ data: JSON?) throws(EngineProblem) -> JSON {
    let name = machine.program.events[event].name
    switch Value.from(data ?? .object([]), as: .record(name), in: machine.types) {
    case .success(let payload): return ask(event, name, payload)
    case .failure(let problems):
      // Without data the guards can be shown, not evaluated.
      guard data == nil else { throw .invalidPayload(problems.mismatches.map { ($0.pointer, $0.message) }) }
      return ["event": .string(name), "would": "depend", "explanation": .array(reactions(to: event))]
    }
  }

  private func ask(_ event: EventIndex, _ name: String, _ payload: Value) -> JSON {
    let outcome = stepper.step(instance, .event(event, payload: payload, caller: caller), now: now)
    var members: [JSON.Member] = [.init("event", .string(name))]
    switch outcome {
    case .refused(let refusal):
      members += [
        .init("would", "be-refused"), .init("reason", .string(refusal.code)),
        .init("detail", .string(refusal.message)), .init("explanation", refusal.explanationJSON(in: machine)),
      ]
    case .accepted(let step):
      let verdicts = stepper.explain(instance, event: event, payload: payload, caller: caller, now: now)
      let told = Refusal(reason: .notHandled, input: name, states: [], accepted: [], candidates: verdicts)
      members += [
        .init("would", .string("be-" + step.disposition.rawValue)),
        .init("to", .array(step.to.map { .string($0) })), .init("explanation", told.explanationJSON(in: machine)),
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
        "at": .string("\(transition.place)"),
        "roles": .array(transition.roles.map { .string(machine.program.roles[$0]) }),
        "guard": transition.guardExpression.map { ["expression": .string($0.text)] } ?? .null,
      ]
    }
  }
}
