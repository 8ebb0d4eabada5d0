import CSQLite
import FlowRuntime

/// A connection to a SQLite file. Belongs to one thread at a time.
///
/// Only this file, `ChecksumFunction.swift` and `Statement.swift` use the pointers of the C library.
final class SQLiteConnection {
  let handle: OpaquePointer
  /// The number of pages in the log, as of the last commit.
  private var logPages = 0
  /// The number of pages in the log when it was last checkpointed.
  private var movedPages = 0

  /// The number of pages added to the log since the last checkpoint.
  var uncheckedPages: Int { logPages - movedPages }

  /// The path of a database in memory.
  static let memory = ":memory:"

  /// Evaluated once. If another part of the process has already used SQLite, the setting has no effect.
  private static let isConfigured = flow_sqlite_count_no_memory() == SQLITE_OK

  /// - Throws: `.unusable` when the file does not exist or can't be opened.
  init(path: String, isReadOnly: Bool) throws(StoreError) {
    _ = SQLiteConnection.isConfigured
    if !isReadOnly, path != SQLiteConnection.memory { PrivateFile.create(path) }
    var opened: OpaquePointer?
    let flags = (isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let opened else {
      let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(opened)
      throw .unusable("cannot open `\(path)`: \(message)")
    }
    handle = opened
    sqlite3_extended_result_codes(handle, 1)
    sqlite3_busy_timeout(handle, 5000)
    SQLiteConnection.addChecksum(to: handle)
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs statements without result rows.
  func run(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code) }
  }

  func prepare(_ sql: String) throws(StoreError) -> Statement {
    var made: OpaquePointer?
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
    guard code == SQLITE_OK, let made else { throw error(code) }
    return Statement(made, self)
  }

  /// The first column of the first row.
  func integer(_ sql: String) throws(StoreError) -> Int64 {
    let statement = try prepare(sql)
    return try statement.next() ? statement.integer(0) : 0
  }

  func text(_ sql: String) throws(StoreError) -> String {
    let statement = try prepare(sql)
    return try statement.next() ? statement.text(0) : ""
  }

  /// The number of rows changed by the last statement.
  var changes: Int { Int(sqlite3_changes(handle)) }

  /// Starts counting the pages of the log.
  func watchLog() {
    // The connection outlives its hook, which is removed when the handle is closed.
    sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        if let context { Unmanaged<SQLiteConnection>.fromOpaque(context).takeUnretainedValue().note(log: Int(pages)) }
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func note(log pages: Int) {
    // Fewer pages than before: the log was restarted.
    if pages < logPages { movedPages = 0 }
    logPages = pages
  }

  /// Copies pages of the log into the file, as far as no reader needs them. When all were copied and there is no
  /// reader, the next commit restarts the log.
  ///
  /// - Throws: `.fatal` when the file could not be synced. Concurrent readers are not an error.
  func checkpoint() throws(StoreError) {
    movedPages = logPages
    let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else { throw error(code) }
  }

  /// The error for a result code of SQLite.
  func error(_ code: Int32) -> StoreError {
    let message = "the store: \(String(cString: sqlite3_errmsg(handle)))"
    switch code & 0xFF {
    // After a failed fsync the state of the disk is unknown: the kernel may have dropped the pages.
    case SQLITE_IOERR where code == flow_sqlite_ioerr_fsync || code == flow_sqlite_ioerr_dir_fsync:
      return .fatal(message)
    case SQLITE_NOTADB: return .unusable("the store is not a SQLite file")
    case SQLITE_CORRUPT: return .fatal(message)
    case SQLITE_FULL: return .unavailable("the disk is full")
    default: return .unavailable(message)
    }
  }
}
