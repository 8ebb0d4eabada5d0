import FlowMachine

// Comparing a copy with its source, page by page.
extension StoreCopy {
  func compare(_ records: TransferRecords) throws(StoreError) {
    try expect(try target.counters() == source.counters(), "its numbers")
    try expect(try target.transferRecords().comparable == records.comparable, "its records")
    try expect(Set(try target.deployments()) == Set(try source.deployments()), "its deployments")
    try expect(Set(try target.schedules()) == Set(try source.schedules()), "its schedules")
    try compareStores("its timers") { (store, last: TimerRow?, limit) throws(StoreError) in
      try store.transferTimers(after: last?.id, limit: limit)
    }
    try compareStores("its answers to idempotency keys") { (store, last: TransferAnswer?, limit) throws(StoreError) in
      try store.transferAnswers(after: last?.hash, limit: limit)
    }
    try compareReaders("its instances") { (queries, last: InstanceRow?, limit) throws(StoreError) in
      try queries.instances(InstanceFilter(), after: last?.id, limit: limit).rows
    } also: { row throws(StoreError) in
      try expect(try targetReader.items(of: row) == reader.items(of: row), "the items of its instances")
    }
    try compareReaders("its journal") { (queries, last: JournalEntry?, limit) throws(StoreError) in
      try queries.journal(after: last?.sequence ?? 0, limit: limit).rows
    }
    try compareReaders("its jobs") { (queries, last: PendingJob?, limit) throws(StoreError) in
      try queries.jobs(flow: nil, after: last?.row.id ?? 0, limit: limit).rows
    }
    try compareReaders("its dead letters") { (queries, last: DeadLetter?, limit) throws(StoreError) in
      try queries.deadLetters(flow: nil, after: last?.row.job.id ?? 0, limit: limit).rows
    }
  }

  private func compareStores<Row: Equatable>(
    _ table: String, read: (any StoreTransfer, Row?, Int) throws(StoreError) -> [Row]
  ) throws(StoreError) {
    try compare(table) { last, limit throws(StoreError) in
      try read(source, last, limit)
    } with: { last, limit throws(StoreError) in
      try read(target, last, limit)
    }
  }

  private func compareReaders<Row: Equatable>(
    _ table: String, read: (any Queries, Row?, Int) throws(StoreError) -> [Row],
    also check: (Row) throws(StoreError) -> Void = { _ in }
  ) throws(StoreError) {
    try compare(table) { last, limit throws(StoreError) in
      let rows = try read(reader, last, limit)
      for row in rows { try check(row) }
      return rows
    } with: { last, limit throws(StoreError) in
      try read(targetReader, last, limit)
    }
  }

  /// Pages of large rows may have fewer of them, so that the page of the source determines the number.
  private func compare<Row: Equatable>(
    _ table: String, rows: (Row?, Int) throws(StoreError) -> [Row], with copies: (Row?, Int) throws(StoreError) -> [Row]
  ) throws(StoreError) {
    var last: Row?
    repeat {
      let found = try rows(last, page)
      var copied: [Row] = []
      while copied.count < max(found.count, 1) {
        let more = try copies(copied.last ?? last, max(found.count, 1) - copied.count)
        if more.isEmpty { break }
        copied += more
      }
      try expect(copied == found, table)
      last = found.last
    } while last != nil
  }

  private func expect(_ isEqual: Bool, _ table: String) throws(StoreError) {
    guard isEqual else { throw .unusable("the copy differs from its source in \(table)") }
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
