import FlowJSON
import FlowMachine

/// Copies a store that no process serves into an empty one of any kind, and compares the two.
///
/// The copy has the identity of its source: subscribers continue with their cursors, and idempotency keys of jobs stay
/// the same. Only one of the two may be served afterwards.
public struct StoreCopy {
  let source: any StoreTransfer
  let reader: any Queries
  let target: any StoreTransfer
  let targetReader: any Queries
  /// The number of rows that are read at once.
  let page: Int

  package init(
    from source: any StoreTransfer, reader: any Queries, to target: any StoreTransfer, targetReader: any Queries,
    page: Int = 500
  ) {
    self.page = page
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
    try copyPages { last throws(StoreError) in
      try reader.instances(InstanceFilter(), after: last?.id, limit: page).rows
    } to: { rows throws(StoreError) in
      var batch = StoreBatch()
      for row in rows {
        batch.instances[row.id] = row
        batch.created.insert(row.id)
        for item in try reader.items(of: row) { batch.items[item.id] = item.document }
      }
      try target.commit(batch)
    }
  }

  private func copyJournal() throws(StoreError) -> Int {
    try copyPages { last throws(StoreError) in
      try reader.journal(after: last?.sequence ?? 0, limit: page).rows
    } to: { rows throws(StoreError) in
      var batch = StoreBatch()
      batch.journal = rows
      try target.commit(batch)
    }
  }

  private func copyTimers() throws(StoreError) {
    _ = try copyPages { last throws(StoreError) in
      try source.transferTimers(after: last?.id, limit: page)
    } to: { rows throws(StoreError) in
      var batch = StoreBatch()
      for timer in rows { batch.timers[timer.id] = timer.due }
      try target.commit(batch)
    }
  }

  private func copyJobs() throws(StoreError) -> Int {
    let count = try copyPages { last throws(StoreError) in
      try reader.jobs(flow: nil, after: last?.row.id ?? 0, limit: page).rows
    } to: { rows throws(StoreError) in
      var batch = StoreBatch()
      for job in rows { batch.jobs[job.row.id] = job.row }
      try target.commit(batch)
    }
    _ = try copyPages { last throws(StoreError) in
      try reader.deadLetters(flow: nil, after: last?.row.job.id ?? 0, limit: page).rows
    } to: { rows throws(StoreError) in
      var batch = StoreBatch()
      batch.dead = rows.map(\.row)
      try target.commit(batch)
    }
    return count
  }

  private func copyAnswers(since: Int64) throws(StoreError) -> Int {
    try copyPages { last throws(StoreError) in
      try source.transferAnswers(after: last?.hash, limit: page)
    } to: { rows throws(StoreError) in
      try target.adopt(rows, since: since)
    }
  }

  /// - Parameter read: Reads the rows after the last one of the previous page, which is nil for the first page.
  /// - Returns: The number of rows.
  private func copyPages<Row>(
    _ read: (Row?) throws(StoreError) -> [Row], to write: ([Row]) throws(StoreError) -> Void
  ) throws(StoreError) -> Int {
    var (count, last): (Int, Row?) = (0, nil)
    while true {
      let rows = try read(last)
      guard let newest = rows.last else { return count }
      try write(rows)
      count += rows.count
      last = newest
    }
  }
}

extension Queries {
  /// The items of an instance that has some.
  func items(of row: InstanceRow) throws(StoreError) -> [ItemRow] {
    let hasItems = (try? JSON(parsing: row.position))?.refersToItems ?? false
    return hasItems ? try items(instance: row.id) : []
  }
}
