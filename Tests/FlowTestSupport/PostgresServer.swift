import Foundation
import Synchronization

/// A private PostgreSQL server on a socket in its own folder. It ends with the process of the tests, however that ends.
public final class PostgresServer: @unchecked Sendable {
  // Unchecked because nothing changes after the initialization.
  public struct NotStarted: Error, CustomStringConvertible {
    public var description: String
  }

  /// True if the tests use a server: `FLOW_POSTGRES` is set.
  public static let isWanted = ProcessInfo.processInfo.environment["FLOW_POSTGRES"] != nil

  private static let running = Mutex<PostgresServer?>(nil)

  /// The server of this process; started by the first test that needs it.
  /// - Throws: `NotStarted` when PostgreSQL is not installed or does not start.
  public static func shared() throws -> PostgresServer {
    try running.withLock { running in
      if let running { return running }
      let server = try PostgresServer()
      running = server
      return server
    }
  }

  /// The folder with the socket of the server.
  public var socketFolder: String { folder.path }

  private let folder: URL
  private let programs: String
  /// Closed with the process, which ends the server.
  private let lifeline: Pipe

  /// Starts a server of its own, for tests that stop or damage it.
  /// - Parameters:
  ///   - maximumConnections: The limit of the server.
  ///   - clock: The offset of its clock, such as `+600s`.
  ///   - settings: Further settings, such as `shared_preload_libraries=pg_stat_statements`.
  /// - Throws: `NotStarted` when PostgreSQL is not installed or does not start.
  public init(maximumConnections: Int = 200, clock: String? = nil, settings: [String] = []) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "flow-postgres-\(UUID().uuidString.prefix(8))")
    let root = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root).sorted()) ?? []
    guard let version = versions.last else { throw NotStarted(description: "there is no PostgreSQL below \(root)") }
    programs = "\(root)/\(version)/bin"
    lifeline = Pipe()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // PostgreSQL does not run as root.
    let isRoot = getuid() == 0
    if isRoot, let entry = getpwnam("postgres") { chown(folder.path, entry.pointee.pw_uid, UInt32.max) }
    let process = Process()
    process.executableURL = URL(filePath: isRoot ? "/usr/sbin/runuser" : "/usr/bin/env")
    let command = [
      "sh", "-c", PostgresServer.script, folder.path, programs, "\(maximumConnections)",
      clock.map { ShiftedClock.variables($0, isSwift: false).map { "\($0)=\($1)" }.joined(separator: " ") } ?? "A=1",
      settings.map { "-c \($0)" }.joined(separator: " "),
    ]
    process.arguments = (isRoot ? ["-u", "postgres", "--"] : []) + command
    process.standardInput = lifeline
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.currentDirectoryURL = folder
    try process.run()
    guard wait(until: true) else { throw NotStarted(description: "PostgreSQL does not accept connections") }
  }

  private static let script = """
    "$1/initdb" -D "$0/data" -U flow -A trust -E UTF8 --no-sync >"$0/initdb.log" 2>&1 || exit 1
    serve() {
      env $3 "$1/postgres" -D "$0/data" -c listen_addresses= -c unix_socket_directories="$0" -c fsync=off \
        -c max_connections="$2" -c shared_buffers=64MB -c log_min_messages=fatal $4 >"$0/log" 2>&1 &
    }
    serve "$@"
    while read -r pause; do
      kill -INT $!
      wait $!
      sleep "$pause"
      serve "$@"
    done
    kill -QUIT $!
    wait
    rm -rf "$0"
    """

  /// Restarts the server: its connections end, and it refuses others for a time.
  /// - Throws: `NotStarted` when it does not accept connections again.
  public func restart(pauseSeconds: Double = 0.3) throws {
    try lifeline.fileHandleForWriting.write(contentsOf: Array("\(pauseSeconds)\n".utf8))
    guard wait(until: false), wait(until: true) else {
      throw NotStarted(description: "PostgreSQL does not accept connections again")
    }
  }

  /// Waits until the server accepts connections, or accepts none; false after half a minute.
  private func wait(until isExpected: Bool) -> Bool {
    for _ in 0..<1500 {
      if isReady == isExpected { return true }
      usleep(20_000)
    }
    return false
  }

  private var isReady: Bool { run("pg_isready", "-q", "-h", folder.path) }

  private func run(_ program: String, _ arguments: String...) -> Bool { output(program, arguments) != nil }

  /// The output of a program of PostgreSQL; nil when it fails.
  private func output(_ program: String, _ arguments: [String]) -> String? {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "\(programs)/\(program)")
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.terminationStatus == 0 ? text : nil
  }

  /// The number that a query returns.
  /// - Throws: `NotStarted` when it fails.
  public func number(_ sql: String) throws -> Int {
    guard let number = Int(try text(sql).filter({ !$0.isWhitespace })) else {
      throw NotStarted(description: "not a number: \(sql)")
    }
    return number
  }

  /// The rows that a query returns, one in a line.
  /// - Throws: `NotStarted` when it fails.
  public func text(_ sql: String) throws -> String {
    let arguments = ["-q", "-A", "-t", "-h", folder.path, "-U", "flow", "-d", "postgres", "-c", sql]
    guard let text = output("psql", arguments) else { throw NotStarted(description: "psql failed: \(sql)") }
    return text
  }

  /// The location of a new, empty schema.
  public func newLocation() -> String {
    let name = UUID().uuidString.lowercased().filter { $0 != "-" }
    return "postgres://flow@/postgres?host=\(folder.path)&schema=s\(name)"
  }

  /// Runs SQL as an operator would.
  /// - Throws: `NotStarted` when it fails.
  public func execute(_ sql: String) throws {
    let isDone = run(
      "psql", "-q", "-h", folder.path, "-U", "flow", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql)
    guard isDone else { throw NotStarted(description: "psql failed: \(sql)") }
  }
}
