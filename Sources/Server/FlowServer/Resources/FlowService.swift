import FlowCrypto
public import FlowHTTP
public import FlowIR
import FlowJSON
import FlowMachine
public import FlowRuntime
import Synchronization

/// The API over HTTP and WebSocket: parses requests, calls the engine or reads the store, and renders the results.
///
/// Its methods never block: the engine answers asynchronously, reads run on workers. ``AccessMiddleware`` authenticates
/// each request before it reaches this type.
public final class FlowService: Sendable {
  let engine: EngineThread
  let reader: QueryQueue
  let programs: ProgramCache
  /// Milliseconds since 1970.
  let clock: @Sendable () -> Int64
  let live: LiveHub
  let pictures = DiagramCache()
  let hovers = ProgramViewCache()
  /// Programs are compiled, and runs are simulated, one after the other.
  let deployments = WorkerPool(width: 1, limit: FlowService.maximumWaiting)
  let simulations = WorkerPool(width: 1, limit: FlowService.maximumWaiting)
  /// The clients of open sockets.
  let peers = Mutex<[WebSocketHandle: LivePeer]>([:])
  let batches = Mutex((last: Int64(0), kept: [BulkWork]()))
  /// The reason why a program can't be served here; nil when all requirements are met.
  let obstacle: @Sendable (Program) -> String?
  /// A variable of the environment, for the secrets of webhooks.
  let variable: @Sendable (String) -> String?
  /// The web page; nil when it is disabled.
  let dashboard: (@Sendable () -> Dashboard)?
  /// The role of this node, such as `owner`; nil for a server without other nodes.
  let role: String?
  /// The nodes of the store; nil for a server without others.
  let nodes: (@Sendable () throws(StoreError) -> [NodeRow])?
  /// Sends a request to the owner of the store; nil for the owner itself.
  let forward: (@Sendable (HTTPRequest, ResponseHandle) -> Void)?
  /// The parts of the live stream that are published to brokers.
  let publications: [PublicationChannel]
  /// The key of entity tags.
  let tagSecret = randomBytes(32) ?? []

  /// The maximum number of waiting deployments or simulations.
  static let maximumWaiting = 64

  /// - Parameters:
  ///   - queries: Read-only connections for lists and views; each serves one request at a time.
  ///   - clock: Milliseconds since 1970.
  ///   - obstacle: The reason why a program can't be served here.
  ///   - variable: A variable of the environment.
  ///   - dashboard: The web page; nil to disable it.
  ///   - role: The role of this node among several; nil for a server without other nodes.
  ///   - nodes: The nodes of the store.
  ///   - publications: The parts of the live stream that are published to brokers.
  ///   - forward: Sends a request to the owner of the store, on another node.
  public init(
    engine: EngineThread, queries: any Queries, readers: [any Queries] = [], live: LiveHub,
    clock: @escaping @Sendable () -> Int64, obstacle: @escaping @Sendable (Program) -> String? = { _ in nil },
    variable: @escaping @Sendable (String) -> String? = { _ in nil },
    dashboard: (@Sendable () -> Dashboard)? = nil, role: String? = nil,
    nodes: (@Sendable () throws(StoreError) -> [NodeRow])? = nil, publications: [PublicationChannel] = [],
    forward: (@Sendable (HTTPRequest, ResponseHandle) -> Void)? = nil
  ) {
    self.engine = engine
    self.reader = QueryQueue(queries, readers)
    programs = ProgramCache(engine: engine, queries: queries)
    self.live = live
    self.clock = clock
    self.obstacle = obstacle
    self.variable = variable
    self.dashboard = dashboard
    self.role = role
    self.nodes = nodes
    self.publications = publications
    self.forward = forward
    live.follow { engine.catalogue.mark }
  }

  /// The served flows.
  var catalogue: Catalogue { engine.catalogue }

  /// Executes a request that the access middleware has admitted.
  func handle(_ request: HTTPRequest, _ responder: Responder) {
    do throws(Problem) {
      switch responder.context.match.target {
      case .nothing: throw .notFound("there is nothing at \(AuditSampler.shortened(request.path))")
      case .methods(let methods): throw .methodNotAllowed(methods)
      case .malformed(let problem): throw problem
      case .route(let served): try served.route.handler(self)(try RouteRequest(request, of: served, responder))
      }
    } catch {
      responder.send(error)
    }
  }

  // MARK: - Helpers

  func json(_ document: JSON, status: Int = 200, headers: [(String, String)] = []) -> HTTPResponse {
    .json(document, status: status, headers: headers)
  }

  /// The flow in the path.
  /// - Throws: 404.
  func flow(_ request: RouteRequest) throws(Problem) -> Catalogue.Entry {
    let name = request["flow"] ?? ""
    guard let entry = catalogue[name] else { throw .unknownFlow(name, known: knownFlows(request.context)) }
    return entry
  }
}
