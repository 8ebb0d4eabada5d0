import Dispatch
public import FlowHTTP
public import FlowIR
import FlowJSON
import FlowMachine
public import FlowRuntime
import Synchronization

/// The API over HTTP and WebSocket: parses and serialises, and leaves the rest to the engine.
///
/// Its methods run on the server's loop threads and never wait: the engine answers later, reads go to a queue of
/// their own.
public final class FlowService: HTTPHandler {
  let engine: EngineThread
  let reader: QueryQueue
  let programs: ProgramCache
  /// Milliseconds since 1970.
  let clock: @Sendable () -> Int64
  let live: LiveHub
  let routes = RouteTree.served
  let pictures = DiagramCache()
  /// ProgramCache are compiled, and runs simulated, one after the other.
  let deployments = DispatchQueue(label: "flow.deploy")
  let simulations = DispatchQueue(label: "flow.simulate")
  /// Who is at the other end of each socket.
  let peers = Mutex<[WebSocketHandle: HTTPRequest]>([:])
  let batches = Mutex((count: 0, kept: [BulkWork]()))
  /// What a program needs that can't be served here; nil when nothing is missing.
  let obstacle: @Sendable (Program) -> String?
  /// A variable of the environment, for the secrets of webhooks.
  let variable: @Sendable (String) -> String?

  /// - Parameter queries: A connection that only reads, for lists, views and what subscribers missed.
  public init(
    engine: EngineThread, queries: any Queries, live: LiveHub, clock: @escaping @Sendable () -> Int64,
    obstacle: @escaping @Sendable (Program) -> String? = { _ in nil },
    variable: @escaping @Sendable (String) -> String? = { _ in nil }
  ) {
    self.engine = engine
    self.reader = QueryQueue(queries)
    programs = ProgramCache(engine: engine, queries: queries)
    self.live = live
    self.clock = clock
    self.obstacle = obstacle
    self.variable = variable
  }

  /// What is served.
  var catalogue: Catalogue { engine.catalogue }

  // MARK: - HTTP

  public func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    let responder = Responder(handle: respond)
    do throws(Problem) {
      switch routes.find(request.method, request.path) {
      case .nothing: throw .notFound("there is nothing at \(request.path)")
      case .methods(let methods, _): throw .methodNotAllowed(methods)
      case .route(let route, let parameters):
        try route.handler(self)(try RouteRequest(request, route, parameters, responder))
      }
    } catch {
      responder.send(error.response)
    }
  }

  /// For what is answered before a request comes here.
  func leaveToGate(_ exchange: RouteRequest) throws(Problem) {
    throw .notFound("there is nothing at \(exchange.request.path)")
  }

  func showHealth(_ exchange: RouteRequest) throws(Problem) { exchange.respond.send(FlowService.healthy) }

  private static let healthy = HTTPResponse(
    status: 200, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Array("ok\n".utf8))

  // MARK: - Helpers

  func json(_ document: JSON, status: Int = 200, headers: [(String, String)] = []) -> HTTPResponse {
    .json(document, status: status, headers: headers)
  }

  /// The body as JSON.
  func body(_ request: HTTPRequest) throws(Problem) -> JSON { try request.json() }

  /// The flow that the path names.
  func flow(_ exchange: RouteRequest) throws(Problem) -> Catalogue.Entry {
    let name = exchange["flow"] ?? ""
    guard let entry = catalogue[name] else { throw .unknownFlow(name, catalogue) }
    return entry
  }
}

extension HTTPResponse {
  static func json(_ document: JSON, status: Int = 200, headers: [(String, String)] = []) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [("Content-Type", "application/json")] + headers, body: document.bytes() + [0x0A])
  }
}
