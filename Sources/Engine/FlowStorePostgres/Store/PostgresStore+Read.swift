public import FlowRuntime

// The read operations of the engine. Each is one round trip.
extension PostgresStore {
  /// The row of an instance; nil when the store has no such instance.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instance(id: Int64) throws(StoreError) -> InstanceRow? {
    try read("\(PostgresColumns.instances) WHERE i.part = 0 AND i.id = $1", .integer(id)).first { $0.instance }
  }

  /// The items of the calls over lists of an instance, by call and position.
  /// - Throws: `StoreError` when the store cannot be read.
  public func items(instance: Int64) throws(StoreError) -> [ItemRow] {
    try read(PostgresColumns.items, .integer(instance)).map { $0.item }
  }

  /// The timers that are due at an instant in milliseconds since 1970, earliest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dueTimers(at now: Int64, limit: Int) throws(StoreError) -> [TimerRow] {
    try read(
      """
      SELECT instance, transition, armed, due FROM @.timer WHERE part = 0 AND due <= $1
      ORDER BY due, instance LIMIT $2
      """, .integer(now), .integer(Int64(limit))
    ).map {
      TimerRow(
        id: TimerID(instance: $0.integer(0), transition: Int($0.integer(1)), armed: Int($0.integer(2))),
        due: $0.integer(3))
    }
  }

  /// The earliest due time of a timer after an instant, in milliseconds since 1970; nil when there is no timer.
  /// - Throws: `StoreError` when the store cannot be read.
  public func nextTimer(after now: Int64) throws(StoreError) -> Int64? {
    try least("SELECT min(due) FROM @.timer WHERE part = 0 AND due > $1", .integer(now))
  }

  /// The due jobs of a queue without a lease, or those of the engine for nil.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dueJobs(queue: String?, at now: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    guard let queue else {
      return try read(PostgresColumns.dueJobs(where: "queue IS NULL"), .integer(now), .integer(Int64(limit)))
        .map { $0.job }
    }
    return try read(
      PostgresColumns.dueJobs(where: "queue = $3"), .integer(now), .integer(Int64(limit)), .text(queue)
    ).map { $0.job }
  }

  /// The due jobs of a queue whose instances belong to `flows`, earliest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dueJobs(
    queue: String, of flows: Set<String>, at now: Int64, limit: Int
  ) throws(StoreError) -> [JobRow] {
    try read(
      PostgresColumns.dueJobs(
        where: "queue = $3",
        and: "EXISTS (SELECT FROM @.instance i WHERE i.part = 0 AND i.id = j.instance AND i.flow = ANY($4))"),
      .integer(now), .integer(Int64(limit)), .text(queue), .texts(flows.sorted())
    ).map { $0.job }
  }

  /// The row of a job; nil when the job has ended.
  /// - Throws: `StoreError` when the store cannot be read.
  public func job(id: Int64) throws(StoreError) -> JobRow? {
    try read("\(PostgresColumns.jobs) WHERE j.part = 0 AND j.id = $1", .integer(id)).first { $0.job }
  }

  /// The unfinished jobs of an instance, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(instance: Int64) throws(StoreError) -> [JobRow] {
    try read("\(PostgresColumns.jobs) WHERE j.part = 0 AND j.instance = $1 ORDER BY j.id", .integer(instance))
      .map { $0.job }
  }

  /// The jobs with a key of work that is done once, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(once: String) throws(StoreError) -> [JobRow] {
    try read(
      "\(PostgresColumns.jobs) WHERE j.part = 0 AND md5(j.once) = md5($1) AND j.once = $1 ORDER BY j.id", .text(once)
    ).map { $0.job }
  }

  /// The earliest due time of the engine's jobs after an instant, in milliseconds since 1970; nil when none is due by
  /// the clock.
  /// - Throws: `StoreError` when the store cannot be read.
  public func nextJob(after now: Int64) throws(StoreError) -> Int64? {
    let due = try least(PostgresColumns.nextJob(where: "queue IS NULL"), .integer(now))
    return due.flatMap { JobDue(stored: $0).instant }
  }

  /// The earliest due time of the jobs of a queue after an instant; nil when none is due by the clock.
  /// - Throws: `StoreError` when the store cannot be read.
  public func nextJob(queue: String, after now: Int64) throws(StoreError) -> Int64? {
    let due = try least(PostgresColumns.nextJob(where: "queue = $2"), .integer(now), .text(queue))
    return due.flatMap { JobDue(stored: $0).instant }
  }

  /// The claimed jobs with expired leases, earliest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func expiredLeases(at now: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    try read(
      "\(PostgresColumns.jobs) WHERE j.part = 0 AND j.lease > 0 AND j.lease <= $1 ORDER BY j.lease LIMIT $2",
      .integer(now), .integer(Int64(limit))
    ).map { $0.job }
  }

  /// The earliest end of a lease of a job after an instant, in milliseconds since 1970.
  /// - Throws: `StoreError` when the store cannot be read.
  public func nextLease(after now: Int64) throws(StoreError) -> Int64? {
    try least("SELECT min(lease) FROM @.job WHERE part = 0 AND lease > 0 AND lease > $1", .integer(now))
  }

  /// The jobs that wait for their turn under a limit, with numbers higher than `number`, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func waitingJobs(after number: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    try read(
      """
      \(PostgresColumns.jobs) WHERE j.part = 0 AND j.id > $1 AND j.due = \(JobDue.onTurn.stored)
      ORDER BY j.id LIMIT $2
      """,
      .integer(number), .integer(Int64(limit))
    ).map { $0.job }
  }

  /// The last recorded completion of a claimed job.
  /// - Throws: `StoreError` when the store cannot be read.
  public func completion(job: Int64) throws(StoreError) -> CompletionRow? {
    try read("SELECT fence, digest, at FROM @.completion WHERE part = 0 AND job = $1", .integer(job)).first {
      CompletionRow(job: job, fence: Int($0.integer(0)), digest: $0.integer(1), at: $0.integer(2))
    }
  }

  /// The dead letter of a job; nil when the job has none.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dead(id: Int64) throws(StoreError) -> DeadRow? {
    try read("SELECT \(PostgresColumns.dead) FROM @.dead_letter l WHERE l.part = 0 AND l.id = $1", .integer(id))
      .first { $0.dead }
  }

  /// The numbers of the dead letters of messages, the oldest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deadMessages() throws(StoreError) -> [Int64] {
    try read("SELECT l.id FROM @.dead_letter l WHERE l.part = 0 AND l.instance = $1 ORDER BY l.id", .integer(0))
      .map { $0.integer(0) }
  }

  /// The result of work that is done once for a key; nil for an unknown key.
  /// - Throws: `StoreError` when the store cannot be read.
  public func once(key: String) throws(StoreError) -> OnceRow? {
    try read(
      "SELECT job, outcome, generation FROM @.once WHERE part = 0 AND name = sha256(convert_to($1, 'UTF8'))",
      .text(key)
    ).first {
      OnceRow(key: key, job: $0.integer(0), outcome: $0.document(1), generation: Int($0.integer(2)))
    }
  }

  /// The stored throttle of an action as JSON; nil before the first attempt.
  /// - Throws: `StoreError` when the store cannot be read.
  public func throttle(action: String) throws(StoreError) -> [UInt8]? {
    try read("SELECT spent FROM @.pace WHERE part = 0 AND action = $1", .text(action)).first { $0.document(0) }
  }

  /// The number of due jobs of an action with numbers up to `last`; at most `limit`.
  /// - Throws: `StoreError` when the store cannot be read.
  public func countJobs(action: String, upTo last: Int64, due now: Int64, limit: Int) throws(StoreError) -> Int {
    try read(
      """
      SELECT count(*) FROM (SELECT 1 FROM @.job
      WHERE part = 0 AND queue IS NULL AND due <= $1 AND id <= $2 AND action = $3 AND outcome = '' LIMIT $4) due
      """, .integer(now), .integer(last), .text(action), .integer(Int64(limit))
    ).first { Int($0.integer(0)) } ?? 0
  }

  /// A journal entry, also of an archived instance if it is an idempotency record; nil when it is not stored.
  /// - Throws: `StoreError` when the store cannot be read.
  public func entry(sequence: Int64) throws(StoreError) -> JournalEntry? {
    try read(
      """
      \(PostgresColumns.entries) WHERE j.part = 0 AND j.sequence = $1 UNION ALL
      SELECT sequence, 0, flow, key, revision, 'step', at, body FROM @.archived_answer WHERE part = 0 AND sequence = $1
      """, .integer(sequence)
    ).first { $0.entry }
  }

  /// The record of an idempotency key; nil for an unknown or expired key.
  /// - Throws: `StoreError` when the store cannot be read.
  public func answer(scope: String, key: String) throws(StoreError) -> IdempotencyRow? {
    let hash = KeyHash(scope, key, secret: secret ?? KeyHash.secret(""))
    let tables = [youngerAnswers, 1 - youngerAnswers].map {
      "SELECT digest, sequence FROM @.answer_\($0) WHERE part = 0 AND high = $1 AND low = $2"
    }
    return try read(tables.joined(separator: " UNION ALL "), .integer(hash.high), .integer(hash.low)).first {
      IdempotencyRow(scope: scope, key: key, digest: $0.integer(0), sequence: $0.integer(1), at: 0)
    }
  }

  /// The numbers of the running and suspended instances of a flow, in ascending order.
  /// - Throws: `StoreError` when the store cannot be read.
  public func runningInstances(
    of flow: String, after: Int64, upTo last: Int64, limit: Int, visiting visits: Int
  ) throws(StoreError) -> InstancePage {
    var lists: [(ids: [Int64], end: Int64?)] = []
    for status in [InstanceStatus.running, .suspended] {
      let rows = try read(
        """
        WITH visited AS MATERIALIZED (
          SELECT id, flow FROM @.instance WHERE part = 0 AND status = $1 AND id > $2 AND id <= $3
          ORDER BY id LIMIT $4)
        SELECT id, 0 AS kind FROM visited WHERE flow = $5
        UNION ALL SELECT max(id), 1 FROM visited HAVING count(*) >= $4 ORDER BY 2, 1
        """, .integer(Int64(status.rawValue)), .integer(after), .integer(last), .integer(Int64(visits)), .text(flow)
      ).map { (id: $0.integer(0), isEnd: $0.integer(1) == 1) }
      lists.append((rows.filter { !$0.isEnd }.map(\.id), rows.last { $0.isEnd }?.id))
    }
    return InstancePage(lists, limit: limit)
  }

  /// The last deployment of each flow.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deployments() throws(StoreError) -> [DeploymentRow] {
    try read(PostgresColumns.deployments).map { $0.deployment }
  }

  /// The scheduled starts, with the time of the next run of each.
  /// - Throws: `StoreError` when the store cannot be read.
  public func schedules() throws(StoreError) -> [ScheduleRow] {
    try read("\(PostgresColumns.schedules)").map { $0.schedule }
  }

  /// The IR of a program by its hash; nil for an unknown hash.
  /// - Throws: `StoreError` when the store cannot be read.
  public func definition(hash: String) throws(StoreError) -> [UInt8]? {
    try read("SELECT ir FROM @.definition WHERE hash = $1", .text(hash)).first { $0.document(0) }
  }

  /// Returns true if a flow was ever served from a program.
  /// - Throws: `StoreError` when the store cannot be read.
  public func wasServed(flow: String, definition: String) throws(StoreError) -> Bool {
    try read(
      """
      SELECT 1 FROM @.version v JOIN @.definition d ON d.id = v.definition
      WHERE v.part = 0 AND v.flow = $1 AND d.hash = $2
      """, .text(flow), .text(definition)
    ).count == 1
  }

  private func least(_ sql: String, _ parameters: PostgresParameter...) throws(StoreError) -> Int64? {
    try read([PostgresStatement(sql, parameters)])[0].first { $0.optionalInteger(0) } ?? nil
  }
}
