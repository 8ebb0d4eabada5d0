public import FlowRuntime
import Synchronization

/// The ownership of a store: at most one node holds the lease, and only the node of the fence can commit.
///
/// The lease is judged by the clock of the database, its validity in this process by a monotonic clock from before each
/// renewal was sent. A node therefore stops before another can claim, whatever their clocks say. The fence is the
/// guarantee for a process that was stopped in between: its batches name an old number and fail.
public final class PostgresLease: Sendable {
  /// The time after a renewal for which no other node can claim the store, in milliseconds.
  public static let lifetimeMilliseconds: Int64 = 6000
  /// The time after a renewal for which this node commits and answers, in milliseconds.
  public static let validMilliseconds: Int64 = 4000
  /// The interval of renewals, in milliseconds.
  public static let heartbeatMilliseconds: Int64 = 1500
  /// The duration of a statement up to which its reading of the clock is precise, in milliseconds.
  private static let preciseMilliseconds: Int64 = 100
  /// The time for which a claim waits for transactions of the previous owner, in milliseconds.
  private static let longestWaitMilliseconds = 3000

  private struct State {
    var epoch: Int64 = 0
    /// The instant of the last renewal on the monotonic clock; nil without the lease.
    var renewedAt: Int64?
    /// The difference between the clock of the database and the monotonic clock, in milliseconds; nil before the claim.
    var clockOffset: Int64?
  }

  /// The owner of a store as the database knows it.
  public struct Holder: Hashable, Sendable {
    public var node: String
    /// The URL of its API.
    public var address: String
    /// True if its lease has not ended.
    public var isAlive: Bool
  }

  /// The random identity of this process: not the name of its host, so that two processes are never one node.
  public let node: String
  let database: PostgresDatabase
  let address: String
  private let state = Mutex(State())
  private let connection: Mutex<DatabaseConnectionBox>
  /// Of its own, so that no other statement delays a renewal; an unanswered one is repeated in time.
  private let heartbeats: Mutex<DatabaseConnectionBox>
  /// For records of this process, with a short timeout, because they follow renewals on the same thread.
  let registry: Mutex<DatabaseConnectionBox>
  /// For lists of nodes.
  let views: Mutex<DatabaseConnectionBox>

  /// - Parameter address: The URL at which other nodes and clients reach this one.
  public init(_ database: PostgresDatabase, address: String) {
    self.database = database
    self.address = address
    node = PostgresLease.newIdentity()
    connection = Mutex(DatabaseConnectionBox(database, timeoutMilliseconds: 5000))
    heartbeats = Mutex(DatabaseConnectionBox(database, timeoutMilliseconds: 1000))
    registry = Mutex(DatabaseConnectionBox(database, timeoutMilliseconds: 500))
    views = Mutex(DatabaseConnectionBox(database, timeoutMilliseconds: 5000))
  }

  private static func newIdentity() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// The number that each batch of this node names.
  var epoch: Int64 { state.withLock { $0.epoch } }

  /// True if this node may commit and answer.
  public var isValid: Bool {
    state.withLock { state in
      state.renewedAt.map { Monotonic.milliseconds() - $0 < PostgresLease.validMilliseconds } ?? false
    }
  }

  /// The clock of the database as of the last renewal, in milliseconds since 1970; nil before the first claim. All
  /// nodes have the same one, whatever their own clocks say.
  public var databaseMilliseconds: Int64? {
    state.withLock { $0.clockOffset.map { $0 + Monotonic.milliseconds() } }
  }

  // MARK: - Claims

  /// Claims the store if its lease has ended, or was handed to this node.
  /// - Returns: False when another node holds the lease.
  /// - Throws: `.unusable` when a newer program has upgraded the tables; `.unavailable` when the database cannot be
  ///   reached.
  public func claim() throws(StoreError) -> Bool {
    try claim(
      where: "(expires < clock_timestamp() OR successor = $1)")
  }

  /// Claims the store whatever its lease says, for tests and offline commands. The previous owner is fenced off.
  /// - Throws: `.unavailable` when the database cannot be reached.
  public func seize() throws(StoreError) { _ = try claim(where: "true") }

  private func claim(where condition: String) throws(StoreError) -> Bool {
    let start = Monotonic.milliseconds()
    let statements = [
      // A fence that is locked by a transaction of the previous owner makes the claim wait.
      PostgresStatement("SELECT set_config('lock_timeout', '\(PostgresLease.longestWaitMilliseconds)', true)"),
      PostgresStatement(
        """
        WITH claimed AS (
          UPDATE @.lease SET owner = $1, address = $2, successor = '',
            expires = clock_timestamp() + interval '\(PostgresLease.lifetimeMilliseconds) milliseconds'
          WHERE part = 0 AND \(condition) RETURNING part)
        UPDATE @.fence f SET epoch = f.epoch + 1, owner = $1 FROM claimed c WHERE f.part = c.part
        RETURNING f.epoch, \(PostgresLease.clock)
        """, [.text(node), .text(address)]),
      // Tables that were upgraded since this program opened the store: the claim is part of the same transaction.
      PostgresStatement(
        """
        SELECT 1 / count(*) FROM @.meta WHERE name = 'version' AND value::bigint <= $1
        """, [.integer(PostgresSchema.version)], refusal: PostgresLease.newerTables),
    ]
    do throws(DatabaseFailure) {
      guard let claim = try run(statements)[1].first({ (epoch: $0.integer(0), clock: $0.integer(1)) }) else {
        return false
      }
      state.withLock { $0 = State(epoch: claim.epoch, renewedAt: start) }
      noteClock(claim.clock, since: start)
      return true
    } catch {
      if case .rejected(_, state: "55P03") = error { try terminateFenceHolders() }
      throw error.storeError
    }
  }

  /// The clock of the database, in milliseconds since 1970.
  private static let clock = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
  private static let newerTables = StoreError.unusable(
    "a newer version of Flow has upgraded the tables of the store; this program knows versions up to "
      + "\(PostgresSchema.version)")

  /// Notes the clock of the database, which was read between the sending of a statement and now. The reading of a slow
  /// statement, such as a claim that has waited, is from its end, and is only used when there is no better one.
  private func noteClock(_ instant: Int64, since start: Int64) {
    let end = Monotonic.milliseconds()
    let isPrecise = end - start <= PostgresLease.preciseMilliseconds
    state.withLock { state in
      guard isPrecise || state.clockOffset == nil else { return }
      state.clockOffset = instant - end + (isPrecise ? (end - start) / 2 : 0)
    }
  }

  /// Ends transactions that hold the fence although their owner's lease has ended.
  private func terminateFenceHolders() throws(StoreError) {
    try perform(
      PostgresStatement(
        """
        SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE relation = '@.fence'::regclass AND mode = 'RowShareLock' AND pid <> pg_backend_pid()
        """))
  }

  // MARK: - While it is held

  /// Extends the lease.
  /// - Returns: False when another node has claimed the store: this process must not commit or answer any more.
  /// - Throws: `.unavailable` when the database did not answer; the lease then runs out by itself.
  public func renew() throws(StoreError) -> Bool {
    let start = Monotonic.milliseconds()
    let statement = PostgresStatement(
      """
      UPDATE @.lease SET expires = clock_timestamp() + interval '\(PostgresLease.lifetimeMilliseconds) milliseconds'
      WHERE part = 0 AND owner = $1 RETURNING \(PostgresLease.clock)
      """, [.text(node)])
    let renewed: Int64?
    do throws(DatabaseFailure) {
      renewed = try heartbeats.withLock { box throws(DatabaseFailure) in
        try box.connection.run([statement])[0].first { $0.integer(0) }
      }
    } catch {
      throw error.storeError
    }
    state.withLock { $0.renewedAt = renewed == nil ? nil : start }
    guard let renewed else { return false }
    noteClock(renewed, since: start)
    return true
  }

  /// Ends the lease, so that another node can claim the store at once. The caller has stopped committing.
  /// - Parameter successor: The node that is asked to claim the store.
  /// - Throws: `.unavailable` when the database did not answer; the lease then runs out by itself.
  public func release(to successor: String = "") throws(StoreError) {
    state.withLock { $0.renewedAt = nil }
    try perform(
      PostgresStatement(
        "UPDATE @.lease SET expires = '-infinity', successor = $2 WHERE part = 0 AND owner = $1",
        [.text(node), .text(successor)]))
  }

  /// The node that holds the lease, or held it last; nil for a store that no node has served.
  /// - Throws: `.unavailable` when the database did not answer.
  public func holder() throws(StoreError) -> Holder? {
    let rows = try perform(
      PostgresStatement("SELECT owner, address, expires >= clock_timestamp() FROM @.lease WHERE part = 0"))
    return rows.first { row in
      let owner = row.text(0)
      return owner.isEmpty
        ? nil : Holder(node: owner, address: row.text(1), isAlive: row.document(2) == Array("t".utf8))
    } ?? nil
  }

  /// Gives the fence a new number after a commit whose result is unknown, and looks up in the same transaction whether
  /// it took effect. What is left of it cannot take effect any more, and the entry that is found is not the one of a
  /// next owner, which cannot have claimed the store before this transaction ends. Waits until transactions that hold
  /// the fence have ended.
  /// - Parameter sequence: The newest journal entry of the commit; nil if it can be repeated in any case.
  /// - Returns: True if the journal has the entry.
  func raiseFence(_ connection: DatabaseConnection, lookingUp sequence: Int64?) throws(DatabaseFailure) -> Bool {
    let results = try connection.run([
      PostgresStatement(
        "UPDATE @.fence SET epoch = epoch + 1 WHERE part = 0 AND owner = $1 RETURNING epoch", [.text(node)]),
      PostgresStatement(
        "SELECT 1 FROM @.journal WHERE part = 0 AND sequence = $1", [.integer(sequence ?? 0)]),
    ])
    guard let epoch = results[0].first({ $0.integer(0) }) else {
      throw .rejected(PostgresStore.notOwner, state: "")
    }
    state.withLock { $0.epoch = epoch }
    return sequence != nil && results[1].count == 1
  }

  @discardableResult
  private func perform(_ statement: PostgresStatement) throws(StoreError) -> PostgresRows {
    do throws(DatabaseFailure) {
      return try run([statement])[0]
    } catch {
      throw error.storeError
    }
  }

  private func run(_ statements: [PostgresStatement]) throws(DatabaseFailure) -> [PostgresRows] {
    try connection.withLock { box throws(DatabaseFailure) in
      try box.connection.run(statements)
    }
  }
}

/// A connection that is only reached under a lock.
///
/// Unchecked because the connection is not thread-safe by itself: the mutex around the box serializes its use.
struct DatabaseConnectionBox: ~Copyable, @unchecked Sendable {
  let connection: DatabaseConnection

  init(_ database: PostgresDatabase, timeoutMilliseconds: Int64 = 10_000) {
    connection = DatabaseConnection(database, timeoutMilliseconds: timeoutMilliseconds)
  }
}
