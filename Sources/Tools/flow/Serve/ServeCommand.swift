import FlowActions
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowServer
import FlowStoreSQLite
import Glibc

/// Wires a server together: the engine with its store and runners, the service, the gate, the sockets.
struct ServeCommand {
  /// Why the server could not begin, in the operator's words.
  private struct StartupError: Error { var message: String }

  private let options: ServeOptions
  private let actions: ActionSettings
  private let metrics = Metrics(version: FlowCommandLine.version, process: Metrics.Process.current)
  private let exporter: BindingRunner
  private let tracer: Tracer?
  private let engine = EngineThread()

  private init(_ options: ServeOptions, _ actions: ActionSettings) {
    self.options = options
    self.actions = actions
    // The operator has said where spans go; that may well be this machine.
    var open = ActionSettings()
    open.reach = NetworkPolicy(allowsPrivate: true, hosts: [])
    exporter = BindingRunner(settings: open, log: { _ in })
    tracer = options.collector.map { [exporter] in ServeCommand.tracer($0, exporter) }
  }

  /// Serves until the process is told to end.
  /// - Parameter watched: The files that are deployed again whenever they change.
  static func run(
    _ program: Program, _ sources: [SourceText], store path: String, _ retention: Retention,
    _ options: ServeOptions,
    _ actions: ActionSettings, watched: [String]
  ) -> Int32 {
    // From here on a signal is waited for, by this thread and by none of those that it starts.
    let signals = Signals()
    raiseDescriptorLimit()
    do throws(StartupError) {
      try ServeCommand(options, actions).run(program, sources, path, retention, signals, watched)
      return ExitCode.fine
    } catch {
      Terminal.complain(error.message)
      return ExitCode.usage
    }
  }

  private func run(
    _ program: Program, _ sources: [SourceText], _ path: String, _ retention: Retention, _ signals: Signals,
    _ watched: [String]
  ) throws(StartupError) {
    let log = options.log
    let settings = try settings()
    let runner = BindingRunner(
      settings: actions,
      log: { [redaction = options.redaction] in
        log.write(.info, "log", fields: [.init("text", redaction.masked($0))])
      })
    let service = try begin(program, sources, path, retention, InstrumentedRunner(runner, metrics))
    let gate = AccessMiddleware(
      service, settings, queries: try openQueries(path), metrics: metrics, log: log, audit: options.audit,
      workers: max(2, options.loops), clock: currentMilliseconds)
    let server = try listen(gate)
    let names = program.flows.map(\.name).joined(separator: ", ")
    let scheme = options.tls == nil ? "http" : "https"
    let place = "\(scheme)://\(options.address.text(port: server.port))"
    log.write(.info, "flow serves \(names) from \(path), listening on \(place)")
    Systemd.notify("READY=1")
    let watchdog = Watchdog(engine)
    if !watched.isEmpty { ServeWatch(watched, program, engine, actions).start() }
    while signals.wait() == .reload { reload(gate) }
    signals.endAtOnceWhenAskedAgain()
    Systemd.notify("STOPPING=1")
    log.write(.info, "draining")
    gate.drain()
    usleep(UInt32(options.drainMilliseconds * 1000))
    server.shutdown()
    engine.shutdown()
    watchdog?.stop()
    runner.shutdown()
    tracer?.flush()
    exporter.shutdown()
    log.write(.info, "ended")
    log.flush()
    options.audit.flush()
  }

  private func openQueries(_ path: String) throws(StartupError) -> SQLiteQueries {
    do throws(StoreError) {
      return try SQLiteQueries(path: path)
    } catch {
      throw StartupError(message: error.message)
    }
  }

  private func settings() throws(StartupError) -> AccessMiddleware.Settings {
    do throws(KeyFileError) {
      var settings = try options.settings()
      settings.tracer = tracer
      return settings
    } catch {
      throw StartupError(message: error.message)
    }
  }

  /// Reads keys and certificates again; files that can't be used leave the old ones in place.
  private func reload(_ gate: AccessMiddleware) {
    Systemd.notify("RELOADING=1")
    do throws(TLSError) {
      try options.tls?.reload()
    } catch {
      options.log.write(.error, "the certificate was not reloaded", fields: [.init("err", .string(error.message))])
    }
    do throws(KeyFileError) {
      if let path = options.keysPath { try reloadKeys(path, gate) }
      options.log.write(.info, "reloaded")
    } catch {
      options.log.write(.error, "the keys were not reloaded", fields: [.init("err", .string(error.message))])
    }
    Systemd.notify("READY=1")
  }

  /// A file without keys revokes all of them, as does a missing one; one that can't be read leaves the old ones.
  private func reloadKeys(_ path: String, _ gate: AccessMiddleware) throws(KeyFileError) {
    guard access(path, F_OK) == 0 else {
      gate.replaceKeys(.empty)
      return options.log.write(.error, "the key file is missing: all keys are revoked", fields: [.init("file", .string(path))])
    }
    let keys = try KeyFile.load(path)
    gate.replaceKeys(keys)
    if keys.isEmpty {
      options.log.write(.warn, "the key file has no keys: all keys are revoked", fields: [.init("file", .string(path))])
    }
  }

  private static func tracer(_ collector: String, _ exporter: BindingRunner) -> Tracer {
    Tracer(version: FlowCommandLine.version, clock: currentMilliseconds) { document, done in
      let action = BoundAction.http(method: "POST", url: collector, headers: [], body: document)
      let request = JobRequest(action: action, timeoutMilliseconds: 10_000, idempotencyKey: "traces", attempt: 1)
      // A collector that is not there loses spans; the flows go on.
      exporter.run(request) { _ in done() }
    }
  }

  private func begin(
    _ program: Program, _ sources: [SourceText], _ path: String, _ retention: Retention,
    _ runner: any ActionRunner
  ) throws(StartupError) -> FlowService {
    let live = LiveHub(redaction: options.redaction, metrics: metrics)
    let callbacks = callbacks(live)
    do {
      let machine = try Machine(program)
      try engine.start(runner: runner, callbacks: callbacks) { () throws(EngineError) in
        do throws(StoreError) {
          return try ServeCommand.makeEngine(machine, sources, try SQLiteStore(path: path, retention: retention))
        } catch {
          throw EngineError(message: error.message)
        }
      }
      let queries = try SQLiteQueries(path: path)
      // Each read that runs has a connection of its own, and the live stream another.
      var readers: [SQLiteQueries] = []
      for _ in 0..<max(2, options.loops) { readers.append(try SQLiteQueries(path: path)) }
      try live.begin(queries)
      return FlowService(
        engine: engine, queries: readers[0], readers: Array(readers.dropFirst()), live: live, clock: currentMilliseconds,
        obstacle: { [actions] in ActionOptions.whatIsMissing(for: $0, actions)?.text },
        variable: Terminal.variable, dashboard: options.dashboard)
    } catch let error as ProgramError {
      throw StartupError(message: error.message)
    } catch let error as StoreError {
      throw StartupError(message: error.message)
    } catch let error as EngineError {
      throw StartupError(message: error.message)
    } catch {
      throw StartupError(message: "\(error)")
    }
  }

  private static func makeEngine(
    _ machine: Machine, _ sources: [SourceText], _ store: SQLiteStore
  ) throws(StoreError) -> Engine {
    do throws(EngineError) {
      return try Engine(machine: machine, sources: sources, store: store, world: RealWorld())
    } catch {
      throw .unavailable(error.message)
    }
  }

  private func callbacks(_ live: LiveHub) -> EngineThread.Callbacks {
    let (log, metrics, tracer, redaction) = (options.log, metrics, tracer, options.redaction)
    return EngineThread.Callbacks(
      onCommit: { entries in
        live.publish(entries)
        metrics.record(entries, now: currentMilliseconds())
        tracer?.record(entries)
        log.record(entries, redaction)
      },
      onFatal: { message in
        // What is on the disk is no longer known; only a new start reads it.
        log.flush()
        Terminal.complain(message, help: "the process ends; start it again")
        _exit(3)
      },
      onWarning: { log.write(.warn, $0) },
      onCommitDuration: { metrics.recordCommit(seconds: $0) })
  }

  private func listen(_ gate: AccessMiddleware) throws(StartupError) -> HTTPServer {
    var configuration = HTTPServer.Configuration(host: options.address.host, port: options.address.port)
    configuration.loops = options.loops
    configuration.tls = options.tls
    configuration.path = options.address.path
    configuration.listeningSocket = options.listener
    do throws(HTTPServerError) {
      let server = try HTTPServer(configuration: configuration, handler: gate)
      server.start()
      return server
    } catch {
      switch error {
      case .unknownHost(let host): throw StartupError(message: "there is no host `\(host)`")
      case .cannotListen(let host, let port, let reason):
        throw StartupError(message: "cannot listen on \(host):\(port): \(reason)")
      case .cannotListenAt(let path, let reason):
        throw StartupError(message: "cannot listen at `\(path)`: \(reason)")
      }
    }
  }
}

/// The clock, the chance and the environment of this machine.
struct RealWorld: World {
  func now() -> Int64 { currentMilliseconds() }

  func random(below bound: Int64) -> Int64 { bound > 0 ? Int64.random(in: 0..<bound) : 0 }

  /// Twelve digits of the time and sixteen of chance, so that names sort by age.
  func newID() -> String {
    let time = String(currentMilliseconds(), radix: 16)
    let chance = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    return String(repeating: "0", count: max(0, 12 - time.count)) + time
      + String(repeating: "0", count: 16 - chance.count) + chance
  }

  func variable(_ name: String) -> String? { Terminal.variable(name) }
}
