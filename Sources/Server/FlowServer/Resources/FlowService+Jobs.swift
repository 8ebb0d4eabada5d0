import FlowJSON
import FlowRuntime
import FlowTime

// Work for external programs: `POST /v1/jobs/claim`, `…/{id}/complete`, `…/{id}/fail`, `…/{id}/heartbeat`.
extension FlowService {
  static let defaultLeaseMilliseconds: Int64 = 60_000

  func claimJobs(_ request: RouteRequest) throws(Problem) {
    let body = try request.http.object(["queue", "limit", "lease", "worker", "wait"])
    guard let queue = try body.text("queue") else { throw .badRequest("the body has no `queue`") }
    let limit = body["limit"] ?? 1
    guard let count = limit.int, 1...Engine.maximumClaim ~= count else {
      throw .badRequest("`limit` must be a whole number from 1 to \(Engine.maximumClaim)")
    }
    let context = request.context
    var claim = ClaimRequest(queue: queue, limit: count, leaseMilliseconds: try lease(body))
    claim.worker = try body.text("worker")
    claim.waitMilliseconds = try wait(body)
    // A queue may contain the work of several flows.
    claim.flows = context.principal.flows
    engine.claim(claim) { [self] result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: nil)
      case .success(let jobs):
        context.recordClaims(jobs.map(\.id))
        request.respond.send(json(["items": .array(jobs.map(view))]))
      }
    }
  }

  private func view(_ job: ClaimedJob) -> JSON {
    var members: [JSON.Member] = [
      .init("id", .int(job.id)), .init("action", .string(job.action)), .init("arguments", job.arguments),
      .init("attempt", .int(Int64(job.attempt))), .init("fence", .int(Int64(job.fence))),
      .init("leaseEnds", .string(timeText(job.leaseEnds))), .init("idempotencyKey", .string(job.idempotencyKey)),
      .init("flow", .string(job.flow)), .init("key", .string(job.key)),
    ]
    if job.priority != 0 { members.append(.init("priority", .int(job.priority))) }
    if job.origin != job.id { members.append(.init("continues", .int(job.origin))) }
    return .object(members)
  }

  /// The time for which a claim may wait for a job, in milliseconds.
  private func wait(_ body: JSON) throws(Problem) -> Int64 {
    guard let given = body["wait"] else { return 0 }
    guard let length = given.string.flatMap(DurationText.milliseconds), 0...Engine.maximumClaimWait ~= length else {
      throw .badRequest("`wait` must be a duration of at most 60s, such as 20s")
    }
    return length
  }

  func completeJob(_ request: RouteRequest) throws(Problem) {
    let (id, fence, body) = try claimed(request, with: ["result"])
    finish(id, fence: fence, outcome: .done(body["result"] ?? .null), request: request)
  }

  func failJob(_ request: RouteRequest) throws(Problem) {
    let (id, fence, body) = try claimed(request, with: ["code", "message"])
    guard let code = try body.text("code") else { throw .badRequest("the body has no `code`") }
    let message = try body.text("message") ?? ""
    finish(id, fence: fence, outcome: .failed(code: code, message: message), request: request)
  }

  func keepJob(_ request: RouteRequest) throws(Problem) {
    let (id, fence, body) = try claimed(request, with: ["lease"])
    heartbeat(id, fence: fence, lease: try lease(body), request)
  }

  /// The job in the path, and the fence that identifies the claim.
  /// - Throws: 400, 404 and 409.
  private func claimed(
    _ request: RouteRequest, with members: [String]
  ) throws(Problem) -> (id: Int64, fence: Int, body: JSON) {
    guard let id = Int64(request["id"] ?? "") else {
      throw .notFound("there is no job `\(request["id"] ?? "")`; the claim gave a number")
    }
    try request.context.checkClaimed(id)
    let body = try request.http.object(["fence"] + members)
    guard let fence = body["fence"]?.int else {
      throw .badRequest("the body has no `fence`, the number that the claim gave")
    }
    return (id, fence, body)
  }

  /// The time for which a worker holds a job without a heartbeat, in milliseconds.
  private func lease(_ body: JSON) throws(Problem) -> Int64 {
    guard let given = body["lease"] else { return FlowService.defaultLeaseMilliseconds }
    guard let length = given.string.flatMap(DurationText.milliseconds), length > 0 else {
      throw .badRequest("`lease` must be a duration such as 1m or 90s")
    }
    return length
  }

  private func finish(_ id: Int64, fence: Int, outcome: JobOutcome, request: RouteRequest) {
    engine.finish(id, fence: fence, outcome: outcome) { [self] result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: nil)
      case .success: request.respond.send(json(["accepted": true]))
      }
    }
  }

  private func heartbeat(_ id: Int64, fence: Int, lease: Int64, _ request: RouteRequest) {
    engine.heartbeat(id, fence: fence, leaseMilliseconds: lease) { [self] result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: nil)
      case .success(let end): request.respond.send(json(["leaseEnds": .string(timeText(end))]))
      }
    }
  }
}
