import FlowJSON
import FlowRuntime

// Moves instances that ended long ago from the store to the archive.
extension SQLiteStore {
  /// Moves a few ended instances into the archive.
  /// - Returns: Their numbers.
  func archive(_ now: Int64, limit: Int) throws(StoreError) -> [Int64] {
    guard let hot = retention.hot else { return [] }
    let rows = try ended(before: now - hot, limit: limit)
    guard !rows.isEmpty else { return [] }
    // The archive is synced before any row is removed; after a crash, an instance in both is archived twice.
    if let archiveFile {
      var lines: [JSON] = []
      for row in rows {
        let head = try connection.integer("SELECT head FROM instance WHERE id = \(row.id)")
        lines.append(try document(of: row, entries: chain(from: head)))
      }
      try archiveFile.append(lines)
    }
    try inTransaction { () throws(StoreError) in
      for row in rows { try remove(row, now) }
    }
    return rows.map(\.id)
  }

  func ended(before instant: Int64, limit: Int) throws(StoreError) -> [InstanceRow] {
    let statement = try connection.prepare(
      """
      SELECT \(Statements.instanceColumns) FROM instance i INDEXED BY instance_ended
      JOIN definition d ON d.id = i.definition
      WHERE i.status >= 1 AND i.status <= 3 AND i.updated_at < ?1
        AND NOT EXISTS (SELECT 1 FROM job WHERE job.instance = i.id)
        AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.instance = i.id)
      ORDER BY i.updated_at LIMIT ?2
      """)
    statement.bind(.integer(instant), .integer(Int64(limit)))
    var rows: [InstanceRow] = []
    while try statement.next() { rows.append(statement.instance) }
    return rows
  }

  private func remove(_ row: InstanceRow, _ now: Int64) throws(StoreError) {
    let until = try keyLifetimes.end(of: row) { () throws(StoreError) in try definition(hash: row.definition) }
    let entries = try chain(from: connection.integer("SELECT head FROM instance WHERE id = \(row.id)"))
    try saveAnswers(of: entries, row, now)
    // Subscribers at an earlier position have missed entries, and no number is assigned twice.
    try raise("kept_from", to: (entries.last ?? 0) + 1)
    try raise("instance", to: row.id)
    let removal = try connection.prepare("DELETE FROM journal WHERE sequence = ?1")
    for sequence in entries { try removal.run(.integer(sequence)) }
    for table in ["timer WHERE instance", "item WHERE instance", "snapshot WHERE instance", "instance WHERE id"] {
      try connection.prepare("DELETE FROM \(table) = ?1").run(.integer(row.id))
    }
    try connection.prepare(SummedTable.tombstone.insert("OR REPLACE")).run(
      .text(row.flow), .text(row.key), .integer(Int64(row.status.rawValue)), .integer(row.updatedAt), .integer(row.id),
      .optional(until))
  }

  /// Copies the idempotency records that are still valid: they outlive their instance.
  private func saveAnswers(of entries: [Int64], _ row: InstanceRow, _ now: Int64) throws(StoreError) {
    let query = """
      SELECT sequence, ?2 AS flow, ?3 AS key, revision, at, json_object(
        'disposition', json_extract(body, '$.disposition'), 'from', json_extract(body, '$.from'),
        'to', json_extract(body, '$.to'), 'status', json_extract(body, '$.status'),
        'created', json(iif(json_extract(body, '$.created'), 'true', 'false'))) AS body, hash, rest, digest
      FROM journal WHERE sequence = ?1 AND hash IS NOT NULL AND kind = 'step' AND at >= ?4
      """
    let copy = try connection.prepare(SummedTable.archivedAnswer.insert("OR IGNORE", query: query))
    for sequence in entries {
      try copy.run(
        .integer(sequence), .text(row.flow), .text(row.key), .integer(now - SQLiteStore.answerWindow))
    }
  }

  /// The sequence numbers of an instance's entries up to a given one, oldest first.
  /// - Parameter start: Entries up to this one are omitted.
  /// - Parameter limit: The maximum number of entries; the newest are returned.
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
      """
      \(SummedTable.meta.insert()) ON CONFLICT (name)
      DO UPDATE SET value = excluded.value, sum = excluded.sum WHERE excluded.value > value
      """
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

  // MARK: - Lines

  /// The line of an instance with entries of its journal.
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
      "store": .string(try connection.text("SELECT value FROM meta WHERE name = 'identity'")), "id": .int(row.id),
      "flow": .string(row.flow), "key": .string(row.key), "status": .string(row.status.name),
      "revision": .int(Int64(row.revision)), "startedAt": .string(timeText(row.startedAt)),
      row.status.hasEnded ? "endedAt" : "foldedAt": .string(timeText(row.updatedAt)),
      "definition": .string(row.definition),
      "position": (try? JSON(parsing: row.position)) ?? .null, "data": (try? JSON(parsing: row.data)) ?? .null,
      "journal": .array(journal),
    ]
  }
}
