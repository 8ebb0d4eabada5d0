public import FlowHTTP
import FlowIR
import FlowJSON
public import FlowMachine
public import FlowRuntime
import Synchronization

/// Answers requests on a node that does not own the store, from the database alone: documents that depend on the served
/// flows, and the live stream.
///
/// Each document is preceded by a look at the deployments in the database, so that it is never older than a deployment
/// that was acknowledged, whichever node has forwarded it.
public final class StandbyReader: Sendable {
  private struct State {
    var rows: [DeploymentRow]?
    var generation = 0
    var machines: [String: Machine]
  }

  /// The access control of the requests that this node answers itself.
  public let access: AccessMiddleware
  let live: LiveHub
  private let engine: EngineThread
  private let queries: any Queries
  let feed: any Queries
  let progress = Mutex(Progress())
  private let started: [String]
  private let state: Mutex<State>
  private let workers = WorkerPool(width: 2, limit: AccessMiddleware.maximumWaiting)

  /// - Parameters:
  ///   - access: Precedes a service whose engine is `engine`.
  ///   - engine: That of the owner (``FlowRuntime/EngineThread/remote()``).
  ///   - live: The live stream of the service.
  ///   - queries: A connection of its own, for the served flows.
  ///   - feed: Another one, for the journal.
  ///   - machines: The programs that the server was started with.
  public init(
    _ access: AccessMiddleware, engine: EngineThread, live: LiveHub, queries: any Queries,
    feed: any Queries, startedWith machines: [Machine]
  ) {
    self.access = access
    self.live = live
    self.engine = engine
    self.queries = queries
    self.feed = feed
    started = machines.map(\.program.hash)
    state = Mutex(
      State(machines: Dictionary(machines.map { ($0.program.hash, $0) }, uniquingKeysWith: { first, _ in first })))
  }

  /// Returns true for a request that this node may answer itself.
  public static func mayAnswer(_ request: HTTPRequest) -> Bool {
    RouteMatch(method: request.method, path: request.path).route?.isAnsweredByEachNode ?? false
  }

  /// Answers a request, or calls `forward` when the database can't be read.
  public func handle(
    _ request: HTTPRequest, _ respond: ResponseHandle, otherwise forward: @escaping @Sendable () -> Void
  ) {
    let isAccepted = workers.run { [self] in
      do throws(StoreError) {
        try refresh()
      } catch {
        return forward()
      }
      guard !access.isDraining else { return forward() }
      access.handle(request, respond)
    }
    if !isAccepted { forward() }
  }

  /// Returns true if the socket of a request belongs to this node's own live stream.
  public func hasOpened(_ request: HTTPRequest) -> Bool { request.access?.middleware === access }

  /// Ends sockets and streams, because this node is about to own the store; their clients connect again. Requests in
  /// progress open no further ones: those would receive nothing.
  public func end() {
    live.close()
    access.drain()
  }

  /// The mark of the flows that are served, as far as this node knows.
  var servedFlows: String { engine.catalogue.mark }

  /// Reads the flows that the owner serves.
  /// - Throws: `StoreError` when the database or a program can't be read; the owner then answers.
  func refresh() throws(StoreError) {
    let isChanged = try state.withLock { state throws(StoreError) in
      // Under the lock, so that no older list replaces a newer one.
      let rows = try queries.deployments()
      if rows == state.rows { return false }
      let machines = try load(rows, known: state.machines)
      state.generation += 1
      // Before an instance of a new program can be shown.
      for machine in machines.values { access.settings.redaction.follow(machine.program) }
      engine.follow(
        try Catalogue(rows, startedWith: started, generation: state.generation) { hash throws(StoreError) in
          guard let machine = machines[hash] else { throw StandbyReader.unreadable(hash) }
          return machine
        })
      state.rows = rows
      state.machines = machines
      return true
    }
    if isChanged { access.service.follow(access.settings.redaction) }
  }

  /// The program with a hash.
  /// - Throws: `StoreError` when it can't be read.
  public func machine(_ hash: String) throws(StoreError) -> Machine {
    if let known = state.withLock({ $0.machines[hash] }) { return known }
    guard let machine = try access.service.programs.machine(hash) else { throw StandbyReader.unreadable(hash) }
    return machine
  }

  private func load(_ rows: [DeploymentRow], known: [String: Machine]) throws(StoreError) -> [String: Machine] {
    var machines = known.filter { started.contains($0.key) }
    for hash in Set(rows.map(\.definition)) where machines[hash] == nil {
      machines[hash] = known[hash]
      if machines[hash] == nil { machines[hash] = try queries.definition(hash: hash).flatMap(Machine.stored) }
    }
    return machines
  }

  private static func unreadable(_ hash: String) -> StoreError {
    .unavailable("the program \(hash.prefix(12)) can't be read by this version of Flow")
  }
}
