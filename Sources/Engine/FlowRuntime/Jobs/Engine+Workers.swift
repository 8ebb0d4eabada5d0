public import FlowJSON
import FlowMachine

/// A job that an outside worker has leased.
public struct ClaimedJob: Sendable {
  public var id: Int64
  public var action: String
  public var arguments: JSON
  public var attempt: Int
  /// The same for every attempt of the job, for the systems that the worker calls.
  public var idempotencyKey: String
  public var fence: Int
  /// Milliseconds since 1970.
  public var leaseEnds: Int64
}

// Work that outside programs claim from queues.
extension Engine {
  /// The number of jobs that one claim may give.
  public static let maximumClaim = 100
  /// The longest lease, in milliseconds.
  public static let maximumLease: Int64 = 3_600_000

  /// Leases due jobs of a queue to a worker.
  /// - Parameter flows: The flows whose jobs the worker may have; nil for all.
  public func claim(
    queue: String, limit: Int, leaseMilliseconds: Int64, flows: Set<String>? = nil
  ) -> Result<[ClaimedJob], EngineProblem> {
    let now = world.now()
    let wanted = min(max(limit, 1), Engine.maximumClaim)
    // Jobs that the batch has leased already are still due on the disk.
    let count = wanted + batch.writes.jobs.count + batch.writes.jobsRemoved.count
    let rows = read { () throws(StoreError) in
      guard let flows else { return try store.dueJobs(queue: queue, at: now, limit: count) }
      return try store.dueJobs(queue: queue, of: flows, at: now, limit: count)
    }
    guard let rows else { return .failure(.storeUnavailable("the queue could not be read")) }
    var claimed: [ClaimedJob] = []
    for row in rows where claimed.count < wanted && !batch.changesJob(row.id) {
      if let job = claim(row, leaseMilliseconds: leaseMilliseconds, at: now) { claimed.append(job) }
    }
    deliverPending()
    return .success(claimed)
  }

  private func claim(_ old: JobRow, leaseMilliseconds: Int64, at now: Int64) -> ClaimedJob? {
    guard old.lease == 0 else {
      // A worker that never came back was an attempt, or work that crashes its workers would be retried indefinitely.
      finish(old, .unreachable("the worker's lease ended"))
      return nil
    }
    guard let cached = loadOwner(of: old, at: now) else { return nil }
    guard cached.row.status != .suspended else {
      suspend(old)
      return nil
    }
    // A claim is on the disk before the worker gets it, and the throttle with it.
    guard case .free = admit(old, of: cached, isSavedFirst: true) else { return nil }
    var row = old
    row.lease = leaseEnd(after: leaseMilliseconds, at: now)
    row.fence += 1
    write(row)
    return ClaimedJob(
      id: row.id, action: row.action, arguments: (try? JSON(parsing: row.arguments)) ?? .null,
      attempt: row.attempt + 1, idempotencyKey: idempotencyKey(of: row, cached), fence: row.fence, leaseEnds: row.lease)
  }

  private func leaseEnd(after milliseconds: Int64, at now: Int64) -> Int64 {
    now + min(max(milliseconds, 1000), Engine.maximumLease)
  }

  /// Ends a claimed job.
  public func finish(_ id: Int64, fence: Int, outcome: JobOutcome) -> Result<Void, EngineProblem> {
    guard let row = findJob(id), row.queue != nil, row.fence == fence, row.lease > world.now() else {
      return .failure(.leaseLost)
    }
    finish(row, outcome)
    deliverPending()
    return .success(())
  }

  /// Extends a lease.
  /// - Returns: Its new end, in milliseconds since 1970.
  public func heartbeat(_ id: Int64, fence: Int, leaseMilliseconds: Int64) -> Result<Int64, EngineProblem> {
    let now = world.now()
    guard var row = findJob(id), row.queue != nil, row.fence == fence, row.lease > now else {
      return .failure(.leaseLost)
    }
    row.lease = leaseEnd(after: leaseMilliseconds, at: now)
    write(row)
    return .success(row.lease)
  }
}
