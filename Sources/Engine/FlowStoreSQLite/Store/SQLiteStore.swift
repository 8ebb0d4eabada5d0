import FlowJSON
public import FlowRuntime
import Glibc

/// The store on one SQLite file: one connection writes and checkpoints, all others only read.
///
/// Write-ahead log with `synchronous=FULL`: a commit returns after its fsync. The library's versions up to 3.51.2 can
/// corrupt a file when two connections write or checkpoint at once, so only this one does.
public final class SQLiteStore: Store {
  /// The number of log pages that triggers a checkpoint although events are waiting.
  static let logBudgetPages = 4000
  /// The minimum time for which the answer to an idempotency key is stored, in milliseconds: seven days.
  public static let answerWindow = Retention.answers

  // In this order: the lock is released after the connection is closed.
  private let lock: StoreLock
  let connection: SQLiteConnection
  let retention: Retention
  let archiveFile: ArchiveFile?
  public var rotation = MaintenanceRotation()
  /// The number of instances that the next transaction archives: as many as take a few milliseconds.
  var archiveBatchSize = 20
  /// The lifetimes of keys that programs declare.
  var keyLifetimes = DeclaredKeyLifetimes()
  let statements: Statements
  let answers: IdempotencyIndex
  /// True while a read-only transaction is open.
  private var isReading = false
  /// The newest entries of the instances that were written last.
  private var heads: [Int64: Int64] = [:]
  private static let maximumHeads = 100_000
  /// Numbers of definitions by their hash, as instances refer to them.
  var definitions: [String: Int64] = [:]

  /// The conditions under which a store is opened.
  public struct OpeningOptions: Hashable, Sendable {
    /// True if a missing store is created.
    public var mayCreate = true
    /// True if a store is opened despite a missing or damaged write-ahead log: the commits in the log are lost.
    public var acceptsLoss = false

    public init() {}
  }

  /// Opens a store, or creates one.
  /// - Throws: `.unusable` for a file of another program or version, a store that another process has open, one that
  ///   does not exist and may not be created, or one whose log is missing or damaged.
  public convenience init(
    path: String, retention: Retention = Retention(), options: OpeningOptions = OpeningOptions()
  ) throws(StoreError) {
    try self.init(path: path, retention: retention, options: options, answerRun: RecentIdempotencyKeys.runLength)
  }

  /// - Parameter answerRun: The number of answers that are gathered before they are moved to their table.
  init(
    path: String, retention: Retention, options: OpeningOptions = OpeningOptions(), answerRun: Int
  ) throws(StoreError) {
    self.retention = retention
    guard options.mayCreate || access(path, F_OK) == 0 else { throw .unusable("there is no store `\(path)`") }
    lock = try StoreLock(path: path)
    archiveFile = retention.archive.map { ArchiveFile(path: $0, limit: retention.archiveBytes) }
    let hasLog = WriteAheadLog.exists(ofStore: lock.path)
    if let problem = WriteAheadLog(ofStore: lock.path).problem, !options.acceptsLoss { throw .unusable(problem) }
    connection = try SQLiteConnection(path: lock.path, isReadOnly: false)
    try Schema.prepare(connection, path: path)
    if !hasLog, !options.acceptsLoss, try connection.integer("SELECT value FROM meta WHERE name = 'in_use'") == 1 {
      throw .unusable(
        "the write-ahead log of `\(path)` is missing: commits since the last checkpoint may be lost with it")
    }
    connection.watchLog()
    try SQLiteStore.setInUse(true, connection)
    statements = try Statements(connection)
    answers = try IdempotencyIndex(connection, runLength: answerRun)
    let all = try connection.prepare("SELECT hash, id FROM definition")
    while try all.next() { definitions[all.text(0)] = all.integer(1) }
    lock.remember()
  }

  deinit {
    // A store that was closed properly needs no log.
    try? endRead()
    try? SQLiteStore.setInUse(false, connection)
  }

  private static func setInUse(_ isInUse: Bool, _ connection: SQLiteConnection) throws(StoreError) {
    try connection.run(SummedTable.setMeta("'in_use'", isInUse ? "1" : "0"))
    // In the main file, because the log may be lost.
    try connection.checkpoint()
  }

  /// - Throws: `.fatal` when the file was deleted or replaced.
  public func verify() throws(StoreError) { try lock.verify() }

  /// Writes a batch in one transaction, and returns when it is durable.
  /// - Throws: `StoreError.unavailable` when nothing was written and the batch can be retried; `.fatal` when the state
  ///   of the disk is unknown, or another process has written to the store.
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

  /// Starts a read transaction for all queries of a batch, so that the file is locked once and not for each query. The
  /// commit upgrades the same transaction; there is no other writer.
  func beginRead() throws(StoreError) {
    guard !isReading else { return }
    try statements.beginRead.run()
    isReading = true
  }

  func endRead() throws(StoreError) {
    guard isReading else { return }
    isReading = false
    try statements.commit.run()
  }

  /// Failures here do not affect committed transactions, unless the state of the disk has become unknown.
  func checkpoint() throws(StoreError) {
    do throws(StoreError) {
      try connection.checkpoint()
    } catch {
      if case .fatal = error { throw error }
    }
  }

  /// - Returns: The answers that are stored in journal entries.
  private func write(_ batch: StoreBatch) throws(StoreError) -> ArraySlice<IdempotencyIndex.Named> {
    for (hash, ir) in batch.definitions {
      let number = (definitions.values.max() ?? 0) + 1
      try statements.addDefinition.run(.integer(number), .text(hash), .json(ir), .text(""))
      definitions[hash] = number
    }
    if let identity = batch.identity { try statements.setMeta.run(.text("identity"), .text(identity)) }
    let named = try answers.named(batch.answers)
    let (others, carried) = try writeJournal(batch, named)
    try answers.add(named[carried...])
    try answers.move(atLeast: carried)
    // In the order of the target B-tree.
    for id in batch.instances.keys.sorted() {
      guard let row = batch.instances[id] else { continue }
      let isNew = batch.created.contains(row.id)
      try write(row, head(of: row.id, isNew: isNew), isNew: isNew)
    }
    for id in others { try statements.setHead.run(.integer(id), .integer(head(of: id))) }
    try writeTimers(batch)
    try writeItems(batch)
    try writeJobs(batch)
    try writeDeployments(batch)
    return named[..<carried]
  }

  private func writeDeployments(_ batch: StoreBatch) throws(StoreError) {
    for (hash, source) in batch.sources {
      let sum = SummedTable.definition.sum(["source": "?2"])
      try connection.prepare("UPDATE definition SET source = ?2, sum = \(sum) WHERE hash = ?1 AND source <> ?2").run(
        .text(hash), .json(source))
    }
    for row in batch.versions {
      try connection.prepare(SummedTable.version.insert("OR IGNORE")).run(
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
        .text(row.flow), .integer(Int64(row.start)), .integer(definitions[row.definition] ?? 0), .integer(row.due),
        .optional(row.running), .optional(row.waiting), .optional(row.lastRun), .optional(row.lastSkipped),
        .integer(Int64(row.skipped)))
    }
  }

  /// Appends the entries, each with the number of the previous entry of the same instance, and the idempotency key that
  /// it answers.
  /// - Returns: The instances that have new entries and no new row, and the number of answers, from the first on, that
  ///   are now stored in their entries.
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
      let previous = try head(of: entry.instance, isNew: isNew)
      try statements.addEntry.run(
        .integer(entry.sequence), .integer(entry.instance), .integer(Int64(entry.revision)), .text(entry.kind.rawValue),
        .integer(entry.at), .json(body), .integer(previous), .optional(answer?.hash.high), .optional(answer?.hash.low),
        .optional(answer?.row.digest))
      heads[entry.instance] = entry.sequence
      if batch.instances[entry.instance] == nil { others.insert(entry.instance) }
    }
    return (others, carried)
  }

  /// The newest entry of an instance; 0 for an instance without entries.
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
        .integer(row.startedAt), .integer(row.updatedAt), .json(row.position), .json(row.data), .text(row.incident),
        .integer(head))
      if connection.changes == 1 { return }
      try statements.updateInstance.run(
        .integer(row.id), definition, .integer(Int64(row.status.rawValue)), .integer(Int64(row.revision)),
        .integer(row.startedAt), .integer(row.updatedAt), .json(row.position), .json(row.data), .text(row.incident),
        .integer(head))
      // The lock excludes other processes; one that has written nevertheless has invalidated the cache.
      guard connection.changes == 1 else { throw .fatal("another process has written to the store") }
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

  private func writeItems(_ batch: StoreBatch) throws(StoreError) {
    // In the order of the B-tree.
    for (id, document) in batch.items.sorted(by: { $0.key < $1.key }) {
      let instance = Statement.Parameter.integer(id.instance)
      let call = Statement.Parameter.integer(Int64(id.call))
      let index = Statement.Parameter.integer(Int64(id.index))
      if let document {
        try statements.setItem.run(instance, call, index, .json(document))
      } else {
        try statements.removeItem.run(instance, call, index)
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
        .json(row.arguments), .json(row.outcome), .json(row.failures), .integer(row.origin), .integer(Int64(row.epoch)),
        .optional(row.worker), .integer(row.deadline), .integer(row.priority))
    }
    for row in batch.completions {
      try connection.prepare(SummedTable.completion.insert("OR REPLACE")).run(
        .integer(row.job), .integer(Int64(row.fence)), .integer(row.digest), .integer(row.at))
    }
    for (id, document) in batch.bulk {
      try connection.prepare(SummedTable.bulk.insert("OR REPLACE")).run(.integer(id), .json(document))
    }
    for (action, spent) in batch.throttles {
      if spent.isEmpty {
        try statements.removePace.run(.text(action))
      } else {
        try statements.setPace.run(.text(action), .json(spent))
      }
    }
    if batch.lastJob != 0 { try statements.setMeta.run(.text("job"), .integer(batch.lastJob)) }
    for (name, sequence) in batch.cursors {
      try statements.setMeta.run(.text(Schema.cursorPrefix + name), .integer(sequence))
    }
    for id in batch.deadRemoved { try statements.removeDead.run(.integer(id)) }
    for row in batch.dead {
      try statements.addDead.run(
        .integer(row.job.id), .integer(row.job.instance), .integer(Int64(row.job.revision)),
        .integer(Int64(row.job.number)), .text(row.job.action), .integer(Int64(row.job.attempt + 1)),
        .integer(row.at), .text(row.code), .text(row.message), .json(row.job.arguments), .optional(row.job.queue),
        .optional(row.job.once), .json(row.job.failures), .integer(row.job.origin), .integer(Int64(row.job.epoch)),
        .integer(row.job.priority))
    }
    for row in batch.once.values {
      // Without a job, a result and an earlier generation there is nothing to store.
      if row.isForgotten, row.generation == 0 {
        try statements.removeOnce.run(.text(row.key))
      } else {
        try statements.setOnce.run(
          .text(row.key), .integer(row.job), .json(row.outcome), .integer(Int64(row.generation)))
      }
    }
  }
}
