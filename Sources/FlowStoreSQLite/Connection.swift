import CSQLite
import FlowRuntime

/// A connection to a SQLite file. Belongs to one thread at a time.
///
/// This file and `Statement.swift` are the door to the C library; nothing else sees its pointers.
final class Connection {
  let handle: OpaquePointer

  /// - Throws: `.unusable` when there is no such file or it can't be opened.
  init(path: String, isReadOnly: Bool) throws(StoreError) {
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

  /// Moves pages of the log into the file, as far as no reader needs them; says how many pages the log has.
  @discardableResult
  func checkpoint(_ mode: Int32 = SQLITE_CHECKPOINT_PASSIVE) -> Int {
    var pages: Int32 = 0
    sqlite3_wal_checkpoint_v2(handle, nil, mode, &pages, nil)
    return Int(pages)
  }

  /// What a result code means for whoever waits.
  func error(_ code: Int32) -> StoreError {
    let message = "the store: \(String(cString: sqlite3_errmsg(handle)))"
    switch code & 0xFF {
    // After a failed fsync nobody knows what is on the disk: the kernel may have dropped the pages.
    case SQLITE_IOERR where code == flow_sqlite_ioerr_fsync || code == flow_sqlite_ioerr_dir_fsync: return .fatal(message)
    case SQLITE_NOTADB: return .unusable("the store is not a SQLite file")
    case SQLITE_CORRUPT: return .fatal(message)
    case SQLITE_FULL: return .unavailable("the disk is full")
    default: return .unavailable(message)
    }
  }
}
