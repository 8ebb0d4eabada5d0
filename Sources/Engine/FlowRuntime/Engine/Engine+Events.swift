import CEL
import FlowIR
import FlowJSON
import FlowMachine

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

  /// Delivers an event to the flows that it is for: an instance that runs, or a flow that it starts.
  private func deliver(_ command: EventCommand) throws(EngineProblem) -> EventAnswer {
    var first: Result<EventAnswer, EngineProblem>?
    for entry in try catalogue.receivers(of: command) {
      let result: Result<EventAnswer, EngineProblem>
      do throws(EngineProblem) {
        result = .success(try deliver(command, to: entry))
      } catch {
        result = .failure(error)
      }
      // Several flows may take it; the answer is that of the first which does.
      if case .success? = first { continue }
      if first == nil || (try? result.get()) != nil { first = result }
    }
    guard let first else { throw .notFound("`\(command.event)` reaches no flow") }
    return try first.get()
  }

  /// Gives an event to the instance that it names, or begins one.
  private func deliver(_ command: EventCommand, to entry: Catalogue.Entry) throws(EngineProblem) -> EventAnswer {
    guard let version = versions[entry.hash] else { throw .storeUnavailable("`\(entry.name)` is not loaded") }
    var begins: (event: Int, payload: Value)?
    if let event = version.machine.event(named: command.event) {
      begins = (event, try command.payload(in: version.machine))
    }
    let key = command.key ?? begins.flatMap { entry.key(in: $0.payload) }
    let name = entry.name
    let cached = try key.flatMap { key throws(EngineProblem) in try load(InstanceID(flow: name, key: key)) }
    switch entry.destination(of: begins?.event, isRunning: cached.map { $0.instance.status == .running }) {
    case .step: if let cached { return try step(cached, command, begins, version) }
    case .start: break
    case .none:
      guard begins != nil else { throw .unknownEvent(command.event, among: version.machine.program.events.map(\.name)) }
      throw try missing(name, key)
    }
    guard let begins else { throw try missing(name, key) }
    return try begin(command, begins, entry, version, key: key ?? world.newID(), over: cached)
  }

  /// That there is no such instance, or none any more.
  private func missing(_ flow: String, _ key: String?) throws(EngineProblem) -> EngineProblem {
    guard let key else { return .notFound("the event has no key of an instance of `\(flow)`") }
    guard let found = read({ () throws(StoreError) in try store.tombstone(flow: flow, key: key) }) else {
      throw .storeUnavailable("the instance could not be read")
    }
    return found.map { .gone(key: key, endedAt: $0.endedAt) }
      ?? .notFound("there is no instance `\(key)` of `\(flow)`")
  }

  private func begin(
    _ command: EventCommand, _ begins: (event: Int, payload: Value), _ entry: Catalogue.Entry, _ version: Version,
    key: String, over old: Cached?
  ) throws(EngineProblem) -> EventAnswer {
    try entry.checkKey(key)
    let now = world.now()
    let outcome = version.stepper.start(
      flow: entry.flow, key: key, event: begins.event, payload: begins.payload, caller: command.caller, now: now,
      after: old?.instance.revision ?? 0)
    guard case .accepted(let step) = outcome else { throw problem(outcome, version) }
    let cached = newInstance(step, entry.name, key, version, over: old)
    return answer(record(step, of: cached, cause: cause(command), at: now, isNew: true), step, cached.row)
  }

  /// The row of an instance that a step begins: a new one, or that of an earlier run under the same key.
  func newInstance(_ step: Step, _ flow: String, _ key: String, _ version: Version, over old: Cached?) -> Cached {
    if old == nil { counters.instance += 1 }
    let now = step.next.startedAt
    let row = InstanceRow(
      id: old?.row.id ?? counters.instance, flow: flow, key: key, definition: version.hash, status: 0, revision: 0,
      startedAt: now, updatedAt: now, position: [], data: [])
    if old == nil { batch.created.insert(row.id) }
    return Cached(row: row, instance: step.next, version: version)
  }

  private func step(
    _ cached: Cached, _ command: EventCommand, _ known: (event: Int, payload: Value)?, _ version: Version
  ) throws(EngineProblem) -> EventAnswer {
    guard cached.row.status != InstanceRow.suspended else { throw .suspended(key: cached.row.key) }
    if let wanted = command.ifMatch, wanted != cached.instance.revision {
      throw .revisionMismatch(current: cached.instance.revision)
    }
    let (own, payload) = try reading(command, cached, known, version)
    let now = world.now()
    let input = Input.event(own, payload: payload, caller: command.caller)
    let outcome = cached.version.stepper.step(cached.instance, input, now: now)
    guard case .accepted(let step) = outcome else { throw problem(outcome, cached.version) }
    return answer(record(step, of: cached, cause: cause(command), at: now), step, cached.row)
  }

  /// The event as the instance's own program has it, which may be older.
  private func reading(
    _ command: EventCommand, _ cached: Cached, _ known: (event: Int, payload: Value)?, _ version: Version
  ) throws(EngineProblem) -> (event: Int, payload: Value) {
    if let known, cached.version.hash == version.hash { return known }
    let machine = cached.version.machine
    guard let own = machine.event(named: command.event) else {
      throw .unknownEvent(command.event, among: machine.program.events.map(\.name))
    }
    return (own, try command.payload(in: machine))
  }

  private func problem(_ outcome: Outcome, _ version: Version) -> EngineProblem {
    guard case .refused(let refusal) = outcome else { return .storeUnavailable("the step has no outcome") }
    return .refused(refusal, explanation: refusal.explanationJSON(in: version.machine))
  }

  private func cause(_ command: EventCommand) -> StepRecord.Cause {
    .event(command.event, payload: command.payload, caller: command.caller)
  }

  private func answer(_ made: (sequence: Int64, note: StepRecord), _ step: Step, _ row: InstanceRow) -> EventAnswer {
    EventAnswer(
      disposition: made.note.disposition, flow: row.flow, key: row.key, revision: step.next.revision,
      sequence: made.sequence, from: made.note.from, to: made.note.to, status: step.next.status.rawValue,
      created: made.note.isCreated)
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
      } else if !deliveries.isEmpty {
        deliverEmitted(deliveries.removeFirst())
      } else {
        // The end of a called flow is the last that its caller hears of it.
        let ended = childResults.removeFirst()
        endChild(ended.job, ended.outcome)
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
    if let receiver = delivery.receiver {
      if let entry = catalogue[receiver.flow] { deliver(delivery, to: entry) }
      return
    }
    for entry in catalogue.entries where entry.isReached(by: delivery.event) { deliver(delivery, to: entry) }
  }

  private func deliver(_ delivery: Delivery, to entry: Catalogue.Entry) {
    var command = EventCommand(event: delivery.event, payload: delivery.payload)
    command.caller = Caller(id: "\(delivery.sender.flow)/\(delivery.sender.key)")
    do throws(EngineProblem) {
      command.key = delivery.receiver?.key
      let key = command.key == nil ? entry.key(in: try command.payload(in: entry.machine)) : command.key
      // Whoever speaks of itself need not listen.
      let isOwn = key.map { InstanceID(flow: entry.name, key: $0) == delivery.sender } ?? false
      if isOwn { _ = try? deliver(command, to: entry) } else { _ = try deliver(command, to: entry) }
    } catch {
      if case .suspended(let key) = error, keep(delivery, for: InstanceID(flow: entry.name, key: key)) { return }
      note(error, of: delivery, to: entry.name)
    }
  }

  /// Emitting is not calling, so the sender goes on; why nobody took the event is noted where it came from.
  private func note(_ problem: EngineProblem, of delivery: Delivery, to flow: String) {
    let reason: String
    switch problem {
    case .refused(let refusal, _): reason = refusal.message
    case .invalidPayload(let mismatches):
      reason = mismatches.map { "\($0.pointer) \($0.message)" }.joined(separator: "; ")
    case .suspended(let key):
      reason = "`\(key)` is suspended, and \(Engine.maximumKeptEvents) events wait for it already"
    // That no instance waits is nothing to tell, and a failing store fails the batch.
    default: return
    }
    note(reason, of: delivery, to: flow)
  }

  func note(_ reason: String, of delivery: Delivery, to flow: String) {
    guard let sender = (try? load(delivery.sender)) ?? nil else { return }
    journal(
      sender.row, "undelivered",
      ["event": .string(delivery.event), "flow": .string(flow), "reason": .string(reason)])
  }
}
