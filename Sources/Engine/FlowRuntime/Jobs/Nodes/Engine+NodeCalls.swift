import FlowIR
import FlowJSON
import FlowMachine

// Calls that other nodes of the store run. The owner decides which calls start, under the same limits as its own; a
// lease in the store names the node. A call whose node is lost has not ended: it runs again under the same idempotency
// key, as after a restart of the owner.
extension Engine {
  /// The number of calls in progress above which the owner gives others to nodes that ask for some.
  public static let defaultOwnCalls = 16
  /// The time after the timeout of a call at which its lease ends, in milliseconds.
  private static let leaseMargin: Int64 = 10_000
  /// The number of waiting jobs that a claim visits for each call that it may receive.
  private static let visits = 4

  /// The number of jobs that are ready to start.
  var readyCount: Int { scheduler.readyCount }

  /// The number of calls that each other node runs, by its identity.
  public var callsOfNodes: [String: Int] { nodeCalls.counts }

  /// The number of jobs that the owner's own runners have in progress.
  public var ownCalls: Int { scheduler.running.count }

  /// Leases ready calls to another node. Called after ``dispatch(atMost:hasPage:)``, and followed by a commit.
  /// - Parameter limit: The maximum number of calls.
  func claimCalls(_ claim: CallClaim, atMost limit: Int) -> [ClaimedCall] {
    let now = world.now()
    nodeCalls.see(claim.node, at: now)
    restoreLimits()
    grantTurns()
    let limit = min(limit, claim.limit)
    var claimed: [ClaimedCall] = []
    var held: [JobRow] = []
    for row in scheduler.dequeue(atMost: limit * Engine.visits) where isCurrent(row) && row.lease == 0 {
      guard let cached = loadOwner(of: row, at: now) else { continue }
      guard claimed.count < limit, isCall(row, of: cached, for: claim) else {
        held.append(row)
        continue
      }
      if let call = lease(row, of: cached, to: claim.node, at: now) { claimed.append(call) }
    }
    openLimits()
    scheduler.putBack(held)
    deliverPending()
    return claimed
  }

  /// Returns true if a job is a call that the node may run. Log lines stay with the owner.
  private func isCall(_ row: JobRow, of cached: Cached, for claim: CallClaim) -> Bool {
    guard cached.row.status != .suspended, row.outcome.isEmpty, row.action != Engine.deliveryAction,
      let index = action(of: row, in: cached.version.machine)
    else { return false }
    let action = cached.version.machine.program.actions[index]
    switch action.binding {
    case .log, .worker: return false
    case .http, .other: return claim.mayRun(cached.version.hash, action)
    }
  }

  private func lease(_ old: JobRow, of cached: Cached, to node: String, at now: Int64) -> ClaimedCall? {
    guard mayClaim(old, of: cached) else { return nil }
    // The owner binds the action as well: a key never identifies two bodies.
    guard case .success(let request) = request(for: old) else {
      releaseSlot(old.id)
      scheduler.putBack([old])
      return nil
    }
    var row = old
    let timeout = min(request.timeoutMilliseconds, JobDue.latest - now - Engine.leaseMargin)
    row.lease = now + timeout + Engine.leaseMargin
    row.due = .at(row.lease)
    row.worker = node
    row.fence += 1
    write(row)
    scheduler.recordClaim(row.id, at: now)
    nodeCalls.add(row.id, to: node, at: now)
    watchLease(row.lease)
    return ClaimedCall(
      id: row.id, fence: row.fence, definition: cached.version.hash, action: row.action,
      arguments: (try? JSON(parsing: row.arguments)) ?? .null, timeoutMilliseconds: request.timeoutMilliseconds,
      idempotencyKey: request.idempotencyKey, attempt: request.attempt)
  }

  // MARK: - Reports

  /// Accepts the results of a node, and notes the calls that it runs. Results of claims that have ended have no effect.
  public func accept(_ report: CallReport) {
    let now = world.now()
    restoreNodeCalls()
    nodeCalls.see(report.node, at: now)
    for result in report.results {
      nodeCalls.end(result.id, of: report.node)
      guard let row = leased(result.id, to: report.node), row.fence == result.fence else { continue }
      finish(row, result.outcome)
      scheduler.end(row.id)
    }
    let ended = Set(report.results.map(\.id))
    for id in nodeCalls.missing(in: report.running, of: report.node, at: now) where !ended.contains(id) {
      repeatCall(id, of: report.node)
    }
    deliverPending()
  }

  /// Runs the calls of nodes again that give no sign of life.
  func endLostCalls() {
    let now = world.now()
    restoreNodeCalls()
    guard let due = nodeCalls.nextLoss, due <= now else { return }
    for (node, job) in nodeCalls.removeLost(at: now) { repeatCall(job, of: node) }
  }

  private func restoreNodeCalls() {
    guard !nodeCalls.isRestored else { return }
    let leased = read { () throws(StoreError) in try store.expiredLeases(at: .max, limit: .max) }
    guard let leased else { return }
    nodeCalls.restore(leased, at: world.now())
  }

  /// The row of a job while the node has its lease.
  private func leased(_ job: Int64, to node: String) -> JobRow? {
    findJob(job).flatMap { $0.queue == nil && $0.lease > 0 && $0.worker == node ? $0 : nil }
  }

  private func repeatCall(_ job: Int64, of node: String) {
    nodeCalls.end(job, of: node)
    if let row = leased(job, to: node) { endCallLease(of: row) }
  }

  /// Ends the lease of a call that has not ended: it is due again.
  func endCallLease(of old: JobRow) {
    releaseSlot(old.id)
    scheduler.end(old.id)
    var row = old
    row.lease = 0
    row.worker = nil
    row.due = .at(world.now())
    write(row)
  }
}
