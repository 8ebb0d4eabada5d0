package import FlowRuntime

// Copies to and from stores of another kind.
extension PostgresStore: StoreTransfer {
  package func transferRecords() throws(StoreError) -> TransferRecords {
    var records = TransferRecords()
    records.definitions = try read("SELECT hash, ir, source FROM @.definition ORDER BY id").map {
      .init(hash: $0.text(0), program: $0.document(1), source: $0.document(2))
    }
    records.versions = try read(
      """
      SELECT v.flow, d.hash, v.number, v.origin, v.at FROM @.version v JOIN @.definition d ON d.id = v.definition
      WHERE v.part = 0
      """
    ).map {
      VersionRow(
        flow: $0.text(0), definition: $0.text(1), number: $0.optionalInteger(2).map { Int($0) }, origin: $0.text(3),
        at: $0.integer(4))
    }
    records.once = try read("SELECT key, job, outcome, generation FROM @.once WHERE part = 0").map {
      OnceRow(key: $0.text(0), job: $0.integer(1), outcome: $0.document(2), generation: Int($0.integer(3)))
    }
    records.completions = try read("SELECT job, fence, digest, at FROM @.completion WHERE part = 0").map {
      CompletionRow(job: $0.integer(0), fence: Int($0.integer(1)), digest: $0.integer(2), at: $0.integer(3))
    }
    let throttles = try read("SELECT action, spent FROM @.pace WHERE part = 0").map { ($0.text(0), $0.document(1)) }
    records.throttles = Dictionary(throttles) { $1 }
    let bulk = try read("SELECT id, document FROM @.bulk WHERE part = 0").map { ($0.integer(0), $0.document(1)) }
    records.bulk = Dictionary(bulk) { $1 }
    try readArchived(into: &records)
    let meta = try read("SELECT name, value FROM @.meta").map { ($0.text(0), Int64($0.text(1)) ?? 0) }
    let numbers = Dictionary(meta) { $1 }
    records.keptFrom = numbers["kept_from"] ?? 0
    records.lastInstance = try counters().instance
    records.epoch = numbers["epoch"] ?? 0
    records.answersSince = numbers["answers_since"] ?? 0
    return records
  }

  private func readArchived(into records: inout TransferRecords) throws(StoreError) {
    records.archivedKeys = try read(PostgresColumns.tombstones).map {
      .init(flow: $0.text(4), key: $0.text(5), tombstone: $0.tombstone)
    }
    records.archivedAnswers = try read(
      "SELECT sequence, flow, key, revision, at, body FROM @.archived_answer WHERE part = 0"
    ).map {
      .init(
        sequence: $0.integer(0), flow: $0.text(1), key: $0.text(2), revision: $0.integer(3), at: $0.integer(4),
        body: $0.document(5))
    }
    records.snapshots = try read("\(PostgresColumns.snapshots) WHERE s.part = 0").map {
      .init(snapshot: $0.snapshot, isBeginning: $0.integer(9) == 1)
    }
  }

  package func adopt(_ records: TransferRecords) throws(StoreError) {
    let (keys, answers) = (records.archivedKeys, records.archivedAnswers)
    var statements = [
      PostgresStore.adding(keys),
      PostgresStatement(
        """
        INSERT INTO @.archived_answer (part, sequence, flow, key, revision, at, body)
        SELECT 0, u.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[]) u
        """,
        [
          .integers(answers.map(\.sequence)), .texts(answers.map(\.flow)), .texts(answers.map(\.key)),
          .integers(answers.map(\.revision)), .integers(answers.map(\.at)), .documents(answers.map(\.body)),
        ]),
      PostgresStore.raise("kept_from", to: records.keptFrom),
      PostgresStore.raise("instance", to: records.lastInstance),
    ]
    if records.epoch > 0 { statements.append(PostgresStore.raise("epoch", to: records.epoch)) }
    if records.answersSince > 0 {
      statements.append(PostgresBatch.meta("answers_since", String(records.answersSince)))
    }
    statements += records.snapshots.map { PostgresStore.adding($0) }
    try write(statements)
    answersSince = records.answersSince
  }

  private static func adding(_ row: TransferRecords.Snapshot) -> PostgresStatement {
    let snapshot = row.snapshot
    return PostgresStatement(
      """
      INSERT INTO @.snapshot
        (part, instance, sequence, kept, at, definition, status, revision, started_at, position, data)
      VALUES (0, $1, $2, $3, $4, (SELECT id FROM @.definition WHERE hash = $5), $6, $7, $8, $9, $10)
      """,
      [
        .integer(snapshot.instance), .integer(snapshot.sequence), .integer(row.isBeginning ? 1 : 0),
        .integer(snapshot.at), .text(snapshot.definition), .integer(Int64(snapshot.status.rawValue)),
        .integer(Int64(snapshot.revision)), .integer(snapshot.startedAt), .document(snapshot.position),
        .document(snapshot.data),
      ])
  }

  package func transferTimers(after: TimerID?, limit: Int) throws(StoreError) -> [TimerRow] {
    try read(
      """
      SELECT instance, transition, armed, due FROM @.timer
      WHERE part = 0 AND (instance, transition, armed) > ($1, $2, $3)
      ORDER BY instance, transition, armed LIMIT $4
      """, .integer(after?.instance ?? 0), .integer(Int64(after?.transition ?? 0)),
      .integer(Int64(after?.armed ?? 0)), .integer(Int64(limit))
    ).map {
      TimerRow(
        id: TimerID(instance: $0.integer(0), transition: Int($0.integer(1)), armed: Int($0.integer(2))),
        due: $0.integer(3))
    }
  }

  package func transferAnswers(after: KeyHash?, limit: Int) throws(StoreError) -> [TransferAnswer] {
    let comparison = after == nil ? ">=" : ">"
    func page(_ table: String) -> String {
      """
      (SELECT high, low, digest, sequence FROM @.\(table) WHERE part = 0 AND (high, low) \(comparison) ($1, $2)
       ORDER BY high, low LIMIT $3)
      """
    }
    return try read(
      """
      SELECT high, low, max(digest), max(sequence) FROM (\(page("answer_0")) UNION ALL \(page("answer_1"))) a
      GROUP BY high, low ORDER BY high, low LIMIT $3
      """, .integer(after?.high ?? .min), .integer(after?.low ?? .min), .integer(Int64(limit))
    ).map {
      TransferAnswer(
        hash: KeyHash(high: $0.integer(0), low: $0.integer(1)), digest: $0.integer(2), sequence: $0.integer(3))
    }
  }

  package func adopt(_ answers: [TransferAnswer], since: Int64) throws(StoreError) {
    try write([
      PostgresStatement(
        """
        INSERT INTO @.answer_\(youngerAnswers) (part, high, low, digest, sequence)
        SELECT 0, u.* FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) u ON CONFLICT DO NOTHING
        """,
        [
          .integers(answers.map(\.hash.high)), .integers(answers.map(\.hash.low)), .integers(answers.map(\.digest)),
          .integers(answers.map(\.sequence)),
        ]),
      PostgresStatement(
        "UPDATE @.journal SET is_answer = true WHERE part = 0 AND sequence = ANY($1)",
        [.integers(answers.map(\.sequence))]),
    ])
  }
}
