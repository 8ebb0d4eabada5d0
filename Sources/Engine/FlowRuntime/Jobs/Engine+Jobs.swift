import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Jobs are rows before they are calls: how they are asked for, found, withdrawn and put off.
extension Engine {
  /// How long the engine waits before it tries a timer or a result again that an instance could not take.
  static let incidentRetryMilliseconds: Int64 = 300_000
  /// How many failed tries of a job are remembered, and how much of what each came to, in bytes.
  static let maximumFailures = 20
  static let maximumFailureText = 4096

  func queue(_ job: Job, _ cached: Cached, _ now: Int64) {
    let machine = cached.version.machine
    let name = machine.name(of: job.target)
    var row = newJob(job.reference, of: cached.row, action: name, due: now)
    row.call = job.call?.position
    row.arguments = job.arguments.json(in: machine.types).bytes()
    if let action = job.action, case .worker(let queue) = machine.program.actions[action].binding { row.queue = queue }
    if let key = job.once {
      row.once = "\(name)/\(key)"
      if join(&row, job, cached) { return }
    }
    write(row)
  }

  func newJob(_ reference: JobReference, of instance: InstanceRow, action: String, due: Int64) -> JobRow {
    counters.job += 1
    return JobRow(
      id: counters.job, instance: instance.id, revision: reference.revision, number: reference.number, action: action,
      queue: nil, call: nil, once: nil, due: due, arguments: [])
  }

  func write(_ row: JobRow) {
    batch.jobs[row.id] = row
    jobsInBatch[row.instance, default: []].append(row.id)
  }

  func remove(_ row: JobRow) {
    batch.jobs[row.id] = nil
    batch.jobsRemoved.insert(row.id)
    inFlight.remove(row.id)
    reserved[row.id] = nil
  }

  /// The row as the batch leaves it; nil when there is none any more.
  func find(_ id: Int64) -> JobRow? {
    if batch.jobsRemoved.contains(id) { return nil }
    return batch.jobs[id] ?? read({ () throws(StoreError) in try store.job(id: id) }) ?? nil
  }

  // MARK: - Once

  /// Takes part in work that was begun or done for the same key before; the first with a key only notes that.
  /// - Returns: Whether the result is known already, so that no row is needed.
  private func join(_ row: inout JobRow, _ job: Job, _ cached: Cached) -> Bool {
    guard let key = row.once else { return false }
    let known = batch.once[ExactText(key)]
    let first = known ?? read({ () throws(StoreError) in try store.once(key: key) }) ?? nil
    if let first, let json = try? JSON(parsing: first.outcome) {
      let outcome = decode(json, job.target, cached.version.machine)
      if job.call != nil { knownResults.append((InstanceID(cached.row), job.reference, outcome)) }
      return true
    }
    if let first, find(first.job) != nil {
      row.due = .max
    } else {
      batch.once[ExactText(key)] = OnceRow(key: key, job: row.id, outcome: [])
    }
    return false
  }

  /// All that wait for a key besides the row that has done the work.
  private func waiting(for key: String, besides id: Int64) -> [JobRow] {
    let stored = read { () throws(StoreError) in try store.jobs(once: key) } ?? []
    let fresh = batch.jobs.values.filter { $0.once == key }
    let ids = Set(stored.map(\.id)).union(fresh.map(\.id)).subtracting([id])
    return ids.sorted().compactMap { find($0) }
  }

  // MARK: - Withdrawing

  /// A call whose state was left: the job goes away, unless it is to be done once, then its result is kept for later.
  func withdraw(_ reference: JobReference, _ cached: Cached) {
    guard var row = call(reference, of: cached.row.id) else { return }
    if calledFlow(row, cached.version.machine) != nil {
      remove(row)
      cancelChild(row)
    } else if row.once == nil || row.due == .max {
      remove(row)
    } else {
      row.call = nil
      write(row)
    }
  }

  private func call(_ reference: JobReference, of instance: Int64) -> JobRow? {
    let isIt = { (row: JobRow) in
      row.call != nil && row.revision == reference.revision && row.number == reference.number
    }
    if let fresh = jobsInBatch[instance]?.lazy.compactMap({ self.batch.jobs[$0] }).first(where: isIt) { return fresh }
    let stored = read { () throws(StoreError) in try store.jobs(instance: instance) } ?? []
    return stored.first { isIt($0) && batch.jobs[$0.id] == nil && !batch.jobsRemoved.contains($0.id) }
  }

  // MARK: - Coming back

  /// Takes the end of a try. What comes of it holds once ``commit()`` has returned.
  public func finish(_ id: Int64, _ outcome: JobOutcome) {
    guard inFlight.contains(id) else { return }
    // The row is gone when the call was withdrawn meanwhile.
    if let row = find(id) { finish(row, outcome) }
    inFlight.remove(id)
    settle()
  }

  func finish(_ row: JobRow, _ outcome: JobOutcome) {
    let now = world.now()
    guard let cached = owner(of: row, now) else { return }
    guard let action = action(row, cached.version.machine) else { return remove(row) }
    let node = cached.version.machine.program.actions[action]
    let policy = policy(row, cached.version.machine, cached.row.flow)
    switch RetryDecision(outcome, action: node, policy: policy, attempt: row.attempt + 1) {
    case .done(let json): end(row, decode(json, .action(action), cached.version.machine), json, cached)
    case .retry(let least):
      var again = row
      again.attempt += 1
      again.lease = 0
      let (due, overflow) = now.addingReportingOverflow(max(backoff(policy, attempt: again.attempt), least))
      again.due = overflow ? Engine.parked - 1 : due
      again.failures = failures(row, with: outcome, now)
      write(again)
    case .postpone(let milliseconds):
      var later = row
      later.due = now + max(milliseconds, 1)
      later.lease = 0
      write(later)
    case .dead(let code, let message):
      var dead = row
      dead.failures = failures(row, with: outcome, now)
      batch.dead.append(DeadRow(job: dead, at: now, code: code, message: message))
      journal(
        cached.row, "dead",
        [
          "action": .string(row.action), "code": .string(code), "message": .string(message),
          "attempts": .int(Int64(row.attempt + 1)),
        ])
      end(row, .failed(code: code, message: message, attempts: row.attempt + 1), nil, cached)
    }
  }

  /// What the tries of a job have come to, this one the last.
  private func failures(_ row: JobRow, with outcome: JobOutcome, _ now: Int64) -> [UInt8] {
    var list = row.failures.isEmpty ? [] : (try? JSON(parsing: row.failures))?.array ?? []
    list.append(["at": .string(timeText(now)), "outcome": .string(outcome.text(atMost: Engine.maximumFailureText))])
    return JSON.array(list.suffix(Engine.maximumFailures)).bytes()
  }

  /// The instance of a job; nil when it is gone, and the job with it, or when it can't be read for now.
  func owner(of row: JobRow, _ now: Int64) -> Cached? {
    do throws(EngineProblem) {
      if let cached = try load(row: row.instance) { return cached }
      remove(row)
    } catch {
      var again = row
      again.due = now + Engine.incidentRetryMilliseconds
      again.lease = 0
      write(again)
    }
    return nil
  }

  /// Exponential with full jitter: anything up to the bound, which doubles with each try.
  private func backoff(_ policy: Policy, attempt: Int) -> Int64 {
    let doubled = policy.firstBackoffMilliseconds.multipliedReportingOverflow(by: 1 << Int64(min(attempt - 1, 30)))
    let bound = min(doubled.overflow ? .max : doubled.partialValue, policy.longestBackoffMilliseconds)
    return bound > 0 ? world.random(below: bound) + 1 : 0
  }

  /// The job is over: its row goes, its result is kept if it was to be done once, and whoever waits is told.
  func end(_ row: JobRow, _ outcome: CallOutcome, _ result: JSON?, _ cached: Cached) {
    remove(row)
    tell(row, outcome, cached)
    guard let key = row.once else { return }
    // A failure is no result: the next entry may try again.
    batch.once[ExactText(key)] = OnceRow(key: key, job: result == nil ? 0 : row.id, outcome: result?.bytes() ?? [])
    for other in waiting(for: key, besides: row.id) {
      remove(other)
      guard let waiter = owner(of: other, world.now()) else { continue }
      let known = result.flatMap { json in
        target(other, waiter.version.machine).map { decode(json, $0, waiter.version.machine) }
      }
      tell(other, known ?? outcome, waiter)
    }
  }

  /// Gives a call its outcome; one that the instance can't take is kept for later.
  private func tell(_ row: JobRow, _ outcome: CallOutcome, _ cached: Cached) {
    guard row.call != nil else { return }
    let reference = JobReference(revision: row.revision, number: row.number)
    guard !takeResult(reference, of: InstanceID(cached.row), outcome) else { return }
    keep(outcome, row, cached)
  }

  /// Keeps an outcome in the row of its job, which never goes out again.
  private func keep(_ outcome: CallOutcome, _ old: JobRow, _ cached: Cached) {
    var row = old
    row.queue = nil
    row.once = nil
    row.lease = 0
    let isSuspended = cached.row.status == InstanceRow.suspended
    row.due = isSuspended ? Engine.parked : world.now() + Engine.incidentRetryMilliseconds
    row.outcome = JSON.object([outcome.member(in: cached.version.machine)]).bytes()
    batch.jobsRemoved.remove(row.id)
    write(row)
  }

  /// Takes an outcome that was kept.
  func takeKept(_ row: JobRow) {
    guard let cached = owner(of: row, world.now()) else { return }
    guard let json = try? JSON(parsing: row.outcome), let outcome = outcome(json, row, cached) else {
      return remove(row)
    }
    remove(row)
    tell(row, outcome, cached)
    settle()
  }

  private func outcome(_ json: JSON, _ row: JobRow, _ cached: Cached) -> CallOutcome? {
    if let done = json["done"] {
      return target(row, cached.version.machine).map { decode(done, $0, cached.version.machine) }
    }
    guard let failed = json["failed"] else { return nil }
    return .failed(
      code: failed["code"]?.string ?? "", message: failed["message"]?.string ?? "",
      attempts: failed["attempts"]?.int ?? 1)
  }

  /// - Returns: False when the instance could not take it, which is an incident.
  @discardableResult
  func takeResult(_ job: JobReference, of id: InstanceID, _ outcome: CallOutcome) -> Bool {
    let found: Cached?
    do throws(EngineProblem) {
      found = try load(id)
    } catch {
      return false
    }
    guard let cached = found else { return true }
    guard cached.row.status != InstanceRow.suspended else { return false }
    let now = world.now()
    switch cached.version.stepper.step(cached.instance, .result(job, outcome), now: now) {
    case .accepted(let step):
      if step.disposition != .stale { record(step, of: cached, cause: .other(cause(job, outcome, cached)), at: now) }
      return true
    case .refused(let refusal):
      note(refusal, cached)
      return false
    }
  }

  /// Keeps why an instance could not take a timer or a result.
  func note(_ refusal: Refusal, _ old: Cached) {
    var cached = old
    cached.row.incident = refusal.message
    keep(cached)
    journal(
      cached.row, "incident",
      [
        "code": .string(refusal.code), "message": .string(refusal.message),
        "explanation": refusal.explanationJSON(in: cached.version.machine),
      ])
  }

  private func cause(_ job: JobReference, _ outcome: CallOutcome, _ cached: Cached) -> JSON {
    let name = JSON.Member("job", .string("\(job.revision)/\(job.number)"))
    return .object([.init("result", .object([name, outcome.member(in: cached.version.machine)]))])
  }

  /// A result as the action's type has it; one that does not fit is a failure.
  func decode(_ json: JSON, _ target: Call.Target, _ machine: Machine) -> CallOutcome {
    guard let type = machine.result(of: target) else { return .done(.null) }
    switch Value.from(json, as: type, in: machine.types) {
    case .success(let value): return .done(value)
    case .failure(let problems):
      let message = problems.mismatches.map { "\($0.pointer): \($0.message)" }.joined(separator: "; ")
      return .failed(code: "INVALID_RESULT", message: message, attempts: 1)
    }
  }

  // MARK: - Putting off

  /// Makes a job of an event that was emitted, for the next batch to deliver.
  func putOff(_ delivery: Delivery) {
    if let receiver = delivery.receiver {
      if let cached = (try? load(receiver)) ?? nil { write(delivery, for: cached.row, due: world.now()) }
      return
    }
    guard let sender = (try? load(delivery.sender)) ?? nil else { return }
    let reference = JobReference(revision: sender.row.revision, number: 0)
    var row = newJob(reference, of: sender.row, action: Engine.deliveryAction, due: world.now())
    row.arguments = JSON.object([.init("type", .string(delivery.event)), .init("data", delivery.payload)]).bytes()
    write(row)
  }

  /// Makes a job of a known result, for the next batch to take.
  func putOff(_ outcome: CallOutcome, _ job: JobReference, of id: InstanceID) {
    guard let cached = (try? load(id)) ?? nil else { return }
    var row = newJob(job, of: cached.row, action: "", due: world.now())
    let pending = cached.instance.calls.first { $0.job == job }
    row.call = pending?.call.position
    guard let call = pending?.call else { return }
    row.action = cached.version.machine.callAction(call, flow: cached.instance.flow)
    row.outcome = JSON.object([outcome.member(in: cached.version.machine)]).bytes()
    write(row)
  }
}

extension CallOutcome {
  /// The outcome as the journal and kept jobs have it.
  func member(in machine: Machine) -> JSON.Member {
    switch self {
    case .done(let value): .init("done", value.json(in: machine.types))
    case .failed(let code, let message, let attempts):
      .init("failed", ["code": .string(code), "message": .string(message), "attempts": .int(Int64(attempts))])
    }
  }
}

extension Machine {
  /// The name of the action that a call of a flow calls.
  fileprivate func callAction(_ call: CallIndex, flow: FlowIndex) -> String {
    name(of: program.flows[flow].calls[call].target)
  }
}
