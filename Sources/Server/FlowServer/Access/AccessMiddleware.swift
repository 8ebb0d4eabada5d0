import Dispatch
public import FlowHTTP
import FlowJSON
public import FlowRuntime
import Synchronization

/// Precedes the service: authenticates and authorizes each request, limits its rate, and observes its response.
///
/// ```swift
/// let middleware = AccessMiddleware(
///   service, settings, queries: queries, metrics: metrics, log: log, audit: audit, clock: currentMilliseconds)
/// let server = try HTTPServer(configuration: configuration, handler: middleware)
/// ```
public final class AccessMiddleware: HTTPHandler {
  /// The operator's settings.
  public struct Settings: Sendable {
    public var hosts = HostPolicy()
    /// Nil grants every scope to every caller.
    public var keys: KeyRing?
    /// The maximum number of requests of a caller in a second, unless its key has its own limit.
    public var rate: Int?
    public var redaction = Redaction()
    /// True to reject all changes; running instances continue.
    public var isReadOnly = false
    /// The destination of spans; nil to create none.
    public var tracer: Tracer?
    /// Addresses of proxies whose `X-Forwarded-For` is trusted.
    public var trustedProxies: Set<String> = []
    /// The secret by which nodes of one store recognize requests that they forward; nil for a server without others.
    public var nodeSecret: [UInt8]?
    /// The settings of this node for actions; nil if it gives no calls to others.
    public var nodeSettings: NodeSettings?

    public init() {}

    /// The address of the client: of the last hop that is not a trusted proxy.
    func address(of request: HTTPRequest) -> String {
      let own = request.remoteAddress
      guard trustedProxies.contains(own) || own.isEmpty && trustedProxies.contains("unix") else { return own }
      let values = request.headers.values(of: "X-Forwarded-For").joined(separator: ",")
      let hops = values.split(separator: ",").map { hop in String(hop.filter { $0 != " " && $0 != "\t" }) }
      return hops.last { !trustedProxies.contains($0) } ?? own
    }
  }

  /// Bodies of this many bytes or more are compressed for clients that accept it.
  static let compressedFrom = 1024
  /// The maximum number of requests that wait for a worker.
  static let maximumWaiting = 4_096

  private struct State {
    var keys: KeyRing?
    var isDraining = false
  }

  let settings: Settings
  let metrics: Metrics
  let log: Log
  /// Operators' actions and rejections, each with its caller.
  let audit: Log
  let sampler = AuditSampler()
  let trail = AuditTrail()
  let statistics: StoreStatistics
  let service: FlowService
  /// Milliseconds since 1970.
  let clock: @Sendable () -> Int64
  /// Runs requests that are too expensive for a loop.
  let workers: WorkerPool
  /// Redacts and compresses responses.
  let finishing: WorkerPool
  private let limiter = RateLimiter()
  private let state: Mutex<State>
  let sockets: SocketRegistry
  let claims = JobClaims()
  /// The number of requests without a response.
  let openRequests = Atomic(0)
  let expirations: Expirations

  /// - Parameters:
  ///   - queries: The source of gauges; counting is slow, so that no other read should share the connection.
  ///   - workers: The number of requests that are parsed at the same time.
  ///   - clock: Milliseconds since 1970.
  public init(
    _ service: FlowService, _ settings: Settings, queries: any Queries, metrics: Metrics, log: Log, audit: Log,
    workers: Int = 2, clock: @escaping @Sendable () -> Int64
  ) {
    self.service = service
    statistics = StoreStatistics(queries)
    self.settings = settings
    self.metrics = metrics
    self.log = log
    self.audit = audit
    self.clock = clock
    self.workers = WorkerPool(width: workers, limit: AccessMiddleware.maximumWaiting)
    finishing = WorkerPool(width: workers)
    state = Mutex(State(keys: settings.keys))
    sockets = SocketRegistry(metrics)
    service.follow(settings.redaction)
    expirations = Expirations(clock: clock) { [live = service.live] in AccessMiddleware.end($0, live) }
  }

  var hasKeys: Bool { settings.keys != nil }
  /// The keys that are accepted now; nil when everyone is admitted.
  var keys: KeyRing? { state.withLock { $0.keys } }
  var isDraining: Bool { state.withLock { $0.isDraining } }

  /// Replaces the keys. Open sockets and streams are closed; their clients authenticate again.
  public func replaceKeys(_ keys: KeyRing) {
    state.withLock { $0.keys = keys }
    endConnections("the keys have changed")
  }

  /// The answer to requests that arrive while the server stops.
  public static var refusalWhileStopping: HTTPResponse {
    let problem = Problem.draining
    return HTTPResponse(
      status: problem.status, headers: [("Content-Type", Problem.mediaType)] + problem.headers,
      body: problem.json.bytes())
  }

  /// Closes sockets and streams; their clients connect again.
  func endConnections(_ reason: String) {
    sockets.end(reason)
    endStreams()
  }

  /// Makes readiness checks fail and closes sockets and streams; requests are still answered.
  public func drain() {
    state.withLock { $0.isDraining = true }
    endConnections("draining")
  }

  /// Waits until each request has a response, or for a limited time: some wait for events.
  public func waitForResponses(milliseconds: Int) {
    let deadline = DispatchTime.now() + .milliseconds(milliseconds)
    let pause = DispatchSemaphore(value: 0)
    while openRequests.load(ordering: .acquiring) > 0, DispatchTime.now() < deadline {
      _ = pause.wait(timeout: .now() + .milliseconds(1))
    }
  }

  private func endStreams() {
    service.live.endFollowers()
    service.live.endStreams { [expirations] in expirations.remove($0) }
  }

  /// Closes a listener whose key has expired; its client may reconnect with another key.
  private static func end(_ listener: LiveListener, _ live: LiveHub) {
    let reason = JSON.Member("reason", .string(RequestContext.expired))
    switch listener {
    case .socket(let socket):
      socket.send(text: JSON.object([.init("op", "bye"), reason]).text())
      socket.close(code: 4401, reason: RequestContext.expired)
    case .stream(let stream):
      live.remove(listener)
      stream.send(chunk: Array("event: bye\ndata: \(JSON.object([reason]).text())\n\n".utf8))
      stream.finish()
    case .watcher: break
    }
  }

  // MARK: - Requests

  public func admit(_ head: HTTPRequest) -> HTTPAdmission {
    if isFromNode(head) { return .admitted(context: nil) }
    let context = context(of: head)
    do throws(Problem) {
      try check(head, context)
      return .admitted(context: context)
    } catch {
      return .refused(context.willSend(refusal(error, context)))
    }
  }

  public func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    if isFromNode(request) { return handle(node: request, respond) }
    // For a pending body, the head was already checked.
    if let context = request.access { return dispatch(request, Responder(respond, context)) }
    let context = context(of: request)
    var request = request
    request.context = context
    let responder = Responder(respond, context)
    do throws(Problem) {
      if let response = CrossOrigin.preflight(request, settings.hosts) {
        try checkHost(request, context)
        return responder.handle.send(response)
      }
      try check(request, context)
    } catch {
      return responder.handle.send(refusal(error, context))
    }
    dispatch(request, responder)
  }

  private func refusal(_ problem: Problem, _ context: RequestContext) -> HTTPResponse {
    metrics.refusals[problem.code].add()
    return context.response(problem)
  }

  /// The checks that need only the head of a request.
  private func check(_ request: HTTPRequest, _ context: RequestContext) throws(Problem) {
    // Probes work under any host name, and reveal nothing.
    if !context.match.isProbe {
      try checkHost(request, context)
      try settings.hosts.checkOrigin(request, isCheap: context.match.isCheap)
      try checkRate(context.principal, address: context.address)
      if request.isUpgrade, isDraining { throw .draining }
    }
    try context.admit()
    try request.checkContentEncoding()
    try service.checkHead(request, context)
  }

  /// The node that forwarded a request has checked it with the names of its own.
  private func checkHost(_ request: HTTPRequest, _ context: RequestContext) throws(Problem) {
    if context.hop == nil { try settings.hosts.checkHost(request) }
  }

  private func dispatch(_ request: HTTPRequest, _ responder: Responder) {
    responder.context.beginResponse()
    guard responder.context.match.isCheap, request.body.count <= RouteMatch.cheapBytes else {
      let isAccepted = workers.run { [service] in service.handle(request, responder) }
      if !isAccepted { responder.send(.overloaded) }
      return
    }
    service.handle(request, responder)
  }

  private func context(of request: HTTPRequest) -> RequestContext {
    let match = RouteMatch(method: request.method, path: request.path)
    return RequestContext(request, match, caller: caller(request), middleware: self)
  }

  private func caller(_ request: HTTPRequest) -> RequestContext.Caller {
    guard let keys = state.withLock({ $0.keys }) else { return .known(.anyone) }
    let given = request.headers.values(of: "Authorization")
    guard let text = given.first else {
      return SessionCookie.key(request).map { authenticate($0, keys) } ?? .anonymous
    }
    let parts = text.split(separator: " ", maxSplits: 1)
    guard given.count == 1, parts.count == 2, parts[0].lowercased() == "bearer" else {
      return .rejected("write `Authorization: Bearer` and a key")
    }
    return authenticate(String(parts[1]), keys)
  }

  /// The caller with a key.
  func caller(of key: String) -> RequestContext.Caller {
    state.withLock { $0.keys }.map { authenticate(key, $0) } ?? .known(.anyone)
  }

  private func authenticate(_ token: String, _ keys: KeyRing) -> RequestContext.Caller {
    do throws(InvalidToken) {
      return .known(try keys.principal(of: token, now: clock()))
    } catch {
      return .rejected(error.message)
    }
  }

  /// Counts a request, or a message with the same cost.
  /// - Parameter cost: The equivalent number of requests.
  /// - Throws: 429.
  func checkRate(_ principal: Principal, address: String, cost: Int = 1) throws(Problem) {
    guard let rate = principal.rate ?? settings.rate else { return }
    let name = principal.name.isEmpty ? "address \(address)" : "key \(principal.identity)"
    let now = DispatchTime.now().uptimeNanoseconds
    guard let seconds = limiter.wait(for: name, rate: rate, cost: cost, now: now) else { return }
    throw Problem(
      .rateLimited, "the limit is \(rate) requests in a second", headers: [("Retry-After", String(seconds))])
  }

  public func abandoned(_ stream: ResponseHandle) {
    expirations.remove(.stream(stream))
    service.live.remove(.stream(stream))
  }

  public func drained(_ stream: ResponseHandle) { service.live.drained(.stream(stream)) }

  public func drained(_ socket: WebSocketHandle) { service.live.drained(.socket(socket)) }
}

// Sockets: the first message may contain the key.
extension AccessMiddleware {
  public func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    guard let context = request.access, case .known(let principal) = context.caller else {
      sockets.await(socket, request)
      return
    }
    register(socket, principal)
    service.opened(socket, request: request, context: context)
  }

  private func register(_ socket: WebSocketHandle, _ principal: Principal) {
    sockets.open(socket)
    expirations.add(.socket(socket), at: principal.expires)
  }

  public func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    if let request = sockets.waiting(socket) { return greet(socket, with: message, request) }
    service.received(message, on: socket)
  }

  /// The first message of a client that could not send credentials with its request:
  /// `{"id": 1, "op": "hello", "token": "flow_…"}`.
  private func greet(_ socket: WebSocketHandle, with message: WebSocketMessage, _ request: HTTPRequest) {
    guard case .text(let text) = message, let json = try? JSON(parsing: text), json["op"] == "hello",
      let token = json["token"]?.string, let keys = state.withLock({ $0.keys }),
      case .known(let principal) = authenticate(token, keys)
    else {
      request.access?.audit(401)
      return socket.close(code: 4401, reason: "send hello with a key first")
    }
    let match = RouteMatch(method: request.method, path: request.path)
    let context = RequestContext(request, match, caller: .known(principal), middleware: self)
    guard principal.may(.read) else {
      context.audit(403)
      return socket.close(code: 4403, reason: "this key may not read")
    }
    register(socket, principal)
    let scopes = principal.scopes.map(\.rawValue).sorted().map { JSON.string($0) }
    let reply: JSON = ["scopes": .array(scopes), "roles": .array(principal.roles.map { .string($0) })]
    socket.send(text: LiveProtocol.reply(json["id"]?.int.map { Int64($0) } ?? 0, reply))
    var request = request
    request.headers.append(name: "Authorization", value: "Bearer \(token)")
    service.opened(socket, request: request, context: context)
  }

  public func closed(_ socket: WebSocketHandle) {
    expirations.remove(.socket(socket))
    if sockets.close(socket) { service.closed(socket) }
  }
}

extension HTTPRequest {
  /// - Throws: 415 for a body with a content coding, because none is supported.
  fileprivate func checkContentEncoding() throws(Problem) {
    guard let coding = headers["Content-Encoding"], coding.lowercased() != "identity" else { return }
    throw Problem(
      .unsupportedMediaType, "a body in the content coding `\(coding)` is not accepted; send it as it is",
      headers: [("Accept-Encoding", "identity")])
  }
}
