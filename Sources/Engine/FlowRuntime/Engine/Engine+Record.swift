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
    let machine = old.version.machine
    let row = self.row(after: step, of: old, at: now, isNew: isNew, status: status)
    let cached = Cached(row: row, instance: step.next, version: old.version, job: old.job)
    writeItems(of: cached, since: isNew ? nil : old)
    update(cached)
    if cached.row.status.hasEnded, !deployments.runs.isEmpty { endRun(of: InstanceID(cached.row)) }
    let record = StepRecord(
      step, cause: cause, status: cached.row.status, isCreated: isNew,
      changes: changes(step, in: machine, isNew: isNew))
    let sequence = batch.nextSequence()
    batch.writes.journal.append(JournalEntry(sequence: sequence, of: cached.row, step: record, at: now))
    apply(step.effects, of: cached, at: now)
    for refused in step.refused {
      let refusal = refused.refusal
      recordRefusal(
        of: refused.event, code: refusal.code, message: refusal.message,
        explanation: refusal.explanationJSON(in: machine), by: cached, at: now)
    }
    if machine.program.flows[step.next.flow].isCallable, let outcome = step.outcome {
      recordEnd(of: cached, cached.row.status == .cancelled ? Engine.cancellation : outcome)
    }
    return RecordedStep(sequence: sequence, record: record)
  }

  private func row(
    after step: Step, of old: Cached, at now: Int64, isNew: Bool, status: InstanceStatus?
  ) -> InstanceRow {
    let machine = old.version.machine
    var row = old.row
    row.status = status ?? InstanceStatus(step.next.status)
    row.revision = step.next.revision
    row.updatedAt = now
    row.incident = ""
    if isNew || row.position.isEmpty || !step.next.isPlaced(like: old.instance) {
      row.position = position(of: step.next, in: machine, job: old.job).bytes()
    }
    if isNew || step.isDataChanged || row.data.isEmpty { row.data = step.next.dataJSON(in: machine).bytes() }
    return row
  }

  /// Writes the changed items of calls over lists.
  private func writeItems(of cached: Cached, since old: Cached?) {
    let before = old.flatMap { $0.hasStoredItems ? $0.instance : nil }
    for change in cached.instance.itemChanges(since: before, in: cached.version.machine) {
      let id = ItemID(instance: cached.row.id, call: change.call.position, index: change.index)
      batch.writes.items[id] = .some(change.document.map { $0.bytes() })
    }
  }

  /// The document of the row: that of the instance, and the job of its call.
  private func position(of instance: Instance, in machine: Machine, job: Int64?) -> JSON {
    let position = instance.storedPositionJSON(in: machine)
    guard let job else { return position }
    return .object((position.members ?? []) + [.init(Engine.callingJob, .int(job))])
  }

  /// Records that a deferred event had no effect. The step before it is not affected.
  private func recordRefusal(
    of event: DeferredEvent, code: String, message: String, explanation: JSON? = nil, by cached: Cached, at now: Int64
  ) {
    let machine = cached.version.machine
    recordRefusal(
      of: machine.program.events[event.event].name, event.payload.json(in: machine.types), code: code,
      message: message, explanation: explanation, by: cached, at: now)
  }

  /// Records that an event had no effect on an instance, either when it was deferred or when another flow accepted it.
  /// - Parameter instant: The instant of the step to which it belongs; the current instant without it.
  func recordRefusal(
    of event: String, _ payload: JSON, code: String, message: String, explanation: JSON?, by cached: Cached,
    at instant: Int64? = nil
  ) {
    var members: [JSON.Member] = [
      .init("type", .string(event)), .init("data", payload), .init("code", .string(code)),
      .init("message", .string(message)),
    ]
    if let explanation { members.append(.init("explanation", explanation)) }
    journal(cached.row, .refused, body: .object(members), at: instant)
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

  private func apply(_ effects: [Effect], of cached: Cached, at now: Int64) {
    var awaited: [JobReference: Int64]?
    for effect in effects {
      guard case .withdraw(let reference) = effect else {
        apply(effect, of: cached, at: now)
        continue
      }
      // A step may withdraw all items of a list: the jobs are read once.
      let jobs = awaited ?? awaitedJobs(of: cached.row.id)
      awaited = jobs
      if let row = jobs[reference].flatMap({ findJob($0) }) { withdraw(row, of: cached) }
    }
  }

  private func apply(_ effect: Effect, of cached: Cached, at now: Int64) {
    let machine = cached.version.machine
    switch effect {
    case .job(let job): enqueue(job, of: cached, at: now)
    case .withdraw: break
    case .arm(let timer): arm(TimerID(cached, timer), due: timer.due)
    case .disarm(let timer): batch.writes.timers[TimerID(cached, timer)] = .some(nil)
    case .log(let text): journal(cached.row, .log, body: ["text": .string(text)], at: now)
    case .discard(let event, let reason):
      let message = machine.text(discarded: event, because: reason)
      recordRefusal(of: event, code: reason.rawValue, message: message, by: cached, at: now)
    case .forget(let once, let target): forgetOnce("\(machine.name(of: target))/\(once)")
    case .emit(let event, let payload, let flow):
      let name = machine.program.events[event].name
      let json = payload.json(in: machine.types)
      var delivery = Delivery(event: name, payload: json, sender: InstanceID(cached.row))
      delivery.hops = hops + 1
      var body: [JSON.Member] = [.init("type", .string(name)), .init("data", json)]
      if let receivers = flow.map({ machine.program.flows[$0].name }) {
        body.append(.init("to", .string(receivers)))
        broadcast(delivery, to: receivers, at: now)
      } else {
        deliveries.add(delivery)
      }
      journal(cached.row, .emit, body: .object(body), at: now)
    }
  }
}

extension TimerID {
  init(_ cached: Cached, _ timer: ArmedTimer) {
    self.init(instance: cached.row.id, transition: timer.transition, armed: timer.armed)
  }
}
