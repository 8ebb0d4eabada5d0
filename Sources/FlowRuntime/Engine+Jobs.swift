import CEL
import FlowIR
import FlowMachine
import FlowSource

// Jobs are rows before they are calls; what comes of them comes back as an input.
extension Engine {
  /// How long the engine waits before it tries a result again that an instance could not take.
  static let incidentRetryMilliseconds: Int64 = 300_000

  func queue(_ job: Job, _ cached: Cached, _ now: Int64) {
    let machine = cached.version.machine
    let action = machine.program.actions[job.action]
    if let key = job.once, join(job, key, cached) { return }
    counters.job += 1
    var queue: String?
    if case .worker(let name) = action.binding { queue = name }
    let row = JobRow(
      id: counters.job, instance: cached.row.id, revision: job.reference.revision, number: job.reference.number,
      action: action.name, queue: queue, call: job.call, once: job.once, due: now,
      arguments: job.arguments.json(in: machine.types).bytes())
    batch.jobs[row.id] = row
    if let key = job.once { batch.once[key] = OnceRow(key: key, job: row.id, outcome: []) }
    if queue == nil { ready.append(row) }
  }

  /// Takes part in work that was begun or done for the same key before.
  /// - Returns: False when there is none.
  private func join(_ job: Job, _ key: String, _ cached: Cached) -> Bool {
    guard let row = (try? batch.once[key] ?? store.once(key: key)) ?? nil else { return false }
    if !row.outcome.isEmpty {
      guard let json = try? JSON(parsing: row.outcome) else { return false }
      knownResults.append((InstanceID(cached.row), job.reference, decode(json, job.action, cached.version.machine)))
      return true
    }
    guard var running = find(row.job) else { return false }
    running.revision = job.reference.revision
    running.number = job.reference.number
    running.call = job.call
    update(running)
    return true
  }

  func find(_ id: Int64) -> JobRow? {
    if batch.jobsRemoved.contains(id) { return nil }
    return batch.jobs[id] ?? inFlight[id] ?? (try? store.job(id: id)) ?? nil
  }

  private func update(_ row: JobRow) {
    batch.jobs[row.id] = row
    if inFlight[row.id] != nil { inFlight[row.id] = row }
    if let index = ready.firstIndex(where: { $0.id == row.id }) { ready[index] = row }
  }

  func remove(_ row: JobRow) {
    batch.jobs[row.id] = nil
    batch.jobsRemoved.insert(row.id)
    ready.removeAll { $0.id == row.id }
    inFlight[row.id] = nil
  }

  /// A call whose state was left: the job goes away, unless it is to be done once, then its result is kept for later.
  func withdraw(_ reference: JobReference, _ cached: Cached) {
    let jobs = Array(batch.jobs.values) + Array(inFlight.values) + ((try? store.jobs(instance: cached.row.id)) ?? [])
    guard var row = jobs.first(where: {
      $0.instance == cached.row.id && $0.revision == reference.revision && $0.number == reference.number
    }) else { return }
    if row.once == nil {
      remove(row)
    } else {
      row.call = nil
      update(row)
    }
  }

  // MARK: - Going out

  /// The jobs that a runner may have now, taken as under way. To be called after ``commit()``.
  public func dispatch() -> [(job: Int64, request: JobRequest)] {
    refill()
    var out: [(Int64, JobRequest)] = []
    let room = max(Engine.maximumInFlight - inFlight.count, 0)
    for row in ready.prefix(room) {
      inFlight[row.id] = row
      switch request(for: row) {
      case .success(let request): out.append((row.id, request))
      case .failure(let error): finish(row.id, .unreachable(error.message))
      }
    }
    // What is more than may be under way stays a row, and is found again when there is room.
    if ready.count > room { nextJob = 0 }
    ready = []
    return out
  }

  /// Finds jobs whose time has come.
  private func refill() {
    let now = world.now()
    guard let due = nextJob, due <= now, inFlight.count < Engine.maximumInFlight else { return }
    let limit = Engine.maximumInFlight + inFlight.count
    let rows = (try? store.dueJobs(queue: nil, at: now, limit: limit)) ?? []
    for row in rows {
      guard inFlight[row.id] == nil, batch.jobs[row.id] == nil, !batch.jobsRemoved.contains(row.id),
        !ready.contains(where: { $0.id == row.id })
      else { continue }
      ready.append(row)
    }
    if rows.count < limit { nextJob = (try? store.nextJob(after: now)) ?? nil }
  }

  private func request(for row: JobRow) -> Result<JobRequest, BindingError> {
    do {
      guard let cached = try load(row: row.instance), let action = action(row, cached.version.machine) else {
        return .failure(BindingError("its instance or action is gone"))
      }
      let machine = cached.version.machine
      let node = machine.program.actions[action]
      guard let json = try? JSON(parsing: row.arguments),
        case .success(let arguments) = Value.from(json, as: .record(node.parameters.name), in: machine.types)
      else { return .failure(BindingError("its arguments can't be read")) }
      let bound = try cached.version.stepper.bind(
        action: action, arguments: arguments, environment: { world.variable($0) })
      return .success(
        JobRequest(
          action: bound, timeoutMilliseconds: policy(row, cached.version.machine, cached.row.flow).timeoutMilliseconds,
          idempotencyKey: row.once ?? "\(cached.row.flow)/\(cached.row.key)/\(row.revision)/\(row.number)",
          attempt: row.attempt + 1))
    } catch let error as BindingError {
      return .failure(error)
    } catch {
      return .failure(BindingError("its instance can't be loaded"))
    }
  }

  func action(_ row: JobRow, _ machine: Machine) -> Int? {
    machine.program.actions.firstIndex { $0.name == row.action }
  }

  /// What a call says of retries, or else its action.
  func policy(_ row: JobRow, _ machine: Machine, _ flow: String) -> Policy {
    if let call = row.call, let index = machine.flow(named: flow),
      machine.program.flows[index].calls.indices.contains(call)
    {
      return machine.program.flows[index].calls[call].policy
    }
    return action(row, machine).map { machine.program.actions[$0].policy } ?? Policy()
  }

  // MARK: - Coming back

  /// Takes the end of a try. What comes of it holds once ``commit()`` has returned.
  public func finish(_ id: Int64, _ outcome: JobOutcome) {
    guard let row = inFlight[id] else { return }
    finish(row, outcome)
    settle()
  }

  func finish(_ row: JobRow, _ outcome: JobOutcome) {
    let now = world.now()
    guard let cached = try? load(row: row.instance), let action = action(row, cached.version.machine) else {
      remove(row)
      return
    }
    let node = cached.version.machine.program.actions[action]
    let policy = policy(row, cached.version.machine, cached.row.flow)
    switch Verdict(outcome, action: node, policy: policy, attempt: row.attempt + 1) {
    case .done(let json): end(row, decode(json, action, cached.version.machine), json, cached)
    case .retry(let least):
      var again = row
      again.attempt += 1
      again.lease = 0
      again.due = now + max(backoff(policy, attempt: again.attempt), least)
      inFlight[row.id] = nil
      batch.jobs[row.id] = again
      if row.queue == nil { nextJob = min(nextJob ?? .max, again.due) }
    case .dead(let code, let message):
      batch.dead.append(DeadRow(job: row, at: now, code: code, message: message))
      journal(
        cached.row, "dead",
        ["action": .string(row.action), "code": .string(code), "message": .string(message),
         "attempts": .int(Int64(row.attempt + 1))])
      end(row, .failed(code: code, message: message, attempts: row.attempt + 1), nil, cached)
    }
  }

  /// Exponential with full jitter: anything up to the bound, which doubles with each try.
  private func backoff(_ policy: Policy, attempt: Int) -> Int64 {
    let doubled = policy.firstBackoffMilliseconds.multipliedReportingOverflow(by: 1 << Int64(min(attempt - 1, 30)))
    let bound = min(doubled.overflow ? .max : doubled.partialValue, policy.longestBackoffMilliseconds)
    return bound > 0 ? world.random(below: bound) + 1 : 0
  }

  /// The job is over: its row goes, its result is kept if it was to be done once, whoever waits is told.
  private func end(_ row: JobRow, _ outcome: CallOutcome, _ result: JSON?, _ cached: Cached) {
    if let key = row.once {
      // A failure is no result: the next entry may try again.
      batch.once[key] = OnceRow(key: key, job: result == nil ? 0 : row.id, outcome: result?.bytes() ?? [])
    }
    remove(row)
    guard row.call != nil else { return }
    let reference = JobReference(revision: row.revision, number: row.number)
    if !takeResult(reference, of: InstanceID(cached.row), outcome) {
      var again = row
      again.due = world.now() + Engine.incidentRetryMilliseconds
      batch.jobsRemoved.remove(row.id)
      batch.jobs[row.id] = again
    }
  }

  /// - Returns: False when the instance could not take it, which is an incident.
  @discardableResult
  func takeResult(_ job: JobReference, of id: InstanceID, _ outcome: CallOutcome) -> Bool {
    guard let cached = try? load(id) else { return true }
    let now = world.now()
    switch cached.version.stepper.step(cached.instance, .result(job, outcome), now: now) {
    case .accepted(let step):
      if step.disposition != .stale { record(step, of: cached, cause: cause(job, outcome, cached), at: now) }
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
    keep(cached, InstanceID(cached.row))
    journal(
      cached.row, "incident",
      [
        "code": .string(refusal.code), "message": .string(refusal.message),
        "explanation": refusal.explanationJSON(in: cached.version.machine),
      ])
  }

  private func cause(_ job: JobReference, _ outcome: CallOutcome, _ cached: Cached) -> JSON {
    var members: [JSON.Member] = [.init("job", .string("\(job.revision)/\(job.number)"))]
    switch outcome {
    case .done(let value): members.append(.init("done", value.json(in: cached.version.machine.types)))
    case .failed(let code, let message, let attempts):
      members.append(
        .init("failed", ["code": .string(code), "message": .string(message), "attempts": .int(Int64(attempts))]))
    }
    return .object([.init("result", .object(members))])
  }

  /// A result as the action's type has it; one that does not fit is a failure.
  func decode(_ json: JSON, _ action: Int, _ machine: Machine) -> CallOutcome {
    guard let type = machine.program.actions[action].result else { return .done(.null) }
    switch Value.from(json, as: type, in: machine.types) {
    case .success(let value): return .done(value)
    case .failure(let problems):
      let message = problems.mismatches.map { "\($0.pointer): \($0.message)" }.joined(separator: "; ")
      return .failed(code: "INVALID_RESULT", message: message, attempts: 1)
    }
  }
}
