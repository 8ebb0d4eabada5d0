import FlowHTTP
import FlowJSON
import FlowRuntime

// Keys and the audit trail, read-only, and scheduled starts on request.
extension FlowService {
  /// `POST /v1/flows/{flow}/schedules/{start}/run`: starts an instance as the schedule does.
  func runSchedule(_ request: RouteRequest) throws(Problem) {
    let name = try flow(request).name
    guard let start = Int(request["start"] ?? "") else {
      throw .notFound(
        "`\(name)` has no scheduled start `\(request["start"] ?? "")`; `/v1/schedules` lists their numbers")
    }
    let reason = try reason(try request.http.object(["reason"]))
    let command = StartNowCommand(flow: name, start: start, reason: reason, caller: try caller(request.context))
    let mayRead = request.context.mayRead(name)
    engine.startNow(command) { result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: name)
      case .success(.queued(let key, let isNew)):
        let running = mayRead ? "`\(key)`" : "the running instance"
        let detail = isNew ? "it starts when \(running) has ended" : "a run already waits for the end of \(running)"
        let members: [JSON.Member] = [
          .init("flow", .string(name)), .init("start", .int(Int64(start))), .init("queued", true),
          .init("detail", .string(detail)),
        ]
        let shownKey: [JSON.Member] = mayRead ? [.init("key", .string(key))] : []
        request.respond.send(.json(.object(members + shownKey), status: 202))
      case .success(.started(var answer)):
        if !mayRead, !answer.detail.isEmpty { answer.detail = "the running instance was cancelled" }
        let location = "/v1/flows/\(answer.flow.percentEncoded)/instances/\(answer.key.percentEncoded)"
        let headers = [("ETag", "\"\(answer.revision)\""), ("Location", location)]
        request.respond.send(.json(answer.json, status: 201, headers: headers))
      }
    }
  }

  func listKeys(_ request: RouteRequest) throws(Problem) {
    let keys = request.context.middleware.keys
    let now = clock()
    request.respond.send(
      json([
        "authentication": keys == nil ? "none" : "key",
        "items": .array((keys?.principals ?? []).map { $0.view(now: now) }),
        "issuers": .array((keys?.issuerNames ?? []).map { .string($0) }),
      ]))
  }

  func listAudit(_ request: RouteRequest) throws(Problem) {
    let limit = try request.query.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    request.respond.send(json(["items": .array(request.context.middleware.trail.newest(limit))]))
  }
}

extension Principal {
  /// A key as operators see it: without the key and its hash.
  /// - Parameter now: Milliseconds since 1970.
  fileprivate func view(now: Int64) -> JSON {
    var members: [JSON.Member] = [
      .init("name", .string(name)), .init("scopes", .array(scopes.map(\.rawValue).sorted().map { .string($0) })),
      .init("roles", .array(roles.map { .string($0) })),
      .init("flows", flows.map { .array($0.sorted().map { .string($0) }) } ?? .null),
    ]
    if let rate { members.append(.init("rate", .int(Int64(rate)))) }
    if let expires { members.append(.init("expires", .string(timeText(expires)))) }
    members.append(.init("expired", .bool(expires.map { $0 <= now } ?? false)))
    return .object(members)
  }
}
