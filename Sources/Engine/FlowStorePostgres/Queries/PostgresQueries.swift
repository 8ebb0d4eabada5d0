public import FlowRuntime
import Synchronization

/// Reads a store concurrently with its writer, from any node.
public final class PostgresQueries: Queries {
  /// One reader at a time; the lock is held for the duration of a query.
  private let reading: Mutex<DatabaseConnectionBox>
  private let schema: String

  /// - Parameter database: A prepared store; it is connected to by the first query.
  public init(_ database: PostgresDatabase) {
    reading = Mutex(DatabaseConnectionBox(database, timeoutMilliseconds: 30_000))
    schema = database.schema
  }

  /// Runs a query. It is repeated once on a new connection when the connection is lost.
  func read(_ sql: String, _ parameters: [PostgresParameter] = []) throws(StoreError) -> PostgresRows {
    let query = PostgresStatement(sql, parameters)
    do throws(DatabaseFailure) {
      return try reading.withLock { box throws(DatabaseFailure) in
        do throws(DatabaseFailure) {
          return try box.connection.run([query])[0]
        } catch {
          guard case .lost = error else { throw error }
          return try box.connection.run([query])[0]
        }
      }
    } catch {
      throw error.storeError
    }
  }

  // MARK: - Instances

  /// The row of an instance; nil when the store has no such instance.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instance(flow: String, key: String) throws(StoreError) -> InstanceRow? {
    try read(
      "\(PostgresColumns.instances) WHERE i.part = 0 AND i.flow = $1 AND i.key = $2", [.text(flow), .text(key)]
    ).first { $0.instance }
  }

  /// The items of the calls over lists of an instance, by call and position.
  /// - Throws: `StoreError` when the store cannot be read.
  public func items(instance: Int64) throws(StoreError) -> [ItemRow] {
    try read(PostgresColumns.items, [.integer(instance)]).map { $0.item }
  }

  /// The rows of instances that match a filter, by number, with at most `limit` rows.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instances(
    _ filter: InstanceFilter, after: Int64?, limit: Int
  ) throws(StoreError) -> RowPage<InstanceRow> {
    var terms = ["i.part = 0"]
    var parameters: [PostgresParameter] = []
    func add(_ term: String, _ parameter: PostgresParameter?, end: String = "") {
      guard let parameter else { return }
      parameters.append(parameter)
      terms.append("\(term) $\(parameters.count)\(end)")
    }
    add(filter.isNewestFirst ? "i.id <" : "i.id >", after.map { .integer($0) })
    add("i.flow =", filter.flow.map { .text($0) })
    add("i.status =", filter.status.map { .integer(Int64($0.rawValue)) })
    add("i.updated_at >", filter.updatedAfter.map { .integer($0) })
    add("i.updated_at <", filter.updatedBefore.map { .integer($0) })
    if filter.hasIncident { terms.append("i.incident <> ''") }
    if let prefix = filter.keyPrefix, !prefix.isEmpty { add("starts_with(i.key,", .text(prefix), end: ")") }
    let order = filter.isNewestFirst ? "DESC" : "ASC"
    return try read(
      """
      \(PostgresColumns.instances) WHERE \(terms.joined(separator: " AND ")) ORDER BY i.id \(order) LIMIT \(limit)
      """, parameters
    ).page(limit: limit) { $0.instance }
  }

  /// The tombstone of an archived instance; nil when there is no such record.
  /// - Throws: `StoreError` when the store cannot be read.
  public func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone? {
    let statement = PostgresStore.tombstone(flow: flow, key: key)
    return try read(statement.sql, statement.parameters).first { $0.tombstone }
  }

  // MARK: - Journal

  /// The journal entries of an instance after a sequence number, with at most `limit` entries.
  /// - Throws: `StoreError` when the store cannot be read.
  public func history(instance: Int64, after: Int64, limit: Int) throws(StoreError) -> RowPage<JournalEntry> {
    try read(
      """
      \(PostgresColumns.entries) WHERE j.part = 0 AND j.instance = $1 AND j.sequence > $2 ORDER BY j.sequence LIMIT $3
      """, [.integer(instance), .integer(after), .integer(Int64(limit))]
    ).page(limit: limit) { $0.entry }
  }

  /// The snapshot at the start of an instance's history; nil when the history is complete.
  /// - Throws: `StoreError` when the store cannot be read.
  public func beginning(instance: Int64) throws(StoreError) -> InstanceSnapshot? {
    try read("\(PostgresColumns.snapshots) WHERE s.part = 0 AND s.instance = $1 AND s.kept = 1", [.integer(instance)])
      .first { $0.snapshot }
  }

  /// The newest sequence number, including archived entries; 0 in an empty journal.
  /// - Throws: `StoreError` when the store cannot be read.
  public func lastSequence() throws(StoreError) -> Int64 {
    try read(
      """
      SELECT greatest((SELECT coalesce(max(sequence), 0) FROM @.journal WHERE part = 0),
        (SELECT value::bigint - 1 FROM @.meta WHERE name = 'kept_from'))
      """
    ).first { $0.integer(0) } ?? 0
  }

  /// The journal entries of all instances after a sequence number, with at most `limit` entries.
  /// - Throws: `StoreError` when the store cannot be read.
  public func journal(after: Int64, limit: Int) throws(StoreError) -> RowPage<JournalEntry> {
    try read(
      "\(PostgresColumns.entries) WHERE j.part = 0 AND j.sequence > $1 ORDER BY j.sequence LIMIT $2",
      [.integer(after), .integer(Int64(limit))]
    ).page(limit: limit) { $0.entry }
  }

  /// The first sequence number from which on the journal is complete; 1 when nothing was archived.
  /// - Throws: `StoreError` when the store cannot be read.
  public func keptFrom() throws(StoreError) -> Int64 {
    max(try meta("kept_from").flatMap { Int64($0) } ?? 1, 1)
  }

  /// The positions up to which publications have published the journal, by name.
  /// - Throws: `StoreError` when the store cannot be read.
  public func cursors() throws(StoreError) -> [String: Int64] {
    let rows = try read(
      "SELECT name, value::bigint FROM @.meta WHERE name LIKE $1", [.text(PostgresSchema.cursorPrefix + "%")]
    ).map { (String($0.text(0).dropFirst(PostgresSchema.cursorPrefix.count)), $0.integer(1)) }
    return Dictionary(rows) { $1 }
  }

  /// The epoch of the journal: the identity of the store, and the number of restores from backups, if any.
  /// - Throws: `StoreError` when the store cannot be read.
  public func epoch() throws(StoreError) -> String {
    let identity = try meta("identity") ?? ""
    guard let restored = try meta("epoch"), restored != "0" else { return identity }
    return "\(identity).\(restored)"
  }

  private func meta(_ name: String) throws(StoreError) -> String? {
    try read("SELECT value FROM @.meta WHERE name = $1", [.text(name)]).first { $0.text(0) }
  }

  /// The number of stored timers, jobs and dead letters, and the size of the tables.
  /// - Throws: `StoreError` when the store cannot be read.
  public func extent() throws(StoreError) -> StoreSize {
    try read(
      """
      SELECT (SELECT count(*) FROM @.timer), (SELECT count(*) FROM @.job), (SELECT count(*) FROM @.dead_letter),
        (SELECT count(*) FROM @.instance WHERE part = 0 AND incident <> ''),
        (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
         WHERE relkind = 'r' AND relnamespace = $1::regnamespace)
      """, [.text(schema)]
    ).first {
      StoreSize(
        timers: Int($0.integer(0)), jobs: Int($0.integer(1)), deadLetters: Int($0.integer(2)),
        incidents: Int($0.integer(3)), bytes: $0.integer(4), freeBytes: 0)
    } ?? StoreSize(timers: 0, jobs: 0, deadLetters: 0, incidents: 0, bytes: 0, freeBytes: 0)
  }
}
