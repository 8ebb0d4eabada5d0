import FlowMachine
public import FlowSource

/// A job in the hands of an outside worker.
public struct ClaimedJob: Sendable {
  public var id: Int64
  public var action: String
  public var arguments: JSON
  public var attempt: Int
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
    let rows: [JobRow]
    do throws(StoreError) {
      rows = try store.dueJobs(queue: queue, at: now, limit: min(max(limit, 1), Engine.maximumClaim))
    } catch {
      return .failure(.storeUnavailable(error.message))
    }
    var claimed: [ClaimedJob] = []
    for var row in rows where batch.jobs[row.id] == nil && !batch.jobsRemoved.contains(row.id) {
      row.lease = now + min(max(leaseMilliseconds, 1000), Engine.maximumLease)
      row.fence += 1
      batch.jobs[row.id] = row
      claimed.append(
        ClaimedJob(
          id: row.id, action: row.action, arguments: (try? JSON(parsing: row.arguments)) ?? .null,
          attempt: row.attempt + 1, fence: row.fence, leaseEnds: row.lease))
    }
    return .success(claimed)
  }

  /// Ends a claimed job.
  public func finish(_ id: Int64, fence: Int, _ outcome: JobOutcome) -> Result<Void, EngineProblem> {
    guard let row = find(id), row.fence == fence, row.lease > world.now() else { return .failure(.leaseLost) }
    finish(row, outcome)
    settle()
    return .success(())
  }

  /// Makes a lease longer.
  public func heartbeat(_ id: Int64, fence: Int, leaseMilliseconds: Int64) -> Result<Int64, EngineProblem> {
    let now = world.now()
    guard var row = find(id), row.fence == fence, row.lease > now else { return .failure(.leaseLost) }
    row.lease = now + min(max(leaseMilliseconds, 1000), Engine.maximumLease)
    batch.jobs[row.id] = row
    return .success(row.lease)
  }
}
