public import FlowRuntime
import Glibc

/// Operations on the file of a store as a whole: copies, checks, compaction.
public enum StoreFile {
  /// Copies a store, also while it is served: the copy has the state of one commit. Only its owner may read it.
  /// - Throws: `.unusable` when there is no such store, or the target exists.
  public static func backup(_ path: String, to target: String) throws(StoreError) {
    guard access(target, F_OK) != 0 else { throw .unusable("there is a file at `\(target)` already") }
    let connection = try open(path)
    guard PrivateFile.create(target) else {
      throw .unusable("cannot create `\(target)`: \(String(cString: strerror(errno)))")
    }
    do throws(StoreError) {
      try connection.prepare("VACUUM INTO ?1").run(.text(target))
      // No process has the copy open.
      let copy = try SQLiteConnection(path: target, isReadOnly: false)
      try copy.run(
        Schema.hasSums(copy)
          ? SummedTable.setMeta("'in_use'", "0") : "INSERT OR REPLACE INTO meta VALUES ('in_use', 0)")
    } catch {
      unlink(target)
      throw error
    }
  }

  /// Creates a store from a backup, with a new epoch: subscribers of the old store resynchronize, and new work has
  /// other idempotency keys.
  ///
  /// - Throws: `.unusable` when the backup is damaged or not a store, or the target exists.
  public static func restore(
    _ backup: String, to target: String, progress: (CheckProgress) -> Void = { _ in }
  ) throws(StoreError) {
    let problems = try check(backup, progress: progress)
    guard problems.isEmpty else { throw .unusable("`\(backup)` is damaged: \(problems[0])") }
    let lock = try StoreLock(path: target)
    try StoreFile.backup(backup, to: target)
    let connection = try SQLiteConnection(path: target, isReadOnly: false)
    try Schema.prepare(connection, path: target)
    let epoch = try connection.integer("SELECT value FROM meta WHERE name = 'epoch'")
    try connection.run(SummedTable.setMeta("'epoch'", String(epoch + 1)))
    withExtendedLifetime(lock) {}
  }

  /// Rewrites a store without unused space. No process may serve it meanwhile.
  /// - Returns: Its size before and after, in bytes.
  /// - Throws: `.unusable` when this is not a store, or a process serves it.
  public static func compact(_ path: String) throws(StoreError) -> (before: Int64, after: Int64) {
    _ = try open(path)
    let lock = try StoreLock(path: path)
    let connection = try SQLiteConnection(path: lock.path, isReadOnly: false)
    try connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    let before = try size(connection)
    try connection.run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
    return (before, try size(connection))
  }

  /// Searches for damage: the write-ahead log, pages, indexes, the checksums of rows, and rows that contradict each
  /// other.
  /// - Parameter progress: Called periodically.
  /// - Returns: The problems as messages; empty for an intact store.
  /// - Throws: `.unusable` when this is not a store, or one of a newer version.
  /// - Complexity: O(n) in the size of the store.
  public static func check(
    _ path: String, progress: (CheckProgress) -> Void = { _ in }
  ) throws(StoreError) -> [String] {
    let hasLog = WriteAheadLog.exists(ofStore: path)
    if let problem = WriteAheadLog(ofStore: path).problem { return [problem] }
    let connection = try open(path)
    do throws(StoreError) {
      var check = try StoreCheck(connection)
      if !hasLog, try connection.integer("SELECT value FROM meta WHERE name = 'in_use'") == 1 {
        check.problems.append("the write-ahead log is missing: commits since the last checkpoint may be lost with it")
      }
      return try check.run(progress)
    } catch {
      // Any statement may detect damage.
      guard case .fatal(let message) = error else { throw error }
      return [message]
    }
  }

  /// Opens a store for reading.
  static func open(_ path: String) throws(StoreError) -> SQLiteConnection {
    guard access(path, R_OK) == 0 else {
      throw .unusable("cannot read `\(path)`: \(String(cString: strerror(errno)))")
    }
    let connection = try SQLiteConnection(path: path, isReadOnly: true)
    guard try connection.integer("PRAGMA application_id") == Schema.applicationID else {
      throw .unusable("`\(path)` is not a store of flows")
    }
    try Schema.checkVersion(connection, path: path)
    return connection
  }

  private static func size(_ connection: SQLiteConnection) throws(StoreError) -> Int64 {
    try connection.integer("PRAGMA page_size") * connection.integer("PRAGMA page_count")
  }
}
