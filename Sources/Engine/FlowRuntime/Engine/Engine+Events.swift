import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowSource

// Events from outside.
extension Engine {
  /// An event with the payload as a program types it.
  struct TypedEvent {
    var event: EventIndex
    var payload: Value
  }

  /// Accepts an event. The outcome holds once ``commit()`` has returned.
  public func submit(_ command: EventCommand) -> Result<EventAnswer, EngineProblem> {
    do throws(EngineProblem) {
      try checkIdempotencyKey(of: command)
      let scope = scope(of: command)
      let digest = digest(of: command)
      if let answer = try recordedAnswer(to: command, scope: scope, digest: digest) { return .success(answer) }
      let answer = try deliver(command)
      if let key = command.idempotencyKey { record(answer, scope: scope, key: key, digest: digest) }
      deliverPending()
      return .success(answer)
    } catch {
      return .failure(error)
    }
  }

  private func checkIdempotencyKey(of command: EventCommand) throws(EngineProblem) {
    if let key = command.idempotencyKey, key.isEmpty || key.utf8.count > Engine.maximumKey {
      throw .invalidPayload([("", "an idempotency key has 1 to \(Engine.maximumKey) bytes")])
    }
  }

  private func deliver(_ command: EventCommand) throws(EngineProblem) -> EventAnswer {
    guard let flow = command.flow else { return try route(command) }
    guard let entry = catalogue[flow] else { throw .unknownFlow(flow, known: catalogue.names) }
    return try deliver(command, to: entry)
  }

  /// Finds the receivers of an event by its key field: running instances, or flows that it starts.
  private func route(_ command: EventCommand) throws(EngineProblem) -> EventAnswer {
    var first: Result<EventAnswer, EngineProblem>?
    for entry in catalogue.entries where entry.isReached(by: command.event) {
      let result: Result<EventAnswer, EngineProblem>
      do throws(EngineProblem) {
        result = .success(try deliver(command, to: entry))
      } catch {
        result = .failure(error)
      }
      // Several flows may accept it; the answer is that of the first which does.
      if case .success? = first { continue }
      if first == nil || (try? result.get()) != nil { first = result }
    }
    if let first { return try first.get() }
    let known = catalogue.events
    guard known.contains(command.event) else { throw unknownEvent(command.event, known: known) }
    throw .notFound("`\(command.event)` names no instance: send it to /v1/flows/{flow}/instances/{key}/events")
  }

  /// Delivers an event to the instance that it names, or starts one.
  func deliver(_ command: EventCommand, to entry: Catalogue.Entry) throws(EngineProblem) -> EventAnswer {
    guard let version = deployments[entry.hash] else { throw .storeUnavailable("`\(entry.name)` is not loaded") }
    var typed: TypedEvent?
    if let event = version.machine.event(named: command.event) {
      typed = TypedEvent(event: event, payload: try payload(of: command, in: version.machine))
    }
    let key = command.key ?? typed.flatMap { self.key(in: $0.payload, of: entry) }
    let name = entry.name
    let cached = try key.flatMap { key throws(EngineProblem) in try load(InstanceID(flow: name, key: key)) }
    let startsAgain = typed.map { version.machine.startsAgain(flow: entry.flow, on: $0.event) } ?? false
    if let cached, cached.instance.status == .running || !startsAgain || entry.isRetired {
      return try step(cached, command: command, typed: cached.version.hash == version.hash ? typed : nil)
    }
    guard let typed else {
      throw unknownEvent(command.event, known: version.machine.program.events.map(\.name))
    }
    guard !entry.isRetired, version.machine.starts(flow: entry.flow, on: typed.event) else {
      throw try notFound(name, key: key)
    }
    let id = InstanceID(flow: name, key: key ?? world.newID())
    return try start(id, command: command, typed: typed, of: entry, replacing: cached)
  }

  /// The answer to an event for an instance that does not exist, or exists no longer.
  private func notFound(_ flow: String, key: String?) throws(EngineProblem) -> EngineProblem {
    guard let key else { return .notFound("the event has no key of an instance of `\(flow)`") }
    guard let found = read({ () throws(StoreError) in try store.tombstone(flow: flow, key: key) }) else {
      throw .storeUnavailable("the instance could not be read")
    }
    return found.map { .gone(key: key, endedAt: $0.endedAt) }
      ?? .notFound("there is no instance `\(key)` of `\(flow)`")
  }

  private func start(
    _ id: InstanceID, command: EventCommand, typed: TypedEvent, of entry: Catalogue.Entry, replacing old: Cached?
  ) throws(EngineProblem) -> EventAnswer {
    guard let version = deployments[entry.hash] else { throw .storeUnavailable("`\(entry.name)` is not loaded") }
    guard !id.key.isEmpty, id.key.utf8.count <= Engine.maximumKey else {
      throw .invalidPayload([(keyPointer(entry), "the key of an instance has 1 to \(Engine.maximumKey) bytes")])
    }
    let now = world.now()
    let outcome = version.stepper.start(
      flow: entry.flow, key: id.key, event: typed.event, payload: typed.payload, caller: command.caller, now: now,
      after: old?.instance.revision ?? 0)
    guard case .accepted(let step) = outcome else { throw problem(outcome, in: version) }
    let cached = newInstance(id, step, in: version, replacing: old)
    return answer(record(step, of: cached, cause: cause(command), at: now, isNew: true), of: cached.row, step)
  }

  private func keyPointer(_ entry: Catalogue.Entry) -> String {
    let node = entry.machine.program.flows[entry.flow]
    return node.key.map { "/\(node.fields[$0].name)" } ?? ""
  }

  /// - Parameter typed: The event in the program of the instance, where it is known.
  private func step(
    _ cached: Cached, command: EventCommand, typed known: TypedEvent?
  ) throws(EngineProblem) -> EventAnswer {
    guard cached.row.status != .suspended else { throw .suspended(key: cached.row.key) }
    if let wanted = command.ifMatch, wanted != cached.instance.revision {
      throw .revisionMismatch(current: cached.instance.revision)
    }
    let typed: TypedEvent
    if let known { typed = known } else { typed = try self.typed(command, in: cached.version.machine) }
    let now = world.now()
    let input = Input.event(typed.event, payload: typed.payload, caller: command.caller)
    let outcome = cached.version.stepper.step(cached.instance, input, now: now)
    guard case .accepted(let step) = outcome else { throw problem(outcome, in: cached.version) }
    return answer(record(step, of: cached, cause: cause(command), at: now), of: cached.row, step)
  }

  private func problem(_ outcome: Outcome, in version: Version) -> EngineProblem {
    guard case .refused(let refusal) = outcome else { return .storeUnavailable("the step has no outcome") }
    return .refused(refusal, explanation: refusal.explanationJSON(in: version.machine))
  }

  private func cause(_ command: EventCommand) -> StepRecord.Cause {
    .event(command.event, payload: command.payload, caller: command.caller)
  }

  private func answer(_ recorded: RecordedStep, of row: InstanceRow, _ step: Step) -> EventAnswer {
    let record = recorded.record
    return EventAnswer(
      disposition: record.disposition, flow: row.flow, key: row.key, revision: step.next.revision,
      sequence: recorded.sequence, from: record.from, to: record.to, status: InstanceStatus(step.next.status),
      created: record.isCreated)
  }

  // MARK: - Typing

  private func unknownEvent(_ event: String, known: [String]) -> EngineProblem {
    .unknownEvent(event, nearest: Suggestion.closest(to: event, among: known, limit: 3), known: known)
  }

  private func typed(_ command: EventCommand, in machine: Machine) throws(EngineProblem) -> TypedEvent {
    guard let event = machine.event(named: command.event) else {
      throw unknownEvent(command.event, known: machine.program.events.map(\.name))
    }
    return TypedEvent(event: event, payload: try payload(of: command, in: machine))
  }

  func payload(of command: EventCommand, in machine: Machine) throws(EngineProblem) -> Value {
    switch Value.from(command.payload, as: .record(command.event), in: machine.types) {
    case .success(let value): return value
    case .failure(let problems): throw .invalidPayload(problems.mismatches.map { ($0.pointer, $0.message) })
    }
  }

  /// The key of the instance of a flow that a payload names.
  func key(in payload: Value, of entry: Catalogue.Entry) -> String? {
    let node = entry.machine.program.flows[entry.flow]
    guard let key = node.key, case .record(let record) = payload,
      case .string(let text)? = record[node.fields[key].name]
    else { return nil }
    return text
  }
}
