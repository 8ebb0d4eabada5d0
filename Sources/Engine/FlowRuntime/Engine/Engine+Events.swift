import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Events from outside.
extension Engine {
  /// An event with its payload typed for a program.
  struct TypedEvent {
    var event: EventIndex
    var payload: TypedPayload
  }

  /// Accepts an event. The outcome is final once ``commit()`` has returned.
  public func submit(_ command: EventCommand) -> Result<EventAnswer, EngineProblem> {
    do throws(EngineProblem) {
      let answer: EventAnswer
      if let key = command.idempotencyKey {
        try checkIdempotencyKey(key)
        let scope = scope(of: command)
        let digest = digest(of: command)
        if let known = try recordedAnswer(to: key, scope: scope, digest: digest) { return .success(known) }
        answer = try deliver(command)
        record(answer, scope: scope, key: key, digest: digest)
      } else {
        answer = try deliver(command)
      }
      deliverPending()
      return .success(answer)
    } catch {
      return .failure(error)
    }
  }

  private func checkIdempotencyKey(_ key: String) throws(EngineProblem) {
    if key.isEmpty || key.utf8.count > Engine.maximumKey {
      throw .invalidPayload([("", "an idempotency key has 1 to \(Engine.maximumKey) bytes")])
    }
  }

  /// Delivers an event to the instance that it names, or starts one.
  func deliver(_ command: EventCommand, to entry: Catalogue.Entry) throws(EngineProblem) -> EventAnswer {
    guard let version = deployments[entry.hash] else { throw .storeUnavailable("`\(entry.name)` is not loaded") }
    var typed: TypedEvent?
    if let event = version.machine.event(named: command.event) {
      typed = TypedEvent(event: event, payload: try command.payload(in: version.machine))
    }
    let key = try entry.key(of: command, in: typed?.payload)
    let name = entry.name
    let cached = try key.flatMap { key throws(EngineProblem) in try load(InstanceID(flow: name, key: key)) }
    let isKeyFree = cached.map { self.isKeyFree(of: $0) } ?? false
    let isRunning = cached.map { $0.instance.status == .running }
    switch entry.destination(of: typed?.event, isRunning: isRunning, isKeyFree: isKeyFree) {
    case .step:
      guard let cached else { throw try notFound(name, key: key) }
      return try step(cached, command: command, typed: cached.version.hash == version.hash ? typed : nil)
    case .start: break
    case .none:
      if entry.hasRetiredStart(on: command.event) { throw .retired(flow: name) }
      guard typed == nil else { throw try notFound(name, key: key) }
    }
    guard let typed else {
      throw .unknownEvent(command.event, among: version.machine.program.events.map(\.name))
    }
    if let key, cached == nil, !entry.machine.startsAgain(flow: entry.flow, on: typed.event) {
      try checkNeverUsed(InstanceID(flow: name, key: key), by: command.event)
    }
    let id = InstanceID(flow: name, key: key ?? world.newID())
    return try start(id, command: command, typed: typed, of: entry, replacing: cached)
  }

  /// The answer to an event for an instance that does not exist, or exists no longer.
  private func notFound(_ flow: String, key: String?) throws(EngineProblem) -> EngineProblem {
    guard let key else { return .notFound("the event has no key of an instance of `\(flow)`") }
    return try tombstone(InstanceID(flow: flow, key: key)).map {
      .gone(key: key, endedAt: $0.endedAt, keyTakenUntil: $0.keyTakenUntil)
    } ?? .notFound("there is no instance `\(key)` of `\(flow)`")
  }

  /// A key identifies one instance for as long as it is taken, also after the instance was archived.
  private func checkNeverUsed(_ id: InstanceID, by event: String) throws(EngineProblem) {
    guard let found = try tombstone(id) else { return }
    // Of a key with a declared lifetime it does not matter whether the instance was archived already.
    guard found.keyTakenUntil == nil else { throw .refused(.endedAndArchived(event), explanation: []) }
    throw .gone(key: id.key, endedAt: found.endedAt)
  }

  /// The record of an archived instance whose key is still taken.
  func tombstone(_ id: InstanceID) throws(EngineProblem) -> Tombstone? {
    guard let found = read({ () throws(StoreError) in try store.tombstone(flow: id.flow, key: id.key) }) else {
      throw .storeUnavailable("the instance could not be read")
    }
    return found.flatMap { $0.isOver(at: world.now()) ? nil : $0 }
  }

  /// Returns true if an instance has ended and the lifetime that its flow declares for its key is over.
  func isKeyFree(of cached: Cached) -> Bool {
    cached.row.isKeyFree(of: cached.version.machine.program.flows[cached.instance.flow], at: world.now())
  }

  private func start(
    _ id: InstanceID, command: EventCommand, typed: TypedEvent, of entry: Catalogue.Entry, replacing old: Cached?
  ) throws(EngineProblem) -> EventAnswer {
    guard let version = deployments[entry.hash] else { throw .storeUnavailable("`\(entry.name)` is not loaded") }
    try entry.checkKey(id.key)
    let now = world.now()
    let outcome = version.stepper.start(
      flow: entry.flow, key: id.key, event: typed.event, payload: typed.payload.value, caller: command.caller, now: now,
      after: old?.instance.revision ?? 0)
    guard case .accepted(let step) = outcome else { throw problem(outcome, in: version) }
    let cached = newInstance(id, step, in: version, replacing: old)
    let cause = cause(command, typed, in: version.machine)
    return answer(record(step, of: cached, cause: cause, at: now, isNew: true), of: cached.row, step)
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
    let input = Input.event(typed.event, payload: typed.payload.value, caller: command.caller)
    let outcome = cached.version.stepper.step(cached.instance, input, now: now)
    guard case .accepted(let step) = outcome else { throw problem(outcome, in: cached.version) }
    let cause = cause(command, typed, in: cached.version.machine)
    return answer(record(step, of: cached, cause: cause, at: now), of: cached.row, step)
  }

  private func problem(_ outcome: Outcome, in version: Version) -> EngineProblem {
    guard case .refused(let refusal) = outcome else { return .storeUnavailable("the step has no outcome") }
    return .refused(refusal, explanation: refusal.explanationJSON(in: version.machine))
  }

  private func cause(_ command: EventCommand, _ typed: TypedEvent, in machine: Machine) -> StepRecord.Cause {
    let payload = command.completePayload(typed.payload, in: machine)
    return .event(command.event, payload: payload, caller: command.caller)
  }

  private func answer(_ recorded: RecordedStep, of row: InstanceRow, _ step: Step) -> EventAnswer {
    let record = recorded.record
    return EventAnswer(
      disposition: record.disposition, flow: row.flow, key: row.key, revision: step.next.revision,
      sequence: recorded.sequence, from: record.from, to: record.to, status: InstanceStatus(step.next.status),
      created: record.isCreated)
  }

  private func typed(_ command: EventCommand, in machine: Machine) throws(EngineProblem) -> TypedEvent {
    let payload = try command.payload(in: machine)
    guard let event = machine.event(named: command.event) else {
      throw .unknownEvent(command.event, among: machine.program.events.map(\.name))
    }
    return TypedEvent(event: event, payload: payload)
  }
}
