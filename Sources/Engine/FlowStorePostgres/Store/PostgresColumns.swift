import FlowJSON
import FlowRuntime

/// Columns of queries, in the order in which rows are read.
enum PostgresColumns {
  static let instance = """
    i.id, i.flow, i.key, d.hash, i.status, i.revision, i.started_at, i.updated_at, i.position, i.data, i.incident
    """
  static let job = """
    j.id, j.instance, j.revision, j.number, j.action, j.queue, j.call, j.once, j.attempt, j.due, j.lease, j.fence,
    j.arguments, j.outcome, j.failures, j.origin, j.epoch, j.worker, j.deadline, j.priority
    """
  static let dead = """
    l.id, l.instance, l.revision, l.number, l.action, l.attempts, l.at, l.code, l.message, l.arguments, l.queue,
    l.once, l.failures, l.origin, l.epoch, l.priority
    """
  static let snapshots = """
    SELECT s.instance, s.sequence, s.at, d.hash, s.status, s.revision, s.started_at, s.position, s.data, s.kept
    FROM @.snapshot s JOIN @.definition d ON d.id = s.definition
    """
  static let items = """
    SELECT instance, call, item, document FROM @.item WHERE part = 0 AND instance = $1 ORDER BY call, item
    """
  static let deployments = """
    SELECT p.flow, d.hash, p.origin, p.at, p.retired FROM @.deployment p JOIN @.definition d ON d.id = p.definition
    WHERE p.part = 0
    """
  static let schedules = """
    SELECT s.flow, s.start, d.hash, s.due, s.running, s.waiting, s.last_run, s.last_skipped, s.skipped
    FROM @.schedule s JOIN @.definition d ON d.id = s.definition WHERE s.part = 0
    """
  static let tombstones = "SELECT instance, status, ended_at, taken_until, flow, key FROM @.tombstone WHERE part = 0"
  static let instances = "SELECT \(instance) FROM @.instance i JOIN @.definition d ON d.id = i.definition"
  static let jobs = "SELECT \(job) FROM @.job j"

  /// The priorities of the jobs of a queue, each found by the one above.
  /// - Parameter queue: The condition on the queue.
  private static func priorities(where queue: String) -> String {
    """
    WITH RECURSIVE level (priority) AS (
      SELECT max(priority) FROM @.job WHERE part = 0 AND \(queue)
      UNION ALL
      SELECT (SELECT max(j.priority) FROM @.job j WHERE j.part = 0 AND j.\(queue) AND j.priority < level.priority)
      FROM level WHERE level.priority IS NOT NULL)
    """
  }

  /// A query for the jobs of a queue that are due at `$1`, at most `$2`: those with the highest priority first, and of
  /// these the earliest.
  /// - Parameters:
  ///   - queue: The condition on the queue.
  ///   - condition: A condition on the job `j`.
  static func dueJobs(where queue: String, and condition: String = "true") -> String {
    """
    \(priorities(where: queue))
    SELECT \(job) FROM level CROSS JOIN LATERAL (
      SELECT j.* FROM @.job j WHERE j.part = 0 AND j.\(queue) AND j.priority = level.priority AND j.due <= $1
        AND j.lease = 0 AND \(condition)
      ORDER BY j.due, j.id LIMIT $2) j
    ORDER BY j.priority DESC, j.due, j.id LIMIT $2
    """
  }

  /// A query for the earliest due time after `$1` of the jobs of a queue.
  /// - Parameter queue: The condition on the queue.
  static func nextJob(where queue: String) -> String {
    """
    \(priorities(where: queue))
    SELECT min(due) FROM level CROSS JOIN LATERAL (
      SELECT min(j.due) AS due FROM @.job j
      WHERE j.part = 0 AND j.\(queue) AND j.priority = level.priority AND j.due > $1) j
    """
  }

  static let entries = """
    SELECT j.sequence, j.instance, i.flow, i.key, j.revision, j.kind, j.at, j.body
    FROM @.journal j JOIN @.instance i ON i.part = j.part AND i.id = j.instance
    """
}

extension PostgresRow {
  var instance: InstanceRow {
    InstanceRow(
      id: integer(0), flow: text(1), key: text(2), definition: text(3), status: InstanceStatus(stored: integer(4)),
      revision: Int(integer(5)), startedAt: integer(6), updatedAt: integer(7), position: document(8),
      data: document(9), incident: text(10))
  }

  var job: JobRow {
    var row = JobRow(
      id: integer(0), instance: integer(1), revision: Int(integer(2)), number: Int(integer(3)), action: text(4),
      queue: optionalText(5), call: optionalInteger(6).map { Int($0) }, once: optionalText(7),
      attempt: Int(integer(8)), due: JobDue(stored: integer(9)), lease: integer(10), fence: Int(integer(11)),
      origin: integer(15), epoch: Int(integer(16)), arguments: document(12), outcome: document(13),
      failures: document(14))
    row.worker = optionalText(17)
    row.deadline = integer(18)
    row.priority = integer(19)
    return row
  }

  var item: ItemRow {
    let id = ItemID(instance: integer(0), call: Int(integer(1)), index: Int(integer(2)))
    return ItemRow(id: id, document: document(3))
  }

  var dead: DeadRow {
    var job = JobRow(
      id: integer(0), instance: integer(1), revision: Int(integer(2)), number: Int(integer(3)), action: text(4),
      queue: optionalText(10), call: nil, once: optionalText(11), attempt: max(Int(integer(5)) - 1, 0), due: .at(0),
      origin: integer(13), epoch: Int(integer(14)), arguments: document(9), failures: document(12))
    job.priority = integer(15)
    return DeadRow(job: job, at: integer(6), code: text(7), message: text(8))
  }

  var entry: JournalEntry {
    JournalEntry(
      sequence: integer(0), instance: integer(1), flow: text(2), key: text(3), revision: Int(integer(4)),
      kind: JournalEntry.Kind(stored: text(5)), at: integer(6), body: (try? JSON(parsing: document(7))) ?? .null)
  }

  var deployment: DeploymentRow {
    DeploymentRow(
      flow: text(0), definition: text(1), origin: text(2), at: integer(3), isRetired: integer(4) != 0)
  }

  var schedule: ScheduleRow {
    var row = ScheduleRow(flow: text(0), start: Int(integer(1)), definition: text(2), due: integer(3))
    row.running = optionalText(4)
    row.waiting = optionalInteger(5)
    row.lastRun = optionalInteger(6)
    row.lastSkipped = optionalInteger(7)
    row.skipped = Int(integer(8))
    return row
  }

  var snapshot: InstanceSnapshot {
    InstanceSnapshot(
      instance: integer(0), sequence: integer(1), at: integer(2), definition: text(3),
      status: InstanceStatus(stored: integer(4)), revision: Int(integer(5)), startedAt: integer(6),
      position: document(7), data: document(8))
  }

  var tombstone: Tombstone {
    Tombstone(
      instance: integer(0), status: InstanceStatus(stored: integer(1)), endedAt: integer(2),
      keyTakenUntil: optionalInteger(3))
  }
}
