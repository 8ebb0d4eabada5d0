public import FlowRuntime

// Each piece runs behind the fence, and may be run twice.
extension PostgresStore {
  /// The number of instances that one piece archives, and of rows that one removes from tables of expired records.
  private static let archivedAtOnce = 100
  private static let expiredAtOnce = 500

  /// - Throws: `.fatal` when another node owns the store.
  public func beginMaintenance() throws(StoreError) {
    try verify()
    forgetMissing()
  }

  /// - Throws: `StoreError` when the piece has failed.
  public func run(
    _ activity: MaintenanceActivity, at now: Int64, _ result: inout MaintenanceResult
  ) throws(StoreError) -> Bool {
    switch activity {
    case .keys: return try rotateAnswers(now)
    case .archive:
      guard let hot = retention.hot else { return false }
      result.archived = try archive(endedBefore: now - hot, now: now, limit: PostgresStore.archivedAtOnce)
      return !result.archived.isEmpty
    case .expiry: return try removeExpired(now)
    // The server returns space by itself.
    case .fold, .space: return false
    }
  }

  /// Does nothing: the server checkpoints its log by itself.
  /// - Throws: Nothing.
  public func settleMaintenance() throws(StoreError) {}

  /// Empties the table with the older answers, which then receives new ones.
  private func rotateAnswers(_ now: Int64) throws(StoreError) -> Bool {
    guard answersSince != 0, now - answersSince >= Retention.answers else { return false }
    let older = 1 - youngerAnswers
    try write([
      PostgresStatement("TRUNCATE @.answer_\(older)"), PostgresBatch.meta("answers", String(older)),
      PostgresBatch.meta("answers_since", String(now)),
    ])
    (youngerAnswers, answersSince) = (older, now)
    return true
  }

  /// Removes records that have outlived their time: keys and answers of archived instances, and ends of claimed jobs.
  private func removeExpired(_ now: Int64) throws(StoreError) -> Bool {
    let limit = PostgresParameter.integer(Int64(PostgresStore.expiredAtOnce))
    var removals = [
      PostgresStatement(
        """
        DELETE FROM @.archived_answer WHERE part = 0 AND at < $1 AND sequence IN (
          SELECT sequence FROM @.archived_answer WHERE part = 0 ORDER BY sequence LIMIT $2)
        """, [.integer(now - Retention.answers), limit]),
      PostgresStatement(
        """
        DELETE FROM @.completion WHERE part = 0 AND at < $1 AND job IN (
          SELECT job FROM @.completion WHERE part = 0 ORDER BY job LIMIT $2)
        """, [.integer(now - Retention.completions), limit]),
      PostgresStatement(
        """
        DELETE FROM @.bulk WHERE part = 0
          AND id <= (SELECT max(id) - \(Retention.bulkOperations) FROM @.bulk WHERE part = 0)
        """),
    ]
    if let keys = retention.keys {
      removals.append(
        PostgresStatement(
          """
          DELETE FROM @.tombstone WHERE part = 0 AND (flow, key) IN (
            SELECT flow, key FROM @.tombstone WHERE part = 0 AND taken_until IS NULL AND ended_at < $1
            ORDER BY ended_at LIMIT $2)
          """, [.integer(now - keys), limit]))
    }
    removals.append(
      PostgresStatement(
        """
        DELETE FROM @.tombstone WHERE part = 0 AND (flow, key) IN (
          SELECT flow, key FROM @.tombstone WHERE part = 0 AND taken_until IS NOT NULL AND taken_until <= $1
          ORDER BY taken_until LIMIT $2)
        """, [.integer(now), limit]))
    // The first result is that of the fence.
    return try write(removals).contains { $0.changes == PostgresStore.expiredAtOnce }
  }

  /// - Throws: `StoreError` when the store cannot be read.
  public func nextMaintenance(after now: Int64) throws(StoreError) -> (due: Int64?, lag: Int64) {
    let rotation = answersSince == 0 ? nil : answersSince + Retention.answers
    let freed =
      try read(
        "SELECT min(taken_until) FROM @.tombstone WHERE part = 0 AND taken_until > $1 AND taken_until < $2",
        .integer(now), .integer(.max)
      ).first { $0.optionalInteger(0) } ?? nil
    guard let hot = retention.hot else { return ([rotation, freed].compactMap { $0 }.min(), 0) }
    let ending =
      try read(
        "SELECT min(ended_at) FROM @.instance WHERE part = 0 AND ended_at >= $1", .integer(now - hot)
      ).first { $0.optionalInteger(0) } ?? nil
    let oldest = try ended(before: now - hot, limit: 1).first
    let lag = oldest.map { max(now - hot - $0.updatedAt, 0) } ?? 0
    return ([rotation, freed, ending.map { $0 + hot + 1 }].compactMap { $0 }.filter { $0 > now }.min(), lag)
  }
}
