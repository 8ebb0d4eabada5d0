import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime

// The caller: `GET /v1/me`, and the session of a browser, which can't add headers to a WebSocket.
extension FlowService {
  func showCaller(_ request: RouteRequest) throws(Problem) {
    let context = request.context
    let principal = try context.authenticated()
    let middleware = context.middleware
    let caller = try caller(context)
    var members: [JSON.Member] = [
      .init("name", .string(caller.id)),
      .init("scopes", .array(principal.scopes.filter { $0 != .open }.map(\.rawValue).sorted().map { .string($0) })),
      .init("roles", .array(caller.roles.map { .string($0) })),
      .init("flows", principal.flows.map { .array($0.sorted().map { .string($0) }) } ?? .null),
      .init("authentication", middleware.hasKeys ? "key" : "none"),
      .init("readOnly", .bool(middleware.settings.isReadOnly)), .init("version", .string(middleware.metrics.version)),
      .init("nodes", .bool(nodes != nil)),
    ]
    if let expires = principal.expires { members.append(.init("expires", .string(timeText(expires)))) }
    request.respond.send(.json(.object(members), headers: [("Cache-Control", "no-store")]))
  }

  /// `POST /v1/session {"key": "flow_…"}`: checks the key, and stores it in a cookie that scripts cannot read.
  func openSession(_ request: RouteRequest) throws(Problem) {
    let body = try request.http.json()
    guard let key = body["key"]?.string, SessionCookie.isValid(key) else {
      throw .badRequest("the body has no `key`; send {\"key\": \"flow_…\"}")
    }
    guard case .known = request.context.middleware.caller(of: key) else {
      throw .unauthenticated("this key is not known, or has expired", isInvalid: true)
    }
    let cookie = SessionCookie.header(key, isSecure: request.isFromSecurePage)
    request.respond.send(HTTPResponse(status: 204, headers: [("Set-Cookie", cookie), ("Cache-Control", "no-store")]))
  }

  func closeSession(_ request: RouteRequest) throws(Problem) {
    let cookie = SessionCookie.header("", isSecure: request.isFromSecurePage)
    request.respond.send(HTTPResponse(status: 204, headers: [("Set-Cookie", cookie), ("Cache-Control", "no-store")]))
  }
}

extension RequestContext {
  /// The caller of a resource that needs no scope, only a valid key if the server has keys.
  /// - Throws: 401.
  fileprivate func authenticated() throws(Problem) -> Principal {
    switch caller {
    case .known(let principal): return principal
    case .anonymous: throw .unauthenticated("send a key: `Authorization: Bearer flow_…`", isInvalid: false)
    case .rejected(let reason): throw .unauthenticated(reason, isInvalid: true)
    }
  }
}

extension RouteRequest {
  /// True if the page that sent the request was loaded over TLS, according to its `Origin`.
  fileprivate var isFromSecurePage: Bool { http.headers["Origin"]?.hasPrefix("https://") == true }
}
