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

  package func transferTimers(after: TimerID?, limit: Int) throws(StoreError) -> [TimerRow] {
    let statement = try connection.prepare(
      """
      SELECT instance, transition, armed, due FROM timer WHERE (instance, transition, armed) > (?1, ?2, ?3)
      ORDER BY instance, transition, armed LIMIT ?4
      """)
    let (instance, transition, armed) = (after?.instance ?? 0, after?.transition ?? 0, after?.armed ?? 0)
    statement.bind(
      .integer(instance), .integer(Int64(transition)), .integer(Int64(armed)), .integer(Int64(limit)))
    return try rows(statement) {
      TimerRow(
        id: TimerID(instance: $0.integer(0), transition: Int($0.integer(1)), armed: Int($0.integer(2))),
        due: $0.integer(3))
    }
  }

  package func transferAnswers(after: KeyHash?, limit: Int) throws(StoreError) -> [TransferAnswer] {
    if after == nil { try gatherAnswers() }
    let isFirst = after == nil
    let statement = try connection.prepare(
      """
      SELECT hash, rest, digest, sequence FROM temp.transfer_answer
      WHERE (hash, rest) \(isFirst ? ">=" : ">") (?1, ?2) ORDER BY hash, rest LIMIT ?3
      """)
    statement.bind(.integer(after?.high ?? .min), .integer(after?.low ?? .min), .integer(Int64(limit)))
    return try rows(statement) {
      TransferAnswer(
        hash: KeyHash(high: $0.integer(0), low: $0.integer(1)), digest: $0.integer(2), sequence: $0.integer(3))
    }
  }

  /// Answers are in four tables, not all of which have an index of hashes.
  private func gatherAnswers() throws(StoreError) {
    try connection.run("DROP TABLE IF EXISTS temp.transfer_answer")
    try connection.run(
      """
      CREATE TEMP TABLE transfer_answer (
        hash INTEGER, rest INTEGER, digest INTEGER, sequence INTEGER, PRIMARY KEY (hash, rest)) WITHOUT ROWID
      """)
    try connection.run(
      """
      INSERT INTO temp.transfer_answer SELECT hash, rest, max(digest), max(sequence) FROM (
        SELECT hash, rest, digest, sequence FROM answer_0 UNION ALL SELECT hash, rest, digest, sequence FROM answer_1
        UNION ALL SELECT hash, rest, digest, sequence FROM journal WHERE hash IS NOT NULL
        UNION ALL SELECT hash, rest, digest, sequence FROM archived_answer WHERE hash <> 0)
      GROUP BY hash, rest
      """)
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
    try rows(try connection.prepare(sql), read)
  }

  private func rows<Row>(_ statement: Statement, _ read: (Statement) -> Row) throws(StoreError) -> [Row] {
    var rows: [Row] = []
    while try statement.next() { rows.append(read(statement)) }
    return rows
  }
}
