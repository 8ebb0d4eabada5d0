import FlowJSON
import FlowRuntime
import FlowTestSupport
import Testing

@testable import FlowStoreSQLite

/// Idempotency records are collected in memory and moved to their tables in the background, invisibly to callers.
@Suite("Idempotency records in memory and on disk") struct IdempotencyRecordTests {
  private static let batchSize = 1024

  /// Records with their journal entries, numbered from 1.
  private func batch(_ number: Int, of size: Int = Self.batchSize, at instant: Int64 = 5) -> StoreBatch {
    var batch = StoreBatch()
    for index in number * size..<(number + 1) * size {
      let sequence = Int64(index + 1)
      batch.journal.append(
        JournalEntry(
          sequence: sequence, instance: 1, flow: "F", key: "k", revision: index, kind: .step, at: instant,
          body: .null))
      batch.answers.append(
        IdempotencyRow(scope: "s", key: "key \(index)", digest: sequence, sequence: sequence, at: instant))
    }
    if number == 0 {
      batch.definitions["d"] = Array("{}".utf8)
      batch.created.insert(1)
      batch.instances[1] = InstanceRow(
        id: 1, flow: "F", key: "k", definition: "d", status: .running, revision: 0, startedAt: 0, updatedAt: 0,
        position: [],
        data: [])
    }
    return batch
  }

  private func expectAll(_ count: Int, in store: SQLiteStore, _ comment: Comment) throws {
    var missing = 0
    for index in stride(from: 0, to: count * Self.batchSize, by: 7) {
      if try store.answer(scope: "s", key: "key \(index)")?.sequence != Int64(index + 1) { missing += 1 }
    }
    #expect(missing == 0, comment)
    #expect(try store.answer(scope: "s", key: "key \(count * Self.batchSize)") == nil, comment)
  }

  @Test("records are found while they are moved to their table and after a restart") func movedRecords() throws {
    let folder = try TestFolder()
    defer { withExtendedLifetime(folder) {} }
    let path = folder.store
    // The first run is moved from the 32nd to the 48th batch; the next one starts to move with the 64th.
    let restarts = [1, 31, 33, 40, 50, 64, 70]
    var count = 0
    for end in restarts {
      let store = try SQLiteStore(path: path)
      try expectAll(count, in: store, "after the restart at \(count)")
      while count < end {
        try store.commit(batch(count))
        count += 1
      }
      try expectAll(count, in: store, "at \(count)")
    }
    let queries = try SQLiteConnection(path: path, isReadOnly: true)
    #expect(try queries.integer("SELECT count(*) FROM answer_0") >= 32 * Self.batchSize, "the first run was moved")
    #expect(try queries.integer("SELECT count(*) FROM answer_0") < count * Self.batchSize, "the last one was not")
  }

  /// A long run is moved in pieces, and expired records are deleted in between.
  @Test("deleting expired records keeps recent ones of the same run") func recentRecords() throws {
    let folder = try TestFolder()
    defer { withExtendedLifetime(folder) {} }
    let store = try SQLiteStore(
      path: folder.store, retention: Retention(), answerRun: 300)
    let now = 3 * SQLiteStore.answerWindow
    try store.commit(batch(0, of: 10))
    for number in 1..<200 {
      let instant = now + Int64(number) * 1000
      try store.commit(batch(number, of: 10, at: instant))
      _ = try store.maintain(now: instant, isIdle: true)
      for index in stride(from: 10, to: (number + 1) * 10, by: 37) {
        let known = try store.answer(scope: "s", key: "key \(index)")?.sequence
        try #require(known == Int64(index + 1), "answer \(index) after batch \(number)")
      }
    }
  }

  @Test("a failed commit adds no records") func failedCommit() throws {
    let folder = try TestFolder()
    defer { withExtendedLifetime(folder) {} }
    let store = try SQLiteStore(path: folder.store)
    for number in 0..<33 { try store.commit(batch(number)) }
    var failing = batch(33)
    failing.instances[7] = InstanceRow(
      id: 7, flow: "F", key: "nobody", definition: "d", status: .running, revision: 0, startedAt: 0, updatedAt: 0,
      position: [], data: [])
    #expect(throws: StoreError.self) { try store.commit(failing) }
    try expectAll(33, in: store, "nothing of the failed batch, and all of those before")
    for number in 33..<60 { try store.commit(batch(number)) }
    try expectAll(60, in: store, "the pieces that the failed batch had moved have moved again")
  }
}
