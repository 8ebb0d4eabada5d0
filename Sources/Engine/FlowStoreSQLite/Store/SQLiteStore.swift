import CSQLite
import FlowJSON
public import FlowRuntime

/// The store on one SQLite file: one connection writes and checkpoints, all others only read.
///
/// Write-ahead log with `synchronous=FULL`: a commit returns after its fsync. The library's versions up to 3.51.2 can
/// corrupt a file when two connections write or checkpoint at once, so only this one does.
public final class SQLiteStore: Store {
  /// How many pages the log may have before it is moved into the file while events wait.
  static let logBudgetPages = 4000
  /// How long the answer to an idempotency key is kept at least, in milliseconds: seven days.
  public static let answerWindow: Int64 = 7 * 86_400_000

  let connection: SQLiteConnection
  private let lock: FileLock
  let retention: Retention
  let statements: Statements
  let answers: IdempotencyIndex
  /// Whether a transaction is open that has only read.
  private var isReading = false
  /// The newest entries of the instances that were written last.
  private var heads: [Int64: Int64] = [:]
  private static let maximumHeads = 100_000
  /// Numbers of definitions by their hash, as instances refer to them.
  var definitions: [String: Int64] = [:]

  /// Opens a store, or makes one.
  /// - Throws: `.unusable` for a file of another program or version, or one that another process holds.
  public convenience init(path: String, retention: Retention = Retention()) throws(StoreError) {
    try self.init(path: path, retention: retention, answerRun: RecentIdempotencyKeys.runLength)
  }

  /// - Parameter answerRun: How many answers gather before they go to their table.
  init(path: String, retention: Retention, answerRun: Int) throws(StoreError) {
    self.retention = retention
    lock = try FileLock(path: path + ".lock")
    connection = try SQLiteConnection(path: path, isReadOnly: false)
    try Schema.prepare(connection, path: path)
    connection.watchLog()
    statements = try Statements(connection)
    answers = try IdempotencyIndex(connection, runLength: answerRun)
    let all = try connection.prepare("SELECT hash, id FROM definition")
    while try all.next() { definitions[all.text(0)] = all.integer(1) }
  }

  public func commit(_ batch: StoreBatch) throws(StoreError) {
    if !isReading { try statements.begin.run() }
    isReading = false
    let named: ArraySlice<IdempotencyIndex.Named>
    do throws(StoreError) {
      named = try write(batch)
      try statements.commit.run()
    } catch {
      // A failed COMMIT may leave the transaction open; rolling back what is not open is harmless.
      try? connection.run("ROLLBACK")
      for hash in batch.definitions.keys { definitions[hash] = nil }
      heads = [:]
      throw error
    }
    answers.note(named, last: batch.journal.last?.sequence ?? 0)
    if connection.uncheckedPages > SQLiteStore.logBudgetPages { try checkpoint() }
  }

  /// Gives all that a batch asks one view, so that the file is locked once and not for each question. The commit goes
  /// on from it; nobody else writes.
  func beginRead() throws(StoreError) {
    guard !isReading else { return }
    try statements.beginRead.run()
    isReading = true
  }

  private func endRead() throws(StoreError) {
    guard isReading else { return }
    isReading = false
    try statements.commit.run()
  }

  /// What was committed stays so whatever happens here, unless nobody knows any more what is on the disk.
  private func checkpoint() throws(StoreError) {
    do throws(StoreError) {
      try connection.checkpoint()
    } catch {
      if case .fatal = error { throw error }
    }
  }

  /// - Returns: The answers that entries of the journal carry.
  private func write(_ batch: StoreBatch) throws(StoreError) -> ArraySlice<IdempotencyIndex.Named> {
    for (hash, ir) in batch.definitions {
      try statements.addDefinition.run(.text(hash), .json(ir))
      definitions[hash] = sqlite3_last_insert_rowid(connection.handle)
    }
    if let identity = batch.identity { try statements.setMeta.run(.text("identity"), .text(identity)) }
    let named = try answers.named(batch.answers)
    let (others, carried) = try writeJournal(batch, named)
    try answers.add(named[carried...])
    try answers.move(atLeast: carried)
    // In the order of the tree that they go into.
    for id in batch.instances.keys.sorted() {
      guard let row = batch.instances[id] else { continue }
      let isNew = batch.created.contains(row.id)
      try write(row, head(of: row.id, isNew: isNew), isNew: isNew)
    }
    for id in others { try statements.setHead.run(.integer(id), .integer(head(of: id))) }
    try writeTimers(batch)
    try writeJobs(batch)
    try writeDeployments(batch)
    return named[..<carried]
  }

  private func writeDeployments(_ batch: StoreBatch) throws(StoreError) {
    for (hash, source) in batch.sources {
      try connection.prepare("UPDATE definition SET source = ?2 WHERE hash = ?1 AND source <> ?2").run(
        .text(hash), .json(source))
    }
    for row in batch.versions {
      try connection.prepare("INSERT OR IGNORE INTO version VALUES (?1, ?2, ?3, ?4, ?5)").run(
        .text(row.flow), .integer(definitions[row.definition] ?? 0), .optional(row.number.map { Int64($0) }),
        .text(row.origin), .integer(row.at))
    }
    for row in batch.deployments {
      try statements.setDeployment.run(
        .text(row.flow), .integer(definitions[row.definition] ?? 0), .text(row.origin), .integer(row.at),
        .integer(row.isRetired ? 1 : 0))
    }
    for row in batch.schedules.values {
      try statements.setSchedule.run(
        .text(row.flow), .integer(Int64(row.start)), .integer(definitions[row.definition] ?? 0), .integer(row.due))
    }
  }

  /// Appends the entries, each with the place of the one before it of the same instance, and the key that it answers.
  /// - Returns: The instances that have new entries and no new row to say so, and how many of the answers, from the
  ///   first on, stand with their entries now.
  private func writeJournal(
    _ batch: StoreBatch, _ named: [IdempotencyIndex.Named]
  ) throws(StoreError) -> (others: Set<Int64>, carried: Int) {
    if heads.count > SQLiteStore.maximumHeads { heads.removeAll(keepingCapacity: true) }
    var others: Set<Int64> = []
    var body: [UInt8] = []
    var carried = 0
    for entry in batch.journal {
      let isNew = batch.created.contains(entry.instance)
      body.removeAll(keepingCapacity: true)
      entry.writeBody(to: &body)
      let answer = carried < named.count && named[carried].row.sequence == entry.sequence ? named[carried] : nil
      if answer != nil { carried += 1 }
      try statements.addEntry.run(
        .integer(entry.sequence), .integer(entry.instance), .integer(Int64(entry.revision)), .text(entry.kind.rawValue),
        .integer(entry.at), .json(body), .integer(head(of: entry.instance, isNew: isNew)),
        .optional(answer?.hash.high), .optional(answer?.hash.low), .optional(answer?.row.digest))
      heads[entry.instance] = entry.sequence
      if batch.instances[entry.instance] == nil { others.insert(entry.instance) }
    }
    return (others, carried)
  }

  /// The newest entry of an instance; 0 when there is none.
  private func head(of instance: Int64, isNew: Bool = false) throws(StoreError) -> Int64 {
    if let known = heads[instance] { return known }
    if isNew { return 0 }
    statements.head.bind(.integer(instance))
    guard try statements.head.next() else { return 0 }
    defer { statements.head.reset() }
    return statements.head.integer(0)
  }

  private func write(_ row: InstanceRow, _ head: Int64, isNew: Bool) throws(StoreError) {
    let definition = Statement.Parameter.integer(definitions[row.definition] ?? 0)
    if isNew {
      try statements.addInstance.run(
        .integer(row.id), .text(row.flow), .text(row.key), definition, .integer(Int64(row.status.rawValue)),
        .integer(Int64(row.revision)), .integer(row.startedAt), .integer(row.updatedAt), .json(row.position),
        .json(row.data), .text(row.incident), .integer(head))
    } else {
      try statements.touchInstance.run(
        .integer(row.id), definition, .integer(Int64(row.status.rawValue)), .integer(Int64(row.revision)),
        .integer(row.updatedAt), .json(row.position), .json(row.data), .text(row.incident), .integer(head))
      if connection.changes == 1 { return }
      try statements.updateInstance.run(
        .integer(row.id), definition, .integer(Int64(row.status.rawValue)), .integer(Int64(row.revision)),
        .integer(row.startedAt), .integer(row.updatedAt), .json(row.position), .json(row.data), .text(row.incident),
        .integer(head))
      // The lock keeps others out; whoever got in all the same has made our cache a lie.
      guard connection.changes == 1 else { throw .fatal("somebody else has written to the store") }
    }
  }

  private func writeTimers(_ batch: StoreBatch) throws(StoreError) {
    for (id, due) in batch.timers {
      let instance = Statement.Parameter.integer(id.instance)
      let transition = Statement.Parameter.integer(Int64(id.transition))
      let armed = Statement.Parameter.integer(Int64(id.armed))
      if let due {
        try statements.setTimer.run(instance, transition, armed, .integer(due))
      } else {
        try statements.removeTimer.run(instance, transition, armed)
      }
    }
  }

  private func writeJobs(_ batch: StoreBatch) throws(StoreError) {
    for id in batch.jobsRemoved { try statements.removeJob.run(.integer(id)) }
    for row in batch.jobs.values {
      try statements.setJob.run(
        .integer(row.id), .integer(row.instance), .integer(Int64(row.revision)), .integer(Int64(row.number)),
        .text(row.action), .optional(row.queue), .optional(row.call.map { Int64($0) }), .optional(row.once),
        .integer(Int64(row.attempt)), .integer(row.due.stored), .integer(row.lease), .integer(Int64(row.fence)),
        .json(row.arguments), .json(row.outcome), .json(row.failures))
    }
    for (action, spent) in batch.throttles { try statements.setPace.run(.text(action), .json(spent)) }
    if batch.lastJob != 0 { try statements.setMeta.run(.text("job"), .integer(batch.lastJob)) }
    for id in batch.deadRemoved { try statements.removeDead.run(.integer(id)) }
    for row in batch.dead {
      try statements.addDead.run(
        .integer(row.job.id), .integer(row.job.instance), .integer(Int64(row.job.revision)),
        .integer(Int64(row.job.number)), .text(row.job.action), .integer(Int64(row.job.attempt + 1)),
        .integer(row.at), .text(row.code), .text(row.message), .json(row.job.arguments), .optional(row.job.queue),
        .optional(row.job.once), .json(row.job.failures))
    }
    for row in batch.once.values {
      // Without a job and a result nothing is kept: the next one with the key begins anew.
      if row.job == 0, row.outcome.isEmpty {
        try statements.removeOnce.run(.text(row.key))
      } else {
        try statements.setOnce.run(.text(row.key), .integer(row.job), .json(row.outcome))
      }
    }
  }

  // MARK: - MaintenanceResult

  public func maintain(now: Int64) throws(StoreError) -> MaintenanceResult {
    try endRead()
    try answers.forget(now)
    let archived = try archive(now)
    let isFolding = try fold(now)
    let isSmaller = try returnSpace()
    if connection.uncheckedPages > 0 { try checkpoint() }
    return MaintenanceResult(
      hasMore: archived.count == Retention.batchSize || isFolding || isSmaller, archived: archived)
  }
}
