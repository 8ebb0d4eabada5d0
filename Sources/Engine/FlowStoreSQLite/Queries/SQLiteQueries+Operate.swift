import FlowJSON
public import FlowRuntime

// The queries of operators and statistics. They are rare, so that each is prepared when it is used.
extension SQLiteQueries {
  /// The first sequence number from which on the journal is complete; 1 when nothing was archived.
  /// - Throws: `StoreError` when the store cannot be read.
  public func keptFrom() throws(StoreError) -> Int64 {
    try withConnection { connection throws(StoreError) in
      max(try connection.integer("SELECT value FROM meta WHERE name = 'kept_from'"), 1)
    }
  }

  /// The positions up to which publications have published the journal, by name.
  /// - Throws: `StoreError` when the store cannot be read.
  public func cursors() throws(StoreError) -> [String: Int64] {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare("SELECT name, value FROM meta WHERE name GLOB ?1")
      statement.bind(.text(Schema.cursorPrefix + "*"))
      var found: [String: Int64] = [:]
      while try statement.next() {
        found[String(statement.text(0).dropFirst(Schema.cursorPrefix.count))] = statement.integer(1)
      }
      return found
    }
  }

  /// The snapshot at the start of an instance's history; nil when the history is complete.
  /// - Throws: `StoreError` when the store cannot be read.
  public func beginning(instance: Int64) throws(StoreError) -> InstanceSnapshot? {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare("\(Statements.snapshots) WHERE s.instance = ?1 AND s.kept = 1")
      statement.bind(.integer(instance))
      return try statement.next() ? statement.snapshot : nil
    }
  }

  /// The epoch of the journal: the identity of the store, and the number of restores from backups, if any.
  /// - Throws: `StoreError` when the store cannot be read.
  public func epoch() throws(StoreError) -> String {
    try withConnection { connection throws(StoreError) in
      let identity = try connection.text("SELECT value FROM meta WHERE name = 'identity'")
      let restored = try connection.integer("SELECT value FROM meta WHERE name = 'epoch'")
      return restored == 0 ? identity : "\(identity).\(restored)"
    }
  }

  /// The number of instances by flow, version, status and states; of all flows for nil.
  /// - Throws: `StoreError` when the store cannot be read.
  public func population(flow: String?) throws(StoreError) -> [InstanceCounts] {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare(
        """
        SELECT i.flow, d.hash, i.status, json_extract(i.position, '$.states') AS states, count(*), min(i.updated_at)
        FROM instance i JOIN definition d ON d.id = i.definition WHERE ?1 IS NULL OR i.flow = ?1
        GROUP BY i.flow, d.hash, i.status, states ORDER BY i.flow, d.hash, i.status, states
        """)
      statement.bind(.optional(flow))
      var rows: [InstanceCounts] = []
      while try statement.next() {
        let states = (try? JSON(parsing: statement.blob(3)))?.array?.compactMap(\.string) ?? []
        rows.append(
          InstanceCounts(
            flow: statement.text(0), definition: statement.text(1),
            status: InstanceStatus(stored: statement.integer(2)), states: states,
            count: Int(statement.integer(4)), oldest: statement.integer(5)))
      }
      return rows
    }
  }

  /// The dead letters after a job number, with at most `limit` rows: of all flows for nil, or else of a flow and of
  /// messages of its queues.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deadLetters(
    flow: String?, queues: [String], after: Int64, limit: Int
  ) throws(StoreError) -> RowPage<DeadLetter> {
    let names = JSON.array(queues.map { .string($0) }).text()
    return try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare(
        """
        SELECT \(Statements.columns(Statements.deadColumns, of: "l")), i.flow, i.key
        FROM dead_letter l LEFT JOIN instance i ON i.id = l.instance
        WHERE l.id > ?1 AND (?2 IS NULL OR i.flow = ?2
          OR l.instance = 0 AND l.queue IN (SELECT value FROM json_each(?4)))
        ORDER BY l.id LIMIT ?3
        """)
      statement.bind(.integer(after), .optional(flow), .integer(Int64(limit)), .text(names))
      return try statement.page(limit: limit) { row in
        DeadLetter(flow: row.text(16), key: row.text(17), row: row.dead)
      }
    }
  }

  /// - Throws: When the store can't be read.
  public func bulkOperations() throws(StoreError) -> [Int64: [UInt8]] {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare("SELECT id, document FROM bulk")
      var found: [Int64: [UInt8]] = [:]
      while try statement.next() { found[statement.integer(0)] = statement.blob(1) }
      return found
    }
  }

  /// The unfinished jobs after a job number, with at most `limit` rows; of all flows for nil.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(flow: String?, after: Int64, limit: Int) throws(StoreError) -> RowPage<PendingJob> {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare(
        """
        SELECT \(Statements.columns(Statements.jobColumns, of: "j")), i.flow, i.key
        FROM job j JOIN instance i ON i.id = j.instance
        WHERE j.id > ?1 AND (?2 IS NULL OR i.flow = ?2) ORDER BY j.id LIMIT ?3
        """)
      statement.bind(.integer(after), .optional(flow), .integer(Int64(limit)))
      return try statement.page(limit: limit) { row in
        PendingJob(flow: row.text(20), key: row.text(21), row: row.job)
      }
    }
  }

  /// The scheduled starts, with the time of the next run of each.
  /// - Throws: `StoreError` when the store cannot be read.
  public func schedules() throws(StoreError) -> [ScheduleRow] {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare("\(Statements.schedules) ORDER BY s.due")
      var rows: [ScheduleRow] = []
      while try statement.next() { rows.append(statement.schedule) }
      return rows
    }
  }

  /// The unfinished jobs of an instance, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(instance: Int64) throws(StoreError) -> [JobRow] {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare(
        "SELECT \(Statements.jobColumns) FROM job WHERE instance = ?1 ORDER BY id")
      statement.bind(.integer(instance))
      var rows: [JobRow] = []
      while try statement.next() { rows.append(statement.job) }
      return rows
    }
  }

  /// The tombstone of an archived instance; nil when there is no such record.
  /// - Throws: `StoreError` when the store cannot be read.
  public func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone? {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare("\(Statements.tombstones) WHERE flow = ?1 AND key = ?2")
      statement.bind(.text(flow), .text(key))
      guard try statement.next() else { return nil }
      return statement.tombstone
    }
  }

  /// The IR of a program by its hash; nil for an unknown hash.
  /// - Throws: `StoreError` when the store cannot be read.
  public func definition(hash: String) throws(StoreError) -> [UInt8]? {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare("SELECT ir FROM definition WHERE hash = ?1")
      statement.bind(.text(hash))
      return try statement.next() ? statement.blob(0) : nil
    }
  }

  /// The last deployment of each flow.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deployments() throws(StoreError) -> [DeploymentRow] {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare(Statements.deployments)
      var rows: [DeploymentRow] = []
      while try statement.next() { rows.append(statement.deployment) }
      return rows
    }
  }

  /// The programs from which a flow was ever served, oldest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func versions(flow: String) throws(StoreError) -> [VersionRow] {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare(
        """
        SELECT d.hash, v.number, v.origin, v.at FROM version v JOIN definition d ON d.id = v.definition
        WHERE v.flow = ?1 ORDER BY v.at, v.definition
        """)
      statement.bind(.text(flow))
      var rows: [VersionRow] = []
      while try statement.next() {
        rows.append(
          VersionRow(
            flow: flow, definition: statement.text(0), number: statement.isNull(1) ? nil : Int(statement.integer(1)),
            origin: statement.text(2), at: statement.integer(3)))
      }
      return rows
    }
  }

  /// The source files of a program; nil when they were not stored.
  /// - Throws: `StoreError` when the store cannot be read.
  public func source(hash: String) throws(StoreError) -> [SourceText]? {
    try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare("SELECT source FROM definition WHERE hash = ?1 AND source <> ''")
      statement.bind(.text(hash))
      return try statement.next() ? SourceText.read(statement.blob(0)) : nil
    }
  }

  /// The number of stored timers, jobs and dead letters, and the size of the file.
  /// - Throws: `StoreError` when the store cannot be read.
  public func extent() throws(StoreError) -> StoreSize {
    try withConnection { connection throws(StoreError) in
      let page = try connection.integer("PRAGMA page_size")
      return StoreSize(
        timers: Int(try connection.integer("SELECT count(*) FROM timer")),
        jobs: Int(try connection.integer("SELECT count(*) FROM job")),
        deadLetters: Int(try connection.integer("SELECT count(*) FROM dead_letter")),
        incidents: Int(try connection.integer("SELECT count(*) FROM instance WHERE incident <> ''")),
        bytes: try connection.integer("PRAGMA page_count") * page,
        freeBytes: try connection.integer("PRAGMA freelist_count") * page)
    }
  }
}
