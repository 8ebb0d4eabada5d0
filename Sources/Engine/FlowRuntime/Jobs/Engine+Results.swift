import CEL
import FlowIR
import FlowJSON
import FlowMachine

// The end of attempts, and the results of calls.
extension Engine {
  /// Accepts the outcome of an attempt. It is final once ``commit()`` has returned.
  public func finish(_ id: Int64, _ outcome: JobOutcome) {
    guard scheduler.isInFlight(id) else { return }
    // The row is gone if the call was withdrawn meanwhile.
    if let row = findJob(id) { finish(row, outcome) }
    scheduler.end(id)
    deliverPending()
  }

  func finish(_ row: JobRow, _ outcome: JobOutcome) {
    let now = world.now()
    releaseSlot(row.id)
    guard let cached = loadOwner(of: row, at: now) else { return }
    let machine = cached.version.machine
    guard let action = action(of: row, in: machine) else {
      remove(row)
      passOnOnce(of: row)
      return
    }
    let node = machine.program.actions[action]
    let policy = policy(of: row, in: machine, flow: cached.row.flow)
    switch RetryDecision(outcome, action: node, policy: policy, attempt: row.attempt + 1) {
    case .done(let json):
      if row.call == nil { recordAttempt(of: row, outcome, by: cached, endedAt: now) }
      end(row, decode(json, of: .action(action), in: machine), result: json, of: cached)
    case .retry(let least):
      var again = row
      again.attempt += 1
      again.lease = 0
      let delay = max(backoff(policy, attempt: again.attempt), least)
      again.due = .at(now.addingReportingOverflow(delay).overflow ? JobDue.latest : now + delay)
      again.failures = failures(of: row, adding: outcome, at: now)
      recordAttempt(of: row, outcome, by: cached, endedAt: now, nextAt: again.due.instant)
      if row.queue != nil { scheduler.end(row.id) }
      write(again)
    case .postpone(let milliseconds):
      var later = row
      later.due = .at(now + max(milliseconds, 1))
      later.lease = 0
      write(later)
    case .dead(let code, let message):
      var dead = row
      dead.failures = failures(of: row, adding: outcome, at: now)
      recordAttempt(of: row, outcome, by: cached, endedAt: now)
      giveUp(DeadRow(job: dead, at: now, code: code, message: message), of: cached)
    }
  }

  /// Ends a job whose attempts are exhausted. It is a dead letter unless a reaction of its instance handles the
  /// failure.
  private func giveUp(_ dead: DeadRow, of cached: Cached) {
    let attempts = dead.job.attempt + 1
    remove(dead.job)
    let failure = CallOutcome.failed(code: dead.code, message: dead.message, attempts: attempts)
    let isHandled = report(failure, of: dead.job, to: cached)
    endOnce(of: dead.job, result: nil)
    if !isHandled { record(dead, of: cached) }
  }

  private func record(_ dead: DeadRow, of cached: Cached) {
    batch.writes.dead.append(dead)
    let owner = cache.find(row: cached.row.id) ?? cached
    journal(
      owner.row, .dead,
      body: [
        "action": .string(dead.job.action), "code": .string(dead.code), "message": .string(dead.message),
        "attempts": .int(Int64(dead.job.attempt + 1)),
      ])
  }

  /// The outcomes of the attempts of a job, this one the last.
  private func failures(of row: JobRow, adding outcome: JobOutcome, at now: Int64) -> [UInt8] {
    var list = row.failures.isEmpty ? [] : (try? JSON(parsing: row.failures))?.array ?? []
    list.append(["at": .string(timeText(now)), "outcome": .string(outcome.text(atMost: Engine.maximumFailureText))])
    return JSON.array(list.suffix(Engine.maximumFailures)).bytes()
  }

  /// Exponential with full jitter: a random delay up to the bound, which doubles with each attempt, in milliseconds.
  private func backoff(_ policy: Policy, attempt: Int) -> Int64 {
    let doubled = policy.firstBackoffMilliseconds.multipliedReportingOverflow(by: 1 << Int64(min(attempt - 1, 30)))
    let bound = min(doubled.overflow ? .max : doubled.partialValue, policy.longestBackoffMilliseconds)
    return bound > 0 ? world.random(below: bound) + 1 : 0
  }

  /// Ends a job: removes its row, stores its result if it has a `once` key, and reports the outcome to all calls that
  /// wait for it.
  func end(_ row: JobRow, _ outcome: CallOutcome, result: JSON?, of cached: Cached) {
    let start = scheduler.start(of: row.id)
    remove(row)
    report(outcome, of: row, startedAt: start, to: cached)
    endOnce(of: row, result: result)
  }

  /// Reports the outcome to a call; an outcome that the instance cannot process is stored.
  /// - Parameter start: The start of the attempt, in milliseconds since 1970.
  /// - Returns: True if a reaction of the instance handled it, or may still handle it later.
  @discardableResult
  func report(_ outcome: CallOutcome, of row: JobRow, startedAt start: Int64? = nil, to cached: Cached) -> Bool {
    guard row.call != nil else { return false }
    let reference = JobReference(revision: row.revision, number: row.number)
    var source = ResultSource(row, of: cached.instance.flow, in: cached.version.machine)
    source.startedAt = start
    switch apply(outcome, of: reference, from: source, to: InstanceID(cached.row)) {
    case .taken: return true
    case .ignored: return false
    case .postponed:
      storeResult(outcome, of: row, for: cached)
      return cached.row.status == .suspended
    }
  }

  /// Stores an outcome in the row of its job, which is never executed again.
  private func storeResult(_ outcome: CallOutcome, of old: JobRow, for cached: Cached) {
    var row = old
    row.queue = nil
    row.once = nil
    row.lease = 0
    let isSuspended = cached.row.status == .suspended
    row.due = isSuspended ? .onResume : .at(world.now() + Engine.incidentRetryMilliseconds)
    row.outcome = JSON.object([outcome.member(in: cached.version.machine)]).bytes()
    write(row)
  }

  /// Applies a stored outcome again.
  func retryResult(of row: JobRow) {
    guard let cached = loadOwner(of: row, at: world.now()) else { return }
    guard let json = try? JSON(parsing: row.outcome), let outcome = storedOutcome(json, of: row, in: cached) else {
      return remove(row)
    }
    remove(row)
    let isHandled = report(outcome, of: row, to: cached)
    // Only now it is certain that no reaction handles a failure that was stored while the instance was suspended.
    if case .failed(let code, let message, let attempts) = outcome, !isHandled, findJob(row.id) == nil,
      action(of: row, in: cached.version.machine) != nil
    {
      var job = row
      (job.outcome, job.attempt) = ([], max(attempts - 1, 0))
      record(DeadRow(job: job, at: world.now(), code: code, message: message), of: cached)
    }
    deliverPending()
  }

  private func storedOutcome(_ json: JSON, of row: JobRow, in cached: Cached) -> CallOutcome? {
    let machine = cached.version.machine
    if let done = json["done"] { return target(of: row, in: machine).map { decode(done, of: $0, in: machine) } }
    guard let failed = json["failed"] else { return nil }
    return .failed(
      code: failed["code"]?.string ?? "", message: failed["message"]?.string ?? "",
      attempts: failed["attempts"]?.int ?? 1)
  }

  /// Applies the outcome of a call to an instance.
  /// - Parameter source: The work, as the journal describes it.
  @discardableResult
  func apply(
    _ outcome: CallOutcome, of job: JobReference, from source: ResultSource, to id: InstanceID
  ) -> ResultDisposition {
    let found: Cached?
    do throws(EngineProblem) {
      found = try load(id)
    } catch {
      return .postponed
    }
    guard let cached = found else { return .ignored }
    guard cached.row.status != .suspended else { return .postponed }
    let now = world.now()
    switch cached.version.stepper.step(cached.instance, .result(job, outcome), now: now) {
    case .accepted(let step):
      if step.disposition != .stale {
        record(step, of: cached, cause: .other(cause(job, outcome, from: source, in: cached)), at: now)
      }
      return step.transitions.isEmpty ? .ignored : .taken
    case .refused(let refusal):
      recordIncident(refusal, of: cached)
      return .postponed
    }
  }

  /// The effect of the outcome of a call.
  enum ResultDisposition {
    /// A reaction handled it.
    case taken
    /// No reaction waits for it.
    case ignored
    /// The instance cannot process it now: it is suspended, or this is an incident.
    case postponed
  }

  /// Records the reason why an instance could not process a timer or a result.
  func recordIncident(_ refusal: Refusal, of old: Cached) {
    var row = old.row
    row.incident = refusal.message
    let cached = old.with(row: row)
    update(cached)
    journal(
      cached.row, .incident,
      body: [
        "code": .string(refusal.code), "message": .string(refusal.message),
        "explanation": refusal.explanationJSON(in: cached.version.machine),
      ])
  }

  private func cause(
    _ job: JobReference, _ outcome: CallOutcome, from source: ResultSource, in cached: Cached
  ) -> JSON {
    let name = JSON.Member("job", .string("\(job.revision)/\(job.number)"))
    let members = [name] + source.members + [outcome.member(in: cached.version.machine)]
    return .object([.init("result", .object(members))])
  }

  /// A result in the type of the action; a mismatch is a failure. Members that the type does not declare are ignored,
  /// because a callee may add some.
  func decode(_ json: JSON, of target: Call.Target, in machine: Machine) -> CallOutcome {
    guard let type = machine.result(of: target) else { return .done(.null) }
    switch Value.from(
      json.pruned(to: type, in: machine.types), as: type, in: machine.types, maximum: machine.resultMaximum(of: target))
    {
    case .success(let value): return .done(value)
    case .failure(let problems):
      let message = problems.text
      return .failed(code: "INVALID_RESULT", message: message, attempts: 1)
    }
  }
}

extension JSON {
  /// The document without the members that a type does not declare.
  fileprivate func pruned(to type: ValueType, in types: TypeRegistry) -> JSON {
    switch (self, type) {
    case (.object(let members), .record(let name)):
      guard let record = types.record(named: name) else { return self }
      return .object(
        members.compactMap { member in
          record.fields.first { $0.name == member.name }.map {
            .init(member.name, member.value.pruned(to: $0.type, in: types))
          }
        })
    case (.object(let members), .map(_, let value)):
      return .object(members.map { .init($0.name, $0.value.pruned(to: value, in: types)) })
    case (.array(let items), .list(let element)): return .array(items.map { $0.pruned(to: element, in: types) })
    case (_, .optional(let wrapped)): return pruned(to: wrapped, in: types)
    default: return self
    }
  }
}

extension CallOutcome {
  /// The outcome in the journal and in stored jobs.
  func member(in machine: Machine) -> JSON.Member {
    switch self {
    case .done(let value): .init("done", value.json(in: machine.types))
    case .failed(let code, let message, let attempts):
      .init("failed", ["code": .string(code), "message": .string(message), "attempts": .int(Int64(attempts))])
    }
  }
}
