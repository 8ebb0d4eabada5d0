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
  /// Retries the work of a dead letter under the same idempotency key. No call receives its result.
  public func redrive(_ id: Int64, reason: String = "", caller: Caller = Caller()) -> Result<Void, EngineProblem> {
    do throws(EngineProblem) {
      let (dead, cached) = try deadLetter(id)
      batch.writes.deadRemoved.insert(id)
      retryWork(of: dead.job)
      journal(
        cached.row, .operator,
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
      let (_, cached) = try deadLetter(id)
      batch.writes.deadRemoved.insert(id)
      journal(
        cached.row, .operator,
        body: operatorBody(closing.rawValue, reason: reason, caller: caller, adding: [.init("job", .int(id))]))
      return .success(())
    } catch {
      return .failure(error)
    }
  }

  private func deadLetter(_ id: Int64) throws(EngineProblem) -> (DeadRow, Cached) {
    guard let found = read({ () throws(StoreError) in try store.dead(id: id) }) else {
      throw .storeUnavailable("it can't be read")
    }
    guard let dead = found, !batch.writes.deadRemoved.contains(id) else {
      throw .notFound("there is no dead letter \(id)")
    }
    guard let cached = loadOwner(of: dead.job, at: world.now()) else { throw .gone(key: "\(id)", endedAt: dead.at) }
    return (dead, cached)
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
