import FlowActions
import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime
import FlowServer
import FlowSource
import FlowStoreSQLite
import Glibc

/// Wires a server together: the engine with its store and runners, the service, the sockets.
enum Serving {
  /// Why the server could not begin, in the operator's words.
  private struct NotServing: Error { var message: String }

  /// Serves until the process is told to end.
  /// - Parameter watched: The files that are deployed again whenever they change.
  static func run(
    _ program: FlowIR.Program, store path: String, _ retention: Retention, _ address: Address,
    _ settings: ActionSettings, watched: [String]
  ) -> Int32 {
    // From here on a signal is waited for, by this thread and by none of those that it starts.
    let signals = Signals()
    let engine = EngineThread()
    let runner = Runner(settings: settings, log: { Terminal.error("log: \($0)\n") })
    do throws(NotServing) {
      let service = try begin(program, path, retention, engine, runner, settings)
      let server = try listen(address, service)
      let names = program.flows.map(\.name).joined(separator: ", ")
      Terminal.error("flow serves \(names) from \(path), listening on http://\(address.host):\(server.port)\n")
      if !watched.isEmpty { ServeWatch(watched, program, engine, settings).start() }
      signals.wait()
      server.shutdown()
      engine.shutdown()
      runner.shutdown()
      return ExitCode.fine
    } catch {
      Terminal.complain(error.message)
      return ExitCode.usage
    }
  }

  private static func begin(
    _ program: FlowIR.Program, _ path: String, _ retention: Retention, _ engine: EngineThread, _ runner: Runner,
    _ settings: ActionSettings
  ) throws(NotServing) -> FlowService {
    let live = LiveHub()
    let hooks = EngineThread.Hooks(
      committed: { live.publish($0) },
      failed: { message in
        // What is on the disk is no longer known; only a new start reads it.
        Terminal.complain(message, help: "the process ends; start it again")
        _exit(3)
      },
      noticed: { Terminal.error("flow: \($0)\n") })
    do {
      let machine = try Machine(program)
      try engine.start(runner: runner, hooks: hooks) { () throws(EngineError) in
        do throws(StoreError) {
          return try makeEngine(machine, try SQLiteStore(path: path, retention: retention))
        } catch {
          throw EngineError(message: error.message)
        }
      }
      let queries = try SQLiteQueries(path: path)
      try live.begin(queries)
      return FlowService(
        engine: engine, queries: queries, live: live, clock: currentMilliseconds,
        obstacle: { ActionOptions.whatIsMissing(for: $0, settings)?.message },
        variable: Terminal.variable)
    } catch let error as ProgramError {
      throw NotServing(message: error.message)
    } catch let error as StoreError {
      throw NotServing(message: error.message)
    } catch let error as EngineError {
      throw NotServing(message: error.message)
    } catch {
      throw NotServing(message: "\(error)")
    }
  }

  private static func makeEngine(_ machine: Machine, _ store: SQLiteStore) throws(StoreError) -> Engine {
    do throws(EngineError) {
      return try Engine(machine: machine, store: store, world: RealWorld())
    } catch {
      throw .unavailable(error.message)
    }
  }

  private static func listen(_ address: Address, _ service: FlowService) throws(NotServing) -> HTTPServer {
    do throws(HTTPServerError) {
      let server = try HTTPServer(configuration: .init(host: address.host, port: address.port), handler: service)
      server.start()
      return server
    } catch {
      switch error {
      case .unknownHost(let host): throw NotServing(message: "there is no host `\(host)`")
      case .cannotListen(let host, let port, let reason):
        throw NotServing(message: "cannot listen on \(host):\(port): \(reason)")
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

/// The signals that ask a process to end.
struct Signals {
  private var set = sigset_t()

  /// Keeps them from ending the process at once. Threads that are started later inherit that.
  init() {
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Returns when one of them comes.
  func wait() {
    var set = set
    var received: Int32 = 0
    while sigwait(&set, &received) != 0 {}
  }
}
