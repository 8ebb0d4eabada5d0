import FlowJSON
import FlowRuntime
import Glibc

/// How long what has ended is kept, and what has happened to that which has not.
public struct Retention: Hashable, Sendable {
  /// How many instances are archived at once.
  static let batchSize = 200
  /// How many pages go back to the disk at once.
  static let pagesAtOnce: Int64 = 64
  /// How many entries of the journal are looked at at once, to see whose there are many.
  static let visitsAtOnce = 500
  /// How many snapshots become the beginning of a history at once.
  static let foldsAtOnce = 20
  /// How often in the time that entries are kept an instance may have a snapshot taken, and how many steps between two
  /// of them are so many that it is taken sooner.
  static let snapshotsPerPeriod: Int64 = 8
  static let longestFold: Int64 = 1000

  /// How long an ended instance stays in the store, in milliseconds; nil for ever.
  public var hot: Int64?
  /// How long it is then still known that there was one, in milliseconds.
  public var tombstones: Int64
  /// The file that archived instances are appended to as JSON lines; nil when they are dropped.
  public var archive: String?
  /// How many entries an instance that lives has to have before any of them go.
  public var entries = 32

  /// How long the entries of an instance that lives are kept at least, in milliseconds; nil for ever. As long as any
  /// of them may be the answer to an idempotency key.
  var journal: Int64? { hot.map { max($0, 2 * SQLiteStore.answerWindow) } }

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
    if let path = retention.archive {
      var lines: [JSON] = []
      for row in rows {
        let head = try connection.integer("SELECT head FROM instance WHERE id = \(row.id)")
        lines.append(try document(of: row, entries: chain(from: head)))
      }
      try append(lines, to: path)
    }
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
    let entries = try chain(from: connection.integer("SELECT head FROM instance WHERE id = \(row.id)"))
    // Whoever reads the journal from before this place has missed something, and no number is given twice.
    try raise("kept_from", to: (entries.last ?? 0) + 1)
    try raise("instance", to: row.id)
    let removal = try connection.prepare("DELETE FROM journal WHERE sequence = ?1")
    for sequence in entries { try removal.run(.integer(sequence)) }
    for table in ["timer WHERE instance", "snapshot WHERE instance", "instance WHERE id"] {
      try connection.prepare("DELETE FROM \(table) = ?1").run(.integer(row.id))
    }
    try connection.prepare("INSERT OR REPLACE INTO tombstone VALUES (?1, ?2, ?3, ?4)").run(
      .text(row.flow), .text(row.key), .integer(Int64(row.status.rawValue)), .integer(row.updatedAt))
  }

  /// The places of an instance's entries up to one of them, oldest first.
  /// - Parameter start: Those up to this place are left out.
  /// - Parameter limit: At most so many, the newest.
  func chain(from last: Int64, after start: Int64 = 0, limit: Int = .max) throws(StoreError) -> [Int64] {
    let statement = try connection.prepare("SELECT previous FROM journal WHERE sequence = ?1")
    var (found, next): ([Int64], Int64) = ([], last)
    while next > start, found.count < limit {
      statement.bind(.integer(next))
      guard try statement.next() else { break }
      found.append(next)
      next = statement.integer(0)
      statement.reset()
    }
    return found.reversed()
  }

  func raise(_ name: String, to value: Int64) throws(StoreError) {
    try connection.prepare(
      "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"
    ).run(.text(name), .integer(value))
  }

  func inTransaction(_ body: () throws(StoreError) -> Void) throws(StoreError) {
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

  func append(_ lines: [JSON], to path: String) throws(StoreError) {
    var text: [UInt8] = []
    for line in lines { text += line.bytes() + [0x0A] }
    let isNew = access(path, F_OK) != 0
    guard let file = PrivateFile.openForAppending(path) else {
      throw .unavailable("cannot write the archive `\(path)`")
    }
    defer { fclose(file) }
    let isWritten = text.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
    guard isWritten, fflush(file) == 0, fsync(fileno(file)) == 0 else {
      throw .unavailable("cannot write the archive `\(path)`: \(String(cString: strerror(errno)))")
    }
    if isNew { try syncFolder(of: path) }
  }

  /// Puts the name of a new file on the disk, without which the file would be lost with what is in it.
  private func syncFolder(of path: String) throws(StoreError) {
    let folder = path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, fsync(descriptor) == 0 else {
      throw .unavailable("cannot sync the folder of the archive `\(path)`: \(String(cString: strerror(errno)))")
    }
  }

  /// An instance with entries of its journal; one that lives has not ended when its status says so.
  func document(of row: InstanceRow, entries: [Int64]) throws(StoreError) -> JSON {
    let statement = try connection.prepare("SELECT sequence, revision, kind, at, body FROM journal WHERE sequence = ?1")
    var journal: [JSON] = []
    for sequence in entries {
      statement.bind(.integer(sequence))
      guard try statement.next() else { continue }
      journal.append([
        "offset": .int(statement.integer(0)), "revision": .int(statement.integer(1)),
        "type": .string(statement.text(2)), "at": .string(timeText(statement.integer(3))),
        "data": (try? JSON(parsing: statement.blob(4))) ?? .null,
      ])
    }
    return [
      "flow": .string(row.flow), "key": .string(row.key), "status": .string(row.status.name),
      "revision": .int(Int64(row.revision)), "startedAt": .string(timeText(row.startedAt)),
      row.status.hasEnded ? "endedAt" : "foldedAt": .string(timeText(row.updatedAt)),
      "definition": .string(row.definition),
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
