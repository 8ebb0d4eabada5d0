import FlowIR
import FlowJSON
import FlowMachine

// Commands of operators. Each is an entry of the journal with the caller and the reason.
extension Engine {
  /// Executes the command of an operator. The outcome is final once ``commit()`` has returned.
  public func operate(_ command: OperatorCommand) -> Result<OperatorAnswer, EngineProblem> {
    do throws(EngineProblem) {
      let cached = try runnableInstance(
        InstanceID(flow: command.flow, key: command.key), ifMatch: command.ifMatch)
      defer { deliverPending() }
      switch command.action {
      case .cancel: return .success(try cancel(cached, command: command))
      case .suspend: return .success(try suspend(cached, command: command))
      case .resume: return .success(try resume(cached, command: command))
      case .retry: return .success(retry(cached, command: command))
      case .migrate: return .success(try migrate(cached, command: command))
      case .drop: return .success(try dropDeferred(cached, command: command))
      }
    } catch {
      return .failure(error)
    }
  }

  /// The instance of a command: one that has not ended, at the required revision.
  func runnableInstance(_ id: InstanceID, ifMatch: Int?) throws(EngineProblem) -> Cached {
    guard let cached = try load(id) else {
      throw .notFound("there is no instance `\(id.key)` of `\(id.flow)`")
    }
    if let ifMatch, ifMatch != cached.row.revision { throw .revisionMismatch(current: cached.row.revision) }
    guard !cached.row.status.hasEnded else {
      throw .notPossible("`\(id.key)` has ended, it is \(cached.row.status.name)")
    }
    return cached
  }

  private func cancel(_ cached: Cached, command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    guard !command.isDryRun else { return answer(cached, sequence: 0, detail: "would be cancelled") }
    let sequence = try abort(cached, cause: cause(command))
    return answer(cache.find(row: cached.row.id) ?? cached, sequence: sequence, detail: "")
  }

  /// Ends an instance; none of its `exit` statements runs.
  /// - Returns: The sequence number of the entry in the journal.
  func abort(_ cached: Cached, cause: JSON) throws(EngineProblem) -> Int64 {
    let now = world.now()
    switch cached.version.stepper.abort(cached.instance, now: now) {
    case .refused(let refusal):
      throw .refused(refusal, explanation: refusal.explanationJSON(in: cached.version.machine))
    case .accepted(let step):
      let recorded = record(step, of: cached, cause: .other(cause), at: now, status: .cancelled)
      dropHeldEvents(of: cached)
      // Work without a waiting call is executed nevertheless.
      release(cached.row.id) { $0 == .onResume }
      return recorded.sequence
    }
  }

  private func dropDeferred(_ cached: Cached, command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    let machine = cached.version.machine
    let event = command.event.flatMap { machine.event(named: $0) }
    if let name = command.event, event == nil { throw .unknownEvent(name, among: machine.program.events.map(\.name)) }
    let count = cached.instance.deferred.count { event == nil || $0.event == event }
    guard count > 0 else {
      throw .notPossible("`\(command.key)` has no deferred \(command.event.map { "`\($0)`" } ?? "events")")
    }
    let events = "\(count) deferred \(count == 1 ? "event" : "events")"
    guard !command.isDryRun else { return answer(cached, sequence: 0, detail: "\(events) would be dropped") }
    let now = world.now()
    switch cached.version.stepper.dropDeferred(event, of: cached.instance, now: now) {
    case .refused(let refusal):
      throw .refused(refusal, explanation: refusal.explanationJSON(in: machine))
    case .accepted(let step):
      let recorded = record(step, of: cached, cause: .other(cause(command)), at: now, status: cached.row.status)
      return answer(
        cache.find(row: cached.row.id) ?? cached, sequence: recorded.sequence, detail: "\(events) dropped")
    }
  }

  private func suspend(_ old: Cached, command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    guard old.row.status != .suspended else { throw .notPossible("`\(command.key)` is suspended already") }
    guard !command.isDryRun else { return answer(old, sequence: 0, detail: "would be suspended") }
    var row = old.row
    row.status = .suspended
    return record(command, of: old.with(row: row))
  }

  private func resume(_ old: Cached, command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    guard old.row.status == .suspended else { throw .notPossible("`\(command.key)` is not suspended") }
    guard !command.isDryRun else { return answer(old, sequence: 0, detail: "would resume") }
    var row = old.row
    row.status = .running
    let cached = old.with(row: row)
    let delivered = deliverHeldEvents(of: cached)
    let released = releaseAll(of: cached) { $0 == .onResume }
    let held =
      delivered == 0 ? "" : "\(delivered) \(delivered == 1 ? "event that was" : "events that were") held for it"
    return record(command, of: cached, detail: [released, held].filter { !$0.isEmpty }.joined(separator: "; "))
  }

  private func retry(_ old: Cached, command: OperatorCommand) -> OperatorAnswer {
    guard !command.isDryRun else { return answer(old, sequence: 0, detail: "waiting work would be retried") }
    var row = old.row
    row.incident = ""
    let cached = old.with(row: row)
    let now = world.now()
    return record(command, of: cached, detail: releaseAll(of: cached) { $0.instant.map { now < $0 } ?? false })
  }

  /// Restores the due times of timers, and makes the matching jobs due now.
  private func releaseAll(of cached: Cached, where isMatch: (JobDue) -> Bool) -> String {
    for timer in cached.instance.timers { arm(TimerID(cached, timer), due: timer.due) }
    let count = release(cached.row.id, where: isMatch)
    return count == 0 ? "" : "\(count) \(count == 1 ? "job goes" : "jobs go") out again"
  }

  /// Makes the matching jobs of an instance due now.
  /// - Returns: Their number.
  @discardableResult
  private func release(_ instance: Int64, where isMatch: (JobDue) -> Bool) -> Int {
    let now = world.now()
    // A call that another node runs has not ended.
    let rows = jobs(of: instance).filter { isMatch($0.due) && ($0.lease == 0 || $0.queue != nil) }
    for var row in rows {
      row.due = .at(now)
      write(row)
    }
    return rows.count
  }

  /// The jobs of an instance, including the changes of the batch.
  func jobs(of instance: Int64) -> [JobRow] {
    let stored = read { () throws(StoreError) in try store.jobs(instance: instance) } ?? []
    let ids = Set(stored.map(\.id)).union(batch.jobs(of: instance))
    return ids.sorted().compactMap { findJob($0) }
  }

  // MARK: - Answers

  private func record(_ command: OperatorCommand, of cached: Cached, detail: String = "") -> OperatorAnswer {
    update(cached)
    let sequence = journal(cached.row, .operator, body: operatorBody(command))
    return answer(cached, sequence: sequence, detail: detail)
  }

  func cause(_ command: OperatorCommand) -> JSON {
    .object([.init("operator", operatorBody(command))])
  }

  private func operatorBody(_ command: OperatorCommand) -> JSON {
    operatorBody(
      command.action.rawValue, reason: command.reason, caller: command.caller,
      adding: command.event.map { [.init("event", .string($0))] } ?? [])
  }

  /// The body of an operator's entry.
  func operatorBody(_ action: String, reason: String, caller: Caller, adding more: [JSON.Member]) -> JSON {
    var members: [JSON.Member] = [.init("action", .string(action))]
    if !reason.isEmpty { members.append(.init("reason", .string(reason))) }
    if !caller.id.isEmpty { members.append(.init("by", .string(caller.id))) }
    return .object(members + more)
  }

  func answer(_ cached: Cached, sequence: Int64, detail: String) -> OperatorAnswer {
    OperatorAnswer(
      flow: cached.row.flow, key: cached.row.key, status: cached.row.status, revision: cached.row.revision,
      sequence: sequence, states: cached.version.stepper.leafPaths(of: cached.instance), detail: detail)
  }
}
