import FlowJSON
import FlowRuntime

// The journal of a long-running instance has a bounded size. A snapshot of the instance is stored periodically; when it
// is older than the retention period, the entries up to it are archived, and the history starts with the snapshot.
//
// A snapshot is a copy of the row, so nothing is computed.
extension SQLiteStore {
  /// Performs one piece of folding.
  /// - Returns: Whether there is more to do.
  func fold(_ now: Int64) throws(StoreError) -> Bool {
    guard let period = retention.journal else { return false }
    let folded = try foldRipe(now - period)
    let hasMore = try visit(entriesBefore: now - period, now)
    return folded == Retention.foldsAtOnce || hasMore
  }

  // MARK: - Taking snapshots

  /// Visits the entries that have become old since the last call, each once, and stores snapshots of the instances with
  /// many entries.
  /// - Returns: True if there are further old entries.
  private func visit(entriesBefore instant: Int64, _ now: Int64) throws(StoreError) -> Bool {
    let entries = try connection.prepare(
      "SELECT sequence, instance, at FROM journal WHERE sequence > ?1 ORDER BY sequence LIMIT ?2")
    let start = try connection.integer("SELECT value FROM meta WHERE name = 'visited_to'")
    entries.bind(.integer(start), .integer(Int64(Retention.visitsAtOnce)))
    var (last, count) = (start, 0)
    var instances: Set<Int64> = []
    while try entries.next() {
      guard entries.integer(2) < instant else { break }
      (last, count) = (entries.integer(0), count + 1)
      instances.insert(entries.integer(1))
    }
    entries.reset()
    guard count > 0 else { return false }
    try inTransaction { () throws(StoreError) in
      for id in instances.sorted() where try isDue(id, now) { try takeSnapshot(of: id, now) }
      try raise("visited_to", to: last)
    }
    return count == Retention.visitsAtOnce
  }

  /// True if an instance is running and has enough entries after its newest snapshot for another one.
  private func isDue(_ id: Int64, _ now: Int64) throws(StoreError) -> Bool {
    let statement = try connection.prepare(
      """
      SELECT i.head, i.revision, s.sequence, s.revision, s.at FROM instance i LEFT JOIN snapshot s
      ON s.instance = i.id AND s.sequence = (SELECT max(sequence) FROM snapshot WHERE instance = i.id)
      WHERE i.id = ?1 AND i.status IN (0, 4)
      """)
    statement.bind(.integer(id))
    guard try statement.next() else { return false }
    defer { statement.reset() }
    let (head, newest) = (statement.integer(0), statement.integer(2))
    if !statement.isNull(2) {
      if statement.integer(1) - statement.integer(3) >= Retention.longestFold { return true }
      guard now - statement.integer(4) >= (retention.journal ?? 0) / Retention.snapshotsPerPeriod else { return false }
    }
    return try chain(from: head, after: newest, limit: retention.entries).count == retention.entries
  }

  private func takeSnapshot(of id: Int64, _ now: Int64) throws(StoreError) {
    let query = """
      SELECT id AS instance, head AS sequence, 0 AS kept, ?2 AS at, definition, status, revision, started_at, position,
        data FROM instance WHERE id = ?1
      """
    try connection.prepare(SummedTable.snapshot.insert("OR IGNORE", query: query)).run(.integer(id), .integer(now))
  }

  // MARK: - Folding

  /// Makes the snapshots that are old enough the start of their histories.
  /// - Returns: The number of these snapshots.
  private func foldRipe(_ instant: Int64) throws(StoreError) -> Int {
    let statement = try connection.prepare(
      """
      SELECT s.instance, s.sequence, i.flow, i.key FROM snapshot s JOIN instance i ON i.id = s.instance
      WHERE s.kept = 0 AND s.at < ?1 ORDER BY s.at, s.sequence LIMIT ?2
      """)
    statement.bind(.integer(instant), .integer(Int64(Retention.foldsAtOnce)))
    var ripe: [(instance: Int64, sequence: Int64, flow: String, key: String)] = []
    while try statement.next() {
      ripe.append((statement.integer(0), statement.integer(1), statement.text(2), statement.text(3)))
    }
    guard !ripe.isEmpty else { return 0 }
    if let archiveFile {
      var lines: [JSON] = []
      for found in ripe {
        if let snapshot = try snapshot(of: found.instance, at: found.sequence) {
          lines.append(try document(of: snapshot, found.flow, found.key))
        }
      }
      try archiveFile.append(lines)
    }
    try inTransaction { () throws(StoreError) in
      for found in ripe { try fold(found.instance, at: found.sequence) }
    }
    return ripe.count
  }

  private func fold(_ instance: Int64, at sequence: Int64) throws(StoreError) {
    let removal = try connection.prepare("DELETE FROM journal WHERE sequence = ?1")
    for location in try chain(from: sequence) { try removal.run(.integer(location)) }
    try connection.prepare("DELETE FROM snapshot WHERE instance = ?1 AND sequence < ?2").run(
      .integer(instance), .integer(sequence))
    let sum = SummedTable.snapshot.sum(["kept": "1"])
    try connection.prepare("UPDATE snapshot SET kept = 1, sum = \(sum) WHERE instance = ?1 AND sequence = ?2").run(
      .integer(instance), .integer(sequence))
    try raise("kept_from", to: sequence + 1)
  }

  /// The document of a snapshot, with the entries that precede it.
  private func document(
    of snapshot: InstanceSnapshot, _ flow: String, _ key: String
  ) throws(StoreError) -> JSON {
    let row = InstanceRow(
      id: snapshot.instance, flow: flow, key: key, definition: snapshot.definition, status: snapshot.status,
      revision: snapshot.revision, startedAt: snapshot.startedAt, updatedAt: snapshot.at, position: snapshot.position,
      data: snapshot.data)
    // Another snapshot may be equally old, with a line of its own.
    let before = try connection.integer(
      """
      SELECT coalesce(max(sequence), 0) FROM snapshot
      WHERE instance = \(snapshot.instance) AND sequence < \(snapshot.sequence)
      """)
    return try document(of: row, entries: chain(from: snapshot.sequence, after: before))
  }

  private func snapshot(of instance: Int64, at sequence: Int64) throws(StoreError) -> InstanceSnapshot? {
    let statement = try connection.prepare("\(Statements.snapshots) WHERE s.instance = ?1 AND s.sequence = ?2")
    statement.bind(.integer(instance), .integer(sequence))
    guard try statement.next() else { return nil }
    defer { statement.reset() }
    return statement.snapshot
  }
}

extension Statement {
  /// The record of an archived instance, in the order of `Statements.tombstones`.
  var tombstone: Tombstone {
    Tombstone(
      instance: integer(0), status: InstanceStatus(stored: integer(1)), endedAt: integer(2),
      keyTakenUntil: isNull(3) ? nil : integer(3))
  }

  /// The row of a snapshot, in the order of `Statements.snapshots`.
  var snapshot: InstanceSnapshot {
    InstanceSnapshot(
      instance: integer(0), sequence: integer(1), at: integer(2), definition: text(3),
      status: InstanceStatus(stored: integer(4)),
      revision: Int(integer(5)), startedAt: integer(6), position: blob(7), data: blob(8))
  }
}
