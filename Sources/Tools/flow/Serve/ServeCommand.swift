import FlowActions
import FlowBrokers
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowServer
import Glibc

/// The composition root of the server: the engine with its store and runners, the service, access control, sockets.
struct ServeCommand {
  /// The reason why the server could not start.
  struct StartupError: Error {
    var message: String
    /// True if a later start may succeed: the store could not be reached.
    var isTemporary = false
  }

  let configuration: ServeConfiguration
  let metrics = Metrics(version: FlowCommandLine.version, process: Metrics.Process.current)
  private let exporter: BindingRunner
  private let tracer: Tracer?
  let engine: EngineThread

  var options: ServeOptions { configuration.options }
  var log: Log { configuration.options.log }

  private init(_ configuration: ServeConfiguration) {
    self.configuration = configuration
    engine = EngineThread(ownCalls: configuration.options.ownCalls)
    // The operator chooses the collector, so it may be on a private network.
    var open = ActionSettings()
    open.reach = NetworkPolicy(allowsPrivate: true, hosts: [])
    exporter = BindingRunner(settings: open, log: { _ in })
    tracer = configuration.options.collector.map { [exporter] in ServeCommand.tracer(collector: $0, exporter: exporter)
    }
  }

  /// Serves until the process is asked to end; the result is the exit code.
  static func run(_ configuration: ServeConfiguration) -> Int32 {
    // Signals are blocked before any thread starts, so that only this thread receives them.
    let signals = Signals()
    raiseDescriptorLimit()
    do throws(StartupError) {
      try ServeCommand(configuration).run(signals)
      return ExitCode.success
    } catch {
      Terminal.error(error.message)
      return ExitCode.usage
    }
  }

  private func run(_ signals: Signals) throws(StartupError) {
    for warning in configuration.warnings { log.write(.warn, warning) }
    switch options.store {
    case .database(let database): try runNode(database, signals)
    case .file(let path): try runAlone(.file(path, retention: options.retention, opening: options.opening), signals)
    }
  }

  /// Serves a store that no other process can use.
  private func runAlone(_ store: ServedStore, _ signals: Signals) throws(StartupError) {
    let runner = makeRunner()
    let access = try makeAccess(store, runner: runner) { [log] message in
      // The state on disk is unknown until the store is opened again.
      log.flush()
      Terminal.error(message, help: "the process exits; start it again")
      _exit(3)
    }
    let server = try listen(access)
    log.write(
      .info, "flow serves \(flowNames) from \(options.store.text), listening on \(url(port: server.port))")
    Systemd.notify("READY=1")
    serve(access, of: store, until: signals) {
      server.shutdown()
      engine.shutdown()
    }
    runner.shutdown()
    finish()
  }

  /// Serves until the process is asked to end.
  /// - Parameters:
  ///   - announce: Makes readiness checks fail; nil to close sockets and streams as well.
  ///   - end: Completes the requests in progress, and ends the engine.
  func serve(
    _ access: AccessMiddleware, of store: ServedStore, until signals: Signals, announce: (() -> Void)? = nil,
    end: () -> Void
  ) {
    let watchdog = Watchdog(engine)
    if options.isWatching { ServeWatch(configuration, engine: engine, redaction: options.redaction).start() }
    let queues = QueueReaders(
      engine: engine, settings: ActionOptions.queues(configuration.actions), metrics: metrics, log: log)
    queues.start()
    let publishers = Publishers(
      configuration.publications, engine: engine, redaction: options.redaction, metrics: metrics, log: log,
      makeQueries: store.makeQueries)
    publishers.start()
    serving: while true {
      switch signals.wait() {
      case .reload: reload(access)
      case .wake: continue
      case .end: break serving
      }
    }
    beginDrain(signals)
    queues.stop()
    if let announce { announce() } else { access.drain() }
    usleep(UInt32(options.drainMilliseconds * 1000))
    publishers.stop()
    end()
    watchdog?.stop()
  }

  func beginDrain(_ signals: Signals) {
    signals.exitOnNextRequest()
    Systemd.notify("STOPPING=1")
    log.write(.info, "draining")
  }

  /// Writes traces and logs that are still in memory.
  func finish() {
    tracer?.flush()
    exporter.shutdown()
    log.write(.info, "stopped")
    log.flush()
    options.audit.flush()
  }

  func makeRunner() -> BindingRunner {
    BindingRunner(
      settings: configuration.actions,
      log: { [log, redaction = options.redaction] in
        log.write(.info, "log", fields: [.init("text", redaction.masked($0))])
      })
  }

  /// Starts the engine on a store, with the service and its access control.
  func makeAccess(
    _ store: ServedStore, runner: BindingRunner, nodeSecret: [UInt8]? = nil,
    onFatal: @escaping @Sendable (String) -> Void
  ) throws(StartupError) -> AccessMiddleware {
    var settings = try accessSettings()
    settings.nodeSecret = nodeSecret
    settings.nodeSettings = options.isSpreading ? nodeSecret.map(nodeSettings) : nil
    let service = try startService(store, runner: InstrumentedRunner(runner, metrics), onFatal: onFatal)
    let access = AccessMiddleware(
      service, settings, queries: try openQueries(store), metrics: metrics, log: log, audit: options.audit,
      workers: max(2, options.loops), clock: currentMilliseconds)
    try checkRedaction()
    return access
  }

  /// A misspelt name would hide nothing. All programs are known now: those of the files, and those of the store.
  private func checkRedaction() throws(StartupError) {
    if let mistake = options.redaction.mistake {
      engine.shutdown()
      throw StartupError(message: mistake)
    }
    for text in options.redaction.warnings() { log.write(.warn, text) }
  }

  /// The parts of the live stream that are published, for the description of the API.
  var publicationChannels: [PublicationChannel] { configuration.publications.map(\.channel) }

  /// The programs that the server is started with.
  var programs: [Program] { configuration.programs.map(\.program) }

  /// The settings of this node for actions.
  func nodeSettings(_ secret: [UInt8]) -> NodeSettings {
    NodeSettings(configuration.actions.text, secret: secret, variable: Terminal.variable)
  }

  var flowNames: String { configuration.programs.flatMap(\.program.flows).map(\.name).joined(separator: ", ") }

  func url(port: Int) -> String { "\(options.tls == nil ? "http" : "https")://\(options.address.text(port: port))" }

  private func openQueries(_ store: ServedStore) throws(StartupError) -> any Queries {
    do throws(StoreError) {
      return try store.makeQueries()
    } catch {
      throw StartupError(message: error.message, isTemporary: error.isTemporary)
    }
  }

  func accessSettings() throws(StartupError) -> AccessMiddleware.Settings {
    do throws(KeyFileError) {
      var settings = try options.accessSettings()
      settings.tracer = tracer
      return settings
    } catch {
      throw StartupError(message: error.message)
    }
  }

  /// Reads keys and certificates again; invalid ones leave the previous ones in place.
  private func reload(_ access: AccessMiddleware) {
    Systemd.notify("RELOADING=1")
    do throws(TLSError) {
      try options.tls?.reload()
    } catch {
      log.write(.error, "the certificate was not reloaded", fields: [.init("err", .string(error.message))])
    }
    do throws(KeyFileError) {
      if let path = options.keysPath { try reloadKeys(path, access) }
      log.write(.info, "reloaded")
    } catch {
      log.write(.error, "the keys were not reloaded", fields: [.init("err", .string(error.message))])
    }
    Systemd.notify("READY=1")
  }

  /// A file without keys revokes all of them, as does a missing one; an invalid one leaves the previous keys in place.
  private func reloadKeys(_ path: String, _ access: AccessMiddleware) throws(KeyFileError) {
    let file = JSON.Member("file", .string(path))
    guard Glibc.access(path, F_OK) == 0 else {
      access.replaceKeys(.empty)
      return log.write(.error, "the key file is missing: all keys are revoked", fields: [file])
    }
    let keys = try KeyFile.load(path)
    access.replaceKeys(keys)
    if keys.isEmpty { log.write(.warn, "the key file has no keys: all keys are revoked", fields: [file]) }
  }

  private static func tracer(collector: String, exporter: BindingRunner) -> Tracer {
    Tracer(version: FlowCommandLine.version, clock: currentMilliseconds) { document, done in
      let action = BoundAction.http(method: "POST", url: collector, headers: [], body: document)
      let request = JobRequest(action: action, timeoutMilliseconds: 10_000, idempotencyKey: "traces", attempt: 1)
      // An unreachable collector loses spans; instances are not affected.
      exporter.run(request) { _ in done() }
    }
  }

  private func startService(
    _ store: ServedStore, runner: any ActionRunner, onFatal: @escaping @Sendable (String) -> Void
  ) throws(StartupError) -> FlowService {
    let live = LiveHub(redaction: options.redaction, metrics: metrics)
    let clock = store.clock?.now ?? currentMilliseconds
    let callbacks = callbacks(live, clock: clock, onFatal: onFatal)
    do {
      let programs = try configuration.programs.map { served in
        StartupProgram(machine: try Machine(served.program), sources: served.sources)
      }
      let (options, log) = (options, log)
      try engine.start(runner: runner, callbacks: callbacks) { () throws(EngineError) in
        do {
          let opened = try store.open()
          if let clock = store.clock { try ServeCommand.resume(clock, from: opened, log) }
          return try Engine(
            programs: programs, store: opened, world: SystemWorld(clock: clock),
            replacesDeployed: options.replacesDeployed)
        } catch let error as StoreError {
          throw EngineError(message: error.message, isTemporary: error.isTemporary)
        } catch let error as EngineError {
          throw error
        } catch {
          throw EngineError(message: "\(error)")
        }
      }
      let queries = try store.makeQueries()
      // Each read that runs has a connection of its own, and the live stream another.
      var readers: [any Queries] = []
      for _ in 0..<max(2, options.loops) { readers.append(try store.makeQueries()) }
      try live.begin(queries)
      let service = FlowService(
        engine: engine, queries: readers[0], readers: Array(readers.dropFirst()), live: live,
        clock: clock,
        obstacle: { [actions = configuration.actions] in
          ProgramRequirements.unmet(by: [$0], settings: actions)?.text
        },
        variable: Terminal.variable, dashboard: options.dashboard, role: store.role,
        nodes: store.nodes, publications: publicationChannels)
      try service.resumeBatches(queries, redaction: options.redaction)
      return service
    } catch let error as ProgramError {
      throw StartupError(message: error.message)
    } catch let error as StoreError {
      throw StartupError(message: error.message, isTemporary: error.isTemporary)
    } catch let error as EngineError {
      throw StartupError(message: error.message, isTemporary: error.isTemporary)
    } catch {
      throw StartupError(message: "\(error)")
    }
  }

  /// Continues the time of the previous owner, whose clock may have been ahead.
  private static func resume(_ clock: SteadyClock, from store: any Store, _ log: Log) throws(StoreError) {
    guard let newest = try store.entry(sequence: store.counters().sequence)?.at else { return }
    let lead = clock.resume(from: newest, upTo: ServedStore.longestLead)
    guard lead > ServeCommand.noticedLead else { return }
    log.write(
      .warn,
      "the newest entry of the journal is \(lead) ms ahead of the clock of the database, which "
        + (lead > ServedStore.longestLead ? "is used nevertheless" : "has to catch up: time runs at half speed"))
  }

  /// The lead of the previous owner's clock that is reported, in milliseconds.
  private static let noticedLead: Int64 = 1000

  private func callbacks(
    _ live: LiveHub, clock: @escaping @Sendable () -> Int64, onFatal: @escaping @Sendable (String) -> Void
  ) -> EngineThread.Callbacks {
    let (log, metrics, tracer, redaction) = (log, metrics, tracer, options.redaction)
    return EngineThread.Callbacks(
      onCommit: { entries in
        live.publish(entries)
        metrics.record(entries, now: clock())
        tracer?.record(entries)
        log.record(entries, redaction)
      },
      onFatal: onFatal,
      onWarning: { log.write(.warn, $0) },
      onCommitDuration: { metrics.recordCommit(seconds: $0) },
      onMaintenance: { metrics.recordMaintenance(lagMilliseconds: $0) })
  }

  func listen(_ handler: any HTTPHandler) throws(StartupError) -> HTTPServer {
    var configuration = HTTPServer.Configuration(host: options.address.host, port: options.address.port)
    configuration.loops = options.loops
    configuration.tls = options.tls
    configuration.refusalWhileStopping = AccessMiddleware.refusalWhileStopping
    configuration.path = options.address.path
    configuration.listeningSocket = options.listener
    do throws(HTTPServerError) {
      let server = try HTTPServer(configuration: configuration, handler: handler)
      server.start()
      return server
    } catch {
      switch error {
      case .unknownHost(let host): throw StartupError(message: "unknown host `\(host)`")
      case .cannotListen(let host, let port, let reason):
        throw StartupError(message: "cannot listen on \(host):\(port): \(reason)")
      case .cannotListenAt(let path, let reason):
        throw StartupError(message: "cannot listen at `\(path)`: \(reason)")
      }
    }
  }
}
