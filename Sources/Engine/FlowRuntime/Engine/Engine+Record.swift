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
      cached.row.position = step.next.positionJSON(in: machine).bytes()
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
      recordEnd(of: cached, outcome)
    }
    return RecordedStep(sequence: sequence, record: record)
  }

  /// Records the refusal of a deferred event. The step before it is not affected.
  private func recordRefusal(_ refused: RefusedEvent, of cached: Cached, at now: Int64) {
    let machine = cached.version.machine
    journal(
      cached.row, .log,
      body: [
        "text": .string("deferred event refused: \(refused.refusal.message)"),
        "refused": .string(machine.program.events[refused.event.event].name), "code": .string(refused.refusal.code),
        "explanation": refused.refusal.explanationJSON(in: machine),
      ], at: now)
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
    case .forget(let once, let target):
      let key = "\(machine.name(of: target))/\(once)"
      batch.writes.once[ExactText(key)] = OnceRow(key: key, job: 0, outcome: [])
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
