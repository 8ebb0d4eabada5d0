import Foundation

/// PgBouncer in transaction mode before a server, on a socket in its own folder. It ends with the process of the tests.
public final class ConnectionPooler: @unchecked Sendable {
  // Unchecked because nothing changes after the initialization.
  private static let program = "/usr/sbin/pgbouncer"

  /// True if PgBouncer is installed.
  public static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) }

  private let folder: URL
  /// Closed with the process, which ends the pooler.
  private let lifeline = Pipe()

  /// - Parameter poolSize: The number of connections to the server.
  /// - Throws: `PostgresServer.NotStarted` when it does not start.
  public init(for server: PostgresServer, poolSize: Int) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "flow-pooler-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let settings = """
      [databases]
      * = host=\(server.socketFolder)
      [pgbouncer]
      listen_addr =
      listen_port = 6432
      unix_socket_dir = \(folder.path)
      auth_type = trust
      auth_file = \(folder.path)/users
      pool_mode = transaction
      default_pool_size = \(poolSize)
      max_client_conn = 500

      """
    try settings.write(to: folder.appending(path: "settings.ini"), atomically: true, encoding: .utf8)
    try #""flow" """#.appending("\n").write(to: folder.appending(path: "users"), atomically: true, encoding: .utf8)
    // PgBouncer does not run as root.
    let isRoot = getuid() == 0
    if isRoot, let entry = getpwnam("postgres") { chown(folder.path, entry.pointee.pw_uid, UInt32.max) }
    let process = Process()
    process.executableURL = URL(filePath: isRoot ? "/usr/sbin/runuser" : "/usr/bin/env")
    process.arguments =
      (isRoot ? ["-u", "postgres", "--"] : []) + ["sh", "-c", ConnectionPooler.script, folder.path]
    process.standardInput = lifeline
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.currentDirectoryURL = folder
    try process.run()
    try waitForSocket()
  }

  private static let script = """
    serve() { \(program) "$0/settings.ini" >"$0/log" 2>&1 & }
    serve
    while read -r line; do
      kill -KILL $!
      rm -f "$0/.s.PGSQL.6432"
      sleep 0.3
      serve
    done
    kill -KILL $!
    sleep 0.1
    rm -rf "$0"
    """

  /// Kills the pooler, with all its connections, and starts it again.
  /// - Throws: `PostgresServer.NotStarted` when it does not start again.
  public func restart() throws {
    try lifeline.fileHandleForWriting.write(contentsOf: Array("restart\n".utf8))
    // The socket of the killed process is removed before the next one starts.
    usleep(200_000)
    try waitForSocket()
  }

  private func waitForSocket() throws {
    for _ in 0..<1500 {
      if FileManager.default.fileExists(atPath: folder.appending(path: ".s.PGSQL.6432").path) { return }
      usleep(20_000)
    }
    throw PostgresServer.NotStarted(description: "PgBouncer does not accept connections")
  }

  /// The location of a new, empty schema, through the pooler.
  public func newLocation() -> String {
    let name = UUID().uuidString.lowercased().filter { $0 != "-" }
    return "postgres://flow@/postgres?host=\(folder.path)&port=6432&schema=s\(name)"
  }
}
