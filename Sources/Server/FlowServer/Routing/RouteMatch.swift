import FlowSource

/// The resolved route of a request: its resource, the required scope, and the names in its path.
struct RouteMatch: Sendable {
  /// The result of the look-up.
  enum Target: Sendable {
    case route(ServedRoute)
    /// The resource exists, for these methods.
    case methods([String])
    case nothing
    /// The path contains an escape that is not UTF-8.
    case malformed(Problem)
  }

  let target: Target
  let scope: Scope
  /// The path with `{name}` for its variables; `/{other}` for unknown paths.
  let template: String
  /// True if the request changes state.
  let isChanging: Bool
  /// The decoded variables of the path, in the order of the template.
  private let values: [String]

  init(method: String, path: String) {
    let found = RouteTree.served.find(method, path)
    guard case .route(let served, let segments) = found else {
      // Only callers with a scope are informed of unknown paths; the methods of an open resource are public.
      let isOpen = if case .methods(_, isOpen: true) = found { true } else { false }
      target = if case .methods(let methods, _) = found { .methods(methods) } else { .nothing }
      scope = isOpen ? .open : method == "GET" || method == "HEAD" ? .read : .operate
      template = "/{other}"
      isChanging = scope == .operate
      values = []
      return
    }
    var values: [String] = []
    var failure: Problem?
    do throws(Problem) {
      for segment in segments { values.append(try RouteRequest.decode(segment, isQuery: false)) }
    } catch {
      failure = error
    }
    target = failure.map { .malformed($0) } ?? .route(served)
    scope = served.route.scope
    template = served.route.template
    isChanging = served.route.isChanging
    self.values = values
  }

  private var served: ServedRoute? { if case .route(let served) = target { served } else { nil } }

  var route: Route? { served?.route }

  /// The access to fields that the route declares.
  var fields: RouteAccess.Fields { served?.route.access.fields ?? .none }

  /// The variable `{name}` of the path.
  subscript(_ name: String) -> String? {
    guard let index = served?.route.parameters.firstIndex(of: name) else { return nil }
    return values[index]
  }

  /// The flow in the path; nil without one.
  var flow: String? { self["flow"] }

  /// The effect of a key's limit to some flows.
  var flows: RouteAccess.Flows {
    switch target {
    case .route(let served): served.route.access.flows
    // A path that can't be decoded identifies no visible flow.
    case .malformed, .methods, .nothing: .all
    }
  }

  /// The maximum size of bodies that are parsed on the loop, in bytes.
  static let cheapBytes = 4_096

  /// True if the request is cheap for a loop, apart from its body.
  var isCheap: Bool { served.map { !$0.route.isExpensive } ?? true }

  /// True for a health check, which works under any host name.
  var isProbe: Bool { template == "/livez" || template == "/readyz" }

  /// True for the live stream, the only resource that may be opened before the caller authenticates.
  var isLive: Bool { template == Route.live }
}
