import FlowHTTP
import FlowRuntime
import FlowServer
import FlowStorePostgres
import FlowStoreSQLite
import Glibc

// A server on a PostgreSQL database is one of several nodes: a standby until it holds the lease of the store.
extension ServeCommand {
  /// The interval in which a standby tries to claim the store, in milliseconds.
  private static let claimMilliseconds: Int64 = 500

  func runNode(_ database: PostgresDatabase, _ signals: Signals) throws(StartupError) {
    let handler = NodeHandler()
    let server = try listen(handler)
    let lease = PostgresLease(database, address: options.advertisedAddress ?? url(port: server.port))
    log.write(.info, "node \(lease.node.prefix(8)) on \(options.store.text), listening on \(url(port: server.port))")
    Systemd.notify("READY=1")
    guard try prepare(database, signals), claim(lease, handler: handler, signals: signals) else {
      server.shutdown()
      return finish()
    }
    let heartbeat = LeaseHeartbeat(lease, log: log, onLoss: restart)
    let runner = makeRunner()
    let store = ServedStore.database(database, lease: lease, retention: options.retention)
    let access = try makeAccess(store, runner: runner, onFatal: restart)
    handler.activate(access)
    log.write(.info, "owner of the store: flow serves \(flowNames) from \(options.store.text)")
    serve(access, on: server, runner: runner, until: signals) {
      heartbeat.stop()
      releaseLease(lease)
    }
  }

  /// Creates or upgrades the tables, and waits for a database that cannot be reached.
  /// - Returns: False when the process has to end.
  private func prepare(_ database: PostgresDatabase, _ signals: Signals) throws(StartupError) -> Bool {
    var reported = ""
    while true {
      do throws(StoreError) {
        try database.prepare(mayCreate: options.opening.mayCreate)
        return true
      } catch {
        guard case .unavailable(let message) = error else { throw StartupError(message: error.message) }
        if message != reported { log.write(.warn, message) }
        reported = message
      }
      if signals.wait(milliseconds: ServeCommand.claimMilliseconds) == .end { return false }
    }
  }

  /// Waits for the lease as a standby.
  /// - Returns: False when the process has to end.
  private func claim(_ lease: PostgresLease, handler: NodeHandler, signals: Signals) -> Bool {
    var reported = ""
    while true {
      var state: String
      do throws(StoreError) {
        if try lease.claim() { return true }
        let owner = try lease.holder()?.address
        handler.note(owner: owner)
        state = "standby of \(owner ?? "no owner")"
      } catch {
        handler.note(owner: nil)
        state = "standby: \(error.message)"
      }
      if state != reported { log.write(.info, state) }
      reported = state
      if signals.wait(milliseconds: ServeCommand.claimMilliseconds) == .end { return false }
    }
  }

  private func releaseLease(_ lease: PostgresLease) {
    do throws(StoreError) {
      try lease.release()
    } catch {
      log.write(.warn, "the lease was not released, and ends by itself: \(error.message)")
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
