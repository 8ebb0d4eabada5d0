import FlowJSON
import FlowMachine

/// Copies a store that no process serves into an empty one of any kind, and compares the two.
///
/// The copy has the identity of its source: subscribers continue with their cursors, and idempotency keys of jobs stay
/// the same. Only one of the two may be served afterwards.
public struct StoreCopy {
  private static let page = 500

  private let source: any StoreTransfer
  private let reader: any Queries
  private let target: any StoreTransfer
  private let targetReader: any Queries

  package init(
    from source: any StoreTransfer, reader: any Queries, to target: any StoreTransfer, targetReader: any Queries
  ) {
    self.source = source
    self.reader = reader
    self.target = target
    self.targetReader = targetReader
  }

  /// - Throws: `.unusable` when the target is not empty, or differs from the source afterwards.
  public func run() throws(StoreError) -> CopiedRows {
    guard try target.counters() == StoreCounters(), try targetReader.lastSequence() == 0 else {
      throw .unusable("the target of a copy has to be empty")
    }
    let records = try source.transferRecords()
    var copied = CopiedRows()
    try target.commit(try firstBatch(records))
    copied.instances = try copyInstances()
    try target.adopt(records)
    copied.entries = try copyJournal()
    try copyTimers()
    copied.jobs = try copyJobs()
    copied.answers = try copyAnswers(since: records.answersSince)
    try compare(records)
    return copied
  }

  // MARK: - Copying

  private func firstBatch(_ records: TransferRecords) throws(StoreError) -> StoreBatch {
    let counters = try source.counters()
    var batch = StoreBatch()
    batch.identity = counters.identity
    batch.lastJob = counters.job
    for definition in records.definitions {
      batch.definitions[definition.hash] = definition.program
      if !definition.source.isEmpty { batch.sources[definition.hash] = definition.source }
    }
    batch.versions = records.versions
    batch.deployments = try source.deployments()
    for row in try source.schedules() { batch.schedules[ScheduleID(flow: row.flow, start: row.start)] = row }
    for row in records.once { batch.once[ExactText(row.key)] = row }
    batch.completions = records.completions
    batch.throttles = records.throttles
    batch.bulk = records.bulk
    batch.cursors = try reader.cursors()
    return batch
  }

  private func copyInstances() throws(StoreError) -> Int {
    var count = 0
    try forEachPage(reader) { rows throws(StoreError) in
      var batch = StoreBatch()
      for row in rows {
        batch.instances[row.id] = row
        batch.created.insert(row.id)
        for item in try reader.items(of: row) { batch.items[item.id] = item.document }
      }
      try target.commit(batch)
      count += rows.count
    }
    return count
  }

  private func copyJournal() throws(StoreError) -> Int {
    var (count, last): (Int, Int64) = (0, 0)
    while true {
      let entries = try reader.journal(after: last, limit: StoreCopy.page)
      guard let newest = entries.last else { return count }
      var batch = StoreBatch()
      batch.journal = entries.rows
      try target.commit(batch)
      (count, last) = (count + entries.count, newest.sequence)
    }
  }

  private func copyTimers() throws(StoreError) {
    let timers = try source.dueTimers(at: .max, limit: .max)
    var rest = timers[...]
    while !rest.isEmpty {
      var batch = StoreBatch()
      for timer in rest.prefix(StoreCopy.page) { batch.timers[timer.id] = timer.due }
      try target.commit(batch)
      rest = rest.dropFirst(StoreCopy.page)
    }
  }

  private func copyJobs() throws(StoreError) -> Int {
    var (count, last): (Int, Int64) = (0, 0)
    while true {
      let jobs = try reader.jobs(flow: nil, after: last, limit: StoreCopy.page).map(\.row)
      guard let newest = jobs.last else { break }
      var batch = StoreBatch()
      for job in jobs { batch.jobs[job.id] = job }
      try target.commit(batch)
      (count, last) = (count + jobs.count, newest.id)
    }
    last = 0
    while true {
      let dead = try reader.deadLetters(flow: nil, after: last, limit: StoreCopy.page).map(\.row)
      guard let newest = dead.last else { return count }
      var batch = StoreBatch()
      batch.dead = dead
      try target.commit(batch)
      last = newest.job.id
    }
  }

  private func copyAnswers(since: Int64) throws(StoreError) -> Int {
    var (count, last): (Int, KeyHash?) = (0, nil)
    while true {
      let answers = try source.transferAnswers(after: last, limit: StoreCopy.page)
      guard let newest = answers.last else { return count }
      try target.adopt(answers, since: since)
      (count, last) = (count + answers.count, newest.hash)
    }
  }

  private func forEachPage(
    _ queries: any Queries, _ body: (RowPage<InstanceRow>) throws(StoreError) -> Void
  ) throws(StoreError) {
    var last: Int64?
    while true {
      let rows = try queries.instances(InstanceFilter(), after: last, limit: StoreCopy.page)
      guard let newest = rows.last else { return }
      try body(rows)
      last = newest.id
    }
  }

  // MARK: - Comparing

  private func allJobs(_ queries: any Queries) throws(StoreError) -> [PendingJob] {
    var all: [PendingJob] = []
    while true {
      let page = try queries.jobs(flow: nil, after: all.last?.row.id ?? 0, limit: StoreCopy.page)
      if page.isEmpty { return all }
      all += page.rows
    }
  }

  private func allDeadLetters(_ queries: any Queries) throws(StoreError) -> [DeadLetter] {
    var all: [DeadLetter] = []
    while true {
      let page = try queries.deadLetters(flow: nil, after: all.last?.row.job.id ?? 0, limit: StoreCopy.page)
      if page.isEmpty { return all }
      all += page.rows
    }
  }

  private func compare(_ records: TransferRecords) throws(StoreError) {
    func expect(_ isEqual: Bool, _ table: String) throws(StoreError) {
      guard isEqual else { throw .unusable("the copy differs from its source in \(table)") }
    }
    try expect(try target.counters() == source.counters(), "its numbers")
    try expect(try target.transferRecords().comparable == records.comparable, "its records")
    try expect(Set(try target.deployments()) == Set(try source.deployments()), "its deployments")
    try expect(Set(try target.schedules()) == Set(try source.schedules()), "its schedules")
    try expect(
      Set(try target.dueTimers(at: .max, limit: .max)) == Set(try source.dueTimers(at: .max, limit: .max)), "its timers"
    )
    try forEachPage(reader) { rows throws(StoreError) in
      let copies = try targetReader.instances(InstanceFilter(), after: rows[0].id - 1, limit: rows.count)
      try expect(copies.rows == rows.rows, "its instances")
      for row in rows.rows {
        try expect(try targetReader.items(of: row) == reader.items(of: row), "the items of its instances")
      }
    }
    var last: Int64 = 0
    while true {
      let entries = try reader.journal(after: last, limit: StoreCopy.page)
      try expect(
        entries.rows == (try targetReader.journal(after: last, limit: entries.count)).rows, "its journal")
      guard let newest = entries.last else { break }
      last = newest.sequence
    }
    try expect(try allJobs(reader) == allJobs(targetReader), "its jobs")
    try expect(try allDeadLetters(reader) == allDeadLetters(targetReader), "its dead letters")
    var hash: KeyHash?
    while true {
      let answers = try source.transferAnswers(after: hash, limit: StoreCopy.page)
      try expect(
        answers == (try target.transferAnswers(after: hash, limit: StoreCopy.page)), "its answers to idempotency keys")
      guard let newest = answers.last else { return }
      hash = newest.hash
    }
  }
}

extension Queries {
  /// The items of an instance that has some.
  fileprivate func items(of row: InstanceRow) throws(StoreError) -> [ItemRow] {
    let hasItems = (try? JSON(parsing: row.position))?.refersToItems ?? false
    return hasItems ? try items(instance: row.id) : []
  }
}

extension TransferRecords {
  /// The records without the order of their rows, and without numbers that a store chooses by itself.
  fileprivate var comparable: [AnyHashable] {
    [
      Set(definitions), Set(versions), Set(once), Set(completions), throttles, bulk, Set(archivedKeys),
      Set(archivedAnswers), Set(snapshots), max(keptFrom, 1), epoch,
    ]
  }
}
