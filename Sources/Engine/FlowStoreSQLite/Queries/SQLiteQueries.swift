import FlowJSON
public import FlowRuntime
import Synchronization

/// Reads a store concurrently with its writer, over a read-only connection.
public final class SQLiteQueries: Queries {
  private struct Reading: ~Copyable {
    let connection: SQLiteConnection
    let instance, entry, journal: Statement
    let chains: EntryChains
  }

  /// One reader at a time; the lock is held for the duration of a query.
  private let reading: Mutex<Reading>

  /// - Throws: `.unusable` when the file does not exist.
  public init(path: String) throws(StoreError) {
    let connection = try SQLiteConnection(path: path, isReadOnly: true)
    try connection.run("PRAGMA query_only = 1; PRAGMA wal_autocheckpoint = 0;")
    let instances = "SELECT \(Statements.instanceColumns) FROM instance i JOIN definition d ON d.id = i.definition"
    let entries = """
      SELECT j.sequence, j.instance, i.flow, i.key, j.revision, j.kind, j.at, j.body
      FROM journal j JOIN instance i ON i.id = j.instance
      """
    let made = Reading(
      connection: connection,
      instance: try connection.prepare("\(instances) WHERE i.flow = ?1 AND i.key = ?2"),
      entry: try connection.prepare("\(entries) WHERE j.sequence = ?1"),
      journal: try connection.prepare("\(entries) WHERE j.sequence > ?1 ORDER BY j.sequence LIMIT ?2"),
      chains: try EntryChains(connection))
    reading = Mutex(made)
  }

  /// The row of an instance; nil when the store has no such instance.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instance(flow: String, key: String) throws(StoreError) -> InstanceRow? {
    try read { reading throws(StoreError) in
      reading.instance.bind(.text(flow), .text(key))
      return try all(reading.instance) { $0.instance }.first
    }
  }

  /// The items of the calls over lists of an instance, by call and position.
  /// - Throws: `StoreError` when the store cannot be read.
  public func items(instance: Int64) throws(StoreError) -> [ItemRow] {
    try read { reading throws(StoreError) in
      let rows = try reading.connection.prepare(Statements.items)
      rows.bind(.integer(instance))
      return try all(rows) { $0.item }
    }
  }

  /// The journal entries of an instance after a sequence number, with at most `limit` entries.
  /// - Throws: `StoreError` when the store cannot be read.
  public func history(instance: Int64, after: Int64, limit: Int) throws(StoreError) -> RowPage<JournalEntry> {
    try read { reading throws(StoreError) in
      var page = RowPage<JournalEntry>(limit: limit)
      for sequence in try reading.chains.entries(of: instance, after: after, limit: limit) {
        reading.entry.bind(.integer(sequence))
        defer { reading.entry.reset() }
        guard try reading.entry.next() else { continue }
        if !page.add(reading.entry.entry, bytes: reading.entry.rowBytes) { break }
      }
      return page
    }
  }

  /// The newest sequence number, including archived entries; 0 in an empty journal.
  /// - Throws: `StoreError` when the store cannot be read.
  public func lastSequence() throws(StoreError) -> Int64 {
    try read { reading throws(StoreError) in
      // The newest entry may have been archived with its instance.
      max(
        try reading.connection.integer("SELECT coalesce(max(sequence), 0) FROM journal"),
        try reading.connection.integer("SELECT value - 1 FROM meta WHERE name = 'kept_from'"))
    }
  }

  /// The journal entries of all instances after a sequence number, with at most `limit` entries.
  /// - Throws: `StoreError` when the store cannot be read.
  public func journal(after: Int64, limit: Int) throws(StoreError) -> RowPage<JournalEntry> {
    try read { reading throws(StoreError) in
      reading.journal.bind(.integer(after), .integer(Int64(limit)))
      return try reading.journal.page(limit: limit) { $0.entry }
    }
  }

  func withConnection<Result: Sendable>(
    _ body: (SQLiteConnection) throws(StoreError) -> sending Result
  ) throws(StoreError) -> Result {
    try reading.withLock { reading throws(StoreError) in try body(reading.connection) }
  }

  private func read<Result: Sendable>(
    _ body: (borrowing Reading) throws(StoreError) -> sending Result
  ) throws(StoreError) -> Result {
    try reading.withLock { reading throws(StoreError) in try body(reading) }
  }
}

private func all<Row>(_ statement: Statement, _ read: (Statement) -> Row) throws(StoreError) -> [Row] {
  var rows: [Row] = []
  while try statement.next() { rows.append(read(statement)) }
  return rows
}

extension Statement {
  /// The next rows, as many as a page holds.
  func page<Row: Sendable>(limit: Int, _ read: (Statement) -> Row) throws(StoreError) -> RowPage<Row> {
    defer { reset() }
    var page = RowPage<Row>(limit: limit)
    while try next() {
      if !page.add(read(self), bytes: rowBytes) { break }
    }
    return page
  }

  /// The entry of a journal, with the names of its instance.
  var entry: JournalEntry {
    JournalEntry(
      sequence: integer(0), instance: integer(1), flow: text(2), key: text(3), revision: Int(integer(4)),
      kind: JournalEntry.Kind(stored: text(5)), at: integer(6), body: (try? JSON(parsing: blob(7))) ?? .null)
  }
}
