/// A permission that a key can have.
enum Scope: String, CaseIterable, Sendable {
  /// Available to every caller.
  case open
  case read
  case send
  /// Claiming and completing jobs.
  case work
  case operate
  case deploy
}

/// One operation of the API. The same value serves routing, access, metrics and documentation.
struct Route: Sendable {
  typealias Handler = @Sendable (FlowService) -> (RouteRequest) throws(Problem) -> Void

  /// The template of the live stream.
  static let live = "/v1/live"

  var method: String
  /// The path, with `{name}` for its variables.
  var template: String
  var scope: Scope
  /// The operation as a short phrase.
  var summary: String
  var handler: Handler
  var document = RouteDocument()
  var access: RouteAccess
  /// True if each node of a store answers the request, and not only its owner: the response depends on the database
  /// alone.
  var isAnsweredByEachNode = false
  /// The names in `template`, in order.
  let parameters: [String]

  init(_ method: String, _ template: String, _ scope: Scope, summary: String, handler: @escaping Handler) {
    self.method = method
    self.template = template
    self.scope = scope
    self.summary = summary
    self.handler = handler
    parameters = Route.segments(of: template[...]).filter { $0.hasPrefix("{") }
      .map { String($0.dropFirst().dropLast()) }
    access = RouteAccess(flows: scope == .open ? .none : parameters.contains("flow") ? .named : .all)
  }

  /// True for an operation that changes state.
  var isChanging: Bool {
    method != "GET" && scope != .read && template != Route.session
  }

  /// True for an operation that compiles, renders or evaluates, at a cost that grows with the input or the programs.
  var isExpensive: Bool {
    scope == .deploy || scope == .operate || scope == .read
  }

  /// Declares that each node of a store answers the request.
  func answeredByEachNode() -> Route {
    var copy = self
    copy.isAnsweredByEachNode = true
    return copy
  }

  /// Declares the access of the resource by flow, instance and field.
  func limiting(
    _ flows: RouteAccess.Flows? = nil, instances: RouteAccess.Instances = .none, fields: RouteAccess.Fields = .none
  ) -> Route {
    var copy = self
    copy.access = RouteAccess(flows: flows ?? access.flows, instances: instances, fields: fields)
    return copy
  }

  /// The segments of a path between its slashes, including empty ones.
  static func segments(of path: Substring) -> [Substring] {
    // By bytes: the boundaries of characters are slow to find.
    path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Substring($0) }
  }
}
