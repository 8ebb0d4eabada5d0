import FlowJSON
import FlowTestSupport
import Foundation

/// A broker or database in a separate process and folder, on its own port; removed after the test.
final class BrokerServer {
  /// True if the tests use servers: `FLOW_BROKERS` is set.
  static let isWanted = ProcessInfo.processInfo.environment["FLOW_BROKERS"] != nil

  struct NotStarted: Error, CustomStringConvertible { var description: String }

  let port = Int.random(in: 20_000..<29_000)
  private let folder: URL
  private var processes: [Process] = []
  private var others: [Int32] = []

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "flow-broker-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    stop()
    try? FileManager.default.removeItem(at: folder)
  }

  func stop() {
    for process in others { kill(process, SIGKILL) }
    for process in processes.reversed() where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    processes = []
    others = []
  }

  @discardableResult
  private func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    processes.append(process)
    return process
  }

  private func waitForPort(_ port: Int) throws {
    for _ in 0..<3000 {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if result == 0 { return }
      usleep(20_000)
    }
    throw NotStarted(description: "nothing listens on \(port)")
  }

  // MARK: - Servers

  /// - Parameter isDurable: True to keep what was written before ``stop()``.
  func startRedis(isDurable: Bool = false) throws {
    try start(
      [
        "redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "geheim",
        "--dir", folder.path,
      ] + (isDurable ? ["--appendonly", "yes", "--appendfsync", "always"] : []))
    try waitForPort(port)
  }

  /// Runs a command of Redis; the result is what `redis-cli` prints.
  @discardableResult
  func redis(_ words: String...) throws -> String {
    let head = ["redis-cli", "-h", "127.0.0.1", "-p", String(port), "--no-auth-warning", "-a", "geheim"]
    let (code, output) = try runProgram(head + words)
    guard code == 0 else { throw NotStarted(description: "Redis does not answer: \(output)") }
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Starts the services of the samples.
  func startServices() throws {
    try start(["python3", packageRoot.appending(path: "samples/services.py").path, String(port)])
    try waitForPort(port)
  }

  /// Runs a statement of PostgreSQL; the result is what `psql` prints.
  @discardableResult
  func sql(_ statement: String) throws -> String {
    let url = "postgres://flow@127.0.0.1:\(port)/postgres"
    let (code, output) = try runProgram("psql", url, "-Atc", statement)
    guard code == 0 else { throw NotStarted(description: "PostgreSQL does not answer") }
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func startPostgres() throws {
    let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").sorted()
    guard let version = versions.last else { throw NotStarted(description: "there is no PostgreSQL") }
    let programs = "/usr/lib/postgresql/\(version)/bin"
    // PostgreSQL does not run as root.
    let user = getuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []
    if getuid() == 0, let entry = getpwnam("postgres") { chown(folder.path, entry.pointee.pw_uid, UInt32.max) }
    let data = folder.appending(path: "data").path
    let preparing = try start(user + ["\(programs)/initdb", "-D", data, "-U", "flow", "-A", "trust", "-E", "UTF8"])
    preparing.waitUntilExit()
    guard preparing.terminationStatus == 0 else { throw NotStarted(description: "initdb failed") }
    try start(
      user + [
        "\(programs)/postgres", "-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c",
        "unix_socket_directories=", "-c", "fsync=off",
      ])
    // It listens for some time before it accepts logins.
    for _ in 0..<200 {
      let asking = try start(["\(programs)/pg_isready", "-q", "-h", "127.0.0.1", "-p", String(port)])
      asking.waitUntilExit()
      if asking.terminationStatus == 0 { break }
      usleep(100_000)
    }
    let pid = try String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8).split(separator: "\n").first
    if let number = pid.flatMap({ Int32($0) }) { others.append(number) }
  }

  func startRabbit() throws {
    let names = port + 1
    // The daemon that is started here is ended here; one that Erlang started itself continues.
    try start(["epmd", "-port", String(names), "-address", "127.0.0.1"])
    try waitForPort(names)
    try start(["/usr/lib/rabbitmq/bin/rabbitmq-server"], environment: rabbitEnvironment)
    try waitForPort(port)
    let text = try? String(contentsOf: folder.appending(path: "pid"), encoding: .utf8)
    if let number = text.flatMap({ Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) {
      others.append(number)
    }
    for _ in 0..<100 where (try? rabbit("setup")) == nil { usleep(200_000) }
  }

  private var rabbitEnvironment: [String: String] {
    [
      "HOME": folder.path, "RABBITMQ_NODENAME": "flow\(port)@localhost", "RABBITMQ_NODE_PORT": String(port),
      "RABBITMQ_DIST_PORT": String(port + 2), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
      "RABBITMQ_MNESIA_BASE": folder.path, "RABBITMQ_LOG_BASE": folder.path,
      "RABBITMQ_ENABLED_PLUGINS_FILE": folder.appending(path: "plugins").path,
      "RABBITMQ_PID_FILE": folder.appending(path: "pid").path, "ERL_EPMD_PORT": String(port + 1),
      "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_CONFIG_FILE": folder.appending(path: "none").path,
    ]
  }

  /// Closes all connections from the broker's side.
  func closeRabbitConnections() throws {
    let process = try start(
      ["/usr/lib/rabbitmq/bin/rabbitmqctl", "close_all_connections", "test"], environment: rabbitEnvironment)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw NotStarted(description: "the connections stay open") }
  }

  @discardableResult
  func rabbit(_ words: String..., input: String = "") throws -> JSON {
    let script = packageRoot.appending(path: "Tests/FlowBrokerTests/rabbit.py").path
    let file = folder.appending(path: "input")
    try Data(input.utf8).write(to: file)
    // The Python of the system, which has the package for it.
    let command = ["sh", "-c", "exec /usr/bin/python3 \"$@\" <'\(file.path)'", "sh", script, String(port)] + words
    let (code, output) = try runProgram(command)
    guard code == 0 else { throw NotStarted(description: "the broker does not answer") }
    return output.isEmpty ? .null : try JSON(parsing: Array(output.utf8))
  }
}
