import Dispatch
import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

/// One request as access, logs and metrics see it, from the gate to its answer.
final class RequestContext: ResponseObserver {
  /// What the gate made of the caller's credentials.
  enum Caller: Sendable {
    case known(Principal)
    /// None were given, where some are needed.
    case anonymous
    case notBelieved(String)
  }

  let entrance: RouteMatch
  let id: String
  let caller: Caller
  let trace: TraceContext?
  let gate: AccessMiddleware
  private let method: String
  private let path: String
  private let address: String
  private let takesGzip: Bool
  private let isUpgrade: Bool
  private let start = DispatchTime.now().uptimeNanoseconds
  private let isOver = Atomic(false)

  init(_ request: HTTPRequest, _ entrance: RouteMatch, caller: Caller, gate: AccessMiddleware) {
    self.entrance = entrance
    id = RequestContext.id(request.headers["X-Request-Id"])
    self.caller = caller
    self.gate = gate
    trace = TraceContext(request.headers["Traceparent"])
    method = request.method
    path = request.path
    address = request.remoteAddress
    takesGzip = request.headers.contains(token: "gzip", in: "Accept-Encoding")
    isUpgrade = request.isUpgrade
  }

  /// The caller's own name for the request when it is a plain one, else one of ours.
  private static func id(_ given: String?) -> String {
    if let given, (1...64).contains(given.utf8.count),
      given.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    {
      return given
    }
    let text = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  /// Who it is; whoever is not known may do nothing that is not for everybody.
  var principal: Principal {
    if case .known(let principal) = caller { return principal }
    return Principal(name: "", scopes: [], roles: [], flows: [])
  }

  // MARK: - Coming in

  /// Lets the request go on to its resource, or not.
  /// - Throws: 401 and 403.
  func admit() throws(Problem) {
    let scope = entrance.scope
    if gate.settings.isReadOnly, entrance.isChanging { throw .readOnly }
    if scope == .open { return }
    switch caller {
    case .known(let principal):
      try checkMay(scope)
      if let flow = entrance.flow {
        try checkSees(flow)
      } else if principal.flows != nil, !entrance.isFiltered {
        throw .forbidden("`\(principal.name)` is for some flows only, and this is about all of them")
      }
    // A browser can't send credentials with an upgrade; its first message brings them.
    case .anonymous where isUpgrade && entrance.isLive: break
    case .anonymous: throw .unauthenticated("send a key: `Authorization: Bearer flow_…`", isInvalid: false)
    case .notBelieved(let reason): throw .unauthenticated(reason, isInvalid: true)
    }
  }

  /// Lets a message of the socket that this request has opened do what another request might do.
  /// - Throws: 401, 403 and 429.
  func admit(message scope: Scope, for flow: String?) throws(Problem) {
    if let expires = principal.expires, expires <= gate.clock() {
      throw .unauthenticated(RequestContext.expired, isInvalid: true)
    }
    try gate.checkRate(principal, address)
    if gate.settings.isReadOnly, scope != .read { throw .readOnly }
    try checkMay(scope)
    if let flow { try checkSees(flow) }
  }

  static let expired = "this key has expired"

  /// The stream that answers this request ends when the key of its caller expires.
  func endsWithKey(_ stream: ResponseHandle) { gate.expirations.add(.stream(stream), at: principal.expires) }

  private func checkMay(_ scope: Scope) throws(Problem) {
    guard principal.may(scope) else {
      throw .forbidden("`\(principal.name)` does not have the scope `\(scope.rawValue)`")
    }
  }

  /// Whether there is such a flow is not told to those who may not know.
  func checkSees(_ flow: String) throws(Problem) {
    guard principal.sees(flow) else { throw .forbidden("`\(principal.name)` may not see a flow `\(flow)`") }
  }

  /// The request has set off a step, which belongs to the same trace.
  func noteStep(_ sequence: Int64) {
    if let trace { gate.settings.tracer?.step(sequence, belongsTo: trace) }
  }

  /// The caller holds these jobs now.
  func noteClaimed(_ jobs: [Int64]) {
    if principal.flows != nil { gate.claims.note(jobs, by: principal.name) }
  }

  /// A worker for some flows only ends what it has claimed itself: numbers of jobs and fences can be guessed.
  func checkClaimed(_ job: Int64) throws(Problem) {
    guard principal.flows != nil, !gate.claims.isHeld(job, by: principal.name) else { return }
    throw EngineProblem.leaseLost.problem
  }

  // MARK: - Going out

  func willSend(_ response: HTTPResponse) -> HTTPResponse {
    var response = response
    if !isOver.exchange(true, ordering: .relaxed) { note(response.status) }
    response = redacted(response)
    name(&response)
    compress(&response)
    response.headers.append(("X-Request-Id", id))
    response.headers.append(("X-Content-Type-Options", "nosniff"))
    if let trace { response.headers.append(("Traceparent", trace.header)) }
    return response
  }

  /// A problem says of which request it is, so that who reads it later finds the lines of the log.
  private func name(_ response: inout HTTPResponse) {
    guard response.status >= 400, response.headers.contains(where: { $0.1 == "application/problem+json" }),
      var members = (try? JSON(parsing: response.body))?.members
    else { return }
    members += [.init("instance", .string(path)), .init("requestId", .string(id))]
    response.body = JSON.object(members).bytes(.compact) + [0x0A]
  }

  func willUpgrade() {
    note(101)
  }

  /// Workers get what they need for their work; everybody else gets the mask.
  private func redacted(_ response: HTTPResponse) -> HTTPResponse {
    let redaction = gate.settings.redaction
    guard !redaction.isEmpty, entrance.scope != .work, entrance.scope != .open || response.status >= 400,
      !response.isStreaming, !response.body.isEmpty, RequestContext.isJSON(response)
    else { return response }
    guard let json = try? JSON(parsing: response.body) else {
      return Problem(
        status: 500, code: "not-redacted", title: "Not shown", detail: "this answer could not be redacted"
      ).response
    }
    var masked = response
    masked.body = redaction.masked(json, of: entrance.flow).bytes() + [0x0A]
    return masked
  }

  private static func isJSON(_ response: HTTPResponse) -> Bool {
    response.headers.contains { $0.0.lowercased() == "content-type" && $0.1.contains("json") }
  }

  private func compress(_ response: inout HTTPResponse) {
    guard !response.isStreaming, response.body.count >= AccessMiddleware.compressedFrom,
      !response.headers.contains(where: { $0.0.lowercased() == "content-encoding" })
    else { return }
    // A cache has to know that others get it in another form, whichever this one gets.
    response.headers.append(("Vary", "Accept-Encoding"))
    guard takesGzip, let body = Gzip.compressed(response.body) else { return }
    response.body = body
    response.headers.append(("Content-Encoding", "gzip"))
  }

  private func note(_ status: Int) {
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    gate.metrics.requests[method, entrance.template, String(status)].add()
    gate.metrics.requestSeconds.observe(seconds)
    if RequestContext.isRefusal(status) || entrance.scope == .operate || entrance.scope == .deploy { audit(status) }
    let level: Log.Level = status >= 500 ? .warn : .debug
    guard gate.log.hears(level) else { return }
    var fields = fields(status)
    if let trace { fields.append(.init("traceId", .string(trace.traceID))) }
    fields.append(.init("ms", .double((seconds * 1e6).rounded() / 1e3)))
    gate.log.write(level, "request", fields)
  }

  /// A message of the socket that this request has opened was refused.
  func noteRefused(_ problem: Problem) {
    guard RequestContext.isRefusal(problem.status) else { return }
    gate.metrics.refusals[problem.code].add()
    audit(problem.status)
  }

  private static func isRefusal(_ status: Int) -> Bool { [401, 403, 421, 429].contains(status) }

  /// Notes an operator's action, or a refusal, with who it was and where he is.
  func audit(_ status: Int) {
    let scope: JSON.Member = .init("scope", .string(entrance.scope.rawValue))
    gate.audit.write(.info, "audit", fields(status) + [scope, .init("address", .string(address))])
  }

  private func fields(_ status: Int) -> [JSON.Member] {
    var fields: [JSON.Member] = [
      .init("requestId", .string(id)), .init("who", .string(principal.name)), .init("method", .string(method)),
      .init("path", .string(path)), .init("route", .string(entrance.template)), .init("status", .int(Int64(status))),
    ]
    if let flow = entrance.flow { fields.append(.init("workflow", .string(flow))) }
    return fields
  }
}

extension HTTPRequest {
  /// What the gate has found out; nil for a service without one.
  var visit: RequestContext? { context as? RequestContext }
}

extension Problem {
  static func unauthenticated(_ detail: String, isInvalid: Bool) -> Problem {
    Problem(
      status: 401, code: "unauthenticated", title: "Who are you?", detail: detail,
      headers: [("WWW-Authenticate", "Bearer realm=\"flow\"" + (isInvalid ? ", error=\"invalid_token\"" : ""))])
  }

  static func forbidden(_ detail: String) -> Problem {
    Problem(status: 403, code: "forbidden", title: "Not for this caller", detail: detail)
  }

  static let readOnly = Problem(
    status: 403, code: "read-only", title: "Nothing is taken",
    detail: "the server was started with --read-only: what runs goes on, and can be looked at")

  static let draining = Problem(
    status: 503, code: "draining", title: "Shutting down", detail: "the server is about to end",
    headers: [("Retry-After", "1")])
}
