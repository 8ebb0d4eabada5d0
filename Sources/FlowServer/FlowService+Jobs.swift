import FlowHTTP
import FlowRuntime
import FlowSource

// Work for outside programs: `POST /v1/jobs/claim`, `…/{id}/complete`, `…/{id}/fail`, `…/{id}/heartbeat`.
extension FlowService {
  static let defaultLeaseMilliseconds: Int64 = 60_000

  func jobs(
    _ request: HTTPRequest, _ route: Route, _ path: [String], _ respond: ResponseHandle
  ) throws(Problem) {
    if path == ["claim"] {
      try allow(["POST"], route)
      return try claim(request, respond)
    }
    guard path.count == 2, let id = Int64(path[0]), ["complete", "fail", "heartbeat"].contains(path[1]) else {
      throw .notFound("there is nothing at \(request.path)")
    }
    try allow(["POST"], route)
    try request.visit?.checkClaimed(id)
    let body = try body(request)
    guard let fence = body["fence"]?.int else {
      throw .badRequest("the body has no `fence`, the number that the claim gave")
    }
    switch path[1] {
    case "complete": finish(id, fence, .done(body["result"] ?? .null), respond)
    case "fail":
      guard let code = body["code"]?.string else { throw .badRequest("the body has no `code`") }
      finish(id, fence, .failed(code: code, message: body["message"]?.string ?? ""), respond)
    default: heartbeat(id, fence, body, respond)
    }
  }

  private func claim(_ request: HTTPRequest, _ respond: ResponseHandle) throws(Problem) {
    let body = try body(request)
    guard let queue = body["queue"]?.string else { throw .badRequest("the body has no `queue`") }
    try checkQueue(queue, request, in: machine)
    engine.claim(
      queue: queue, limit: body["limit"]?.int ?? 1, leaseMilliseconds: lease(body)
    ) { [self] result in
      switch result {
      case .failure(let problem): respond.send(problem.response)
      case .success(let jobs):
        request.visit?.noteClaimed(jobs.map(\.id))
        let items = jobs.map { job -> JSON in
          [
            "id": .int(job.id), "action": .string(job.action), "arguments": job.arguments,
            "attempt": .int(Int64(job.attempt)), "fence": .int(Int64(job.fence)),
            "leaseEnds": .string(timeText(job.leaseEnds)),
          ]
        }
        respond.send(json(["items": .array(items)]))
      }
    }
  }

  private func lease(_ body: JSON) -> Int64 {
    body["lease"]?.string.flatMap(LengthOfTime.milliseconds) ?? FlowService.defaultLeaseMilliseconds
  }

  private func finish(_ id: Int64, _ fence: Int, _ outcome: JobOutcome, _ respond: ResponseHandle) {
    engine.finish(id, fence: fence, outcome) { [self] result in
      switch result {
      case .failure(let problem): respond.send(problem.response)
      case .success: respond.send(json(["accepted": true]))
      }
    }
  }

  private func heartbeat(_ id: Int64, _ fence: Int, _ body: JSON, _ respond: ResponseHandle) {
    engine.heartbeat(id, fence: fence, leaseMilliseconds: lease(body)) { [self] result in
      switch result {
      case .failure(let problem): respond.send(problem.response)
      case .success(let end): respond.send(json(["leaseEnds": .string(timeText(end))]))
      }
    }
  }
}
