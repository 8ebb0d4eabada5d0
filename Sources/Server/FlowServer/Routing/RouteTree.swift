import FlowHTTP

/// The routes by the segments of their paths.
struct RouteTree: Sendable {
  /// What is found at a path.
  enum Found {
    case route(Route, parameters: [Substring])
    /// The resource is there, for these methods; `isOpen` when everybody may use them.
    case methods([String], isOpen: Bool)
    case nothing
  }

  private struct Node: Sendable {
    var literals: [Substring: Int] = [:]
    /// The node behind a segment that varies.
    var variable: Int?
    var routes: [Route] = []
  }

  /// All that is served.
  static let served = RouteTree(Route.all)

  let routes: [Route]
  private var nodes = [Node()]

  init(_ routes: [Route]) {
    self.routes = routes
    for route in routes { insert(route) }
  }

  private mutating func insert(_ route: Route) {
    var place = 0
    for segment in Route.segments(of: route.template[...]) {
      if segment.hasPrefix("{") {
        place = nodes[place].variable ?? append { $0.nodes[place].variable = $1 }
      } else {
        place = nodes[place].literals[segment] ?? append { $0.nodes[place].literals[segment] = $1 }
      }
    }
    precondition(!nodes[place].routes.contains { $0.method == route.method }, "\(route.template) is there twice")
    nodes[place].routes.append(route)
  }

  private mutating func append(_ link: (inout RouteTree, Int) -> Void) -> Int {
    nodes.append(Node())
    link(&self, nodes.count - 1)
    return nodes.count - 1
  }

  /// Finds who answers a method at a path as it was sent; `HEAD` is answered like `GET`.
  func find(_ method: String, _ path: String) -> Found {
    var parameters: [Substring] = []
    let segments = Route.segments(of: path[...])
    guard path.hasPrefix("/"), let place = descend(segments[...], from: 0, &parameters) else { return .nothing }
    let wanted = method == "HEAD" ? "GET" : method
    let routes = nodes[place].routes
    if let route = routes.first(where: { $0.method == wanted }) { return .route(route, parameters: parameters) }
    let methods = routes.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }
    return .methods(methods, isOpen: routes.allSatisfy { $0.scope == .open })
  }

  /// A literal segment wins over one that varies.
  private func descend(_ rest: ArraySlice<Substring>, from place: Int, _ parameters: inout [Substring]) -> Int? {
    guard let segment = rest.first else { return nodes[place].routes.isEmpty ? nil : place }
    if let next = nodes[place].literals[segment], let found = descend(rest.dropFirst(), from: next, &parameters) {
      return found
    }
    guard !segment.isEmpty, let next = nodes[place].variable else { return nil }
    parameters.append(segment)
    if let found = descend(rest.dropFirst(), from: next, &parameters) { return found }
    parameters.removeLast()
    return nil
  }
}
