import CSQLite
import Glibc

/// The speed of the disk and of SQLite alone, as the reference for the engine.
enum RawStore {
  /// Rows per second of one INSERT each, `size` of them in a transaction that is synced like those of the engine.
  /// - Parameter bytes: The length of a row.
  static func insertsPerSecond(at path: String, size: Int, bytes: Int, seconds: Double) -> Double? {
    let setUp = """
      PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
      CREATE TABLE raw (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
      """
    guard let handle = open(path, setUp: setUp) else { return nil }
    defer { sqlite3_close(handle) }
    guard let insert = prepare("INSERT INTO raw (body) VALUES (?1)", handle) else { return nil }
    defer { sqlite3_finalize(insert) }
    let body = [UInt8](repeating: 0x61, count: bytes)
    let begin = nanoseconds()
    var rows = 0
    while Double(nanoseconds() - begin) < seconds * 1e9 {
      sqlite3_exec(handle, "BEGIN IMMEDIATE", nil, nil, nil)
      for _ in 0..<size {
        sqlite3_bind_blob(insert, 1, body, Int32(bytes), flow_sqlite_transient())
        guard sqlite3_step(insert) == SQLITE_DONE else { return nil }
        sqlite3_reset(insert)
      }
      guard sqlite3_exec(handle, "COMMIT", nil, nil, nil) == SQLITE_OK else { return nil }
      rows += size
    }
    return Double(rows) * 1e9 / Double(nanoseconds() - begin)
  }

  /// The bytes that a store has written per entry of its journal.
  static func bytesPerEvent(at path: String) -> Int {
    var handle: OpaquePointer?
    guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK, let handle else { return 0 }
    defer { sqlite3_close(handle) }
    var statement: OpaquePointer?
    // The length of texts, and eight bytes for each number of the three rows.
    let sql = """
      SELECT (SELECT avg(length(body) + length(kind)) FROM journal)
        + (SELECT avg(length(position) + length(data)) FROM instance) + 120
      """
    guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { return 0 }
    defer { sqlite3_finalize(statement) }
    return sqlite3_step(statement) == SQLITE_ROW ? Int(sqlite3_column_double(statement, 0)) : 0
  }

  /// The synced writes of a page per second.
  static func syncsPerSecond(at path: String, seconds: Double) -> Double? {
    let file = Glibc.open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
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

/// A measured rate and its cost.
struct RawRate {
  var perSecond: Double
  /// Processor time per event, in microseconds.
  var processor: Double
}

extension RawStore {
  /// Events per second when the rows of the engine are written by plain statements into an existing store: an entry
  /// appended, one of many rows changed, a hash inserted.
  static func sameRows(at path: String, size: Int, instances: Int, seconds: Double) -> RawRate? {
    let setUp = """
      PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536;
      WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < \(instances))
      INSERT INTO instance (id, flow, key, definition, status, revision, started_at, updated_at, position, data,
        incident, head)
      SELECT i, 'Counter', 'c' || i, 1, 0, 0, 1700000000000, 1700000000000,
        '{"states":["counting"]}', '{"id":"c1234","total":1}', '', 0 FROM n;
      """
    guard let handle = open(path, setUp: setUp) else { return nil }
    defer { sqlite3_close(handle) }
    let statements = [
      """
      INSERT INTO journal (sequence, instance, revision, kind, at, body, previous)
      VALUES (?3, ?1, 7, 'step', 1700000000000, ?2, ?3)
      """,
      """
      UPDATE instance SET revision = revision + 1, updated_at = ?2, position = ?3, data = ?4, head = ?2
        WHERE id = ?1 AND status = 0
      """,
      "INSERT INTO answer_0 (hash, rest, digest, sequence) VALUES (?1, ?2, ?3, ?4)",
    ].compactMap { prepare($0, handle) }
    defer { for statement in statements { sqlite3_finalize(statement) } }
    guard statements.count == 3 else { return nil }
    return events(handle, statements: statements, size: size, instances: instances, seconds: seconds)
  }

  private static func open(_ path: String, setUp: String) -> OpaquePointer? {
    var handle: OpaquePointer?
    guard sqlite3_open(path, &handle) == SQLITE_OK, sqlite3_exec(handle, setUp, nil, nil, nil) == SQLITE_OK else {
      sqlite3_close(handle)
      return nil
    }
    return handle
  }

  private static func prepare(_ sql: String, _ handle: OpaquePointer) -> OpaquePointer? {
    var statement: OpaquePointer?
    sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
    return statement
  }

  private static func events(
    _ handle: OpaquePointer, statements: [OpaquePointer], size: Int, instances: Int, seconds: Double
  ) -> RawRate? {
    let body = String(repeating: "x", count: 150)
    let begin = nanoseconds()
    let processor = processorNanoseconds()
    var count = 0
    while Double(nanoseconds() - begin) < seconds * 1e9 {
      sqlite3_exec(handle, "BEGIN IMMEDIATE", nil, nil, nil)
      for _ in 0..<size {
        bind(count, owner: Int64(count * 7919 % instances), body: body, to: statements)
        for statement in statements {
          guard sqlite3_step(statement) == SQLITE_DONE else { return nil }
          sqlite3_reset(statement)
        }
        count += 1
      }
      guard sqlite3_exec(handle, "COMMIT", nil, nil, nil) == SQLITE_OK else { return nil }
    }
    return RawRate(
      perSecond: Double(count) * 1e9 / Double(nanoseconds() - begin),
      processor: Double(processorNanoseconds() - processor) / Double(count) / 1000)
  }

  private static func bind(_ count: Int, owner: Int64, body: String, to statements: [OpaquePointer]) {
    sqlite3_bind_int64(statements[0], 1, owner)
    sqlite3_bind_text(statements[0], 2, body, -1, flow_sqlite_transient())
    sqlite3_bind_int64(statements[0], 3, Int64(count + 1))
    sqlite3_bind_int64(statements[1], 1, owner)
    sqlite3_bind_int64(statements[1], 2, 1_700_000_000_000 + Int64(count))
    sqlite3_bind_text(statements[1], 3, #"{"states":["counting"]}"#, -1, flow_sqlite_transient())
    sqlite3_bind_text(statements[1], 4, #"{"id":"c1234","total":1}"#, -1, flow_sqlite_transient())
    sqlite3_bind_int64(statements[2], 1, Int64(bitPattern: UInt64(count) &* 0x9E37_79B9_7F4A_7C15))
    for column in 2...4 { sqlite3_bind_int64(statements[2], Int32(column), Int64(count)) }
  }
}
