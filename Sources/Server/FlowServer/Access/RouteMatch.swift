/// What a request is after, as far as its method and path tell: what it needs, whose it is, how it is counted.
struct RouteMatch: Sendable {
  let scope: Scope
  /// The path with `{name}` for what varies.
  let template: String
  /// The flow that the path names.
  let flow: String?
  /// Whether the resource itself leaves out what the caller may not see.
  let isFiltered: Bool
  /// Whether it is the live stream, which alone may be opened by somebody who says only then who he is.
  let isLive: Bool

  /// Whether it is there to change something.
  let isChanging: Bool

  private static let filtered: Set<String> = [
    "/v1/events", "/v1/instances", "/v1/flows", "/v1/live", "/v1/jobs/claim", "/v1/jobs/{id}/complete",
    "/v1/jobs/{id}/fail", "/v1/jobs/{id}/heartbeat",
  ]

  init(_ method: String, _ path: String) {
    let found = RouteTree.served.find(method, path)
    guard case .route(let route, let parameters) = found else {
      // What is not there is not told to those who may not look; that an open resource lacks a method, to everybody.
      let isOpen = if case .methods(_, isOpen: true) = found { true } else { false }
      scope = isOpen ? .open : method == "GET" || method == "HEAD" ? .read : .operate
      template = "/{other}"
      flow = nil
      isFiltered = false
      isLive = false
      isChanging = scope == .operate
      return
    }
    scope = route.scope
    template = route.template
    isChanging = route.isChanging
    // What can't be decoded is no flow that anybody may see.
    flow = route.parameters.firstIndex(of: "flow").map { index in
      (try? RouteRequest.decode(parameters[index], isQuery: false)) ?? ""
    }
    isFiltered = RouteMatch.filtered.contains(template)
    isLive = template == "/v1/live"
  }
}
