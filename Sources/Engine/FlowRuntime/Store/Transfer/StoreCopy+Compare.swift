import FlowMachine

// Comparing a copy with its source, page by page.
extension StoreCopy {
  func compare(_ records: TransferRecords) throws(StoreError) {
    try expect(try target.counters() == source.counters(), "its numbers")
    try expect(try target.transferRecords().comparable == records.comparable, "its records")
    try expect(Set(try target.deployments()) == Set(try source.deployments()), "its deployments")
    try expect(Set(try target.schedules()) == Set(try source.schedules()), "its schedules")
    try compareStores("its timers") { (store, last: TimerRow?) throws(StoreError) in
      try store.transferTimers(after: last?.id, limit: StoreCopy.page)
    }
    try compareStores("its answers to idempotency keys") { (store, last: TransferAnswer?) throws(StoreError) in
      try store.transferAnswers(after: last?.hash, limit: StoreCopy.page)
    }
    try compareReaders("its instances") { (queries, last: InstanceRow?) throws(StoreError) in
      try queries.instances(InstanceFilter(), after: last?.id, limit: StoreCopy.page).rows
    } also: { row throws(StoreError) in
      try expect(try targetReader.items(of: row) == reader.items(of: row), "the items of its instances")
    }
    try compareReaders("its journal") { (queries, last: JournalEntry?) throws(StoreError) in
      try queries.journal(after: last?.sequence ?? 0, limit: StoreCopy.page).rows
    }
    try compareReaders("its jobs") { (queries, last: PendingJob?) throws(StoreError) in
      try queries.jobs(flow: nil, after: last?.row.id ?? 0, limit: StoreCopy.page).rows
    }
    try compareReaders("its dead letters") { (queries, last: DeadLetter?) throws(StoreError) in
      try queries.deadLetters(flow: nil, after: last?.row.job.id ?? 0, limit: StoreCopy.page).rows
    }
  }

  private func compareStores<Row: Equatable>(
    _ table: String, page: (any StoreTransfer, Row?) throws(StoreError) -> [Row]
  ) throws(StoreError) {
    var last: Row?
    repeat {
      let rows = try page(source, last)
      try expect(try page(target, last) == rows, table)
      last = rows.last
    } while last != nil
  }

  private func compareReaders<Row: Equatable>(
    _ table: String, page: (any Queries, Row?) throws(StoreError) -> [Row],
    also check: (Row) throws(StoreError) -> Void = { _ in }
  ) throws(StoreError) {
    var last: Row?
    repeat {
      let rows = try page(reader, last)
      try expect(try page(targetReader, last) == rows, table)
      for row in rows { try check(row) }
      last = rows.last
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
