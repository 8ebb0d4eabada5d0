import Dispatch
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import Synchronization

/// One request as routing, access, logs and metrics see it, from its head to its response.
final class RequestContext: ResponseObserver {
  /// The result of authentication.
  enum Caller: Sendable {
    case known(Principal)
    /// No credentials were sent, although some are required.
    case anonymous
    /// The credentials are not valid, with the reason.
    case rejected(String)
  }

  static let expired = "this key has expired"

  let match: RouteMatch
  let id: String
  let caller: Caller
  let trace: TraceContext?
  let middleware: AccessMiddleware
  let method: String
  let path: String
  /// Set by the node that has forwarded the request; nil for a request of a client.
  let hop: Hop?
  /// The numeric address of the client, as reported by another node or a trusted proxy.
  let address: String
  let acceptsGzip: Bool
  let isUpgrade: Bool
  /// The origin of a page that the operator permits to read responses.
  let addedOrigin: String?
  /// `Flow-Caller` and `Flow-Roles`, which apply to a server without keys.
  let claimedCaller: String?
  let claimedRoles: String?
  let start = DispatchTime.now().uptimeNanoseconds
  let isAnswered = Atomic(false)
  private let isOpen = Atomic(false)

  init(_ request: HTTPRequest, _ match: RouteMatch, caller: Caller, middleware: AccessMiddleware) {
    self.match = match
    id = RequestContext.id(request.headers["X-Request-Id"])
    self.caller = caller
    self.middleware = middleware
    trace = TraceContext(request.headers["Traceparent"])
    method = request.method
    path = request.path
    hop = middleware.settings.nodeSecret.flatMap { Hop(request, secret: $0) }
    address = hop?.client ?? middleware.settings.address(of: request)
    acceptsGzip = request.accepts(coding: "gzip")
    isUpgrade = request.isUpgrade
    addedOrigin = middleware.settings.hosts.addedOrigin(request)
    claimedCaller = request.headers["Flow-Caller"]
    claimedRoles = request.headers["Flow-Roles"]
  }

  /// The client's own identifier for the request if it is short and printable, otherwise a random one.
  private static func id(_ given: String?) -> String {
    if let given, (1...64).contains(given.utf8.count),
      given.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    {
      return given
    }
    return RequestNumbers.next().hexadecimal
  }

  /// The caller; one without valid credentials has no permissions.
  var principal: Principal {
    if case .known(let principal) = caller { return principal }
    return Principal(name: "", scopes: [], roles: [], flows: [])
  }

  /// The request is executed, and a response follows.
  func beginResponse() {
    isOpen.store(true, ordering: .relaxed)
    middleware.openRequests.add(1, ordering: .relaxed)
  }

  /// The response is sent.
  func endResponse() {
    if isOpen.exchange(false, ordering: .relaxed) { middleware.openRequests.subtract(1, ordering: .releasing) }
  }

  // MARK: - Access

  /// Checks the scope and the flow of the request.
  /// - Throws: 401 and 403.
  func admit() throws(Problem) {
    if middleware.settings.isReadOnly, match.isChanging { throw .readOnly }
    if match.scope == .open { return }
    switch caller {
    case .known: try checkRoute()
    // A browser can't send credentials with an upgrade; its first message contains them.
    case .anonymous where isUpgrade && match.isLive: break
    case .anonymous: throw .unauthenticated("send a key: `Authorization: Bearer flow_…`", isInvalid: false)
    case .rejected(let reason): throw .unauthenticated(reason, isInvalid: true)
    }
  }

  private func checkRoute() throws(Problem) {
    try checkScope(match.scope)
    switch match.flows {
    case .none, .filtered: break
    case .named: try checkSees(match.flow ?? "")
    case .all:
      guard principal.flows == nil else {
        throw .forbidden("`\(principal.name)` is limited to some flows, and this resource covers all of them")
      }
    }
  }

  /// Checks a message of the socket that this request has opened like a request of its own.
  /// - Throws: 401, 403 and 429.
  func admit(message scope: Scope, flow: String?) throws(Problem) {
    if let expires = principal.expires, expires <= middleware.clock() {
      throw .unauthenticated(RequestContext.expired, isInvalid: true)
    }
    try middleware.checkRate(principal, address: address)
    if middleware.settings.isReadOnly, scope != .read { throw .readOnly }
    try checkScope(scope)
    if let flow { try checkSees(flow) }
  }

  private func checkScope(_ scope: Scope) throws(Problem) {
    guard principal.may(scope) else {
      throw .forbidden("`\(principal.name)` does not have the scope `\(scope.rawValue)`")
    }
  }

  /// - Throws: 403, for existing and unknown flows alike.
  func checkSees(_ flow: String) throws(Problem) {
    guard principal.sees(flow) else { throw .forbidden("`\(principal.name)` may not see a flow `\(flow)`") }
  }

  /// Checks that the caller may see all flows of a source.
  /// - Throws: 403, which names none of them.
  func checkSees(sourceOf machine: Machine) throws(Problem) {
    guard machine.program.flows.allSatisfy({ principal.sees($0.name) }) else {
      throw .forbidden("`\(principal.name)` is limited to some flows, and may not see all of this source")
    }
  }

  /// The events of a program that the caller may know: all of them, or those that the flow reacts to or emits if the
  /// caller may not see the other flows.
  func knownEvents(of machine: Machine, flow: FlowIndex) -> [String] {
    let program = machine.program
    if program.flows.allSatisfy({ principal.sees($0.name) }) { return program.events.map(\.name) }
    let node = program.flows[flow]
    // `on *` reacts to each of them.
    if node.transitions.contains(where: { $0.trigger == .any }) { return program.events.map(\.name) }
    let emitted = node.emittedEvents
    return program.events.indices.filter { machine.handles(event: $0, flow: flow) || emitted.contains($0) }
      .map { program.events[$0].name }
  }

  /// The problem of an event that the caller may not know.
  func unknownEvent(_ name: String, of flow: String?) -> Problem {
    visible(.unknownEvent(name, nearest: [], known: []), of: flow)
  }

  /// Returns true if the caller may see values of all instances of a flow.
  func mayRead(_ flow: String) -> Bool { middleware.service.mayReadAll(flow, self) }

  /// The stream that answers this request ends when the credentials of its caller expire.
  func endsWithKey(_ stream: ResponseHandle) { middleware.expirations.add(.stream(stream), at: principal.expires) }

  // MARK: - Steps and jobs

  /// Records that the request has caused a step, which belongs to the same trace.
  func recordStep(_ sequence: Int64) {
    if let trace { middleware.settings.tracer?.step(sequence, belongsTo: trace) }
  }

  /// Records that the caller holds these jobs.
  func recordClaims(_ jobs: [Int64]) {
    if principal.flows != nil { middleware.claims.record(jobs, by: principal.identity) }
  }

  /// Checks that a worker limited to some flows only completes jobs that it has claimed itself, because job numbers and
  /// fences can be guessed.
  /// - Throws: 409 `lease-lost`.
  func checkClaimed(_ job: Int64) throws(Problem) {
    guard principal.flows != nil, !middleware.claims.isHeld(job, by: principal.identity) else { return }
    throw Problem(.leaseLost, "the job is not claimed by `\(principal.name)`")
  }
}

/// Numbers for the identifiers of requests: different within the process, and most likely from those of others.
///
/// SplitMix64 (Steele, Lea and Flood, 2014) from a random start: a system call for each would take longer than finding
/// the route of its request. They can be guessed, and protect nothing.
private enum RequestNumbers {
  private static let start = UInt64.random(in: 0...UInt64.max)
  private static let count = Atomic<UInt64>(0)

  static func next() -> UInt64 {
    let number = count.wrappingAdd(1, ordering: .relaxed).newValue
    var mixed = start &+ number &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

extension HTTPRequest {
  /// The context that the access middleware has attached.
  var access: RequestContext? { context as? RequestContext }
}
