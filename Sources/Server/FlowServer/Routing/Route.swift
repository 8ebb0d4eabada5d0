/// What a caller has to be allowed to do.
enum Scope: String, CaseIterable, Sendable {
  /// For everybody.
  case open
  case read
  case send
  /// Doing jobs for the flows.
  case work
  case operate
  case deploy
}

/// One thing that can be done with a resource: the same value serves routing, access, metrics and documentation.
struct Route: Sendable {
  typealias Handler = @Sendable (FlowService) -> (RouteRequest) throws(Problem) -> Void

  var method: String
  /// The path, with `{name}` for what varies.
  var template: String
  var scope: Scope
  /// What it does, in a few words.
  var summary: String
  var handler: Handler
  var document = RouteDocument()
  /// The names in `template`, in order.
  let parameters: [String]

  init(_ method: String, _ template: String, _ scope: Scope, _ summary: String, _ handler: @escaping Handler) {
    self.method = method
    self.template = template
    self.scope = scope
    self.summary = summary
    self.handler = handler
    parameters = Route.segments(of: template[...]).filter { $0.hasPrefix("{") }
      .map { String($0.dropFirst().dropLast()) }
  }

  /// Whether it is there to change something.
  var isChanging: Bool { ![.open, .read].contains(scope) || method != "GET" && scope == .open }

  /// What lies between the slashes of a path; an empty segment counts.
  static func segments(of path: Substring) -> [Substring] {
    path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
  }
}
