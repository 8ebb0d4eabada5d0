import CSQLite
import Glibc

/// What the disk and SQLite give when nothing else is asked of them: the measure for the engine.
enum RawStore {
  /// Rows a second of one INSERT each, `size` of them in a transaction that is synced as the engine's are.
  /// - Parameter bytes: How long a row is.
  static func insertsPerSecond(at path: String, size: Int, bytes: Int, seconds: Double) -> Double? {
    var handle: OpaquePointer?
    guard sqlite3_open(path, &handle) == SQLITE_OK, let handle else { return nil }
    defer { sqlite3_close(handle) }
    let setUp = """
      PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
      CREATE TABLE raw (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
      """
    guard sqlite3_exec(handle, setUp, nil, nil, nil) == SQLITE_OK else { return nil }
    var insert: OpaquePointer?
    guard sqlite3_prepare_v2(handle, "INSERT INTO raw (body) VALUES (?1)", -1, &insert, nil) == SQLITE_OK else {
      return nil
    }
    defer { sqlite3_finalize(insert) }
    let body = [UInt8](repeating: 0x61, count: bytes)
    let begin = nanoseconds()
    var rows = 0
    while Double(nanoseconds() - begin) < seconds * 1e9 {
      sqlite3_exec(handle, "BEGIN IMMEDIATE", nil, nil, nil)
      for _ in 0..<size {
        sqlite3_bind_blob(insert, 1, body, Int32(bytes), nil)
        guard sqlite3_step(insert) == SQLITE_DONE else { return nil }
        sqlite3_reset(insert)
      }
      guard sqlite3_exec(handle, "COMMIT", nil, nil, nil) == SQLITE_OK else { return nil }
      rows += size
    }
    return Double(rows) * 1e9 / Double(nanoseconds() - begin)
  }

  /// The bytes that the store at a path has written for each entry of its journal.
  static func bytesPerEvent(at path: String) -> Int {
    var handle: OpaquePointer?
    guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK, let handle else { return 0 }
    defer { sqlite3_close(handle) }
    var statement: OpaquePointer?
    // Texts as they are; eight bytes for each number of the three rows.
    let sql = """
      SELECT (SELECT avg(length(body) + length(kind)) FROM journal)
        + (SELECT avg(length(position) + length(data)) FROM instance) + 120
      """
    guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { return 0 }
    defer { sqlite3_finalize(statement) }
    return sqlite3_step(statement) == SQLITE_ROW ? Int(sqlite3_column_double(statement, 0)) : 0
  }

  /// How often a second the disk takes a page and says that it has it.
  static func syncsPerSecond(at path: String, seconds: Double) -> Double? {
    let file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let page = [UInt8](repeating: 0x61, count: 4096)
    let begin = nanoseconds()
    var count = 0
    while Double(nanoseconds() - begin) < seconds * 1e9 {
      guard write(file, page, page.count) == page.count, fdatasync(file) == 0 else { return nil }
      count += 1
    }
    return Double(count) * 1e9 / Double(nanoseconds() - begin)
  }
}
