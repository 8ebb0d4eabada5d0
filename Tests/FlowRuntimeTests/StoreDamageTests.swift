import FlowJSON
import FlowRuntime
import Foundation
import Testing

@testable import FlowStoreSQLite

/// Damage is detected in rows, in the write-ahead log and in the file of a running server.
@Suite("Damaged stores") struct StoreDamageTests {
  /// Creates a store with some instances and copies it with its log, as after a crash.
  private func abandoned(_ folder: Folder, commits: Int = 60, to target: String) throws {
    let world = ManualWorld()
    let store = try SQLiteStore(path: folder.path)
    let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
    for index in 0..<commits {
      _ = engine.submit(EventCommand(event: "Begin", payload: ["id": .string("t\(index)")]))
      _ = try engine.commit()
    }
    for suffix in ["", "-wal"] {
      try FileManager.default.copyItem(atPath: folder.path + suffix, toPath: target + suffix)
    }
  }

  @Test("a flipped bit in the write-ahead log is reported, and opening needs consent")
  func damagedLog() throws {
    let folder = try Folder()
    let copy = folder.path + ".copy"
    try abandoned(folder, to: copy)
    let log = URL(filePath: copy + "-wal")
    var bytes = try Data(contentsOf: log)
    #expect(WriteAheadLog(ofStore: copy).problem == nil)
    bytes[bytes.count / 2] ^= 0x10
    try bytes.write(to: log)
    let found = try StoreFile.check(copy)
    #expect(found.first?.contains("of the write-ahead log is damaged") == true, "\(found)")
    #expect(throws: StoreError.self) { try SQLiteStore(path: copy) }
    var options = SQLiteStore.OpeningOptions()
    options.acceptsLoss = true
    _ = try SQLiteStore(path: copy, options: options)
    #expect(try StoreFile.check(copy) == [], "the rest is sound")
  }

  @Test("an incomplete last transaction of the log is not damage")
  func tornTail() throws {
    let folder = try Folder()
    let copy = folder.path + ".copy"
    try abandoned(folder, to: copy)
    let log = URL(filePath: copy + "-wal")
    var bytes = try Data(contentsOf: log)
    let frame = 4096 + 24
    bytes.removeLast(frame + 100)
    bytes[bytes.count - frame] ^= 1
    try bytes.write(to: log)
    #expect(WriteAheadLog(ofStore: copy).problem == nil)
    _ = try SQLiteStore(path: copy)
  }

  @Test("a missing log is reported, and opening needs consent")
  func missingLog() throws {
    let folder = try Folder()
    let copy = folder.path + ".copy"
    try abandoned(folder, to: copy)
    try FileManager.default.removeItem(atPath: copy + "-wal")
    #expect(try StoreFile.check(copy).first?.contains("the write-ahead log is missing") == true)
    #expect(throws: StoreError.self) { try SQLiteStore(path: copy) }
    var options = SQLiteStore.OpeningOptions()
    options.acceptsLoss = true
    _ = try SQLiteStore(path: copy, options: options)
    _ = try SQLiteStore(path: copy)
  }

  @Test("an empty database next to a non-empty log is reported")
  func emptiedDatabase() throws {
    let folder = try Folder()
    let copy = folder.path + ".copy"
    try abandoned(folder, to: copy)
    try Data().write(to: URL(filePath: copy))
    #expect(throws: StoreError.unusable("the database is empty, and its log `\(copy)-wal` is not")) {
      try SQLiteStore(path: copy)
    }
  }

  @Test("flipped bits in rows are reported")
  func flippedBits() throws {
    let folder = try Folder()
    let copy = folder.path + ".copy"
    do {
      let store = try SQLiteStore(path: folder.path)
      let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: ManualWorld())
      for index in 0..<100 {
        let id: JSON = ["id": .string("t\(index)")]
        for event in ["Begin", "Go"] { _ = engine.submit(EventCommand(event: event, payload: id)) }
        _ = try engine.commit()
      }
    }
    let whole = try Data(contentsOf: URL(filePath: folder.path))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "-wal"), "it was closed")
    // The JSON documents of rows, at any offset of the file.
    let offsets = whole.indices.filter { whole[$0] == UInt8(ascii: "{") }
    #expect(offsets.count > 200)
    var found = 0
    let tried = stride(from: 0, to: offsets.count, by: max(offsets.count / 60, 1)).map { offsets[$0] }
    for fixture in tried {
      var bytes = whole
      bytes[fixture + 3] ^= 0x02
      try bytes.write(to: URL(filePath: copy))
      if try !StoreFile.check(copy).isEmpty { found += 1 }
    }
    // The others are in free pages.
    #expect(found * 10 >= tried.count * 8, "\(found) of \(tried.count) were reported")
  }

  /// Each column is changed by itself, also to the same bytes of another type.
  @Test("a changed value is reported, in each column of each table")
  func changedValues() throws {
    let folder = try Folder()
    do {
      let store = try SQLiteStore(path: folder.path)
      let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: ManualWorld())
      for (key, event) in [("a", "Begin"), ("b", "Begin"), ("b", "Go")] {
        var command = EventCommand(event: event, payload: ["id": .string(key)])
        command.idempotencyKey = key + event
        _ = engine.submit(command)
      }
      _ = try engine.commit()
    }
    let connection = try SQLiteConnection(path: folder.path, isReadOnly: false)
    let tables =
      [SummedTable.instance, .journal, .snapshot, .job, .deadLetter] + SummedTable.others()
    for table in tables { try fill(table, connection) }
    for table in tables {
      #expect(try wrongRows(of: table, connection) == [])
      // The journal shows a wrong `head`.
      for column in table.columns + ["sum"] where "\(table.name).\(column)" != "instance.head" {
        for change in try changes(of: column, of: table, connection) {
          try connection.run("SAVEPOINT change; UPDATE \(table.name) SET \(column) = \(change)")
          #expect(try !wrongRows(of: table, connection).isEmpty, "\(table.name).\(column) = \(change)")
          try connection.run("ROLLBACK TO change; RELEASE change")
        }
      }
    }
  }

  private func changes(
    of column: String, of table: SummedTable, _ connection: SQLiteConnection
  ) throws -> [String] {
    switch try connection.text("SELECT typeof(\(column)) FROM \(table.name) LIMIT 1") {
    case "text": ["\(column) || '!'", "CAST(\(column) AS BLOB)"]
    case "null": ["'x'"]
    default: ["\(column) + 64"]
    }
  }

  private func wrongRows(of table: SummedTable, _ connection: SQLiteConnection) throws -> [String] {
    try StoreCheck(connection).wrongRows(of: table)
  }

  /// Adds a row to a table without one.
  private func fill(_ table: SummedTable, _ connection: SQLiteConnection) throws {
    guard try connection.integer("SELECT count(*) FROM \(table.name)") == 0 else { return }
    let types = try connection.prepare("SELECT name, type FROM pragma_table_info('\(table.name)')")
    var texts: Set<String> = []
    while try types.next() { if types.text(1) == "TEXT" { texts.insert(types.text(0)) } }
    let row = try connection.prepare(table.insert())
    row.bind(all: table.columns.map { texts.contains($0) ? .text("x") : .integer(70) })
    while try row.next() {}
  }

  @Test("a store with another definition of a table is reported")
  func changedSchema() throws {
    let folder = try Folder()
    _ = try SQLiteStore(path: folder.path)
    let connection = try SQLiteConnection(path: folder.path, isReadOnly: false)
    try connection.run(
      """
      PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = replace(sql, 'due', 'dud') WHERE name = 'timer_due'
      """)
    #expect(try !StoreFile.check(folder.path).isEmpty)
    try connection.run("UPDATE sqlite_master SET sql = replace(sql, 'dud', 'due') WHERE name = 'timer_due'")
    #expect(try StoreFile.check(folder.path) == [])
    try connection.run("PRAGMA user_version = 8")
    #expect(try !StoreFile.check(folder.path).isEmpty, "the layout of another version")
  }

  @Test("a store is locked by its file: symbolic links are resolved, hard links rejected")
  func links() throws {
    let folder = try Folder()
    let other = folder.path + ".link"
    let store = try SQLiteStore(path: folder.path)
    try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: folder.path)
    #expect(throws: StoreError.self) { try SQLiteStore(path: other) }
    try FileManager.default.removeItem(atPath: other)
    try FileManager.default.linkItem(atPath: folder.path, toPath: other)
    #expect(throws: StoreError.self) { try SQLiteStore(path: other) }
    withExtendedLifetime(store) {}
  }

  @Test("deleting or replacing the file of a store stops its server")
  func replacedFile() throws {
    let folder = try Folder()
    let store = try SQLiteStore(path: folder.path)
    try store.verify()
    try FileManager.default.moveItem(atPath: folder.path, toPath: folder.path + ".moved")
    #expect(
      throws: StoreError.fatal("the store `\(StoreLock.resolved(folder.path))` has been deleted, or its volume is gone")
    ) {
      try store.verify()
    }
    try Data().write(to: URL(filePath: folder.path))
    #expect(
      throws: StoreError.fatal("the store `\(StoreLock.resolved(folder.path))` has been replaced by another file")
    ) {
      try store.verify()
    }
  }

  @Test("a missing store is created only on request")
  func missingStore() throws {
    let folder = try Folder()
    var options = SQLiteStore.OpeningOptions()
    options.mayCreate = false
    #expect(throws: StoreError.unusable("there is no store `\(folder.path)`")) {
      try SQLiteStore(path: folder.path, options: options)
    }
    _ = try SQLiteStore(path: folder.path)
    _ = try SQLiteStore(path: folder.path, options: options)
  }

  @Test("the time of the check is linear in the number of entries")
  func linearCheck() throws {
    func seconds(_ steps: Int) throws -> Double {
      let folder = try Folder()
      try folder.record(steps: steps)
      let start = threadSeconds()
      #expect(try StoreFile.check(folder.path) == [])
      return threadSeconds() - start
    }
    _ = try seconds(200)
    let (small, large) = (try seconds(2000), try seconds(16_000))
    #expect(large < 24 * max(small, 0.01), "8 times the entries took \(large / small) times as long")
  }

  @Test("the time to read a history page by page is linear in the number of entries")
  func linearPages() throws {
    func seconds(_ steps: Int) throws -> Double {
      let folder = try Folder()
      try folder.record(steps: steps)
      let queries = try SQLiteQueries(path: folder.path)
      let start = threadSeconds()
      var (last, count): (Int64, Int) = (0, 0)
      while case let page = try queries.history(instance: 1, after: last, limit: 50), let entry = page.last {
        (last, count) = (entry.sequence, count + page.count)
      }
      #expect(count == steps + 1)
      return threadSeconds() - start
    }
    _ = try seconds(200)
    let (small, large) = (try seconds(2000), try seconds(16_000))
    #expect(large < 24 * max(small, 0.01), "8 times the entries took \(large / small) times as long")
  }
}

extension Folder {
  /// Creates a store with one instance of `Task`, `a`, that has a number of steps.
  func record(steps: Int) throws {
    let store = try SQLiteStore(path: path)
    let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: ManualWorld())
    _ = engine.submit(EventCommand(event: "Begin", payload: ["id": "a"]))
    for index in 0..<steps {
      _ = engine.submit(EventCommand(event: "Poke", payload: ["id": "a", "room": .int(Int64(index))]))
    }
    _ = try engine.commit()
  }
}

/// The processor time of this thread, which does not count other tests.
private func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
