import FlowActions
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowNodes
import FlowRuntime
import FlowServer
import FlowStorePostgres
import FlowStoreSQLite
import Glibc

// A server on a PostgreSQL database is one of several nodes: a standby until it holds the lease of the store.
extension ServeCommand {
  /// The time to complete requests in progress before the store is handed over, in milliseconds; some wait for events.
  private static let completionMilliseconds = 100
  /// The time to wait for the successor, in milliseconds.
  private static let handoverMilliseconds: Int64 = 2000
  /// The interval in which a standby records itself, in milliseconds.
  private static let registrationMilliseconds: Int64 = 1000

  func runNode(_ database: PostgresDatabase, _ signals: Signals) throws(StartupError) {
    let forwarder = Forwarder(metrics: metrics, onMissingOwner: Signals.wake)
    let handler = NodeHandler(forwarder, onClaimRequest: Signals.wake)
    forwarder.start()
    let server = try listen(handler)
    let lease = PostgresLease(database, address: options.advertisedAddress ?? url(port: server.port))
    log.write(.info, "node \(lease.node.prefix(8)) on \(options.store.text), listening on \(url(port: server.port))")
    if options.advertisedAddress == nil, options.address.isAny {
      log.write(.warn, "other nodes can't reach \(options.address.host); name this node with --advertise URL")
    }
    Systemd.notify("READY=1")
    if let secret = try prepare(database, signals) {
      let node = NodeMembership(lease: lease, handler: handler, log: log, secret: secret)
      handler.allowForwarding(try standbyAccess(secret))
      defer { node.leave() }
      let reader = try makeReader(database, of: node, forwardingTo: forwarder)
      handler.read(through: reader)
      let follower = JournalFollower(reader, secret: secret) { handler.owner }
      follower.start()
      let runner = makeRunner()
      let calls = options.isSpreading ? makeCallRunner(node, programs: reader, runner: runner) : nil
      calls?.start()
      let isOwner = try claim(node, reader: reader, until: signals)
      follower.stop()
      if isOwner { try own(database, node, runner: runner, calls: calls, on: server, until: signals) }
      calls?.stop()
      runner.shutdown()
    }
    server.shutdown()
    forwarder.stop()
    finish()
  }

  /// Serves as the owner of the store until the process has to end.
  private func own(
    _ database: PostgresDatabase, _ node: NodeMembership, runner: BindingRunner, calls: CallRunner?,
    on server: HTTPServer, until signals: Signals
  ) throws(StartupError) {
    calls?.stopClaiming()
    node.handler.prepareToServe()
    let heartbeat = LeaseHeartbeat(node.lease, log: log, onBeat: node.register, onLoss: restart)
    let store = ServedStore.database(database, lease: node.lease, retention: options.retention)
    let access: AccessMiddleware
    do throws(StartupError) {
      access = try makeAccess(store, runner: runner, nodeSecret: node.secret, onFatal: restart)
    } catch {
      guard error.isTemporary else { throw error }
      // Another node may be able to serve the store.
      heartbeat.stop()
      node.release(to: nil)
      return restart("the store could not be opened: \(error.message)")
    }
    node.handler.activate(access)
    calls?.report(to: engine)
    node.register()
    log.write(.info, "owner of the store: flow serves \(flowNames) from \(options.store.text)")
    serve(access, of: store, until: signals, announce: node.handler.announceDrain) {
      handOver(access, of: node, ending: heartbeat, server: server)
    }
  }

  /// Completes the requests in progress and gives up the store. With another node, further requests wait for it.
  private func handOver(
    _ access: AccessMiddleware, of node: NodeMembership, ending heartbeat: LeaseHeartbeat, server: HTTPServer
  ) {
    let successor = node.successor()
    if successor == nil {
      access.drain()
      server.shutdown()
    } else {
      node.handler.handOver()
      access.drain()
      access.waitForResponses(milliseconds: ServeCommand.completionMilliseconds)
    }
    engine.shutdown()
    heartbeat.stop()
    node.release(to: successor)
    guard successor != nil else { return }
    let deadline = currentMilliseconds() + ServeCommand.handoverMilliseconds
    while (try? node.findOwner()) ?? nil == nil, currentMilliseconds() < deadline { usleep(5000) }
  }

  /// Creates or upgrades the tables and joins the nodes of the store. Waits for a database that cannot be reached, and
  /// before an upgrade for the end of nodes that do not know the new tables.
  /// - Returns: The secret of the nodes; nil when the process has to end.
  private func prepare(_ database: PostgresDatabase, _ signals: Signals) throws(StartupError) -> [UInt8]? {
    var reported = ""
    while true {
      do throws(StoreError) {
        try database.prepare(mayCreate: options.opening.mayCreate)
        return try join(database)
      } catch {
        guard case .unavailable(let message) = error else { throw StartupError(message: error.message) }
        if message != reported { log.write(.warn, message) }
        reported = message
      }
      if signals.wait(milliseconds: NodeMembership.claimMilliseconds) == .end { return nil }
    }
  }

  private func join(_ database: PostgresDatabase) throws(StoreError) -> [UInt8] {
    let secret = try NodeSecret(database, keyPath: options.clusterKeyPath).bytes
    if options.clusterKeyPath == nil { try checkFlows(database) }
    return secret
  }

  /// Rejects a store whose live nodes serve other flows only: it most probably belongs to another installation, whose
  /// flows would be retired when this node takes over. A common cluster key shows that it does not.
  private func checkFlows(_ database: PostgresDatabase) throws(StoreError) {
    let others = try database.flowsOfOthers()
    let own = Set(configuration.programs.flatMap(\.program.flows).map(\.name))
    guard !own.isEmpty, !others.isEmpty, own.isDisjoint(with: others) else { return }
    let shown = others.prefix(5).map { "`\($0)`" }.joined(separator: ", ") + (others.count > 5 ? ", …" : "")
    throw .unusable(
      """
      the live nodes of the store serve \(shown), and this node has none of these flows: another installation uses \
      \(options.store.text); choose another schema, or start all nodes of the store with one --cluster-key
      """)
  }

  private func standbyAccess(_ secret: [UInt8]) throws(StartupError) -> StandbyAccess {
    var settings = try accessSettings()
    settings.nodeSecret = secret
    return StandbyAccess(settings, metrics: metrics, dashboard: options.dashboard, clock: currentMilliseconds)
  }

  /// Creates the runner of calls for the owner.
  private func makeCallRunner(
    _ node: NodeMembership, programs reader: StandbyReader, runner: BindingRunner
  ) -> CallRunner {
    CallRunner(
      node: node.lease.node, secret: node.secret, settings: nodeSettings(node.secret), reader: reader,
      runner: InstrumentedRunner(runner, metrics), environment: Terminal.variable,
      owner: { [handler = node.handler] in handler.owner }, warn: { [log] in log.write(.warn, $0) })
  }

  /// Creates the service of a standby, which reads the database.
  private func makeReader(
    _ database: PostgresDatabase, of node: NodeMembership, forwardingTo forwarder: Forwarder
  ) throws(StartupError) -> StandbyReader {
    var settings = try accessSettings()
    settings.nodeSecret = node.secret
    let engine = EngineThread.remote()
    let live = LiveHub(redaction: options.redaction, metrics: metrics)
    do {
      try live.begin(PostgresQueries(database))
      let machines = try programs.map { try Machine($0) }
      let service = FlowService(
        engine: engine, queries: PostgresQueries(database), readers: [PostgresQueries(database)], live: live,
        clock: currentMilliseconds, dashboard: options.dashboard, role: NodeHandler.Role.standby.rawValue,
        nodes: { [lease = node.lease] () throws(StoreError) in try lease.nodes() },
        publications: publicationChannels, forward: { [forwarder] in forwarder.forward($0, $1) })
      let access = AccessMiddleware(
        service, settings, queries: PostgresQueries(database), metrics: metrics, log: log, audit: options.audit,
        workers: max(2, options.loops), clock: currentMilliseconds)
      return StandbyReader(
        access, engine: engine, live: live, queries: PostgresQueries(database), feed: PostgresQueries(database),
        startedWith: machines)
    } catch let error as StoreError {
      throw StartupError(message: error.message)
    } catch {
      throw StartupError(message: "\(error)")
    }
  }

  /// Waits for the lease as a standby, which forwards requests to the owner.
  /// - Returns: False when the process has to end.
  private func claim(
    _ node: NodeMembership, reader: StandbyReader, until signals: Signals
  ) throws(StartupError) -> Bool {
    var reported = ""
    var registeredAt: Int64 = 0
    while true {
      var state: String
      do throws(StoreError) {
        if try node.lease.claim() { return true }
        state = "standby of \(try node.findOwner() ?? "no owner")"
      } catch {
        if case .unusable(let message) = error { throw StartupError(message: message) }
        // The owner may be reachable although the database is not.
        state = "standby: \(error.message)"
      }
      if state != reported { log.write(.info, state) }
      reported = state
      if currentMilliseconds() - registeredAt >= ServeCommand.registrationMilliseconds {
        node.register()
        registeredAt = currentMilliseconds()
      }
      switch signals.wait(milliseconds: NodeMembership.claimMilliseconds) {
      case .end:
        beginDrain(signals)
        node.handler.announceDrain()
        usleep(UInt32(options.drainMilliseconds * 1000))
        return false
      case .reload: reloadStandby(node, reader)
      case .wake, nil: break
      }
    }
  }

  private func reloadStandby(_ node: NodeMembership, _ reader: StandbyReader) {
    do throws(StartupError) {
      node.handler.allowForwarding(try standbyAccess(node.secret))
      if let keys = try accessSettings().keys { reader.access.replaceKeys(keys) }
      log.write(.info, "reloaded")
    } catch {
      log.write(.error, "the settings were not reloaded", fields: [.init("err", .string(error.message))])
    }
  }

  /// Replaces this process by a new one with the same arguments, which starts as a standby: nothing in memory is valid
  /// after the loss of the lease, and no request may be answered from it.
  private var restart: @Sendable (String) -> Void {
    { [log] reason in
      log.write(.error, "\(reason): this node starts again as a standby")
      log.flush()
      var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) } + [nil]
      execv("/proc/self/exe", &arguments)
      Terminal.error("the node could not start again: \(String(cString: strerror(errno)))")
      _exit(3)
    }
  }
}
