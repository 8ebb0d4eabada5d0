import CSQLite
import FlowRuntime

/// A connection to a SQLite file. Belongs to one thread at a time.
///
/// This file and `Statement.swift` are the door to the C library; nothing else sees its pointers.
final class SQLiteConnection {
  let handle: OpaquePointer
  /// How many pages the log has, as of the last commit.
  private var logPages = 0
  /// How many it had when they were last moved into the file.
  private var movedPages = 0

  /// How many pages were added to the log since it was last moved into the file.
  var uncheckedPages: Int { logPages - movedPages }

  /// Is evaluated once. When another part of the process has used SQLite before, nothing changes.
  private static let isConfigured = flow_sqlite_count_no_memory() == SQLITE_OK

  /// - Throws: `.unusable` when there is no such file or it can't be opened.
  init(path: String, isReadOnly: Bool) throws(StoreError) {
    _ = SQLiteConnection.isConfigured
    if !isReadOnly { PrivateFile.create(path) }
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
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs statements that give no rows.
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

  /// How many rows the last statement has written.
  var changes: Int { Int(sqlite3_changes(handle)) }

  /// Counts the pages of the log from now on.
  func watchLog() {
    // The connection outlives its hook, which goes when the handle is closed.
    sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        if let context { Unmanaged<SQLiteConnection>.fromOpaque(context).takeUnretainedValue().note(log: Int(pages)) }
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func note(log pages: Int) {
    // Fewer than before: the log has begun anew.
    if pages < logPages { movedPages = 0 }
    logPages = pages
  }

  /// Moves pages of the log into the file, as far as no reader needs them. When all were moved and nobody reads, the
  /// next commit begins the log anew.
  /// - Throws: `.fatal` when the file could not be synced. That somebody is reading is no error.
  func checkpoint() throws(StoreError) {
    movedPages = logPages
    let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else { throw error(code) }
  }

  /// What a result code means for whoever waits.
  func error(_ code: Int32) -> StoreError {
    let message = "the store: \(String(cString: sqlite3_errmsg(handle)))"
    switch code & 0xFF {
    // After a failed fsync nobody knows what is on the disk: the kernel may have dropped the pages.
    case SQLITE_IOERR where code == flow_sqlite_ioerr_fsync || code == flow_sqlite_ioerr_dir_fsync:
      return .fatal(message)
    case SQLITE_NOTADB: return .unusable("the store is not a SQLite file")
    case SQLITE_CORRUPT: return .fatal(message)
    case SQLITE_FULL: return .unavailable("the disk is full")
    default: return .unavailable(message)
    }
  }
}
