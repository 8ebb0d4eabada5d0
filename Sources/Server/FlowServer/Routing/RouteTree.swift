import FlowHTTP

/// A route as requests refer to it: a reference, because a request passes it on many times.
final class ServedRoute: Sendable {
  let route: Route
  /// The names of the parameters of its query.
  let queryNames: [String]

  init(_ route: Route) {
    self.route = route
    queryNames = route.document.parameters.filter { $0.location == "query" }.map(\.name)
  }
}

/// The routes by the segments of their paths.
struct RouteTree: Sendable {
  /// The result of a look-up.
  enum Found {
    case route(ServedRoute, parameters: [Substring])
    /// The resource is there, for these methods; `isOpen` when everybody may use them.
    case methods([String], isOpen: Bool)
    case nothing
  }

  private struct Node: Sendable {
    var literals: [Substring: Int] = [:]
    /// The node after a segment that varies.
    var variable: Int?
    var routes: [ServedRoute] = []
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
    precondition(!nodes[index].routes.contains { $0.route.method == route.method }, "\(route.template) is there twice")
    nodes[index].routes.append(ServedRoute(route))
  }

  private mutating func append(_ link: (inout RouteTree, Int) -> Void) -> Int {
    nodes.append(Node())
    link(&self, nodes.count - 1)
    return nodes.count - 1
  }

  /// Finds the route of a method and an undecoded path; `HEAD` resolves like `GET`.
  func find(_ method: String, _ path: String) -> Found {
    var parameters: [Substring] = []
    guard path.utf8.first == UInt8(ascii: "/") else { return .nothing }
    let segments = path[path.utf8.index(after: path.startIndex)...]
    guard let index = descend(segments, from: 0, &parameters) else { return .nothing }
    let wanted = method == "HEAD" ? "GET" : method
    let routes = nodes[index].routes
    if let route = routes.first(where: { $0.route.method == wanted }) { return .route(route, parameters: parameters) }
    let methods = routes.map(\.route.method).flatMap { $0 == "GET" ? ["GET", "HEAD"] : [$0] }
    return .methods(methods, isOpen: routes.allSatisfy { $0.route.scope == .open })
  }

  /// A literal segment wins over one that varies.
  /// - Parameter path: The segments that are left; nil at the end.
  private func descend(_ path: Substring?, from index: Int, _ parameters: inout [Substring]) -> Int? {
    guard let path else { return nodes[index].routes.isEmpty ? nil : index }
    let end = path.utf8.firstIndex(of: UInt8(ascii: "/"))
    let segment = path[..<(end ?? path.endIndex)]
    let rest = end.map { path[path.utf8.index(after: $0)...] }
    if let next = nodes[index].literals[segment], let found = descend(rest, from: next, &parameters) { return found }
    guard !segment.isEmpty, let next = nodes[index].variable else { return nil }
    parameters.append(segment)
    if let found = descend(rest, from: next, &parameters) { return found }
    parameters.removeLast()
    return nil
  }
}
