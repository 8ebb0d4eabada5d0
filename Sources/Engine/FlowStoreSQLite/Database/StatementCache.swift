import FlowRuntime

/// The statements of the writing connection, prepared once.
struct Statements {
  let begin, beginRead, commit, addDefinition, addEntry, setTimer, removeTimer: Statement
  let addInstance, touchInstance, updateInstance, setHead, head: Statement
  let setItem, removeItem, instanceItems: Statement
  let setJob, removeJob, addDead, setOnce, removeOnce: Statement
  let instanceByKey, instanceByID, entry, once, dueTimers, nextTimer: Statement
  let dueJobs, flowJobs, job, instanceJobs, onceJobs, nextJob, definition, setMeta: Statement
  let highestPriority, nextPriority: Statement
  let setPace, removePace, setDeployment, setSchedule, removeDead, dead, tombstone: Statement

  private static let belongsToFlows = """
    AND (SELECT flow FROM instance i WHERE i.id = job.instance) IN (SELECT value FROM json_each(?5))
    """

  static let instanceColumns = """
    i.id, i.flow, i.key, d.hash, i.status, i.revision, i.started_at, i.updated_at, i.position, i.data, i.incident
    """
  static let jobColumns = SummedTable.job.columns.joined(separator: ", ")
  static let deadColumns = SummedTable.deadLetter.columns.joined(separator: ", ")

  /// A list of columns, qualified by the name of a table.
  static func columns(_ list: String, of table: String) -> String {
    list.split(separator: ",").map { "\(table)." + $0.filter { !$0.isWhitespace } }.joined(separator: ", ")
  }

  static let snapshots = """
    SELECT s.instance, s.sequence, s.at, d.hash, s.status, s.revision, s.started_at, s.position, s.data
    FROM snapshot s JOIN definition d ON d.id = s.definition
    """

  static let items = "SELECT instance, call, item, document FROM item WHERE instance = ?1 ORDER BY call, item"
  static let deployments =
    "SELECT p.flow, d.hash, p.origin, p.at, p.retired FROM deployment p JOIN definition d ON d.id = p.definition"
  static let schedules = """
    SELECT s.flow, s.start, d.hash, s.due, s.running, s.waiting, s.last_run, s.last_skipped, s.skipped
    FROM schedule s JOIN definition d ON d.id = s.definition
    """
  static let tombstones = "SELECT instance, status, ended_at, taken_until, flow, key FROM tombstone"

  init(_ connection: SQLiteConnection) throws(StoreError) {
    let instances = "SELECT \(Statements.instanceColumns) FROM instance i JOIN definition d ON d.id = i.definition"
    let jobs = "SELECT \(Statements.jobColumns) FROM job"
    begin = try connection.prepare("BEGIN IMMEDIATE")
    beginRead = try connection.prepare("BEGIN")
    commit = try connection.prepare("COMMIT")
    addDefinition = try connection.prepare(SummedTable.definition.insert())
    addInstance = try connection.prepare(SummedTable.instance.insert())
    setHead = try connection.prepare("UPDATE instance SET head = ?2 WHERE id = ?1")
    head = try connection.prepare("SELECT head FROM instance WHERE id = ?1")
    // What most steps change is in no index; naming the others would rewrite their entries.
    let sum = SummedTable.instance.sum([
      "definition": "?2", "status": "?3", "revision": "?4", "started_at": "?5", "updated_at": "?6", "position": "?7",
      "data": "?8", "incident": "?9",
    ])
    touchInstance = try connection.prepare(
      """
      UPDATE instance SET revision = ?4, updated_at = ?6, position = ?7, data = ?8, incident = ?9, head = ?10,
        sum = \(sum) WHERE id = ?1 AND revision <= ?4 AND definition = ?2 AND status = ?3 AND started_at = ?5
      """)
    updateInstance = try connection.prepare(
      """
      UPDATE instance SET definition = ?2, status = ?3, revision = ?4, started_at = ?5, updated_at = ?6, position = ?7,
        data = ?8, incident = ?9, head = ?10, sum = \(sum) WHERE id = ?1 AND revision <= ?4
      """)
    addEntry = try connection.prepare(SummedTable.journal.insert())
    setTimer = try connection.prepare(SummedTable.timer.insert("OR REPLACE"))
    removeTimer = try connection.prepare("DELETE FROM timer WHERE instance = ?1 AND transition = ?2 AND armed = ?3")
    setItem = try connection.prepare(SummedTable.item.insert("OR REPLACE"))
    removeItem = try connection.prepare("DELETE FROM item WHERE instance = ?1 AND call = ?2 AND item = ?3")
    instanceItems = try connection.prepare(Statements.items)
    setJob = try connection.prepare(SummedTable.job.insert("OR REPLACE"))
    removeJob = try connection.prepare("DELETE FROM job WHERE id = ?1")
    addDead = try connection.prepare(SummedTable.deadLetter.insert("OR REPLACE"))
    removeDead = try connection.prepare("DELETE FROM dead_letter WHERE id = ?1")
    dead = try connection.prepare("SELECT \(Statements.deadColumns) FROM dead_letter WHERE id = ?1")
    tombstone = try connection.prepare("\(Statements.tombstones) WHERE flow = ?1 AND key = ?2")
    setPace = try connection.prepare(SummedTable.throttle.insert("OR REPLACE"))
    removePace = try connection.prepare("DELETE FROM pace WHERE action = ?1")
    setDeployment = try connection.prepare(SummedTable.deployment.insert("OR REPLACE"))
    setSchedule = try connection.prepare(SummedTable.schedule.insert("OR REPLACE"))
    setOnce = try connection.prepare(SummedTable.once.insert("OR REPLACE"))
    removeOnce = try connection.prepare("DELETE FROM once WHERE key = ?1")
    instanceByKey = try connection.prepare("\(instances) WHERE i.flow = ?1 AND i.key = ?2")
    instanceByID = try connection.prepare("\(instances) WHERE i.id = ?1")
    entry = try connection.prepare(
      """
      SELECT j.sequence, j.instance, i.flow, i.key, j.revision, j.kind, j.at, j.body
      FROM journal j JOIN instance i ON i.id = j.instance WHERE j.sequence = ?1
      """)
    once = try connection.prepare("SELECT job, outcome, generation FROM once WHERE key = ?1")
    dueTimers = try connection.prepare(
      "SELECT instance, transition, armed, due FROM timer WHERE due <= ?1 ORDER BY due, instance LIMIT ?2")
    nextTimer = try connection.prepare("SELECT min(due) FROM timer WHERE due > ?1")
    let due = "\(jobs) WHERE queue IS ?1 AND priority = ?2 AND due <= ?3 AND lease = 0"
    dueJobs = try connection.prepare("\(due) ORDER BY due, id LIMIT ?4")
    flowJobs = try connection.prepare("\(due) \(Statements.belongsToFlows) ORDER BY due, id LIMIT ?4")
    highestPriority = try connection.prepare("SELECT max(priority) FROM job WHERE queue IS ?1")
    nextPriority = try connection.prepare("SELECT max(priority) FROM job WHERE queue IS ?1 AND priority < ?2")
    job = try connection.prepare("\(jobs) WHERE id = ?1")
    instanceJobs = try connection.prepare("\(jobs) WHERE instance = ?1 ORDER BY id")
    onceJobs = try connection.prepare("\(jobs) WHERE once = ?1 ORDER BY id")
    setMeta = try connection.prepare(SummedTable.meta.insert("OR REPLACE"))
    nextJob = try connection.prepare("SELECT min(due) FROM job WHERE queue IS ?1 AND priority = ?2 AND due > ?3")
    definition = try connection.prepare("SELECT ir FROM definition WHERE hash = ?1")
  }
}
