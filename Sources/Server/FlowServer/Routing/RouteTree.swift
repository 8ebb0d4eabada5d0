import FlowHTTP

/// The routes by the segments of their paths.
struct RouteTree: Sendable {
  /// The result of a look-up.
  enum Found {
    case route(Route, parameters: [Substring])
    /// The resource is there, for these methods; `isOpen` when everybody may use them.
    case methods([String], isOpen: Bool)
    case nothing
  }

  private struct Node: Sendable {
    var literals: [Substring: Int] = [:]
    /// The node after a segment that varies.
    var variable: Int?
    var routes: [Route] = []
  }

  /// Every route that is served.
  static let served = RouteTree(Route.all)

  let routes: [Route]
  private var nodes = [Node()]

  init(_ routes: [Route]) {
    self.routes = routes
    for route in routes { insert(route) }
  }

  private mutating func insert(_ route: Route) {
    var index = 0
    for segment in Route.segments(of: route.template[...]) {
      if segment.hasPrefix("{") {
        index = nodes[index].variable ?? append { $0.nodes[index].variable = $1 }
      } else {
        index = nodes[index].literals[segment] ?? append { $0.nodes[index].literals[segment] = $1 }
      }
    }
    precondition(!nodes[index].routes.contains { $0.method == route.method }, "\(route.template) is there twice")
    nodes[index].routes.append(route)
  }

  private mutating func append(_ link: (inout RouteTree, Int) -> Void) -> Int {
    nodes.append(Node())
    link(&self, nodes.count - 1)
    return nodes.count - 1
  }

  /// Finds the route of a method and an undecoded path; `HEAD` resolves like `GET`.
  func find(_ method: String, _ path: String) -> Found {
    var parameters: [Substring] = []
    let segments = Route.segments(of: path[...])
    guard path.hasPrefix("/"), let index = descend(segments[...], from: 0, &parameters) else { return .nothing }
    let wanted = method == "HEAD" ? "GET" : method
    let routes = nodes[index].routes
    if let route = routes.first(where: { $0.method == wanted }) { return .route(route, parameters: parameters) }
    let methods = routes.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }
    return .methods(methods, isOpen: routes.allSatisfy { $0.scope == .open })
  }

  /// A literal segment wins over one that varies.
  private func descend(_ rest: ArraySlice<Substring>, from index: Int, _ parameters: inout [Substring]) -> Int? {
    guard let segment = rest.first else { return nodes[index].routes.isEmpty ? nil : index }
    if let next = nodes[index].literals[segment], let found = descend(rest.dropFirst(), from: next, &parameters) {
      return found
    }
    guard !segment.isEmpty, let next = nodes[index].variable else { return nil }
    parameters.append(segment)
    if let found = descend(rest.dropFirst(), from: next, &parameters) { return found }
    parameters.removeLast()
    return nil
  }
}
