public import FlowRuntime
import Glibc

// Each piece takes a few milliseconds.
extension SQLiteStore {
  /// The duration of one piece that archiving aims at, in milliseconds.
  private static let pieceMilliseconds: Int64 = 10

  /// Ends the read transaction.
  /// - Throws: `StoreError` when the store cannot be read.
  public func beginMaintenance() throws(StoreError) { try endRead() }

  /// - Throws: `StoreError` when the piece has failed.
  public func run(
    _ activity: MaintenanceActivity, at now: Int64, _ result: inout MaintenanceResult
  ) throws(StoreError) -> Bool {
    switch activity {
    case .keys: return try answers.forget(now)
    case .archive:
      result.archived = try archiveBatch(now)
      return !result.archived.isEmpty
    case .fold: return try fold(now)
    case .expiry: return try removeExpired(now)
    case .space: return try returnSpace()
    }
  }

  /// Checkpoints the log.
  /// - Throws: `.fatal` when the state of the disk has become unknown.
  public func settleMaintenance() throws(StoreError) {
    if connection.uncheckedPages > 0 { try checkpoint() }
  }

  /// Archives a few instances, fewer when the disk is slow.
  private func archiveBatch(_ now: Int64) throws(StoreError) -> [Int64] {
    let start = SQLiteStore.monotonicMilliseconds()
    let archived = try archive(now, limit: archiveBatchSize)
    let elapsed = max(SQLiteStore.monotonicMilliseconds() - start, 1)
    if archived.count == archiveBatchSize {
      let fitting = Int64(archiveBatchSize) * SQLiteStore.pieceMilliseconds / elapsed
      archiveBatchSize = min(max(Int(fitting), 10), 2 * archiveBatchSize, Retention.largestBatch)
    }
    return archived
  }

  private static func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Removes records that have outlived their time: keys of archived instances, answers of archived instances, and
  /// ends of claimed jobs.
  private func removeExpired(_ now: Int64) throws(StoreError) -> Bool {
    var removed = 0
    let limit = Statement.Parameter.integer(Int64(Retention.expiredAtOnce))
    let removals: [(String, Int64?)] = [
      (
        """
        DELETE FROM tombstone WHERE (flow, key) IN (
          SELECT flow, key FROM tombstone INDEXED BY tombstone_ended
          WHERE taken_until IS NULL AND ended_at < ?1 ORDER BY ended_at LIMIT ?2)
        """, retention.keys.map { now - $0 }
      ),
      (
        """
        DELETE FROM tombstone WHERE (flow, key) IN (
          SELECT flow, key FROM tombstone INDEXED BY tombstone_taken
          WHERE taken_until IS NOT NULL AND taken_until <= ?1 ORDER BY taken_until LIMIT ?2)
        """, now
      ),
      (
        """
        DELETE FROM archived_answer WHERE sequence IN (
          SELECT sequence FROM archived_answer ORDER BY sequence LIMIT ?2) AND at < ?1
        """, now - SQLiteStore.answerWindow
      ),
      (
        "DELETE FROM completion WHERE job IN (SELECT job FROM completion ORDER BY job LIMIT ?2) AND at < ?1",
        now - Retention.completions
      ),
    ]
    for (sql, instant) in removals {
      guard let instant else { continue }
      try connection.prepare(sql).run(.integer(instant), limit)
      removed = max(removed, connection.changes)
    }
    try connection.run("DELETE FROM bulk WHERE id <= (SELECT max(id) - \(Retention.bulkOperations) FROM bulk)")
    return removed == Retention.expiredAtOnce
  }

  /// Returns unused pages to the file system.
  private func returnSpace() throws(StoreError) -> Bool {
    let free = try connection.integer("PRAGMA freelist_count")
    guard free > Retention.pagesAtOnce else { return false }
    try connection.run("PRAGMA incremental_vacuum(\(Retention.pagesAtOnce))")
    return free > 2 * Retention.pagesAtOnce
  }

  /// - Throws: `StoreError` when the store cannot be read.
  public func nextMaintenance(after now: Int64) throws(StoreError) -> (due: Int64?, lag: Int64) {
    var instants = [answers.nextRotation, try nextFreeKey(after: now)].compactMap { $0 }
    guard let hot = retention.hot else { return (instants.min(), 0) }
    let ending = try connection.prepare(
      """
      SELECT updated_at FROM instance INDEXED BY instance_ended
      WHERE status >= 1 AND status <= 3 AND updated_at >= ?1 ORDER BY updated_at LIMIT 1
      """)
    ending.bind(.integer(now - hot))
    if try ending.next() { instants.append(ending.integer(0) + hot + 1) }
    let oldest = try ended(before: now - hot, limit: 1).first
    let lag = oldest.map { max(now - hot - $0.updatedAt, 0) } ?? 0
    if let period = retention.journal {
      let visited = try connection.integer("SELECT value FROM meta WHERE name = 'visited_to'")
      let entry = try connection.integer(
        "SELECT coalesce((SELECT at FROM journal WHERE sequence > \(visited) ORDER BY sequence LIMIT 1), 0)")
      if entry != 0 { instants.append(entry + period + 1) }
    }
    return (instants.filter { $0 > now }.min(), lag)
  }

  /// The next end of a declared lifetime of a key.
  private func nextFreeKey(after now: Int64) throws(StoreError) -> Int64? {
    let next = try connection.prepare(
      """
      SELECT taken_until FROM tombstone INDEXED BY tombstone_taken
      WHERE taken_until IS NOT NULL AND taken_until > ?1 ORDER BY taken_until LIMIT 1
      """)
    next.bind(.integer(now))
    guard try next.next(), next.integer(0) < .max else { return nil }
    return next.integer(0)
  }
}
