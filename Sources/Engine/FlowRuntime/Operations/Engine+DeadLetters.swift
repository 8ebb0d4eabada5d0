import FlowJSON
public import FlowMachine

/// The ways to close a dead letter without repeating its work.
public enum DeadLetterClosing: String, Sendable, CaseIterable {
  /// The work is not needed any more.
  case dismiss
  /// The work was done in another way.
  case resolve
}

// Dead letters: work whose attempts are exhausted, and whose failure no reaction has handled.
extension Engine {
  /// Retries the work of a dead letter, or delivers its message, under the same idempotency key. No call receives the
  /// result of the work.
  public func redrive(_ id: Int64, reason: String = "", caller: Caller = Caller()) -> Result<Void, EngineProblem> {
    do throws(EngineProblem) {
      let dead = try deadLetter(id)
      if dead.job.messageQueue != nil {
        try redeliver(dead)
        batch.writes.deadRemoved.insert(id)
        remove(deadMessage: id)
        return .success(())
      }
      let owner = try owner(of: dead)
      batch.writes.deadRemoved.insert(id)
      retryWork(of: dead.job)
      journal(
        owner.row, .operator,
        body: operatorBody("redrive", reason: reason, caller: caller, adding: [.init("job", .int(id))]))
      return .success(())
    } catch {
      return .failure(error)
    }
  }

  /// Closes a dead letter without doing its work.
  /// - Parameter reason: The reason, for the journal; it must not be empty.
  public func close(
    _ id: Int64, _ closing: DeadLetterClosing, reason: String, caller: Caller = Caller()
  ) -> Result<Void, EngineProblem> {
    guard !reason.isEmpty else { return .failure(.invalidPayload([("/reason", "a reason is required")])) }
    do throws(EngineProblem) {
      let dead = try deadLetter(id)
      // A message belongs to no instance whose journal could record the reason.
      let owner = dead.job.messageQueue == nil ? try owner(of: dead) : nil
      batch.writes.deadRemoved.insert(id)
      remove(deadMessage: id)
      guard let owner else { return .success(()) }
      journal(
        owner.row, .operator,
        body: operatorBody(closing.rawValue, reason: reason, caller: caller, adding: [.init("job", .int(id))]))
      return .success(())
    } catch {
      return .failure(error)
    }
  }

  private func deadLetter(_ id: Int64) throws(EngineProblem) -> DeadRow {
    guard let found = read({ () throws(StoreError) in try store.dead(id: id) }) else {
      throw .storeUnavailable("it can't be read")
    }
    guard let dead = found, !batch.writes.deadRemoved.contains(id) else {
      throw .notFound("there is no dead letter \(id)")
    }
    return dead
  }

  /// The instance that requested the work of a dead letter.
  private func owner(of dead: DeadRow) throws(EngineProblem) -> Cached {
    guard let cached = loadOwner(of: dead.job, at: world.now()) else {
      throw .gone(key: "\(dead.job.id)", endedAt: dead.at)
    }
    return cached
  }

  /// Writes a separate row for the work: the outcome under its old number may still be pending for a suspended
  /// instance.
  private func retryWork(of job: JobRow) {
    var row = job
    row.id = batch.nextJobID()
    (row.call, row.attempt, row.lease, row.deadline, row.worker) = (nil, 0, 0, 0, nil)
    (row.due, row.failures) = (.at(world.now()), [])
    if let key = row.once {
      let known = onceRow(key)
      // Another job may have completed the work meanwhile, or be executing it.
      if let known, !known.outcome.isEmpty { return }
      if let known, findJob(known.job) != nil { row.due = .onEnd } else { setHolder(row, of: key) }
    }
    write(row)
  }
}

extension EngineThread {
  /// Closes a dead letter without executing its work; `completion` is called after the commit.
  public func close(
    deadLetter id: Int64, _ closing: DeadLetterClosing, reason: String, caller: Caller,
    completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    perform({ $0.close(id, closing, reason: reason, caller: caller) }, completion: completion)
  }
}
