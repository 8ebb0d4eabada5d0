import CEL
import FlowIR
import FlowMachine
import FlowSource

extension Engine {
  /// Takes an event. What comes of it holds once ``commit()`` has returned.
  public func take(_ command: EventCommand) -> Result<EventAnswer, EngineProblem> {
    do throws(EngineProblem) {
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
    let now = world.now()
    let outcome = current.stepper.start(
      flow: flow, key: key, event: event, payload: payload, caller: command.caller, now: now)
    guard case .accepted(let step) = outcome else { throw problem(outcome, current) }
    if old == nil { counters.instance += 1 }
    let row = InstanceRow(
      id: old?.row.id ?? counters.instance, flow: machine.program.flows[flow].name, key: key, definition: current.hash,
      status: 0, revision: 0, startedAt: now, updatedAt: now, position: [], data: [])
    if old == nil { batch.created.insert(row.id) }
    let cached = Cached(row: row, instance: step.next, version: current)
    let sequence = record(step, of: cached, cause: cause(command), at: now)
    return answer(step, row, sequence, created: true)
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
    guard let key = node.key, case .record(let record) = payload, case .string(let text)? = record[node.fields[key].name]
    else { return nil }
    return text
  }

  // MARK: - Events between instances

  /// Follows what a step has set off among the instances of this store, in the same transaction.
  func settle() {
    while !deliveries.isEmpty || !knownResults.isEmpty {
      if let known = knownResults.popLast() {
        takeResult(known.job, of: known.instance, known.outcome)
      } else {
        deliverEmitted()
      }
    }
  }

  /// Hands emitted events to the flows that start on them or whose key they carry, in the same transaction.
  private func deliverEmitted() {
    var count = 0
    while !deliveries.isEmpty {
      let delivery = deliveries.removeFirst()
      count += 1
      guard let event = machine.event(named: delivery.event), count <= Engine.maximumDeliveries else { continue }
      let targets = machine.route(event: event).filter {
        $0.keyField != nil || machine.starts(flow: $0.flow, on: event)
      }
      for target in targets { deliver(delivery, event, flow: target.flow) }
    }
  }

  private func deliver(_ delivery: Delivery, _ event: Int, flow: Int) {
    var command = EventCommand(event: delivery.event, payload: delivery.payload)
    command.caller = Caller(id: "\(delivery.sender.flow)/\(delivery.sender.key)")
    do throws(EngineProblem) {
      let payload = try payload(command, event)
      _ = try deliver(command, event, payload, flow: flow, key: keyOf(payload, flow: flow))
    } catch {
      // Nobody of that name waits: emitting is not calling. A refusal is noted where the event came from.
      guard case .refused(let refusal, _) = error, let sender = cache[delivery.sender] else { return }
      journal(
        sender.row, "undelivered",
        [
          "event": .string(delivery.event), "flow": .string(machine.program.flows[flow].name),
          "reason": .string(refusal.message),
        ])
    }
  }
}
