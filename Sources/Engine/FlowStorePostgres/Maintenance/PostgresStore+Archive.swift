import FlowJSON
import FlowRuntime

// Moves instances that ended long ago from their tables to the table `archive`, in one transaction.
extension PostgresStore {
  /// - Returns: The numbers of the instances that were moved.
  func archive(endedBefore instant: Int64, now: Int64, limit: Int) throws(StoreError) -> [Int64] {
    let rows = try ended(before: instant, limit: limit)
    guard !rows.isEmpty else { return [] }
    let ids = PostgresParameter.integers(rows.map(\.id))
    let found = try read(
      """
      \(PostgresColumns.entries) WHERE j.part = 0 AND j.instance = ANY($1) ORDER BY j.sequence
      """, ids
    ).map { $0.entry }
    let answers = Set(
      try read("SELECT sequence FROM @.journal WHERE part = 0 AND instance = ANY($1) AND is_answer", ids)
        .map { $0.integer(0) })
    let entries = Dictionary(grouping: found, by: \.instance)
    var statements: [PostgresStatement] = []
    if retention.archive != nil {
      let identity = try counters().identity
      statements.append(
        archiving(rows, documents: rows.map { document(of: $0, entries: entries[$0.id] ?? [], store: identity) }))
    }
    let kept = found.filter { answers.contains($0.sequence) && $0.kind == .step && $0.at >= now - Retention.answers }
    if !kept.isEmpty { statements.append(keeping(kept)) }
    statements += try removing(rows, ids, newestEntry: found.last?.sequence ?? 0)
    try write(statements)
    return rows.map(\.id)
  }

  func ended(before instant: Int64, limit: Int) throws(StoreError) -> [InstanceRow] {
    try read(
      """
      \(PostgresColumns.instances) WHERE i.part = 0 AND i.ended_at < $1
        AND NOT EXISTS (SELECT 1 FROM @.job b WHERE b.part = 0 AND b.instance = i.id)
        AND NOT EXISTS (SELECT 1 FROM @.dead_letter l WHERE l.part = 0 AND l.instance = i.id)
      ORDER BY i.ended_at LIMIT $2
      """, .integer(instant), .integer(Int64(limit))
    ).map { $0.instance }
  }

  private func archiving(_ rows: [InstanceRow], documents: [[UInt8]]) -> PostgresStatement {
    PostgresStatement(
      """
      INSERT INTO @.archive (part, id, flow, key, status, ended_at, document)
      SELECT 0, u.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[]) u
      ON CONFLICT (part, id) DO UPDATE SET document = excluded.document, ended_at = excluded.ended_at
      """,
      [
        .integers(rows.map(\.id)), .texts(rows.map(\.flow)), .texts(rows.map(\.key)), .texts(rows.map(\.status.name)),
        .integers(rows.map(\.updatedAt)), .documents(documents),
      ])
  }

  /// Copies the answers to idempotency keys that are still valid: they outlive their instance.
  private func keeping(_ entries: [JournalEntry]) -> PostgresStatement {
    let bodies = entries.map { entry in
      let members = ["disposition", "from", "to", "status"].map { JSON.Member($0, entry.body[$0] ?? .null) }
      return JSON.object(members + [.init("created", .bool(entry.body["created"] == true))]).bytes()
    }
    return PostgresStatement(
      """
      INSERT INTO @.archived_answer (part, sequence, flow, key, revision, at, body)
      SELECT 0, u.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[]) u
      ON CONFLICT DO NOTHING
      """,
      [
        .integers(entries.map(\.sequence)), .texts(entries.map(\.flow)), .texts(entries.map(\.key)),
        .integers(entries.map { Int64($0.revision) }), .integers(entries.map(\.at)), .documents(bodies),
      ])
  }

  private func removing(
    _ rows: [InstanceRow], _ ids: PostgresParameter, newestEntry: Int64
  ) throws(StoreError) -> [PostgresStatement] {
    var stones: [TransferRecords.ArchivedKey] = []
    for row in rows {
      let until = try keyLifetimes.end(of: row) { () throws(StoreError) in try definition(hash: row.definition) }
      let stone = Tombstone(
        instance: row.id, status: row.status, endedAt: row.updatedAt, keyTakenUntil: until)
      stones.append(.init(flow: row.flow, key: row.key, tombstone: stone))
    }
    let removals = ["journal", "timer", "item", "snapshot"].map {
      PostgresStatement("DELETE FROM @.\($0) WHERE part = 0 AND instance = ANY($1)", [ids])
    }
    return removals + [
      PostgresStatement("DELETE FROM @.instance WHERE part = 0 AND id = ANY($1)", [ids]),
      PostgresStore.adding(stones),
      // Subscribers at an earlier position have missed entries, and no number is assigned twice.
      PostgresStore.raise("kept_from", to: newestEntry + 1),
      PostgresStore.raise("instance", to: rows.map(\.id).max() ?? 0),
    ]
  }

  /// Adds the records of archived instances; that of an earlier run under the same key is replaced.
  static func adding(_ stones: [TransferRecords.ArchivedKey]) -> PostgresStatement {
    PostgresStatement(
      """
      INSERT INTO @.tombstone (part, flow, key, status, ended_at, instance, taken_until)
      SELECT 0, flow, key, status, ended_at, instance, CASE WHEN is_declared = 1 THEN taken_until END
      FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
        u (flow, key, status, ended_at, instance, taken_until, is_declared)
      ON CONFLICT (part, flow, key) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at,
        instance = excluded.instance, taken_until = excluded.taken_until
      """,
      [
        .texts(stones.map(\.flow)), .texts(stones.map(\.key)),
        .integers(stones.map { Int64($0.tombstone.status.rawValue) }), .integers(stones.map(\.tombstone.endedAt)),
        .integers(stones.map(\.tombstone.instance)), .integers(stones.map { $0.tombstone.keyTakenUntil ?? 0 }),
        .integers(stones.map { $0.tombstone.keyTakenUntil == nil ? 0 : 1 }),
      ])
  }

  static func raise(_ name: String, to value: Int64) -> PostgresStatement {
    PostgresStatement(
      """
      INSERT INTO @.meta AS m VALUES ($1, $2) ON CONFLICT (name) DO UPDATE
      SET value = greatest(m.value::bigint, excluded.value::bigint)::text
      """, [.text(name), .text(String(value))])
  }

  private func document(of row: InstanceRow, entries: [JournalEntry], store: String) -> [UInt8] {
    let journal: [JSON] = entries.map { entry in
      [
        "offset": .int(entry.sequence), "revision": .int(Int64(entry.revision)), "type": .string(entry.kind.rawValue),
        "at": .string(timeText(entry.at)), "data": entry.body,
      ]
    }
    let document: JSON = [
      "store": .string(store), "id": .int(row.id), "flow": .string(row.flow), "key": .string(row.key),
      "status": .string(row.status.name), "revision": .int(Int64(row.revision)),
      "startedAt": .string(timeText(row.startedAt)), "endedAt": .string(timeText(row.updatedAt)),
      "definition": .string(row.definition), "position": (try? JSON(parsing: row.position)) ?? .null,
      "data": (try? JSON(parsing: row.data)) ?? .null, "journal": .array(journal),
    ]
    return document.bytes()
  }
}
