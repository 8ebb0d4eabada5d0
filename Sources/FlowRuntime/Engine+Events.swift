import CEL
import FlowIR
import FlowMachine
import FlowSource

extension Engine {
  /// Takes an event. What comes of it holds once ``commit()`` has returned.
  public func take(_ command: EventCommand) -> Result<EventAnswer, EngineProblem> {
    do throws(EngineProblem) {
      try checkKeys(command)
      let scope = scope(of: command)
      let digest = digest(of: command)
      if let answer = try recorded(command, scope, digest) { return .success(answer) }
      let answer = try deliver(command)
      if let key = command.idempotencyKey { record(answer, scope: scope, key: key, digest: digest) }
      settle()
      return .success(answer)
    } catch {
      return .failure(error)
    }
  }

  private func checkKeys(_ command: EventCommand) throws(EngineProblem) {
    if let key = command.idempotencyKey, key.isEmpty || key.utf8.count > Engine.maximumKey {
      throw .invalidPayload([("", "an idempotency key has 1 to \(Engine.maximumKey) bytes")])
    }
  }

  private func deliver(_ command: EventCommand) throws(EngineProblem) -> EventAnswer {
    let event = try eventIndex(command.event)
    let payload = try payload(command, event)
    if let flow = command.flow {
      guard let index = machine.flow(named: flow) else {
        throw .unknownFlow(flow, known: machine.program.flows.map(\.name))
      }
      let key = command.key ?? keyOf(payload, flow: index)
      return try deliver(command, event, payload, flow: index, key: key)
    }
    return try route(command, event, payload)
  }

  /// Finds who an event is for by its own key field: an instance that runs, or a flow that it starts.
  private func route(_ command: EventCommand, _ event: Int, _ payload: Value) throws(EngineProblem) -> EventAnswer {
    var first: Result<EventAnswer, EngineProblem>?
    for (flow, keyField) in machine.route(event: event) {
      guard keyField != nil || machine.starts(flow: flow, on: event) else { continue }
      let result: Result<EventAnswer, EngineProblem>
      do throws(EngineProblem) {
        result = .success(try deliver(command, event, payload, flow: flow, key: keyOf(payload, flow: flow)))
      } catch {
        result = .failure(error)
      }
      // Several flows may take it; the answer is that of the first which does.
      if case .success? = first { continue }
      if first == nil || (try? result.get()) != nil { first = result }
    }
    guard let first else {
      throw .notFound(
        "`\(command.event)` names no instance: send it to /v1/flows/{flow}/instances/{key}/events")
    }
    return try first.get()
  }

  private func deliver(
    _ command: EventCommand, _ event: Int, _ payload: Value, flow: Int, key: String?
  ) throws(EngineProblem) -> EventAnswer {
    let name = machine.program.flows[flow].name
    let cached = try key.flatMap { key throws(EngineProblem) in try load(InstanceID(flow: name, key: key)) }
    if let cached, cached.instance.status == .running || !machine.startsAgain(flow: flow, on: event) {
      return try step(cached, command, event, payload)
    }
    guard machine.starts(flow: flow, on: event) else {
      throw .notFound("there is no instance `\(key ?? "")` of `\(name)`")
    }
    return try begin(command, event, payload, flow: flow, key: key ?? world.newID(), over: cached)
  }

  private func begin(
    _ command: EventCommand, _ event: Int, _ payload: Value, flow: Int, key: String, over old: Cached?
  ) throws(EngineProblem) -> EventAnswer {
    guard !key.isEmpty, key.utf8.count <= Engine.maximumKey else {
      throw .invalidPayload([(keyPointer(flow), "the key of an instance has 1 to \(Engine.maximumKey) bytes")])
    }
    let now = world.now()
    let outcome = current.stepper.start(
      flow: flow, key: key, event: event, payload: payload, caller: command.caller, now: now,
      after: old?.instance.revision ?? 0)
    guard case .accepted(let step) = outcome else { throw problem(outcome, current) }
    if old == nil { counters.instance += 1 }
    let row = InstanceRow(
      id: old?.row.id ?? counters.instance, flow: machine.program.flows[flow].name, key: key, definition: current.hash,
      status: 0, revision: 0, startedAt: now, updatedAt: now, position: [], data: [])
    if old == nil { batch.created.insert(row.id) }
    let cached = Cached(row: row, instance: step.next, version: current)
    let sequence = record(step, of: cached, cause: cause(command), at: now, isNew: true)
    return answer(step, row, sequence, created: true)
  }

  private func keyPointer(_ flow: Int) -> String {
    let node = machine.program.flows[flow]
    return node.key.map { "/\(node.fields[$0].name)" } ?? ""
  }

  private func step(
    _ cached: Cached, _ command: EventCommand, _ event: Int, _ payload: Value
  ) throws(EngineProblem) -> EventAnswer {
    if let wanted = command.ifMatch, wanted != cached.instance.revision {
      throw .revisionMismatch(current: cached.instance.revision)
    }
    // The instance may run an older program, in which the event has another number.
    guard let own = cached.version.machine.event(named: command.event) else {
      throw .unknownEvent(command.event, nearest: [], known: cached.version.machine.program.events.map(\.name))
    }
    let now = world.now()
    let input = Input.event(own, payload: payload, caller: command.caller)
    let outcome = cached.version.stepper.step(cached.instance, input, now: now)
    guard case .accepted(let step) = outcome else { throw problem(outcome, cached.version) }
    let sequence = record(step, of: cached, cause: cause(command), at: now)
    return answer(step, cached.row, sequence, created: false)
  }

  private func problem(_ outcome: Outcome, _ version: Version) -> EngineProblem {
    guard case .refused(let refusal) = outcome else { return .storeUnavailable("the step has no outcome") }
    return .refused(refusal, explanation: refusal.explanationJSON(in: version.machine))
  }

  private func cause(_ command: EventCommand) -> JSON {
    var members: [JSON.Member] = [.init("type", .string(command.event)), .init("data", command.payload)]
    if !command.caller.id.isEmpty { members.append(.init("caller", .string(command.caller.id))) }
    return .object([.init("event", .object(members))])
  }

  private func answer(_ step: Step, _ row: InstanceRow, _ sequence: Int64, created: Bool) -> EventAnswer {
    EventAnswer(
      disposition: step.disposition.rawValue, flow: row.flow, key: row.key, revision: step.next.revision,
      sequence: sequence, from: step.from, to: step.to, status: step.next.status.rawValue, created: created)
  }

  // MARK: - Reading the command

  private func eventIndex(_ name: String) throws(EngineProblem) -> Int {
    if let index = machine.event(named: name) { return index }
    let known = machine.program.events.map(\.name)
    throw .unknownEvent(name, nearest: Suggestion.closest(to: name, among: known, limit: 3), known: known)
  }

  private func payload(_ command: EventCommand, _ event: Int) throws(EngineProblem) -> Value {
    switch Value.from(command.payload, as: .record(command.event), in: machine.types) {
    case .success(let value): return value
    case .failure(let problems): throw .invalidPayload(problems.mismatches.map { ($0.pointer, $0.message) })
    }
  }

  private func keyOf(_ payload: Value, flow: Int) -> String? {
    let node = machine.program.flows[flow]
    guard let key = node.key, case .record(let record) = payload,
      case .string(let text)? = record[node.fields[key].name]
    else { return nil }
    return text
  }

  // MARK: - Events between instances

  /// Follows what a step has set off among the instances of this store, in the same transaction; what is too much
  /// for one becomes a job for the next.
  func settle() {
    var count = 0
    while !deliveries.isEmpty || !knownResults.isEmpty || !childResults.isEmpty {
      count += 1
      guard count <= Engine.maximumDeliveries else { return putOffRest() }
      if let known = knownResults.popLast() {
        takeResult(known.job, of: known.instance, known.outcome)
      } else if !childResults.isEmpty {
        let ended = childResults.removeFirst()
        endChild(ended.job, ended.outcome)
      } else {
        deliverEmitted(deliveries.removeFirst())
      }
    }
  }

  private func putOffRest() {
    for delivery in deliveries { putOff(delivery) }
    for known in knownResults { putOff(known.outcome, known.job, of: known.instance) }
    for ended in childResults { putOff(ended.outcome, child: ended.job) }
    deliveries = []
    knownResults = []
    childResults = []
  }

  /// Hands an emitted event to the flows that start on it or whose key it carries.
  func deliverEmitted(_ delivery: Delivery) {
    guard let event = machine.event(named: delivery.event) else { return }
    for target in machine.route(event: event)
    where target.keyField != nil || machine.starts(flow: target.flow, on: event) {
      deliver(delivery, event, flow: target.flow)
    }
  }

  private func deliver(_ delivery: Delivery, _ event: Int, flow: Int) {
    var command = EventCommand(event: delivery.event, payload: delivery.payload)
    command.caller = Caller(id: "\(delivery.sender.flow)/\(delivery.sender.key)")
    let name = machine.program.flows[flow].name
    var isOwn = false
    do throws(EngineProblem) {
      let payload = try payload(command, event)
      let key = keyOf(payload, flow: flow)
      isOwn = key.map { InstanceID(flow: name, key: $0) == delivery.sender } ?? false
      _ = try deliver(command, event, payload, flow: flow, key: key)
    } catch {
      // Whoever speaks of itself need not listen.
      if !isOwn { note(error, of: delivery, to: name) }
    }
  }

  /// Emitting is not calling, so the sender goes on; why nobody took the event is noted where it came from.
  private func note(_ problem: EngineProblem, of delivery: Delivery, to flow: String) {
    let reason: String
    switch problem {
    case .refused(let refusal, _): reason = refusal.message
    case .invalidPayload(let mismatches):
      reason = mismatches.map { "\($0.pointer) \($0.message)" }.joined(separator: "; ")
    // That no instance waits is nothing to tell, and a failing store fails the batch.
    default: return
    }
    guard let sender = (try? load(delivery.sender)) ?? nil else { return }
    journal(
      sender.row, "undelivered",
      ["event": .string(delivery.event), "flow": .string(flow), "reason": .string(reason)])
  }
}
