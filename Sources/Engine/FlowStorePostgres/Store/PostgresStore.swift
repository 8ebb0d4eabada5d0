public import FlowRuntime
import Glibc

/// The store in a PostgreSQL database, of which this process is the only writer.
///
/// A batch is one transaction in one round trip: sets of rows are written by one statement for each table. The first
/// statement locks the fence with the number of this owner, so that it fails when another node has claimed the store.
public final class PostgresStore: Store {
  /// The error of every commit after another node has claimed the store.
  static let notOwner = StoreError.fatal("another node owns the store")
  static let otherWriter = StoreError.fatal("another process has written to the store")
  /// The numbers of jobs that are reserved in one write, so that not every batch changes the row of the counter.
  private static let jobBlock: Int64 = 1024
  /// The time for which a commit with an unknown result is looked up, in milliseconds.
  private static let resolutionMilliseconds: Int64 = 20_000
  private static let pauseMicroseconds: UInt32 = 100_000

  let connection: DatabaseConnection
  let lease: PostgresLease
  let retention: Retention
  /// True without a time limit of the lease: in tests and offline commands.
  private let isUnlimited: Bool
  public var rotation = MaintenanceRotation()
  /// The index of the table that receives answers: the other one has the older ones.
  var youngerAnswers = 0
  /// The time since which it does, in milliseconds since 1970; 0 before the first answer.
  var answersSince: Int64 = 0
  /// The keys of the hashes of idempotency keys; nil before the store has its identity.
  var secret: (UInt64, UInt64)?
  /// The lifetimes of keys that programs declare.
  var keyLifetimes = DeclaredKeyLifetimes()
  private var lastJob: Int64 = 0
  private var reservedJobs: Int64 = 0
  /// The result of the last search for an instance that was not found.
  private var missing: (flow: String, key: String, tombstone: Tombstone?)?

  /// Opens a prepared store whose lease this process holds.
  /// - Parameter isUnlimited: True if the lease is not renewed: only the fence excludes another writer.
  /// - Throws: `StoreError` when the store cannot be read.
  public init(
    _ database: PostgresDatabase, lease: PostgresLease, retention: Retention = Retention(), isUnlimited: Bool = false
  ) throws(StoreError) {
    connection = DatabaseConnection(database)
    self.lease = lease
    self.retention = retention
    self.isUnlimited = isUnlimited
    let values = try read("SELECT name, value FROM @.meta").map { ($0.text(0), $0.text(1)) }
    let meta = Dictionary(values) { $1 }
    youngerAnswers = (meta["answers"].flatMap { Int($0) } ?? 0) & 1
    answersSince = meta["answers_since"].flatMap { Int64($0) } ?? 0
    secret = meta["identity"].map { KeyHash.secret($0) }
    lastJob = meta["job"].flatMap { Int64($0) } ?? 0
    reservedJobs = lastJob
  }

  /// - Throws: `.fatal` when another node may own the store.
  public func verify() throws(StoreError) {
    guard isUnlimited || lease.isValid else { throw PostgresStore.notOwner }
  }

  /// - Throws: `.fatal` when another node may own the store.
  public func confirmOwnership() throws(StoreError) { try verify() }

  /// Writes a batch in one transaction, and returns when it is durable.
  /// - Throws: `.unavailable` when nothing was written and the batch can be retried; `.fatal` when another node owns
  ///   the store, or the result of the commit cannot be found out.
  public func commit(_ batch: StoreBatch) throws(StoreError) {
    try verify()
    missing = nil
    if let identity = batch.identity { secret = KeyHash.secret(identity) }
    let reserved = batch.lastJob > reservedJobs ? batch.lastJob + PostgresStore.jobBlock : nil
    let writer = PostgresBatch(
      batch, secret: secret ?? KeyHash.secret(""), answerTable: youngerAnswers, reservedJobs: reserved,
      startsAnswers: answersSince == 0)
    try write(writer.statements, last: batch.journal.last?.sequence)
    if let reserved { reservedJobs = reserved }
    lastJob = max(lastJob, batch.lastJob)
    if answersSince == 0, let first = batch.answers.first { answersSince = first.at }
  }

  /// Runs statements behind the fence, as one transaction.
  /// - Parameter last: The newest journal entry that they write, by which a commit with an unknown result is looked up;
  ///   nil for statements that may be run twice.
  @discardableResult
  func write(_ statements: [PostgresStatement], last: Int64? = nil) throws(StoreError) -> [PostgresRows] {
    let limit = Monotonic.milliseconds() + PostgresStore.resolutionMilliseconds
    var isUnknown = false
    while true {
      do throws(DatabaseFailure) {
        if isUnknown {
          if try lease.raiseFence(connection, lookingUp: last) { return [] }
          isUnknown = false
        }
        return try connection.run([fenceCheck] + statements)
      } catch {
        switch error {
        case .rejected(let problem, let state):
          // Only the first attempt is certain to have had no effect.
          if state.hasPrefix("23") { throw PostgresStore.otherWriter }
          if case .fatal = problem { throw problem }
          guard isUnknown else { throw problem }
        case .lost: isUnknown = true
        }
        try verify()
        guard Monotonic.milliseconds() < limit else {
          throw .fatal("the result of a commit is unknown: \(error.storeError.message)")
        }
        usleep(PostgresStore.pauseMicroseconds)
      }
    }
  }

  private var fenceCheck: PostgresStatement {
    PostgresStatement(
      "SELECT 1 / count(*) FROM (SELECT 1 FROM @.fence WHERE part = 0 AND epoch = $1 FOR SHARE) f",
      [.integer(lease.epoch)], refusal: PostgresStore.notOwner)
  }

  // MARK: - Reads

  /// Runs a query. It is repeated once on a new connection when the connection is lost.
  func read(_ sql: String, _ parameters: PostgresParameter...) throws(StoreError) -> PostgresRows {
    try read([PostgresStatement(sql, parameters)])[0]
  }

  func read(_ queries: [PostgresStatement]) throws(StoreError) -> [PostgresRows] {
    do throws(DatabaseFailure) {
      do throws(DatabaseFailure) {
        return try connection.run(queries)
      } catch {
        guard case .lost = error else { throw error }
        return try connection.run(queries)
      }
    } catch {
      throw error.storeError
    }
  }

  /// The highest assigned numbers, and the identity and epoch of the store.
  /// - Throws: `StoreError` when the store cannot be read.
  public func counters() throws(StoreError) -> StoreCounters {
    let results = try read([
      PostgresStatement(
        """
        SELECT (SELECT coalesce(max(sequence), 0) FROM @.journal WHERE part = 0),
          (SELECT coalesce(max(id), 0) FROM @.instance WHERE part = 0)
        """), PostgresStatement("SELECT name, value FROM @.meta"),
    ])
    let meta = Dictionary(results[1].map { ($0.text(0), $0.text(1)) }) { $1 }
    let number = { (name: String) in meta[name].flatMap { Int64($0) } ?? 0 }
    let newest = results[0].first { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
    return StoreCounters(
      sequence: max(newest.0, number("kept_from") - 1), instance: max(newest.1, number("instance")), job: lastJob,
      identity: meta["identity"] ?? "", epoch: Int(number("epoch")))
  }

  /// The row of an instance; nil when the store has no such instance.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instance(flow: String, key: String) throws(StoreError) -> InstanceRow? {
    // The record of an archived instance is the next question when there is no row.
    let results = try read([
      PostgresStatement(
        "\(PostgresColumns.instances) WHERE i.part = 0 AND i.flow = $1 AND i.key = $2", [.text(flow), .text(key)]),
      PostgresStore.tombstone(flow: flow, key: key),
    ])
    let row = results[0].first { $0.instance }
    if row == nil { missing = (flow, key, results[1].first { $0.tombstone }) }
    return row
  }

  /// The tombstone of an archived instance; nil when there is no such record.
  /// - Throws: `StoreError` when the store cannot be read.
  public func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone? {
    if let missing, ExactText(missing.flow) == ExactText(flow), ExactText(missing.key) == ExactText(key) {
      return missing.tombstone
    }
    return try read([PostgresStore.tombstone(flow: flow, key: key)])[0].first { $0.tombstone }
  }

  /// Forgets what maintenance may have changed.
  func forgetMissing() { missing = nil }

  static func tombstone(flow: String, key: String) -> PostgresStatement {
    PostgresStatement(
      "\(PostgresColumns.tombstones) AND flow = $1 AND key = $2", [.text(flow), .text(key)])
  }
}
