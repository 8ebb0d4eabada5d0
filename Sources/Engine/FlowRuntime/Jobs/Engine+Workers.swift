import FlowIR
public import FlowJSON
import FlowMachine

/// A job that is leased to an external worker.
public struct ClaimedJob: Sendable {
  public var id: Int64
  /// The number of the job whose work this one continues, as after a redrive; the same as `id` otherwise.
  public var origin: Int64
  public var action: String
  public var arguments: JSON
  /// The number of the attempt, from 1.
  public var attempt: Int
  /// 0 for a call without a priority.
  public var priority: Int64
  /// The same for every attempt of the job, for the systems that the worker calls.
  public var idempotencyKey: String
  public var fence: Int
  /// The end of the lease, in milliseconds since 1970.
  public var leaseEnds: Int64
  /// The flow and the key of the instance.
  public var flow: String
  public var key: String
}

/// A worker's request for jobs.
public struct ClaimRequest: Sendable {
  public var queue: String
  /// The largest number of jobs to lease.
  public var limit: Int
  public var leaseMilliseconds: Int64
  /// The name of the worker, for operators; nil for none.
  public var worker: String?
  /// The time for which the request may wait for a job, in milliseconds.
  public var waitMilliseconds: Int64 = 0
  /// The flows whose jobs the worker may claim; nil for all.
  public var flows: Set<String>?

  public init(queue: String, limit: Int = 1, leaseMilliseconds: Int64 = 60_000) {
    self.queue = queue
    self.limit = limit
    self.leaseMilliseconds = leaseMilliseconds
  }
}

// Work that external programs claim from queues.
extension Engine {
  /// The maximum number of jobs of one claim.
  public static let maximumClaim = 1000
  /// The longest lease, in milliseconds.
  public static let maximumLease: Int64 = 3_600_000
  /// The longest time that a claim may wait for a job, in milliseconds.
  public static let maximumClaimWait: Int64 = 60_000
  /// The number of leases that one batch ends.
  static let leasesPerBatch = 1000
  /// The timeout of an action that declares none, in milliseconds. A worker's attempt has no timeout then.
  static let defaultTimeout = Policy().timeoutMilliseconds
  /// The failure codes that workers may report in addition to those that the action declares.
  static let workerCodes: Set<String> = ["UNAVAILABLE", "UNREACHABLE", "TIMEOUT", "INVALID_RESULT"]

  /// Leases due jobs of a queue to a worker.
  public func claim(_ request: ClaimRequest) -> Result<[ClaimedJob], EngineProblem> {
    restoreLimits()
    grantedJobs = []
    defer { grantedJobs = nil }
    grantTurns()
    let now = world.now()
    let wanted = min(max(request.limit, 1), Engine.maximumClaim)
    var claimed: [ClaimedJob] = []
    // Jobs whose limit is reached are passed over, so that they do not hide others.
    var wantedRows = wanted
    while claimed.count < wanted {
      // Jobs that the batch has already changed are still due on the disk.
      let limit = wantedRows + batch.writes.jobs.count + batch.writes.jobsRemoved.count
      guard let rows = dueJobs(request, at: now, limit: limit) else {
        return .failure(.storeUnavailable("the queue could not be read"))
      }
      for (row, isGranted) in merge(rows, drainGranted(request, at: now)) where claimed.count < wanted {
        guard isGranted || !batch.changesJob(row.id) else { continue }
        if let job = claim(row, request, at: now) { claimed.append(job) }
      }
      while claimed.count < wanted, let row = nextGranted(request, at: now) {
        if let job = claim(row, request, at: now) { claimed.append(job) }
      }
      guard rows.count == limit, wantedRows < Engine.maximumClaim else { break }
      wantedRows = min(2 * wantedRows, Engine.maximumClaim)
    }
    deliverPending()
    return .success(claimed)
  }

  /// A job whose turn it has become during the claim, so that the store does not have it as due yet.
  private func nextGranted(_ request: ClaimRequest, at now: Int64) -> JobRow? {
    while let job = grantedJobs?.first {
      grantedJobs?.removeFirst()
      guard let row = findJob(job), row.queue == request.queue, row.due == .at(now),
        let owner = loadOwner(of: row, at: now), request.flows?.contains(owner.row.flow) ?? true
      else { continue }
      return row
    }
    return nil
  }

  private func drainGranted(_ request: ClaimRequest, at now: Int64) -> [JobRow] {
    var rows: [JobRow] = []
    while let row = nextGranted(request, at: now) { rows.append(row) }
    return rows
  }

  /// The due jobs of the store with those whose turn it has become, in their order.
  private func merge(_ rows: [JobRow], _ granted: [JobRow]) -> [(row: JobRow, isGranted: Bool)] {
    let due = rows.map { (row: $0, isGranted: false) }
    guard !granted.isEmpty else { return due }
    let all = due + granted.map { (row: $0, isGranted: true) }
    return all.sorted { ($1.row.priority, $0.row.due, $0.row.id) < ($0.row.priority, $1.row.due, $1.row.id) }
  }

  private func dueJobs(_ request: ClaimRequest, at now: Int64, limit: Int) -> [JobRow]? {
    read { () throws(StoreError) in
      guard let flows = request.flows else { return try store.dueJobs(queue: request.queue, at: now, limit: limit) }
      return try store.dueJobs(queue: request.queue, of: flows, at: now, limit: limit)
    }
  }

  private func claim(_ old: JobRow, _ request: ClaimRequest, at now: Int64) -> ClaimedJob? {
    guard let cached = loadOwner(of: old, at: now) else { return nil }
    guard cached.row.status != .suspended else {
      suspend(old)
      return nil
    }
    guard mayClaim(old, of: cached) else { return nil }
    var row = old
    let timeout = policy(of: row, in: cached.version.machine, flow: cached.row.flow).timeoutMilliseconds
    row.deadline = timeout == Engine.defaultTimeout ? 0 : now + timeout
    row.lease = leaseEnd(of: row, after: request.leaseMilliseconds, at: now)
    row.worker = request.worker
    row.fence += 1
    write(row)
    scheduler.recordClaim(row.id, at: now)
    watchLease(row.lease)
    let arguments = (try? JSON(parsing: row.arguments)) ?? .null
    let body = BoundAction.worker(queue: request.queue, arguments: arguments).body
    return ClaimedJob(
      id: row.id, origin: row.origin == 0 ? row.id : row.origin, action: row.action,
      arguments: arguments, attempt: row.attempt + 1, priority: row.priority,
      idempotencyKey: idempotencyKey(of: row, cached, body: body), fence: row.fence, leaseEnds: row.lease,
      flow: cached.row.flow,
      key: cached.row.key)
  }

  /// Returns true if the limits of a job admit a claim, which then counts. A job whose limits can't be computed ends.
  func mayClaim(_ row: JobRow, of cached: Cached) -> Bool {
    do throws(BindingError) {
      guard try takeSlot(row, of: cached) else { return false }
      // A claim is committed before its receiver knows of it, together with the throttle.
      if case .free = try admit(row, of: cached, isSavedFirst: true) { return true }
      releaseSlot(row.id)
    } catch {
      finish(row, .impossible(code: "BAD_REQUEST", message: error.message))
    }
    return false
  }

  /// The end of a lease, which is not after the timeout of the attempt.
  private func leaseEnd(of row: JobRow, after milliseconds: Int64, at now: Int64) -> Int64 {
    let end = now + min(max(milliseconds, 1000), Engine.maximumLease)
    return row.deadline == 0 ? end : min(end, row.deadline)
  }

  func watchLease(_ end: Int64) { nextLease = min(nextLease ?? .max, end) }

  /// Ends expired leases: each counts as an attempt, because work that crashes its workers would otherwise be retried
  /// indefinitely. The outcome is final once ``commit()`` has returned.
  public func endLeases() {
    let now = world.now()
    guard let due = nextLease, due <= now else { return }
    let limit = Engine.leasesPerBatch
    let rows = read { () throws(StoreError) in try store.expiredLeases(at: now, limit: limit) } ?? []
    for row in rows where !batch.changesJob(row.id) {
      if row.queue == nil {
        endCallLease(of: row)
        continue
      }
      let isTimeout = row.deadline != 0 && row.deadline <= now
      finish(
        row,
        isTimeout
          ? .failed(code: "TIMEOUT", message: "the worker did not finish within the timeout of the action")
          : .unreachable("the worker's lease ended"))
    }
    deliverPending()
    guard rows.count < limit else { return }
    let later: Int64? = read { () throws(StoreError) in try store.nextLease(after: now) } ?? nil
    let fresh = batch.writes.jobs.values.lazy.map(\.lease).filter { $0 > 0 }.min()
    nextLease = [later, fresh].compactMap { $0 }.min()
  }

  /// Completes a claimed job. A report that is repeated because its answer was lost receives the same answer.
  public func finish(_ id: Int64, fence: Int, outcome: JobOutcome) -> Result<Void, EngineProblem> {
    let digest = Int64(bitPattern: Array(outcome.reportText.utf8).fnv1a)
    guard let row = findJob(id), row.queue != nil, row.fence == fence, row.lease > world.now() else {
      return isRepeated(id, fence: fence, digest: digest) ? .success(()) : .failure(.leaseLost)
    }
    if let problem = codeProblem(outcome, of: row) { return .failure(problem) }
    finish(row, outcome)
    batch.writes.completions.append(CompletionRow(job: id, fence: fence, digest: digest, at: world.now()))
    deliverPending()
    return .success(())
  }

  private func isRepeated(_ id: Int64, fence: Int, digest: Int64) -> Bool {
    let fresh = batch.writes.completions.last { $0.job == id }
    let known = fresh ?? read { () throws(StoreError) in try store.completion(job: id) } ?? nil
    return known.map { $0.fence == fence && $0.digest == digest } ?? false
  }

  /// The problem of an unknown failure code: it must be declared by the action or built in.
  private func codeProblem(_ outcome: JobOutcome, of row: JobRow) -> EngineProblem? {
    guard case .failed(let code, _) = outcome, !Engine.workerCodes.contains(code),
      let cached = (try? load(row: row.instance)) ?? nil, let action = action(of: row, in: cached.version.machine)
    else { return nil }
    let declared = cached.version.machine.program.actions[action].failures
    guard !declared.contains(code) else { return nil }
    let known = (declared + Engine.workerCodes.sorted()).map { "`\($0)`" }.joined(separator: ", ")
    return .invalidPayload([("/code", "`\(row.action)` does not fail with `\(code)`; its codes are \(known)")])
  }

  /// Extends a lease, up to the timeout of the attempt.
  /// - Returns: Its new end, in milliseconds since 1970.
  public func heartbeat(_ id: Int64, fence: Int, leaseMilliseconds: Int64) -> Result<Int64, EngineProblem> {
    let now = world.now()
    guard var row = findJob(id), row.queue != nil, row.fence == fence, row.lease > now else {
      return .failure(.leaseLost)
    }
    row.lease = leaseEnd(of: row, after: leaseMilliseconds, at: now)
    write(row)
    watchLease(row.lease)
    return .success(row.lease)
  }
}

extension JobOutcome {
  /// A report of a worker as text, to recognize a repeated one.
  fileprivate var reportText: String {
    switch self {
    case .done(let json): "done \(String(decoding: json.bytes(.canonical), as: UTF8.self))"
    case .failed(let code, let message): "failed \(code) \(message)"
    default: "\(self)"
    }
  }
}
