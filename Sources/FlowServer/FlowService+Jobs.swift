import FlowRuntime
import FlowSource

// Work for outside programs: `POST /v1/jobs/claim`, `…/{id}/complete`, `…/{id}/fail`, `…/{id}/heartbeat`.
extension FlowService {
  static let defaultLeaseMilliseconds: Int64 = 60_000

  func claimJobs(_ exchange: Exchange) throws(Problem) {
    let body = try body(exchange.request)
    guard let queue = body["queue"]?.string else { throw .badRequest("the body has no `queue`") }
    engine.claim(
      queue: queue, limit: body["limit"]?.int ?? 1, leaseMilliseconds: lease(body)
    ) { [self] result in
      switch result {
      case .failure(let problem): exchange.respond.send(problem.response)
      case .success(let jobs): exchange.respond.send(json(["items": .array(jobs.map(view))]))
      }
    }
  }

  private func view(_ job: ClaimedJob) -> JSON {
    [
      "id": .int(job.id), "action": .string(job.action), "arguments": job.arguments,
      "attempt": .int(Int64(job.attempt)), "fence": .int(Int64(job.fence)),
      "leaseEnds": .string(timeText(job.leaseEnds)),
    ]
  }

  func completeJob(_ exchange: Exchange) throws(Problem) {
    let (id, fence, body) = try claimed(exchange)
    finish(id, fence, .done(body["result"] ?? .null), exchange.respond)
  }

  func failJob(_ exchange: Exchange) throws(Problem) {
    let (id, fence, body) = try claimed(exchange)
    guard let code = body["code"]?.string else { throw .badRequest("the body has no `code`") }
    finish(id, fence, .failed(code: code, message: body["message"]?.string ?? ""), exchange.respond)
  }

  func keepJob(_ exchange: Exchange) throws(Problem) {
    let (id, fence, body) = try claimed(exchange)
    heartbeat(id, fence, body, exchange.respond)
  }

  /// The job that the path names, and the proof that the caller holds it.
  private func claimed(_ exchange: Exchange) throws(Problem) -> (id: Int64, fence: Int, body: JSON) {
    guard let id = Int64(exchange["id"] ?? "") else {
      throw .notFound("there is no job `\(exchange["id"] ?? "")`; the claim gave a number")
    }
    let body = try body(exchange.request)
    guard let fence = body["fence"]?.int else {
      throw .badRequest("the body has no `fence`, the number that the claim gave")
    }
    return (id, fence, body)
  }

  private func lease(_ body: JSON) -> Int64 {
    body["lease"]?.string.flatMap(LengthOfTime.milliseconds) ?? FlowService.defaultLeaseMilliseconds
  }

  private func finish(_ id: Int64, _ fence: Int, _ outcome: JobOutcome, _ respond: Responder) {
    engine.finish(id, fence: fence, outcome) { [self] result in
      switch result {
      case .failure(let problem): respond.send(problem.response)
      case .success: respond.send(json(["accepted": true]))
      }
    }
  }

  private func heartbeat(_ id: Int64, _ fence: Int, _ body: JSON, _ respond: Responder) {
    engine.heartbeat(id, fence: fence, leaseMilliseconds: lease(body)) { [self] result in
      switch result {
      case .failure(let problem): respond.send(problem.response)
      case .success(let end): respond.send(json(["leaseEnds": .string(timeText(end))]))
      }
    }
  }
}
