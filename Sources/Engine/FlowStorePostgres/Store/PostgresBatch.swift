import FlowRuntime

/// The statements that write a batch: one for each table, with a column of values for each parameter.
struct PostgresBatch {
  private(set) var statements: [PostgresStatement] = []
  private let batch: StoreBatch
  private let secret: (UInt64, UInt64)

  /// - Parameter secret: The keys of the hashes of idempotency keys.
  /// - Parameter answerTable: The index of the table that receives answers.
  /// - Parameter reservedJobs: The number up to which numbers of jobs are reserved; nil when it stays as it is.
  /// - Parameter startsAnswers: True if no answer was stored before.
  init(
    _ batch: StoreBatch, secret: (UInt64, UInt64), answerTable: Int, reservedJobs: Int64?, startsAnswers: Bool
  ) {
    self.batch = batch
    self.secret = secret
    addDefinitions()
    if let identity = batch.identity { setMeta("identity", identity) }
    if let reservedJobs { setMeta("job", String(reservedJobs)) }
    addJournal()
    addAnswers(answerTable, isFirst: startsAnswers)
    addInstances()
    addTimers()
    addItems()
    addJobs()
    addDeadLetters()
    for (name, sequence) in batch.cursors.sorted(by: { $0.key < $1.key }) {
      setMeta(PostgresSchema.cursorPrefix + name, String(sequence))
    }
    addOnce()
    addRecords()
    addDeployments()
  }

  // MARK: - Helpers

  private mutating func add(_ sql: String, _ parameters: [PostgresParameter]) {
    statements.append(PostgresStatement(sql, parameters))
  }

  private mutating func setMeta(_ name: String, _ value: String) {
    statements.append(PostgresBatch.meta(name, value))
  }

  static func meta(_ name: String, _ value: String) -> PostgresStatement {
    PostgresStatement(
      "INSERT INTO @.meta VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [.text(name), .text(value)])
  }

  /// `unnest($1::bigint[], $2::text[])` for the types of columns.
  private static func unnest(_ columns: [PostgresParameter]) -> String {
    let terms = columns.enumerated().map { index, column in
      switch column {
      case .texts, .optionalTexts, .documents: "$\(index + 1)::text[]"
      default: "$\(index + 1)::bigint[]"
      }
    }
    return "unnest(\(terms.joined(separator: ", ")))"
  }

  /// Inserts rows whose columns after `part` are the parameters, or replaces those with the same key.
  private mutating func upsert(_ table: String, key: [String], _ columns: [(name: String, values: PostgresParameter)]) {
    let names = columns.map(\.name)
    let changed = names.filter { !key.contains($0) }.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    add(
      """
      INSERT INTO @.\(table) (part, \(names.joined(separator: ", ")))
      SELECT 0, u.* FROM \(PostgresBatch.unnest(columns.map(\.values))) u
      ON CONFLICT (part, \(key.joined(separator: ", "))) DO UPDATE SET \(changed)
      """, columns.map(\.values))
  }

  /// A statement that changes exactly this number of rows, or aborts the transaction.
  private mutating func change(exactly count: Int, _ sql: String, _ parameters: [PostgresParameter]) {
    let position = parameters.count + 1
    statements.append(
      PostgresStatement(
        """
        WITH changed AS (\(sql) RETURNING 1)
        SELECT 1 / (CASE WHEN count(*) = $\(position) THEN 1 ELSE 0 END) FROM changed
        """, parameters + [.integer(Int64(count))], refusal: PostgresStore.otherWriter))
  }

  // MARK: - Tables

  private mutating func addDefinitions() {
    if !batch.definitions.isEmpty {
      let all = Array(batch.definitions)
      add(
        """
        INSERT INTO @.definition (hash, ir) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (hash) DO NOTHING
        """, [.texts(all.map(\.key)), .documents(all.map(\.value))])
    }
    if !batch.sources.isEmpty {
      let all = Array(batch.sources)
      add(
        """
        UPDATE @.definition d SET source = u.source FROM unnest($1::text[], $2::text[]) u (hash, source)
        WHERE d.hash = u.hash AND d.source <> u.source
        """, [.texts(all.map(\.key)), .documents(all.map(\.value))])
    }
  }

  private mutating func addJournal() {
    guard !batch.journal.isEmpty else { return }
    let answered = Set(batch.answers.map(\.sequence))
    let rows = batch.journal
    let bodies = rows.map { entry in
      var body: [UInt8] = []
      entry.writeBody(to: &body)
      return body
    }
    add(
      """
      INSERT INTO @.journal (part, sequence, instance, revision, kind, at, body, is_answer)
      SELECT 0, u.sequence, u.instance, u.revision, u.kind, u.at, u.body, u.is_answer = 1
      FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::bigint[])
        u (sequence, instance, revision, kind, at, body, is_answer)
      """,
      [
        .integers(rows.map(\.sequence)), .integers(rows.map(\.instance)), .integers(rows.map { Int64($0.revision) }),
        .texts(rows.map(\.kind.rawValue)), .integers(rows.map(\.at)), .documents(bodies),
        .integers(rows.map { answered.contains($0.sequence) ? 1 : 0 }),
      ])
  }

  private mutating func addAnswers(_ table: Int, isFirst: Bool) {
    guard let first = batch.answers.first else { return }
    if isFirst { setMeta("answers_since", String(first.at)) }
    let hashes = batch.answers.map { KeyHash($0.scope, $0.key, secret: secret) }
    add(
      """
      INSERT INTO @.answer_\(table) (part, high, low, digest, sequence)
      SELECT 0, u.* FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) u ON CONFLICT DO NOTHING
      """,
      [
        .integers(hashes.map(\.high)), .integers(hashes.map(\.low)), .integers(batch.answers.map(\.digest)),
        .integers(batch.answers.map(\.sequence)),
      ])
  }

  private mutating func addInstances() {
    let rows = batch.instances.values.sorted { $0.id < $1.id }
    let new = rows.filter { batch.created.contains($0.id) }
    let changed = rows.filter { !batch.created.contains($0.id) }
    if !new.isEmpty {
      change(
        exactly: new.count,
        """
        INSERT INTO @.instance (part, id, flow, key, definition, status, revision, started_at, updated_at, ended_at,
          position, data, incident)
        SELECT 0, u.id, u.flow, u.key, d.id, u.status, u.revision, u.started_at, u.updated_at, \(PostgresBatch.endedAt),
          u.position, u.data, u.incident
        FROM \(PostgresBatch.instanceRows), $10::text[], $11::text[]) \(PostgresBatch.instanceNames), flow, key)
        JOIN @.definition d ON d.hash = u.hash
        """, PostgresBatch.columns(new) + [.texts(new.map(\.flow)), .texts(new.map(\.key))])
    }
    guard !changed.isEmpty else { return }
    change(
      exactly: changed.count,
      """
      UPDATE @.instance i SET definition = d.id, status = u.status, revision = u.revision, started_at = u.started_at,
        updated_at = u.updated_at, ended_at = \(PostgresBatch.endedAt), position = u.position, data = u.data,
        incident = u.incident
      FROM \(PostgresBatch.instanceRows)) \(PostgresBatch.instanceNames)) JOIN @.definition d ON d.hash = u.hash
      WHERE i.part = 0 AND i.id = u.id AND i.revision <= u.revision
      """, PostgresBatch.columns(changed))
  }

  /// Only set with the end, so that a step changes no index.
  private static let endedAt = "CASE WHEN u.status BETWEEN 1 AND 3 THEN u.updated_at END"
  private static let instanceRows = """
    unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
      $9::text[]
    """
  private static let instanceNames =
    "u (id, hash, status, revision, started_at, updated_at, position, data, incident"

  private static func columns(_ rows: [InstanceRow]) -> [PostgresParameter] {
    [
      .integers(rows.map(\.id)), .texts(rows.map(\.definition)), .integers(rows.map { Int64($0.status.rawValue) }),
      .integers(rows.map { Int64($0.revision) }), .integers(rows.map(\.startedAt)), .integers(rows.map(\.updatedAt)),
      .documents(rows.map(\.position)), .documents(rows.map(\.data)), .texts(rows.map(\.incident)),
    ]
  }

  private mutating func addTimers() {
    let cleared = batch.timers.filter { $0.value == nil }.map(\.key)
    let set = batch.timers.compactMap { id, due in due.map { TimerRow(id: id, due: $0) } }
    if !cleared.isEmpty {
      add(
        """
        DELETE FROM @.timer t USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) u (instance, transition, armed)
        WHERE t.part = 0 AND t.instance = u.instance AND t.transition = u.transition AND t.armed = u.armed
        """,
        [
          .integers(cleared.map(\.instance)), .integers(cleared.map { Int64($0.transition) }),
          .integers(cleared.map { Int64($0.armed) }),
        ])
    }
    guard !set.isEmpty else { return }
    upsert(
      "timer", key: ["instance", "transition", "armed"],
      [
        ("instance", .integers(set.map(\.id.instance))),
        ("transition", .integers(set.map { Int64($0.id.transition) })),
        ("armed", .integers(set.map { Int64($0.id.armed) })), ("due", .integers(set.map(\.due))),
      ])
  }

  private mutating func addJobs() {
    if !batch.jobsRemoved.isEmpty {
      add("DELETE FROM @.job WHERE part = 0 AND id = ANY($1)", [.integers(batch.jobsRemoved.sorted())])
    }
    guard !batch.jobs.isEmpty else { return }
    let rows = batch.jobs.values.sorted { $0.id < $1.id }
    let call: [Int64?] = rows.map { $0.call.map { Int64($0) } }
    upsert(
      "job", key: ["id"],
      PostgresBatch.workColumns(rows) + [
        ("call", .optionalIntegers(call)), ("attempt", .integers(rows.map { Int64($0.attempt) })),
        ("due", .integers(rows.map(\.due.stored))), ("lease", .integers(rows.map(\.lease))),
        ("fence", .integers(rows.map { Int64($0.fence) })), ("outcome", .documents(rows.map(\.outcome))),
        ("worker", .optionalTexts(rows.map(\.worker))), ("deadline", .integers(rows.map(\.deadline))),
      ])
  }

  private mutating func addItems() {
    let removed = batch.items.filter { $0.value == nil }.keys.sorted()
    if !removed.isEmpty {
      add(
        """
        DELETE FROM @.item t USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) u (instance, call, item)
        WHERE t.part = 0 AND t.instance = u.instance AND t.call = u.call AND t.item = u.item
        """, PostgresBatch.columns(of: removed))
    }
    let kept = batch.items.filter { $0.value != nil }.sorted { $0.key < $1.key }
    guard !kept.isEmpty else { return }
    let ids = PostgresBatch.columns(of: kept.map(\.key))
    upsert(
      "item", key: ["instance", "call", "item"],
      [
        ("instance", ids[0]), ("call", ids[1]), ("item", ids[2]), ("document", .documents(kept.map { $0.value ?? [] })),
      ])
  }

  private static func columns(of ids: [ItemID]) -> [PostgresParameter] {
    [
      .integers(ids.map(\.instance)), .integers(ids.map { Int64($0.call) }), .integers(ids.map { Int64($0.index) }),
    ]
  }

  private mutating func addDeadLetters() {
    if !batch.deadRemoved.isEmpty {
      add("DELETE FROM @.dead_letter WHERE part = 0 AND id = ANY($1)", [.integers(batch.deadRemoved.sorted())])
    }
    guard !batch.dead.isEmpty else { return }
    let rows = batch.dead
    upsert(
      "dead_letter", key: ["id"],
      PostgresBatch.workColumns(rows.map(\.job)) + [
        ("attempts", .integers(rows.map { Int64($0.job.attempt + 1) })), ("at", .integers(rows.map(\.at))),
        ("code", .texts(rows.map(\.code))), ("message", .texts(rows.map(\.message))),
      ])
  }

  /// The columns that a job and its dead letter have in common.
  private static func workColumns(_ rows: [JobRow]) -> [(name: String, values: PostgresParameter)] {
    [
      ("id", .integers(rows.map(\.id))), ("instance", .integers(rows.map(\.instance))),
      ("revision", .integers(rows.map { Int64($0.revision) })), ("number", .integers(rows.map { Int64($0.number) })),
      ("action", .texts(rows.map(\.action))), ("queue", .optionalTexts(rows.map(\.queue))),
      ("once", .optionalTexts(rows.map(\.once))), ("arguments", .documents(rows.map(\.arguments))),
      ("failures", .documents(rows.map(\.failures))), ("origin", .integers(rows.map(\.origin))),
      ("epoch", .integers(rows.map { Int64($0.epoch) })), ("priority", .integers(rows.map(\.priority))),
    ]
  }

  private mutating func addOnce() {
    // Without a job, a result and an earlier generation there is nothing to store.
    let forgotten = batch.once.values.filter { $0.isForgotten && $0.generation == 0 }
    let kept = batch.once.values.filter { !$0.isForgotten || $0.generation != 0 }
    if !forgotten.isEmpty {
      add(
        """
        DELETE FROM @.once WHERE part = 0
          AND name IN (SELECT sha256(convert_to(u, 'UTF8')) FROM unnest($1::text[]) u)
        """, [.texts(forgotten.map(\.key))])
    }
    guard !kept.isEmpty else { return }
    add(
      """
      INSERT INTO @.once (part, name, key, job, outcome, generation)
      SELECT 0, sha256(convert_to(u.key, 'UTF8')), u.* FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])
        u (key, job, outcome, generation)
      ON CONFLICT (part, name) DO UPDATE SET job = excluded.job, outcome = excluded.outcome,
        generation = excluded.generation
      """,
      [
        .texts(kept.map(\.key)), .integers(kept.map(\.job)), .documents(kept.map(\.outcome)),
        .integers(kept.map { Int64($0.generation) }),
      ])
  }

  private mutating func addRecords() {
    if !batch.completions.isEmpty {
      // The last one of each job: a statement cannot change a row twice.
      let last = Dictionary(batch.completions.map { ($0.job, $0) }) { $1 }.values
      upsert(
        "completion", key: ["job"],
        [
          ("job", .integers(last.map(\.job))), ("fence", .integers(last.map { Int64($0.fence) })),
          ("digest", .integers(last.map(\.digest))), ("at", .integers(last.map(\.at))),
        ])
    }
    if !batch.bulk.isEmpty {
      let all = Array(batch.bulk)
      upsert("bulk", key: ["id"], [("id", .integers(all.map(\.key))), ("document", .documents(all.map(\.value)))])
    }
    let idle = batch.throttles.filter(\.value.isEmpty).map(\.key)
    if !idle.isEmpty { add("DELETE FROM @.pace WHERE part = 0 AND action = ANY($1)", [.texts(idle)]) }
    if idle.count < batch.throttles.count {
      let all = batch.throttles.filter { !$0.value.isEmpty }.map { $0 }
      upsert("pace", key: ["action"], [("action", .texts(all.map(\.key))), ("spent", .documents(all.map(\.value)))])
    }
  }

  private mutating func addDeployments() {
    let definition = "(SELECT id FROM @.definition WHERE hash = $2)"
    for row in batch.versions {
      add(
        "INSERT INTO @.version VALUES (0, $1, \(definition), $3, $4, $5) ON CONFLICT DO NOTHING",
        [
          .text(row.flow), .text(row.definition), .integer(row.number.map { Int64($0) }), .text(row.origin),
          .integer(row.at),
        ])
    }
    for row in batch.deployments {
      add(
        """
        INSERT INTO @.deployment VALUES (0, $1, \(definition), $3, $4, $5) ON CONFLICT (part, flow) DO UPDATE SET
          definition = excluded.definition, origin = excluded.origin, at = excluded.at, retired = excluded.retired
        """,
        [
          .text(row.flow), .text(row.definition), .text(row.origin), .integer(row.at), .integer(row.isRetired ? 1 : 0),
        ])
    }
    for row in batch.schedules.values {
      add(
        """
        INSERT INTO @.schedule VALUES (0, $1, $3, \(definition), $4, $5, $6, $7, $8, $9)
        ON CONFLICT (part, flow, start) DO UPDATE SET
          definition = excluded.definition, due = excluded.due, running = excluded.running,
          waiting = excluded.waiting, last_run = excluded.last_run, last_skipped = excluded.last_skipped,
          skipped = excluded.skipped
        """,
        [
          .text(row.flow), .text(row.definition), .integer(Int64(row.start)), .integer(row.due), .text(row.running),
          .integer(row.waiting), .integer(row.lastRun), .integer(row.lastSkipped), .integer(Int64(row.skipped)),
        ])
    }
  }
}
