import Dispatch
public import FlowHTTP
import FlowJSON
public import FlowRuntime
import Synchronization

/// Stands in front of the service: who asks, under which name, how often; and sees every answer go out.
public final class AccessMiddleware: HTTPHandler {
  /// What an operator decides.
  public struct Settings: Sendable {
    public var naming = HostPolicy()
    /// Nil lets everybody do everything.
    public var keys: KeyRing?
    /// The most requests of a caller in a second, where his key says nothing else.
    public var rate: Int?
    public var redaction = Redaction()
    /// Whether nothing is taken: what runs goes on, and can be looked at.
    public var isReadOnly = false
    /// Where spans go; nil makes none.
    public var tracer: Tracer?

    public init() {}
  }

  /// Bodies from here on are compressed for those who can read that.
  static let compressedFrom = 1024

  private struct State {
    var keys: KeyRing?
    var isDraining = false
  }

  let settings: Settings
  let metrics: Metrics
  let log: Log
  /// Operators' actions and refusals, each with who it was.
  let audit: Log
  let figures: StoreStatistics
  private let service: any HTTPHandler
  let clock: @Sendable () -> Int64
  private let limiter = RateLimiter()
  private let state: Mutex<State>
  let sessions: SocketRegistry
  let claims = JobClaims()
  let expirations: Expirations

  /// - Parameter queries: Where gauges come from; slow to count, so none that others wait for.
  /// - Parameter clock: Milliseconds since 1970.
  public init(
    _ service: any HTTPHandler, _ settings: Settings, queries: any Queries, metrics: Metrics, log: Log, audit: Log,
    clock: @escaping @Sendable () -> Int64
  ) {
    self.service = service
    figures = StoreStatistics(queries)
    self.settings = settings
    self.metrics = metrics
    self.log = log
    self.audit = audit
    self.clock = clock
    state = Mutex(State(keys: settings.keys))
    sessions = SocketRegistry(metrics)
    let live = (service as? FlowService)?.live
    expirations = Expirations(clock: clock) { AccessMiddleware.dismiss($0, live) }
  }

  var hasKeys: Bool { settings.keys != nil }
  var isDraining: Bool { state.withLock { $0.isDraining } }

  /// Believes other keys from now on. Whoever listens has to come back and show his own again.
  public func replaceKeys(_ keys: KeyRing) {
    state.withLock { $0.keys = keys }
    sessions.end("the keys have changed")
    endStreams()
  }

  /// Tells probes and listeners that the server is about to end; requests are still answered.
  public func drain() {
    state.withLock { $0.isDraining = true }
    sessions.end("draining")
    endStreams()
  }

  private func endStreams() {
    (service as? FlowService)?.live.endStreams { [expirations] in expirations.remove($0) }
  }

  /// Says goodbye to a listener whose key has expired; it may come back with another one.
  private static func dismiss(_ listener: LiveListener, _ live: LiveHub?) {
    let reason = JSON.Member("reason", .string(RequestContext.expired))
    switch listener {
    case .socket(let socket):
      socket.send(text: JSON.object([.init("op", "bye"), reason]).text())
      socket.close(code: 4401, reason: RequestContext.expired)
    case .stream(let stream):
      live?.forget(listener)
      stream.send(chunk: Array("event: bye\ndata: \(JSON.object([reason]).text())\n\n".utf8))
      stream.finish()
    case .watcher: break
    }
  }

  // MARK: - Requests

  public func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    let entrance = RouteMatch(request.method, request.path)
    let visit = RequestContext(request, entrance, caller: caller(request), gate: self)
    var request = request
    var respond = respond
    request.context = visit
    respond.observer = visit
    do throws(Problem) {
      // Probes come by any name, and learn nothing.
      if request.path != "/livez", request.path != "/readyz" {
        try settings.naming.checkHost(request)
        try settings.naming.checkOrigin(request)
        try checkRate(visit.principal, request.remoteAddress)
        if request.isUpgrade, isDraining { throw .draining }
      }
      try visit.admit()
      if try answer(request, visit, respond) { return }
      service.handle(request, respond)
    } catch {
      metrics.refusals[error.code].add()
      respond.send(error.response)
    }
  }

  private func caller(_ request: HTTPRequest) -> RequestContext.Caller {
    guard let keys = state.withLock({ $0.keys }) else { return .known(.anyone) }
    let given = request.headers.values(of: "Authorization")
    guard let text = given.first else { return .anonymous }
    let parts = text.split(separator: " ", maxSplits: 1)
    guard given.count == 1, parts.count == 2, parts[0].lowercased() == "bearer" else {
      return .notBelieved("write `Authorization: Bearer` and a key")
    }
    return believe(String(parts[1]), keys)
  }

  private func believe(_ token: String, _ keys: KeyRing) -> RequestContext.Caller {
    do throws(InvalidToken) {
      return .known(try keys.principal(of: token, now: clock()))
    } catch {
      return .notBelieved(error.message)
    }
  }

  /// Counts a request, or a message that is worth one.
  func checkRate(_ principal: Principal, _ address: String) throws(Problem) {
    guard let rate = principal.rate ?? settings.rate else { return }
    let name = principal.name.isEmpty ? "address \(address)" : "key \(principal.name)"
    guard let seconds = limiter.take(name, rate: rate, now: DispatchTime.now().uptimeNanoseconds) else { return }
    throw Problem(
      status: 429, code: "rate-limited", title: "Too many requests", detail: "there may be \(rate) in a second",
      headers: [("Retry-After", String(seconds))])
  }

  public func abandoned(_ stream: ResponseHandle) {
    expirations.remove(.stream(stream))
    service.abandoned(stream)
  }

  public func drained(_ stream: ResponseHandle) { service.drained(stream) }

  public func drained(_ socket: WebSocketHandle) { service.drained(socket) }

  // MARK: - Sockets

  public func opened(_ socket: WebSocketHandle, _ request: HTTPRequest) {
    guard case .known(let principal)? = request.visit?.caller else {
      sessions.await(socket, request)
      return
    }
    begin(socket, principal)
    service.opened(socket, request)
  }

  private func begin(_ socket: WebSocketHandle, _ principal: Principal) {
    sessions.begin(socket)
    expirations.add(.socket(socket), at: principal.expires)
  }

  public func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    if let request = sessions.waiting(socket) { return greet(socket, message, request) }
    service.received(message, on: socket)
  }

  /// The first message of a peer that could not send credentials with its request:
  /// `{"id": 1, "op": "hello", "token": "flow_…"}`.
  private func greet(_ socket: WebSocketHandle, _ message: WebSocketMessage, _ request: HTTPRequest) {
    guard case .text(let text) = message, let json = try? JSON(parsing: text), json["op"] == "hello",
      let token = json["token"]?.string, let keys = state.withLock({ $0.keys }),
      case .known(let principal) = believe(token, keys)
    else {
      request.visit?.audit(401)
      return socket.close(code: 4401, reason: "send hello with a key first")
    }
    let visit = RequestContext(request, RouteMatch(request.method, request.path), caller: .known(principal), gate: self)
    guard principal.may(.read) else {
      visit.audit(403)
      return socket.close(code: 4403, reason: "this key may not read")
    }
    var request = request
    request.context = visit
    begin(socket, principal)
    let scopes = principal.scopes.map(\.rawValue).sorted().map { JSON.string($0) }
    let reply: JSON = ["scopes": .array(scopes), "roles": .array(principal.roles.map { .string($0) })]
    socket.send(text: LiveProtocol.reply(json["id"]?.int.map { Int64($0) } ?? 0, reply))
    service.opened(socket, request)
  }

  public func closed(_ socket: WebSocketHandle) {
    expirations.remove(.socket(socket))
    if sessions.finish(socket) { service.closed(socket) }
  }
}
