import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Turns steps into the writes of the batch.
extension Engine {
  /// A step as the batch records it.
  struct RecordedStep {
    var sequence: Int64
    var record: StepRecord
  }

  /// Records a step: the instance, its journal entry, its timers and jobs.
  /// - Parameter status: The status, if it differs from the result of the step.
  @discardableResult
  func record(
    _ step: Step, of old: Cached, cause: StepRecord.Cause, at now: Int64, isNew: Bool = false,
    status: InstanceStatus? = nil
  ) -> RecordedStep {
    var cached = old
    cached.instance = step.next
    cached.row.status = status ?? InstanceStatus(step.next.status)
    cached.row.revision = step.next.revision
    cached.row.updatedAt = now
    cached.row.incident = ""
    let machine = old.version.machine
    if isNew || old.row.position.isEmpty || !step.next.isPlaced(like: old.instance) {
      cached.row.position = position(of: cached).bytes()
    }
    if isNew || step.isDataChanged || old.row.data.isEmpty {
      cached.row.data = step.next.dataJSON(in: machine).bytes()
    }
    update(cached)
    let record = StepRecord(
      step, cause: cause, status: cached.row.status, isCreated: isNew,
      changes: changes(step, in: machine, isNew: isNew))
    let sequence = batch.nextSequence()
    batch.writes.journal.append(JournalEntry(sequence: sequence, of: cached.row, step: record, at: now))
    for effect in step.effects { apply(effect, of: cached, at: now) }
    for refused in step.refused { recordRefusal(refused, of: cached, at: now) }
    if machine.program.flows[step.next.flow].isCallable, let outcome = step.outcome {
      recordEnd(of: cached, cached.row.status == .cancelled ? Engine.cancellation : outcome)
    }
    return RecordedStep(sequence: sequence, record: record)
  }

  /// The document of the row: that of the instance, and the job of its call.
  private func position(of cached: Cached) -> JSON {
    let position = cached.instance.positionJSON(in: cached.version.machine)
    guard let job = cached.job else { return position }
    return .object((position.members ?? []) + [.init(Engine.callingJob, .int(job))])
  }

  /// Records the refusal of a deferred event. The step before it is not affected.
  private func recordRefusal(_ refused: RefusedEvent, of cached: Cached, at now: Int64) {
    let refusal = refused.refusal
    recordRefused(
      refused.event, code: refusal.code, message: refusal.message, of: cached, at: now,
      adding: [.init("explanation", refusal.explanationJSON(in: cached.version.machine))])
  }

  /// Records that an instance refused an event that another flow has accepted.
  func recordRefusal(_ refusal: Refusal, explanation: JSON, of command: EventCommand, to cached: Cached) {
    journal(
      cached.row, .refused,
      body: [
        "type": .string(command.event), "data": command.payload, "code": .string(refusal.code),
        "message": .string(refusal.message), "explanation": explanation,
      ])
  }

  /// Records that a deferred event had no effect.
  private func recordRefused(
    _ event: DeferredEvent, code: String, message: String, of cached: Cached, at now: Int64,
    adding more: [JSON.Member] = []
  ) {
    let machine = cached.version.machine
    let members: [JSON.Member] = [
      .init("type", .string(machine.program.events[event.event].name)),
      .init("data", event.payload.json(in: machine.types)), .init("code", .string(code)),
      .init("message", .string(message)),
    ]
    journal(cached.row, .refused, body: .object(members + more), at: now)
  }

  private func changes(_ step: Step, in machine: Machine, isNew: Bool) -> JSON? {
    if isNew { return step.next.dataJSON(in: machine) }
    return step.isDataChanged ? step.next.changesJSON(step, in: machine) : nil
  }

  /// Adds an entry to the journal.
  /// - Parameter instant: The instant of the step to which it belongs; the current instant without it.
  @discardableResult
  func journal(_ row: InstanceRow, _ kind: JournalEntry.Kind, body: JSON, at instant: Int64? = nil) -> Int64 {
    let sequence = batch.nextSequence()
    batch.writes.journal.append(
      JournalEntry(
        sequence: sequence, instance: row.id, flow: row.flow, key: row.key, revision: row.revision, kind: kind,
        at: instant ?? world.now(), body: body))
    return sequence
  }

  private func apply(_ effect: Effect, of cached: Cached, at now: Int64) {
    let machine = cached.version.machine
    switch effect {
    case .job(let job): enqueue(job, of: cached, at: now)
    case .withdraw(let reference): withdraw(reference, of: cached)
    case .arm(let timer): arm(TimerID(cached, timer), due: timer.due)
    case .disarm(let timer): batch.writes.timers[TimerID(cached, timer)] = .some(nil)
    case .log(let text): journal(cached.row, .log, body: ["text": .string(text)], at: now)
    case .discard(let event, let reason):
      let message = machine.text(discarded: event, because: reason)
      recordRefused(event, code: reason.rawValue, message: message, of: cached, at: now)
    case .forget(let once, let target): forgetOnce("\(machine.name(of: target))/\(once)")
    case .emit(let event, let payload):
      let name = machine.program.events[event].name
      let json = payload.json(in: machine.types)
      journal(cached.row, .emit, body: ["type": .string(name), "data": json], at: now)
      var delivery = Delivery(event: name, payload: json, sender: InstanceID(cached.row))
      delivery.hops = hops + 1
      deliveries.add(delivery)
    }
  }
}

extension TimerID {
  init(_ cached: Cached, _ timer: ArmedTimer) {
    self.init(instance: cached.row.id, transition: timer.transition, armed: timer.armed)
  }
}
