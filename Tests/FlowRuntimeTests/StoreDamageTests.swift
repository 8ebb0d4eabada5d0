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
    #expect(try StoreFile.check(copy).first?.contains("of the write-ahead log is damaged") == true)
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
    // The others are in free pages, and in the source of the program.
    #expect(found * 10 >= tried.count * 8, "\(found) of \(tried.count) were reported")
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
      do {
        let store = try SQLiteStore(path: folder.path)
        let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: ManualWorld())
        _ = engine.submit(EventCommand(event: "Begin", payload: ["id": "a"]))
        for index in 0..<steps {
          _ = engine.submit(EventCommand(event: "Poke", payload: ["id": "a", "room": .int(Int64(index))]))
        }
        _ = try engine.commit()
      }
      let start = ContinuousClock().now
      #expect(try StoreFile.check(folder.path) == [])
      return Double((ContinuousClock().now - start).components.attoseconds) / 1e18
    }
    _ = try seconds(200)
    let (small, large) = (try seconds(2000), try seconds(16_000))
    #expect(large < 24 * max(small, 0.01), "8 times the entries took \(large / small) times as long")
  }
}
