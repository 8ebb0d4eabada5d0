import FlowJSON
public import FlowRuntime

// The queries of operators and statistics.
extension PostgresQueries {
  /// The number of instances by flow, version, status and states; of all flows for nil.
  /// - Throws: `StoreError` when the store cannot be read.
  public func population(flow: String?) throws(StoreError) -> [InstanceCounts] {
    try read(
      """
      SELECT i.flow, d.hash, i.status, (i.position::json -> 'states')::text AS states, count(*), min(i.updated_at)
      FROM @.instance i JOIN @.definition d ON d.id = i.definition
      WHERE i.part = 0 AND ($1::text IS NULL OR i.flow = $1)
      GROUP BY i.flow, d.hash, i.status, states ORDER BY i.flow, d.hash, i.status, states
      """, [.text(flow)]
    ).map {
      let states = (try? JSON(parsing: $0.document(3)))?.array?.compactMap(\.string) ?? []
      return InstanceCounts(
        flow: $0.text(0), definition: $0.text(1), status: InstanceStatus(stored: $0.integer(2)), states: states,
        count: Int($0.integer(4)), oldest: $0.integer(5))
    }
  }

  /// The dead letters after a job number, with at most `limit` rows: of all flows for nil, or else of a flow and of
  /// messages of its queues.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deadLetters(
    flow: String?, queues: [String], after: Int64, limit: Int
  ) throws(StoreError) -> RowPage<DeadLetter> {
    try read(
      """
      SELECT \(PostgresColumns.dead), i.flow, i.key FROM @.dead_letter l
      LEFT JOIN @.instance i ON i.part = l.part AND i.id = l.instance
      WHERE l.part = 0 AND l.id > $1
        AND ($2::text IS NULL OR i.flow = $2 OR l.instance = 0 AND l.queue = ANY($4))
      ORDER BY l.id LIMIT $3
      """, [.integer(after), .text(flow), .integer(Int64(limit)), .texts(queues)]
    ).page(limit: limit) { DeadLetter(flow: $0.text(16), key: $0.text(17), row: $0.dead) }
  }

  /// The operations on many instances by number, as JSON.
  /// - Throws: `StoreError` when the store cannot be read.
  public func bulkOperations() throws(StoreError) -> [Int64: [UInt8]] {
    let rows = try read("SELECT id, document FROM @.bulk WHERE part = 0").map { ($0.integer(0), $0.document(1)) }
    return Dictionary(rows) { $1 }
  }

  /// The unfinished jobs after a job number, with at most `limit` rows; of all flows for nil.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(flow: String?, after: Int64, limit: Int) throws(StoreError) -> RowPage<PendingJob> {
    try read(
      """
      SELECT \(PostgresColumns.job), i.flow, i.key FROM @.job j
      JOIN @.instance i ON i.part = j.part AND i.id = j.instance
      WHERE j.part = 0 AND j.id > $1 AND ($2::text IS NULL OR i.flow = $2) ORDER BY j.id LIMIT $3
      """, [.integer(after), .text(flow), .integer(Int64(limit))]
    ).page(limit: limit) { PendingJob(flow: $0.text(20), key: $0.text(21), row: $0.job) }
  }

  /// The unfinished jobs of an instance, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(instance: Int64) throws(StoreError) -> [JobRow] {
    try read("\(PostgresColumns.jobs) WHERE j.part = 0 AND j.instance = $1 ORDER BY j.id", [.integer(instance)])
      .map { $0.job }
  }

  /// The scheduled starts, with the time of the next run of each.
  /// - Throws: `StoreError` when the store cannot be read.
  public func schedules() throws(StoreError) -> [ScheduleRow] {
    try read("\(PostgresColumns.schedules) ORDER BY s.due").map { $0.schedule }
  }

  /// The IR of a program by its hash; nil for an unknown hash.
  /// - Throws: `StoreError` when the store cannot be read.
  public func definition(hash: String) throws(StoreError) -> [UInt8]? {
    try read("SELECT ir FROM @.definition WHERE hash = $1", [.text(hash)]).first { $0.document(0) }
  }

  /// The last deployment of each flow.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deployments() throws(StoreError) -> [DeploymentRow] {
    try read(PostgresColumns.deployments).map { $0.deployment }
  }

  /// The programs from which a flow was ever served, oldest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func versions(flow: String) throws(StoreError) -> [VersionRow] {
    try read(
      """
      SELECT d.hash, v.number, v.origin, v.at FROM @.version v JOIN @.definition d ON d.id = v.definition
      WHERE v.part = 0 AND v.flow = $1 ORDER BY v.at, v.definition
      """, [.text(flow)]
    ).map {
      VersionRow(
        flow: flow, definition: $0.text(0), number: $0.optionalInteger(1).map { Int($0) }, origin: $0.text(2),
        at: $0.integer(3))
    }
  }

  /// The source files of a program; nil when they were not stored.
  /// - Throws: `StoreError` when the store cannot be read.
  public func source(hash: String) throws(StoreError) -> [SourceText]? {
    try read("SELECT source FROM @.definition WHERE hash = $1 AND source <> ''", [.text(hash)])
      .first { SourceText.read($0.document(0)) }
  }
}
