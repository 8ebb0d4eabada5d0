import FlowJSON
public import FlowRuntime

// The read operations of the engine, on the writing connection, which sees its own uncommitted changes.
extension SQLiteStore {
  /// The row of an instance; nil when the store has no such instance.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instance(flow: String, key: String) throws(StoreError) -> InstanceRow? {
    try beginRead()
    statements.instanceByKey.bind(.text(flow), .text(key))
    return try first(statements.instanceByKey) { $0.instance }
  }

  /// The row of an instance; nil when the store has no such instance.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instance(id: Int64) throws(StoreError) -> InstanceRow? {
    try beginRead()
    statements.instanceByID.bind(.integer(id))
    return try first(statements.instanceByID) { $0.instance }
  }

  /// The items of the calls over lists of an instance, by call and position.
  /// - Throws: `StoreError` when the store cannot be read.
  public func items(instance: Int64) throws(StoreError) -> [ItemRow] {
    try beginRead()
    statements.instanceItems.bind(.integer(instance))
    return try all(statements.instanceItems) { $0.item }
  }

  /// The tombstone of an archived instance; nil when there is no such record.
  /// - Throws: `StoreError` when the store cannot be read.
  public func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone? {
    statements.tombstone.bind(.text(flow), .text(key))
    return try first(statements.tombstone) { $0.tombstone }
  }

  /// The dead letter of a job; nil when the job has none.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dead(id: Int64) throws(StoreError) -> DeadRow? {
    statements.dead.bind(.integer(id))
    return try first(statements.dead) { $0.dead }
  }

  /// The numbers of the dead letters of messages, the oldest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deadMessages() throws(StoreError) -> [Int64] {
    try all(try connection.prepare("SELECT id FROM dead_letter WHERE instance = 0 ORDER BY id")) { $0.integer(0) }
  }

  /// The numbers of the running and suspended instances of a flow, in ascending order.
  /// - Throws: `StoreError` when the store cannot be read.
  public func runningInstances(
    of flow: String, after: Int64, upTo last: Int64, limit: Int, visiting visits: Int
  ) throws(StoreError) -> InstancePage {
    var lists: [(ids: [Int64], end: Int64?)] = []
    for status in [InstanceStatus.running, .suspended] {
      let rows = try connection.prepare(
        """
        WITH visited AS (
          SELECT id, flow FROM instance WHERE status = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4)
        SELECT id, 0 FROM visited WHERE flow = ?5
        UNION ALL SELECT max(id), 1 FROM visited HAVING count(*) >= ?4 ORDER BY 2, 1
        """)
      rows.bind(
        .integer(Int64(status.rawValue)), .integer(after), .integer(last), .integer(Int64(visits)), .text(flow))
      var list: (ids: [Int64], end: Int64?) = ([], nil)
      while try rows.next() {
        if rows.integer(1) == 0 { list.ids.append(rows.integer(0)) } else { list.end = rows.integer(0) }
      }
      lists.append(list)
    }
    return InstancePage(lists, limit: limit)
  }

  /// The last deployment of each flow.
  /// - Throws: `StoreError` when the store cannot be read.
  public func deployments() throws(StoreError) -> [DeploymentRow] {
    try all(try connection.prepare(Statements.deployments)) { $0.deployment }
  }

  /// The scheduled starts, with the time of the next run of each.
  /// - Throws: `StoreError` when the store cannot be read.
  public func schedules() throws(StoreError) -> [ScheduleRow] {
    try all(try connection.prepare(Statements.schedules)) { $0.schedule }
  }

  /// The record of an idempotency key; nil for an unknown or expired key.
  /// - Throws: `StoreError` when the store cannot be read.
  public func answer(scope: String, key: String) throws(StoreError) -> IdempotencyRow? {
    try beginRead()
    return try answers.find(scope, key)
  }

  /// A journal entry, also of an archived instance if it is an idempotency record; nil when it is not stored.
  /// - Throws: `StoreError` when the store cannot be read.
  public func entry(sequence: Int64) throws(StoreError) -> JournalEntry? {
    statements.entry.bind(.integer(sequence))
    if let entry = try first(statements.entry, { $0.entry }) { return entry }
    // Answers outlive their instances.
    let archived = try connection.prepare(
      "SELECT sequence, 0, flow, key, revision, 'step', at, body FROM archived_answer WHERE sequence = ?1")
    archived.bind(.integer(sequence))
    return try first(archived) { $0.entry }
  }

  /// The result of work that is done once for a key; nil for an unknown key.
  /// - Throws: `StoreError` when the store cannot be read.
  public func once(key: String) throws(StoreError) -> OnceRow? {
    statements.once.bind(.text(key))
    return try first(statements.once) {
      OnceRow(key: key, job: $0.integer(0), outcome: $0.blob(1), generation: Int($0.integer(2)))
    }
  }

  /// The timers that are due at an instant in milliseconds since 1970, earliest first.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dueTimers(at now: Int64, limit: Int) throws(StoreError) -> [TimerRow] {
    statements.dueTimers.bind(.integer(now), .integer(Int64(limit)))
    return try all(statements.dueTimers) {
      TimerRow(
        id: TimerID(instance: $0.integer(0), transition: Int($0.integer(1)), armed: Int($0.integer(2))),
        due: $0.integer(3))
    }
  }

  /// The earliest due time of a timer after an instant, in milliseconds since 1970; nil when there is no timer.
  /// - Throws: `StoreError` when the store cannot be read.
  public func nextTimer(after now: Int64) throws(StoreError) -> Int64? {
    statements.nextTimer.bind(.integer(now))
    return try first(statements.nextTimer) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
  }

  /// The due jobs of a queue, or those of the engine for nil.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dueJobs(queue: String?, at now: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    try dueJobs(of: queue, limit: limit) { (priority, left) throws(StoreError) in
      statements.dueJobs.bind(.optional(queue), .integer(priority), .integer(now), .integer(Int64(left)))
      return try all(statements.dueJobs) { $0.job }
    }
  }

  /// - Throws: When the store can't be read.
  public func expiredLeases(at now: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    let rows = try connection.prepare(
      "SELECT \(Statements.jobColumns) FROM job WHERE lease > 0 AND lease <= ?1 ORDER BY lease LIMIT ?2")
    rows.bind(.integer(now), .integer(Int64(limit)))
    return try all(rows) { $0.job }
  }

  /// - Throws: When the store can't be read.
  public func nextLease(after now: Int64) throws(StoreError) -> Int64? {
    let rows = try connection.prepare("SELECT min(lease) FROM job WHERE lease > 0 AND lease > ?1")
    rows.bind(.integer(now))
    return try first(rows) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
  }

  /// - Throws: When the store can't be read.
  public func nextJob(queue: String, after now: Int64) throws(StoreError) -> Int64? {
    try nextJob(of: queue, after: now)
  }

  /// - Throws: When the store can't be read.
  public func completion(job: Int64) throws(StoreError) -> CompletionRow? {
    let rows = try connection.prepare("SELECT fence, digest, at FROM completion WHERE job = ?1")
    rows.bind(.integer(job))
    return try first(rows) {
      CompletionRow(job: job, fence: Int($0.integer(0)), digest: $0.integer(1), at: $0.integer(2))
    }
  }

  /// The due jobs of a queue whose instances belong to `flows`.
  /// - Throws: `StoreError` when the store cannot be read.
  public func dueJobs(
    queue: String, of flows: Set<String>, at now: Int64, limit: Int
  ) throws(StoreError) -> [JobRow] {
    let names = JSON.array(flows.sorted().map { .string($0) }).text()
    return try dueJobs(of: queue, limit: limit) { (priority, left) throws(StoreError) in
      statements.flowJobs.bind(
        .text(queue), .integer(priority), .integer(now), .integer(Int64(left)), .text(names))
      return try all(statements.flowJobs) { $0.job }
    }
  }

  /// Reads the jobs of a queue by priority, the highest first. Jobs that are not due yet cost nothing, and neither do
  /// priorities that were read before.
  private func dueJobs(
    of queue: String?, limit: Int, _ jobs: (_ priority: Int64, _ left: Int) throws(StoreError) -> [JobRow]
  ) throws(StoreError) -> [JobRow] {
    var rows: [JobRow] = []
    var next = try highestPriority(of: queue, below: nil)
    while let priority = next, rows.count < limit {
      rows += try jobs(priority, limit - rows.count)
      next = try highestPriority(of: queue, below: priority)
    }
    return rows
  }

  /// The highest priority of the jobs of a queue, due or not; nil without a job.
  private func highestPriority(of queue: String?, below priority: Int64?) throws(StoreError) -> Int64? {
    let statement = priority == nil ? statements.highestPriority : statements.nextPriority
    if let priority {
      statement.bind(.optional(queue), .integer(priority))
    } else {
      statement.bind(.optional(queue))
    }
    return try first(statement) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
  }

  /// The earliest due time of the jobs of a queue after an instant.
  private func nextJob(of queue: String?, after now: Int64) throws(StoreError) -> Int64? {
    var least: Int64?
    var next = try highestPriority(of: queue, below: nil)
    while let priority = next {
      statements.nextJob.bind(.optional(queue), .integer(priority), .integer(now))
      let due: Int64? = try first(statements.nextJob) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
      least = [least, due].compactMap { $0 }.min()
      next = try highestPriority(of: queue, below: priority)
    }
    return least.flatMap { JobDue(stored: $0).instant }
  }

  /// The row of a job; nil when the job has ended.
  /// - Throws: `StoreError` when the store cannot be read.
  public func job(id: Int64) throws(StoreError) -> JobRow? {
    statements.job.bind(.integer(id))
    return try first(statements.job) { $0.job }
  }

  /// The unfinished jobs of an instance, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(instance: Int64) throws(StoreError) -> [JobRow] {
    statements.instanceJobs.bind(.integer(instance))
    return try all(statements.instanceJobs) { $0.job }
  }

  /// The jobs with a key of work that is done once, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func jobs(once: String) throws(StoreError) -> [JobRow] {
    statements.onceJobs.bind(.text(once))
    return try all(statements.onceJobs) { $0.job }
  }

  /// The jobs that wait for their turn under a limit, with numbers higher than `number`, by number.
  /// - Throws: `StoreError` when the store cannot be read.
  public func waitingJobs(after number: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    let rows = try connection.prepare(
      "SELECT \(Statements.jobColumns) FROM job WHERE id > ?1 AND due = \(JobDue.onTurn.stored) ORDER BY id LIMIT ?2")
    rows.bind(.integer(number), .integer(Int64(limit)))
    return try all(rows) { $0.job }
  }

  /// The earliest due time of the engine's jobs after an instant, in milliseconds since 1970; nil when none is due by
  /// the clock.
  /// - Throws: `StoreError` when the store cannot be read.
  public func nextJob(after now: Int64) throws(StoreError) -> Int64? {
    try nextJob(of: nil, after: now)
  }

  /// The stored throttle of an action as JSON; nil before the first attempt.
  /// - Throws: `StoreError` when the store cannot be read.
  public func throttle(action: String) throws(StoreError) -> [UInt8]? {
    let rows = try connection.prepare("SELECT spent FROM pace WHERE action = ?1")
    rows.bind(.text(action))
    return try first(rows) { $0.blob(0) }
  }

  /// The number of due jobs of an action with numbers up to `last`; at most `limit`.
  /// - Throws: `StoreError` when the store cannot be read.
  public func countJobs(action: String, upTo last: Int64, due now: Int64, limit: Int) throws(StoreError) -> Int {
    let rows = try connection.prepare(
      """
      SELECT count(*) FROM (SELECT 1 FROM job
      WHERE queue IS NULL AND due <= ?1 AND id <= ?2 AND action = ?3 AND outcome = '' LIMIT ?4)
      """)
    rows.bind(.integer(now), .integer(last), .text(action), .integer(Int64(limit)))
    return try first(rows) { Int($0.integer(0)) } ?? 0
  }

  /// The IR of a program by its hash; nil for an unknown hash.
  /// - Throws: `StoreError` when the store cannot be read.
  public func definition(hash: String) throws(StoreError) -> [UInt8]? {
    statements.definition.bind(.text(hash))
    return try first(statements.definition) { $0.blob(0) }
  }

  /// - Throws: When the store can't be read.
  public func wasServed(flow: String, definition: String) throws(StoreError) -> Bool {
    let rows = try connection.prepare(
      "SELECT 1 FROM version v JOIN definition d ON d.id = v.definition WHERE v.flow = ?1 AND d.hash = ?2")
    rows.bind(.text(flow), .text(definition))
    return try first(rows) { _ in true } ?? false
  }

  /// The highest assigned numbers, and the identity and epoch of the store.
  /// - Throws: `StoreError` when the store cannot be read.
  public func counters() throws(StoreError) -> StoreCounters {
    StoreCounters(
      sequence: max(
        try connection.integer("SELECT coalesce(max(sequence), 0) FROM journal"),
        try connection.integer("SELECT value - 1 FROM meta WHERE name = 'kept_from'")),
      instance: max(
        try connection.integer("SELECT coalesce(max(id), 0) FROM instance"),
        try connection.integer("SELECT value FROM meta WHERE name = 'instance'")),
      job: try connection.integer("SELECT value FROM meta WHERE name = 'job'"),
      identity: try connection.text("SELECT value FROM meta WHERE name = 'identity'"),
      epoch: Int(try connection.integer("SELECT value FROM meta WHERE name = 'epoch'")))
  }

  private func first<Row>(_ statement: Statement, _ read: (Statement) -> Row) throws(StoreError) -> Row? {
    guard try statement.next() else { return nil }
    defer { statement.reset() }
    return read(statement)
  }

  private func all<Row>(_ statement: Statement, _ read: (Statement) -> Row) throws(StoreError) -> [Row] {
    var rows: [Row] = []
    while try statement.next() { rows.append(read(statement)) }
    return rows
  }
}

extension Statement {
  /// The row of an instance, in the order of `Statements.instanceColumns`.
  var instance: InstanceRow {
    InstanceRow(
      id: integer(0), flow: text(1), key: text(2), definition: text(3), status: InstanceStatus(stored: integer(4)),
      revision: Int(integer(5)), startedAt: integer(6), updatedAt: integer(7), position: blob(8), data: blob(9),
      incident: text(10))
  }

  var item: ItemRow {
    let id = ItemID(instance: integer(0), call: Int(integer(1)), index: Int(integer(2)))
    return ItemRow(id: id, document: blob(3))
  }

  var job: JobRow {
    var row = JobRow(
      id: integer(0), instance: integer(1), revision: Int(integer(2)), number: Int(integer(3)), action: text(4),
      queue: isNull(5) ? nil : text(5), call: isNull(6) ? nil : Int(integer(6)), once: isNull(7) ? nil : text(7),
      attempt: Int(integer(8)), due: JobDue(stored: integer(9)), lease: integer(10), fence: Int(integer(11)),
      origin: integer(15), epoch: Int(integer(16)), arguments: blob(12), outcome: blob(13), failures: blob(14))
    row.worker = isNull(17) ? nil : text(17)
    row.deadline = integer(18)
    row.priority = integer(19)
    return row
  }

  /// The row of a dead letter, in the order of `Statements.deadColumns`.
  var dead: DeadRow {
    var job = JobRow(
      id: integer(0), instance: integer(1), revision: Int(integer(2)), number: Int(integer(3)), action: text(4),
      queue: isNull(10) ? nil : text(10), call: nil, once: isNull(11) ? nil : text(11),
      attempt: max(Int(integer(5)) - 1, 0), due: .at(0), origin: integer(13), epoch: Int(integer(14)),
      arguments: blob(9),
      failures: blob(12))
    job.priority = integer(15)
    return DeadRow(job: job, at: integer(6), code: text(7), message: text(8))
  }
}

extension Statement {
  /// The row of a deployment, in the order of `Statements.deployments`.
  var deployment: DeploymentRow {
    DeploymentRow(
      flow: text(0), definition: text(1), origin: text(2), at: integer(3), isRetired: integer(4) != 0)
  }

  /// The row of a scheduled start, in the order of `Statements.schedules`.
  var schedule: ScheduleRow {
    var row = ScheduleRow(flow: text(0), start: Int(integer(1)), definition: text(2), due: integer(3))
    row.running = isNull(4) ? nil : text(4)
    row.waiting = isNull(5) ? nil : integer(5)
    row.lastRun = isNull(6) ? nil : integer(6)
    row.lastSkipped = isNull(7) ? nil : integer(7)
    row.skipped = Int(integer(8))
    return row
  }
}
