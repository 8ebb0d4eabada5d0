import FlowJSON
import FlowRuntime
import FlowTime

// Work for outside programs: `POST /v1/jobs/claim`, `…/{id}/complete`, `…/{id}/fail`, `…/{id}/heartbeat`.
extension FlowService {
  static let defaultLeaseMilliseconds: Int64 = 60_000

  func claimJobs(_ exchange: RouteRequest) throws(Problem) {
    let body = try body(exchange.request)
    guard let queue = body["queue"]?.string else { throw .badRequest("the body has no `queue`") }
    let limit = body["limit"] ?? 1
    guard let count = limit.int, 1...Engine.maximumClaim ~= count else {
      throw .badRequest("`limit` has to be a whole number from 1 to \(Engine.maximumClaim)")
    }
    if let worker = body["worker"], worker.string == nil { throw .badRequest("`worker` is a text") }
    var request = ClaimRequest(queue: queue, limit: count, leaseMilliseconds: try lease(body))
    request.worker = body["worker"]?.string
    request.waitMilliseconds = try wait(body)
    try checkQueue(queue, exchange.request)
    engine.claim(request) { [self] result in
      switch result {
      case .failure(let problem): exchange.respond.send(problem.response)
      case .success(let jobs):
        exchange.request.visit?.noteClaimed(jobs.map(\.id))
        exchange.respond.send(json(["items": .array(jobs.map(view))]))
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

  func completeJob(_ exchange: RouteRequest) throws(Problem) {
    let (id, fence, body) = try claimed(exchange)
    finish(id, fence, .done(body["result"] ?? .null), exchange.respond)
  }

  func failJob(_ exchange: RouteRequest) throws(Problem) {
    let (id, fence, body) = try claimed(exchange)
    guard let code = body["code"]?.string else { throw .badRequest("the body has no `code`") }
    guard let message = (body["message"] ?? "").string else { throw .badRequest("`message` is a text") }
    finish(id, fence, .failed(code: code, message: message), exchange.respond)
  }

  func keepJob(_ exchange: RouteRequest) throws(Problem) {
    let (id, fence, body) = try claimed(exchange)
    heartbeat(id, fence, try lease(body), exchange.respond)
  }

  /// The job that the path names, and the proof that the caller holds it.
  private func claimed(_ exchange: RouteRequest) throws(Problem) -> (id: Int64, fence: Int, body: JSON) {
    guard let id = Int64(exchange["id"] ?? "") else {
      throw .notFound("there is no job `\(exchange["id"] ?? "")`; the claim gave a number")
    }
    try exchange.request.visit?.checkClaimed(id)
    let body = try body(exchange.request)
    guard let fence = body["fence"]?.int else {
      throw .badRequest("the body has no `fence`, the number that the claim gave")
    }
    return (id, fence, body)
  }

  /// How long a worker may hold a job without a word.
  private func lease(_ body: JSON) throws(Problem) -> Int64 {
    guard let given = body["lease"] else { return FlowService.defaultLeaseMilliseconds }
    guard let length = given.string.flatMap(DurationText.milliseconds), length > 0 else {
      throw .badRequest("`lease` has to be a length of time, as 1m or 90s")
    }
    return length
  }

  private func finish(_ id: Int64, _ fence: Int, _ outcome: JobOutcome, _ respond: Responder) {
    engine.finish(id, fence: fence, outcome: outcome) { [self] result in
      switch result {
      case .failure(let problem): respond.send(problem.response)
      case .success: respond.send(json(["accepted": true]))
      }
    }
  }

  private func heartbeat(_ id: Int64, _ fence: Int, _ lease: Int64, _ respond: Responder) {
    engine.heartbeat(id, fence: fence, leaseMilliseconds: lease) { [self] result in
      switch result {
      case .failure(let problem): respond.send(problem.response)
      case .success(let end): respond.send(json(["leaseEnds": .string(timeText(end))]))
      }
    }
  }
}
