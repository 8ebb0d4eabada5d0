import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import Synchronization

/// The bindings with connection pools of their own.
final class Brokers: Sendable {
  /// The maximum number of connections to one server.
  static let maximumConnections = 4
  /// The time after which an idle connection is closed, in seconds.
  static let idleSeconds = 30.0
  /// The maximum number of servers with open pools.
  static let maximumServers = 64

  typealias Finish = @Sendable (JobOutcome) -> Void

  /// The connections to one server, of any kind.
  private struct Server {
    var run: @Sendable (JobRequest, JSON, @escaping Finish) -> Void
    var stop: @Sendable () -> Void
  }

  private let settings: ActionSettings
  private let servers = Mutex<[String: Server]>([:])

  init(_ settings: ActionSettings) { self.settings = settings }

  func run(_ kind: Binding.Kind, given: JSON, request: JobRequest, finish: @escaping Finish) {
    do throws(RequestProblem) {
      try server(for: kind, given).run(request, given, finish)
    } catch {
      finish(.impossible(code: "BAD_REQUEST", message: error.message))
    }
  }

  func stop() {
    let stopping = servers.withLock { servers in
      defer { servers = [:] }
      return Array(servers.values)
    }
    for server in stopping { server.stop() }
  }

  private func server(for kind: Binding.Kind, _ given: JSON) throws(RequestProblem) -> Server {
    let own = given["url"]?.string
    guard let text = own ?? settings.servers[kind.rawValue] else {
      throw RequestProblem(message: "no server is known for `\(kind.rawValue)`")
    }
    let schemes = ServerURL.schemes(of: kind)
    guard let url = ServerURL(text, schemes: Set(schemes)) else {
      throw RequestProblem(message: "the server is not given as \(schemes[0])://HOST")
    }
    // The libraries resolve names themselves, so that only the name can be checked against the policy.
    guard own == nil || settings.reach.allows(url.host) else {
      throw RequestProblem(message: "the operator has to allow the host of a server that the flow names")
    }
    return try servers.withLock { servers throws(RequestProblem) in
      if let known = servers["\(kind) \(text)"] { return known }
      guard servers.count < Brokers.maximumServers else {
        throw RequestProblem(message: "the flows use more than \(Brokers.maximumServers) servers")
      }
      let server = try makeServer(kind, url)
      servers["\(kind) \(text)"] = server
      return server
    }
  }

  private func makeServer(_ kind: Binding.Kind, _ url: ServerURL) throws(RequestProblem) -> Server {
    switch kind {
    case .publish: makeServer(ConnectionPool<AMQPConnection>(url, settings.limits))
    case .redis: makeServer(ConnectionPool<RedisConnection>(url, settings.limits))
    case .sql: makeServer(ConnectionPool<PostgresConnection>(url, settings.limits))
    case .email, .exec: throw RequestProblem(message: "`\(kind.rawValue)` has no server")
    }
  }

  private func makeServer<Connection>(_ pool: ConnectionPool<Connection>) -> Server {
    Server(run: { pool.run($0, settings: $1, finish: $2) }, stop: { pool.stop() })
  }
}
