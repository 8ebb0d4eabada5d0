package import FlowRuntime

// Copies to and from stores of another kind.
extension SQLiteStore: StoreTransfer {
  package func transferRecords() throws(StoreError) -> TransferRecords {
    var records = TransferRecords()
    records.definitions = try rows("SELECT hash, ir, source FROM definition ORDER BY id") {
      .init(hash: $0.text(0), program: $0.blob(1), source: $0.blob(2))
    }
    records.versions = try rows(
      "SELECT v.flow, d.hash, v.number, v.origin, v.at FROM version v JOIN definition d ON d.id = v.definition"
    ) {
      VersionRow(
        flow: $0.text(0), definition: $0.text(1), number: $0.isNull(2) ? nil : Int($0.integer(2)), origin: $0.text(3),
        at: $0.integer(4))
    }
    records.once = try rows("SELECT key, job, outcome, generation FROM once") {
      OnceRow(key: $0.text(0), job: $0.integer(1), outcome: $0.blob(2), generation: Int($0.integer(3)))
    }
    records.completions = try rows("SELECT job, fence, digest, at FROM completion") {
      CompletionRow(job: $0.integer(0), fence: Int($0.integer(1)), digest: $0.integer(2), at: $0.integer(3))
    }
    records.throttles = Dictionary(try rows("SELECT action, spent FROM pace") { ($0.text(0), $0.blob(1)) }) { $1 }
    records.bulk = Dictionary(try rows("SELECT id, document FROM bulk") { ($0.integer(0), $0.blob(1)) }) { $1 }
    records.archivedKeys = try rows(Statements.tombstones) {
      .init(flow: $0.text(4), key: $0.text(5), tombstone: $0.tombstone)
    }
    records.archivedAnswers = try rows("SELECT sequence, flow, key, revision, at, body FROM archived_answer") {
      .init(
        sequence: $0.integer(0), flow: $0.text(1), key: $0.text(2), revision: $0.integer(3), at: $0.integer(4),
        body: $0.blob(5))
    }
    records.snapshots = try rows(
      """
      SELECT s.instance, s.sequence, s.at, d.hash, s.status, s.revision, s.started_at, s.position, s.data, s.kept
      FROM snapshot s JOIN definition d ON d.id = s.definition
      """
    ) { .init(snapshot: $0.snapshot, isBeginning: $0.integer(9) == 1) }
    records.keptFrom = try connection.integer("SELECT value FROM meta WHERE name = 'kept_from'")
    records.lastInstance = try counters().instance
    records.epoch = try connection.integer("SELECT value FROM meta WHERE name = 'epoch'")
    let moved = try connection.integer("SELECT value FROM meta WHERE name = 'answers_since'")
    let recent = try connection.integer("SELECT coalesce(min(at), 0) FROM journal WHERE hash IS NOT NULL")
    records.answersSince = moved == 0 ? recent : moved
    return records
  }

  package func adopt(_ records: TransferRecords) throws(StoreError) {
    try endRead()
    try inTransaction { () throws(StoreError) in
      for row in records.archivedKeys {
        try connection.prepare(SummedTable.tombstone.insert()).run(
          .text(row.flow), .text(row.key), .integer(Int64(row.tombstone.status.rawValue)),
          .integer(row.tombstone.endedAt), .integer(row.tombstone.instance), .optional(row.tombstone.keyTakenUntil))
      }
      for row in records.archivedAnswers {
        // Without a hash that could be found; the answer tables contain it.
        try connection.prepare(SummedTable.archivedAnswer.insert()).run(
          .integer(row.sequence), .text(row.flow), .text(row.key), .integer(row.revision), .integer(row.at),
          .json(row.body), .integer(0), .integer(0), .integer(0))
      }
      for row in records.snapshots { try adopt(row) }
      try raise("kept_from", to: records.keptFrom)
      try raise("instance", to: records.lastInstance)
      if records.epoch > 0 { try raise("epoch", to: records.epoch) }
    }
  }

  /// A kept snapshot is what the first entry of its instance continues.
  private func adopt(_ row: TransferRecords.Snapshot) throws(StoreError) {
    let snapshot = row.snapshot
    let definition = definitions[snapshot.definition] ?? 0
    try connection.prepare(SummedTable.snapshot.insert()).run(
      .integer(snapshot.instance), .integer(snapshot.sequence), .integer(row.isBeginning ? 1 : 0),
      .integer(snapshot.at), .integer(definition), .integer(Int64(snapshot.status.rawValue)),
      .integer(Int64(snapshot.revision)), .integer(snapshot.startedAt), .json(snapshot.position), .json(snapshot.data))
    guard row.isBeginning else { return }
    try connection.prepare("UPDATE instance SET head = ?2 WHERE id = ?1").run(
      .integer(snapshot.instance), .integer(snapshot.sequence))
  }

  package func transferAnswers(after: KeyHash?, limit: Int) throws(StoreError) -> [TransferAnswer] {
    let statement = try connection.prepare(
      """
      SELECT hash, rest, max(digest), max(sequence) FROM (
        SELECT hash, rest, digest, sequence FROM answer_0 UNION ALL SELECT hash, rest, digest, sequence FROM answer_1
        UNION ALL SELECT hash, rest, digest, sequence FROM journal WHERE hash IS NOT NULL
        UNION ALL SELECT hash, rest, digest, sequence FROM archived_answer WHERE hash <> 0)
      WHERE ?1 OR (hash, rest) > (?2, ?3) GROUP BY hash, rest ORDER BY hash, rest LIMIT ?4
      """)
    statement.bind(
      .integer(after == nil ? 1 : 0), .integer(after?.high ?? 0), .integer(after?.low ?? 0), .integer(Int64(limit)))
    var found: [TransferAnswer] = []
    while try statement.next() {
      found.append(
        TransferAnswer(
          hash: KeyHash(high: statement.integer(0), low: statement.integer(1)), digest: statement.integer(2),
          sequence: statement.integer(3)))
    }
    return found
  }

  package func adopt(_ found: [TransferAnswer], since: Int64) throws(StoreError) {
    try endRead()
    try inTransaction { () throws(StoreError) in
      let sum = SummedTable.journal.sum(["hash": "?2", "rest": "?3", "digest": "?4"])
      let mark = try connection.prepare(
        "UPDATE journal SET hash = ?2, rest = ?3, digest = ?4, sum = \(sum) WHERE sequence = ?1")
      for answer in found {
        try mark.run(
          .integer(answer.sequence), .integer(answer.hash.high), .integer(answer.hash.low), .integer(answer.digest))
      }
      // From now on the tables have them.
      try raise("answers_moved", to: connection.integer("SELECT coalesce(max(sequence), 0) FROM journal"))
      try answers.add(
        found.map {
          IdempotencyIndex.Named(
            hash: $0.hash,
            row: IdempotencyRow(scope: "", key: "", digest: $0.digest, sequence: $0.sequence, at: since))
        })
    }
  }

  private func rows<Row>(_ sql: String, _ read: (Statement) -> Row) throws(StoreError) -> [Row] {
    let statement = try connection.prepare(sql)
    var rows: [Row] = []
    while try statement.next() { rows.append(read(statement)) }
    return rows
  }
}
