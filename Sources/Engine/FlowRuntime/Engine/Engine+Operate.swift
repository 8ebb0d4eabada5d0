import FlowIR
import FlowJSON
public import FlowMachine

// What people do to instances. Each deed is an entry of the journal with who did it and why.
extension Engine {
  /// When a timer or a job of a suspended instance is due: never, and still told from what waits for something else.
  static let parked = Int64.max - 1

  /// Does what an operator asks. What comes of it holds once ``commit()`` has returned.
  public func operate(_ command: OperatorCommand) -> Result<OperatorAnswer, EngineProblem> {
    do throws(EngineProblem) {
      let cached = try goingOn(command.flow, command.key, ifMatch: command.ifMatch)
      defer { settle() }
      switch command.action {
      case .cancel: return .success(try cancel(cached, command))
      case .suspend: return .success(try suspend(cached, command))
      case .resume: return .success(try resume(cached, command))
      case .retry: return .success(retry(cached, command))
      case .migrate: return .success(try migrate(cached, command))
      }
    } catch {
      return .failure(error)
    }
  }

  /// The instance that somebody wants to do something to, at the revision that it has to have.
  func goingOn(_ flow: String, _ key: String, ifMatch: Int?) throws(EngineProblem) -> Cached {
    guard let cached = try load(InstanceID(flow: flow, key: key)) else {
      throw .notFound("there is no instance `\(key)` of `\(flow)`")
    }
    if let ifMatch, ifMatch != cached.row.revision { throw .revisionMismatch(current: cached.row.revision) }
    guard !cached.row.hasEnded else { throw .notPossible("`\(key)` has ended, it is \(cached.row.statusName)") }
    return cached
  }

  private func cancel(_ cached: Cached, _ command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    let now = world.now()
    switch cached.version.stepper.cancel(cached.instance, now: now) {
    case .refused(let refusal):
      throw .refused(refusal, explanation: refusal.explanationJSON(in: cached.version.machine))
    case .accepted(let step):
      guard !command.isDryRun else { return answer(cached, 0, "would be cancelled") }
      let (sequence, _) = record(
        step, of: cached, cause: .other(cause(command)), at: now, status: InstanceRow.cancelled)
      dropKeptEvents(of: cached)
      // What it had asked for without waiting is done all the same.
      release(cached.row.id) { $0 == Engine.parked }
      return answer(cache.find(row: cached.row.id) ?? cached, sequence, "")
    }
  }

  private func suspend(_ old: Cached, _ command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    guard old.row.status != InstanceRow.suspended else { throw .notPossible("`\(command.key)` is suspended already") }
    guard !command.isDryRun else { return answer(old, 0, "would be suspended") }
    var cached = old
    cached.row.status = InstanceRow.suspended
    return note(command, cached)
  }

  private func resume(_ old: Cached, _ command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    guard old.row.status == InstanceRow.suspended else { throw .notPossible("`\(command.key)` is not suspended") }
    guard !command.isDryRun else { return answer(old, 0, "would go on") }
    var cached = old
    cached.row.status = 0
    let taken = takeKeptEvents(of: cached)
    let went = released(cached) { $0 == Engine.parked }
    let news = taken == 0 ? "" : "\(taken) \(taken == 1 ? "event that was" : "events that were") kept for it"
    return note(command, cached, [went, news].filter { !$0.isEmpty }.joined(separator: "; "))
  }

  private func retry(_ old: Cached, _ command: OperatorCommand) -> OperatorAnswer {
    guard !command.isDryRun else { return answer(old, 0, "what waits would be tried again") }
    var cached = old
    cached.row.incident = ""
    let now = world.now()
    return note(command, cached, released(cached) { now < $0 && $0 < Engine.parked })
  }

  /// Makes timers due when they should be, and at once the jobs whose time `isMeant`.
  private func released(_ cached: Cached, where isMeant: (Int64) -> Bool) -> String {
    for timer in cached.instance.timers { arm(TimerID(cached, timer), due: timer.due) }
    let count = release(cached.row.id, where: isMeant)
    return count == 0 ? "" : "\(count) \(count == 1 ? "job goes" : "jobs go") out again"
  }

  /// - Returns: How many jobs are due now.
  @discardableResult
  private func release(_ instance: Int64, where isMeant: (Int64) -> Bool) -> Int {
    let now = world.now()
    let rows = jobsOf(instance).filter { isMeant($0.due) }
    for var row in rows {
      row.due = now
      write(row)
    }
    return rows.count
  }

  /// The jobs of an instance as the batch leaves them.
  func jobsOf(_ instance: Int64) -> [JobRow] {
    let stored = read { () throws(StoreError) in try store.jobs(instance: instance) } ?? []
    let ids = Set(stored.map(\.id)).union(jobsInBatch[instance] ?? [])
    return ids.sorted().compactMap { find($0) }
  }

  // MARK: - Dead letters

  /// Tries work again that was given up, under the same idempotency key; nobody waits for its result any more.
  public func redrive(_ id: Int64, reason: String = "", caller: Caller = Caller()) -> Result<Void, EngineProblem> {
    let now = world.now()
    let found = read { () throws(StoreError) in try store.dead(id: id) }
    guard let dead = found ?? nil, !batch.deadRemoved.contains(id) else {
      let isUnknown = found != nil
      return .failure(isUnknown ? .notFound("there is no dead letter \(id)") : .storeUnavailable("it can't be read"))
    }
    guard let cached = owner(of: dead.job, now) else { return .failure(.gone(key: "\(id)", endedAt: dead.at)) }
    // A row of its own: under its old number the outcome may still wait for an instance that is suspended.
    counters.job += 1
    var row = dead.job
    row.id = counters.job
    (row.call, row.attempt, row.lease, row.due, row.failures) = (nil, 0, 0, now, [])
    batch.deadRemoved.insert(id)
    write(row)
    journal(cached.row, "operator", operatorBody("redrive", reason, caller, [.init("job", .int(id))]))
    return .success(())
  }

  // MARK: - Telling

  private func note(_ command: OperatorCommand, _ cached: Cached, _ detail: String = "") -> OperatorAnswer {
    keep(cached)
    let sequence = journal(
      cached.row, "operator", operatorBody(command.action.rawValue, command.reason, command.caller, []))
    return answer(cached, sequence, detail)
  }

  func cause(_ command: OperatorCommand) -> JSON {
    .object([.init("operator", operatorBody(command.action.rawValue, command.reason, command.caller, []))])
  }

  func operatorBody(_ action: String, _ reason: String, _ caller: Caller, _ more: [JSON.Member]) -> JSON {
    var members: [JSON.Member] = [.init("action", .string(action))]
    if !reason.isEmpty { members.append(.init("reason", .string(reason))) }
    if !caller.id.isEmpty { members.append(.init("by", .string(caller.id))) }
    return .object(members + more)
  }

  func answer(_ cached: Cached, _ sequence: Int64, _ detail: String) -> OperatorAnswer {
    OperatorAnswer(
      flow: cached.row.flow, key: cached.row.key, status: cached.row.statusName, revision: cached.row.revision,
      sequence: sequence, states: cached.version.stepper.leafPaths(of: cached.instance), detail: detail)
  }
}
