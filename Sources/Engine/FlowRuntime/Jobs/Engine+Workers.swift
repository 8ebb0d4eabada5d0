public import FlowJSON
import FlowMachine

/// A job in the hands of an outside worker.
public struct ClaimedJob: Sendable {
  public var id: Int64
  public var action: String
  public var arguments: JSON
  public var attempt: Int
  /// The same for every try of the job, to hand on to others.
  public var idempotencyKey: String
  public var fence: Int
  /// Milliseconds since 1970.
  public var leaseEnds: Int64
}

// Work that outside programs claim from queues.
extension Engine {
  /// How many jobs one claim gives.
  public static let maximumClaim = 100
  /// How long a lease may last, in milliseconds.
  public static let maximumLease: Int64 = 3_600_000

  /// Leases due jobs of a queue to a worker.
  public func claim(queue: String, limit: Int, leaseMilliseconds: Int64) -> Result<[ClaimedJob], EngineProblem> {
    let now = world.now()
    let wanted = min(max(limit, 1), Engine.maximumClaim)
    // What the batch has given out already is still due on the disk.
    let rows = read { () throws(StoreError) in
      try store.dueJobs(queue: queue, at: now, limit: wanted + batch.jobs.count + batch.jobsRemoved.count)
    }
    guard let rows else { return .failure(.storeUnavailable("the queue could not be read")) }
    var claimed: [ClaimedJob] = []
    for row in rows where claimed.count < wanted && batch.jobs[row.id] == nil && !batch.jobsRemoved.contains(row.id) {
      if let job = claim(row, leaseMilliseconds, now) { claimed.append(job) }
    }
    settle()
    return .success(claimed)
  }

  private func claim(_ old: JobRow, _ leaseMilliseconds: Int64, _ now: Int64) -> ClaimedJob? {
    guard old.lease == 0 else {
      // A worker that never came back was a try, or work that kills its workers would go round for ever.
      finish(old, .unreachable("the worker's lease ended"))
      return nil
    }
    guard let cached = owner(of: old, now) else { return nil }
    guard cached.row.status != InstanceRow.suspended else {
      park(old)
      return nil
    }
    // A claim is on the disk before anybody hears of it, and the pace with it.
    guard case .free = passage(old, cached, isKeptFirst: true) else { return nil }
    var row = old
    row.lease = leaseEnd(leaseMilliseconds, now)
    row.fence += 1
    write(row)
    return ClaimedJob(
      id: row.id, action: row.action, arguments: (try? JSON(parsing: row.arguments)) ?? .null,
      attempt: row.attempt + 1, idempotencyKey: idempotencyKey(row, cached), fence: row.fence, leaseEnds: row.lease)
  }

  private func leaseEnd(_ milliseconds: Int64, _ now: Int64) -> Int64 {
    now + min(max(milliseconds, 1000), Engine.maximumLease)
  }

  /// Ends a claimed job.
  public func finish(_ id: Int64, fence: Int, _ outcome: JobOutcome) -> Result<Void, EngineProblem> {
    guard let row = find(id), row.queue != nil, row.fence == fence, row.lease > world.now() else {
      return .failure(.leaseLost)
    }
    finish(row, outcome)
    settle()
    return .success(())
  }

  /// Makes a lease longer.
  public func heartbeat(_ id: Int64, fence: Int, leaseMilliseconds: Int64) -> Result<Int64, EngineProblem> {
    let now = world.now()
    guard var row = find(id), row.queue != nil, row.fence == fence, row.lease > now else {
      return .failure(.leaseLost)
    }
    row.lease = leaseEnd(leaseMilliseconds, now)
    write(row)
    return .success(row.lease)
  }
}
