import CEL
import FlowIR
public import FlowJSON
import FlowMachine

// Turns steps into what the batch writes.
extension Engine {
  /// Notes a step: the instance, its journal entry, its timers and jobs.
  /// - Returns: The sequence number of the entry, and what it says.
  @discardableResult
  func record(
    _ step: Step, of old: Cached, cause: StepRecord.Cause, at now: Int64, isNew: Bool = false, status: Int? = nil
  ) -> (sequence: Int64, note: StepRecord) {
    var cached = old
    cached.instance = step.next
    cached.row.status = status ?? Cached.number(step.next.status)
    cached.row.revision = step.next.revision
    cached.row.updatedAt = now
    cached.row.incident = ""
    let machine = old.version.machine
    if isNew || old.row.position.isEmpty || !step.next.isPlaced(like: old.instance) {
      cached.row.position = step.next.positionJSON(in: machine).bytes()
    }
    if isNew || step.isDataChanged || old.row.data.isEmpty {
      cached.row.data = step.next.dataJSON(in: machine).bytes()
    }
    keep(cached)
    let note = StepRecord(
      cause, step, status: cached.row.statusName, isCreated: isNew, changes: changes(step, machine, isNew: isNew))
    counters.sequence += 1
    let sequence = counters.sequence
    batch.journal.append(JournalEntry(sequence: sequence, of: cached.row, note, at: now))
    for effect in step.effects { record(effect, cached, now) }
    if machine.program.flows[step.next.flow].isCallable, let outcome = step.outcome { noteEnd(of: cached, outcome) }
    return (sequence, note)
  }

  func keep(_ cached: Cached) {
    cache.keep(cached)
    batch.instances[cached.row.id] = cached.row
  }

  private func changes(_ step: Step, _ machine: Machine, isNew: Bool) -> JSON? {
    if isNew { return step.next.dataJSON(in: machine) }
    return step.isDataChanged ? step.next.changesJSON(step, in: machine) : nil
  }

  /// Adds an entry to the journal.
  /// - Parameter instant: The one that the step was made with; without it, the present.
  @discardableResult
  func journal(_ row: InstanceRow, _ kind: String, _ body: JSON, at instant: Int64? = nil) -> Int64 {
    counters.sequence += 1
    batch.journal.append(
      JournalEntry(
        sequence: counters.sequence, instance: row.id, flow: row.flow, key: row.key, revision: row.revision,
        kind: kind, at: instant ?? world.now(), body: body))
    return counters.sequence
  }

  private func record(_ effect: Effect, _ cached: Cached, _ now: Int64) {
    let machine = cached.version.machine
    switch effect {
    case .job(let job): queue(job, cached, now)
    case .withdraw(let reference): withdraw(reference, cached)
    case .arm(let timer): arm(TimerID(cached, timer), due: timer.due)
    case .disarm(let timer): batch.timers[TimerID(cached, timer)] = .some(nil)
    case .log(let text): journal(cached.row, "log", ["text": .string(text)], at: now)
    case .emit(let event, let payload):
      let name = machine.program.events[event].name
      let json = payload.json(in: machine.types)
      journal(cached.row, "emit", ["type": .string(name), "data": json], at: now)
      deliveries.append(Delivery(event: name, payload: json, sender: InstanceID(cached.row)))
    }
  }

  // MARK: - Idempotency

  /// The space of a command's idempotency key: its sender, and the instance or flow that it is for.
  func scope(of command: EventCommand) -> String {
    let target: String
    if let flow = command.flow {
      target = command.key.map { "\(flow)/\($0)" } ?? flow
    } else {
      // The first flow stays the first when others are deployed.
      let first = command.idempotencyKey == nil ? nil : catalogue.entries.first { $0.isReached(by: command.event) }
      target = first.map { "events \($0.name)" } ?? "events"
    }
    return command.sender.isEmpty ? target : "\(target)\n\(command.sender)"
  }

  /// A digest of what is asked (FNV-1a, 64 bits), to tell a repeated request from another with the same key.
  func digest(of command: EventCommand) -> Int64 {
    guard command.idempotencyKey != nil else { return 0 }
    var bytes = Array(command.event.utf8)
    bytes.append(0)
    command.payload.write(to: &bytes, .canonical)
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int64(bitPattern: hash)
  }

  /// The answer that was given to the command's key before.
  func recorded(_ command: EventCommand, _ scope: String, _ digest: Int64) throws(EngineProblem) -> EventAnswer? {
    guard let key = command.idempotencyKey else { return nil }
    guard let row = try answer(to: key, scope) else { return nil }
    guard row.digest == digest else { throw .idempotencyReused }
    // With its instance the answer is archived; the event is then told that the instance is gone.
    guard let entry = try entry(row.sequence) else { return nil }
    guard var answer = EventAnswer(entry) else {
      throw .storeUnavailable("the answer to this key can't be given again")
    }
    answer.replayed = true
    return answer
  }

  private func entry(_ sequence: Int64) throws(EngineProblem) -> JournalEntry? {
    // Those of the batch have the highest numbers, without a hole.
    if let first = batch.journal.first?.sequence, sequence >= first { return batch.journal[Int(sequence - first)] }
    guard let entry = read({ () throws(StoreError) in try store.entry(sequence: sequence) }) else {
      throw .storeUnavailable("the answer to this key can't be read")
    }
    return entry
  }

  private func answer(to key: String, _ scope: String) throws(EngineProblem) -> IdempotencyRow? {
    if let fresh = answersInBatch[IdempotencyName(scope: scope, key: key)] { return fresh }
    guard let known = read({ () throws(StoreError) in try store.answer(scope: scope, key: key) }) else {
      throw .storeUnavailable("the answers to earlier keys could not be read")
    }
    return known
  }

  func record(_ answer: EventAnswer, scope: String, key: String, digest: Int64) {
    let row = IdempotencyRow(scope: scope, key: key, digest: digest, sequence: answer.sequence, at: world.now())
    answersInBatch[IdempotencyName(scope: scope, key: key)] = row
    batch.answers.append(row)
  }
}

/// What an idempotency key is known by: the same key means something else for another flow or instance.
struct IdempotencyName: Hashable {
  var scope: String
  var key: String

  /// Byte for byte, as stores compare.
  static func == (a: IdempotencyName, b: IdempotencyName) -> Bool {
    a.key.utf8.elementsEqual(b.key.utf8) && a.scope.utf8.elementsEqual(b.scope.utf8)
  }
}

extension TimerID {
  init(_ cached: Cached, _ timer: ArmedTimer) {
    self.init(instance: cached.row.id, transition: timer.transition, armed: timer.armed)
  }
}

extension EventAnswer {
  /// The answer as clients see it and as it is kept.
  public var json: JSON {
    [
      "disposition": .string(disposition), "flow": .string(flow), "key": .string(key),
      "revision": .int(Int64(revision)), "offset": .int(sequence), "from": .array(from.map { .string($0) }),
      "to": .array(to.map { .string($0) }), "status": .string(status), "created": .bool(created),
    ]
  }

  /// The answer to the event of a step's entry.
  init?(_ entry: JournalEntry) {
    let body = entry.body
    guard let disposition = body["disposition"]?.string, let status = body["status"]?.string else { return nil }
    self.init(
      disposition: disposition, flow: entry.flow, key: entry.key, revision: entry.revision, sequence: entry.sequence,
      from: body["from"]?.array?.compactMap(\.string) ?? [], to: body["to"]?.array?.compactMap(\.string) ?? [],
      status: status, created: body["created"]?.bool ?? false)
  }
}
