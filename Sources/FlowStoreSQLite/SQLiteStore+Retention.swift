import FlowRuntime
import FlowSource
import Glibc

/// How long what has ended is kept.
public struct Retention: Hashable, Sendable {
  /// How many instances are archived at once.
  static let batchSize = 200
  /// How many pages go back to the disk at once.
  static let pagesAtOnce: Int64 = 64

  /// How long an ended instance stays in the store, in milliseconds; nil for ever.
  public var hot: Int64?
  /// How long it is then still known that there was one, in milliseconds.
  public var tombstones: Int64
  /// The file that archived instances are appended to as JSON lines; nil when they are dropped.
  public var archive: String?

  public init(hot: Int64? = nil, tombstones: Int64 = 30 * 86_400_000, archive: String? = nil) {
    self.hot = hot
    self.tombstones = tombstones
    self.archive = archive
  }
}

// What has ended long ago leaves the store, and its space goes back to the disk.
extension SQLiteStore {
  /// Moves a few ended instances into the archive.
  /// - Returns: Their numbers.
  func archive(_ now: Int64) throws(StoreError) -> [Int64] {
    guard let hot = retention.hot else { return [] }
    let rows = try ended(before: now - hot)
    guard !rows.isEmpty else { return [] }
    // The archive is on the disk before anything is gone; what a crash leaves in both is archived twice.
    if let path = retention.archive { try append(rows, to: path) }
    try inTransaction { () throws(StoreError) in
      for row in rows { try remove(row) }
      try connection.prepare("DELETE FROM tombstone WHERE ended_at < ?1").run(
        .integer(now - hot - retention.tombstones))
    }
    return rows.map(\.id)
  }

  private func ended(before instant: Int64) throws(StoreError) -> [InstanceRow] {
    let statement = try connection.prepare(
      """
      SELECT \(Statements.instanceColumns) FROM instance i INDEXED BY instance_ended
      JOIN definition d ON d.id = i.definition
      WHERE i.status >= 1 AND i.status <= 3 AND i.updated_at < ?1
        AND NOT EXISTS (SELECT 1 FROM job WHERE job.instance = i.id)
        AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.instance = i.id)
      ORDER BY i.updated_at LIMIT ?2
      """)
    statement.bind(.integer(instant), .integer(Int64(Retention.batchSize)))
    var rows: [InstanceRow] = []
    while try statement.next() { rows.append(statement.instance) }
    return rows
  }

  private func remove(_ row: InstanceRow) throws(StoreError) {
    let entries = try chain(of: row.id)
    // Whoever reads the journal from before this place has missed something, and no number is given twice.
    try raise("kept_from", to: (entries.last ?? 0) + 1)
    try raise("instance", to: row.id)
    let removal = try connection.prepare("DELETE FROM journal WHERE sequence = ?1")
    for sequence in entries { try removal.run(.integer(sequence)) }
    for sql in ["DELETE FROM timer WHERE instance = ?1", "DELETE FROM instance WHERE id = ?1"] {
      try connection.prepare(sql).run(.integer(row.id))
    }
    try connection.prepare("INSERT OR REPLACE INTO tombstone VALUES (?1, ?2, ?3, ?4)").run(
      .text(row.flow), .text(row.key), .integer(Int64(row.status)), .integer(row.updatedAt))
  }

  /// The places of an instance's entries, oldest first.
  private func chain(of instance: Int64) throws(StoreError) -> [Int64] {
    let statement = try connection.prepare(
      """
      WITH RECURSIVE chain (sequence, previous) AS (
        SELECT sequence, previous FROM journal WHERE sequence = (SELECT head FROM instance WHERE id = ?1)
        UNION ALL SELECT b.sequence, b.previous FROM chain c JOIN journal b ON b.sequence = c.previous)
      SELECT sequence FROM chain ORDER BY sequence
      """)
    statement.bind(.integer(instance))
    var found: [Int64] = []
    while try statement.next() { found.append(statement.integer(0)) }
    return found
  }

  private func raise(_ name: String, to value: Int64) throws(StoreError) {
    try connection.prepare(
      "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"
    ).run(.text(name), .integer(value))
  }

  private func inTransaction(_ body: () throws(StoreError) -> Void) throws(StoreError) {
    try statements.begin.run()
    do throws(StoreError) {
      try body()
      try statements.commit.run()
    } catch {
      try? connection.run("ROLLBACK")
      throw error
    }
  }

  // MARK: - The archive

  private func append(_ rows: [InstanceRow], to path: String) throws(StoreError) {
    var text: [UInt8] = []
    for row in rows { text += try document(of: row).bytes() + [0x0A] }
    guard let file = fopen(path, "ae") else { throw .unavailable("cannot write the archive `\(path)`") }
    defer { fclose(file) }
    let isWritten = text.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
    guard isWritten, fflush(file) == 0, fsync(fileno(file)) == 0 else {
      throw .unavailable("cannot write the archive `\(path)`: \(String(cString: strerror(errno)))")
    }
  }

  /// An instance with its journal.
  private func document(of row: InstanceRow) throws(StoreError) -> JSON {
    let statement = try connection.prepare("SELECT sequence, revision, kind, at, body FROM journal WHERE sequence = ?1")
    var journal: [JSON] = []
    for sequence in try chain(of: row.id) {
      statement.bind(.integer(sequence))
      guard try statement.next() else { continue }
      journal.append([
        "offset": .int(statement.integer(0)), "revision": .int(statement.integer(1)),
        "type": .string(statement.text(2)), "at": .string(timeText(statement.integer(3))),
        "data": (try? JSON(parsing: statement.blob(4))) ?? .null,
      ])
    }
    return [
      "flow": .string(row.flow), "key": .string(row.key), "status": .string(row.statusName),
      "revision": .int(Int64(row.revision)), "startedAt": .string(timeText(row.startedAt)),
      "endedAt": .string(timeText(row.updatedAt)), "definition": .string(row.definition),
      "position": (try? JSON(parsing: row.position)) ?? .null, "data": (try? JSON(parsing: row.data)) ?? .null,
      "journal": .array(journal),
    ]
  }

  // MARK: - Space

  /// Gives pages that nothing uses back to the disk.
  /// - Returns: Whether there are more.
  func returnSpace() throws(StoreError) -> Bool {
    let free = try connection.integer("PRAGMA freelist_count")
    guard free > Retention.pagesAtOnce else { return false }
    try connection.run("PRAGMA incremental_vacuum(\(Retention.pagesAtOnce))")
    return free > 2 * Retention.pagesAtOnce
  }
}
