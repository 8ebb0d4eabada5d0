public import FlowHTTP
import FlowJSON

/// The part of access control that a node performs which does not own the store: it checks the name of the host and
/// determines the address of the client. The owner does the rest, with the credentials of the caller.
public struct StandbyAccess: Sendable {
  private let settings: AccessMiddleware.Settings
  private let metrics: Metrics
  private let secret: [UInt8]
  private let dashboard: (@Sendable () -> Dashboard)?
  /// Milliseconds since 1970.
  private let clock: @Sendable () -> Int64

  /// - Parameters:
  ///   - settings: Those of the owner's access control, with the secret of the nodes.
  ///   - dashboard: The web page; nil if it is disabled.
  ///   - clock: Milliseconds since 1970.
  public init(
    _ settings: AccessMiddleware.Settings, metrics: Metrics, dashboard: (@Sendable () -> Dashboard)? = nil,
    clock: @escaping @Sendable () -> Int64
  ) {
    self.dashboard = dashboard
    self.settings = settings
    self.metrics = metrics
    self.clock = clock
    secret = settings.nodeSecret ?? []
  }

  /// The response to a request for another host, which is not forwarded.
  public func refusal(of request: HTTPRequest) -> HTTPResponse? {
    do throws(Problem) {
      try settings.hosts.checkHost(request)
      return nil
    } catch {
      return .problem(error)
    }
  }

  /// The hop for a request of a client.
  public func hop(for request: HTTPRequest) -> Hop { Hop(client: settings.address(of: request)) }

  /// The value of the header `Flow-Hop`.
  public func header(_ hop: Hop, method: String, target: String) -> String {
    hop.value(method: method, target: target, secret: secret)
  }

  /// True if another node has sent a request.
  public func isFromNode(_ request: HTTPRequest) -> Bool { Hop(request, secret: secret) != nil }

  /// True if a request that is executed twice has the effect of one, provided that it carries the same hop.
  public static func isRepeatable(method: String, path: String) -> Bool {
    let match = RouteMatch(method: method, path: path)
    guard match.isChanging else { return true }
    guard let route = match.route else { return false }
    let isCompletion = route.scope == .work && match["id"] != nil
    return route.scope == .send || route.template == Route.webhook || isCompletion
  }

  // MARK: - Responses of a node without the store

  /// The response to a request for a file of the dashboard, which needs no store; nil for all others.
  public func page(for request: HTTPRequest) -> HTTPResponse? {
    guard request.method == "GET", request.path.hasPrefix("/ui/"), refusal(of: request) == nil,
      let dashboard = dashboard?()
    else { return nil }
    let match = RouteMatch(method: request.method, path: request.path)
    let name = [match["folder"], match["file"]].compactMap { $0 }.joined(separator: "/")
    let isPage = match.template == "/ui/"
    let found = isPage ? dashboard.page(for: request) : dashboard.response(for: name, version: match["version"] ?? "")
    guard var response = found else { return nil }
    response.headers += [("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin")]
    return response
  }

  /// The metrics of this node, for callers that may read them.
  public func showMetrics(_ request: HTTPRequest, role: String) -> HTTPResponse {
    if let keys = settings.keys {
      let given = request.headers.values(of: "Authorization").first?.split(separator: " ", maxSplits: 1) ?? []
      guard given.count == 2, given[0].lowercased() == "bearer",
        let principal = try? keys.principal(of: String(given[1]), now: clock())
      else { return .problem(.unauthenticated("send a key: `Authorization: Bearer flow_…`", isInvalid: false)) }
      guard principal.may(.read), principal.flows == nil else {
        return .problem(.forbidden("`\(principal.name)` may not read metrics"))
      }
    }
    return HTTPResponse(
      status: 200, headers: [("Content-Type", MetricsText.contentType)], body: Array(metrics.nodeText(role: role).utf8))
  }

  /// The store has no owner that this node could reach.
  /// - Parameter owner: The URL of the owner, if there is one.
  public static func withoutOwner(_ owner: String?) -> HTTPResponse {
    let detail = owner.map { "the owner of the store, \($0), does not respond" } ?? "the store has no owner yet"
    return nodeProblem(.standby, detail, owner: owner, retries: true)
  }

  /// This node has too many requests in progress.
  public static let overloaded = HTTPResponse.problem(.overloaded)

  /// The owner ended before its response, and the request may not be repeated.
  public static let outcomeUnknown = nodeProblem(
    .ownerLost, "the owner of the store ended before its response", owner: nil, retries: false)

  /// A request of another node, which is for the owner.
  public static func notOwner(_ owner: String?) -> HTTPResponse {
    nodeProblem(.notOwner, "this node does not own the store", owner: owner, retries: false)
  }

  private static func nodeProblem(
    _ kind: ProblemKind, _ detail: String, owner: String?, retries: Bool
  ) -> HTTPResponse {
    var problem = Problem(kind, detail, headers: [("Cache-Control", "no-store")])
    if retries { problem.headers.append(("Retry-After", "1")) }
    if let owner {
      problem.members.append(.init("owner", .string(owner)))
      problem.headers.append((StandbyAccess.ownerHeader, owner))
    }
    return .problem(problem)
  }

  /// The header with the URL of the owner.
  public static let ownerHeader = "Flow-Owner"

  /// True for a response of a node that has not executed the request.
  public static func isNotExecuted(status: Int, body: [UInt8]) -> Bool {
    guard status == 421 || status == 503, let json = try? JSON(parsing: body) else { return false }
    let kinds: [ProblemKind] = [.notOwner, .standby, .draining]
    return kinds.contains { json["code"] == .string($0.code) }
  }
}

extension HTTPResponse {
  static func problem(_ problem: Problem) -> HTTPResponse {
    HTTPResponse(
      status: problem.status, headers: [("Content-Type", Problem.mediaType)] + problem.headers,
      body: problem.json.bytes(.compact) + [0x0A])
  }
}
