import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation
import Testing

@testable import FlowStoreSQLite

/// The archive is a store of record: nothing leaves the store that is not in it, whole.
@Suite struct ArchiveTests {
  private final class Place {
    let folder: Folder
    let world = ManualWorld()
    var store: SQLiteStore?
    var engine: Engine?
    var archive: String { folder.path + ".archive.jsonl" }
    private let limit: Int64

    init(limit: Int64 = 1 << 20) throws {
      folder = try Folder()
      self.limit = limit
      try open()
    }

    func open() throws {
      engine = nil
      store = nil
      var retention = Retention(hot: 1000, keys: 1_000_000, archive: archive)
      retention.archiveBytes = limit
      let store = try SQLiteStore(path: folder.path, retention: retention)
      self.store = store
      engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
    }

    /// Runs an instance to its end.
    @discardableResult
    func run(_ id: String, key: String? = nil) throws -> EventAnswer {
      let engine = try #require(engine)
      var command = EventCommand(event: "Tick", payload: ["id": .string(id)])
      command.idempotencyKey = key
      let answer = try engine.submit(command).get()
      _ = try engine.submit(EventCommand(flow: "Bell", key: id, event: "Close", payload: ["id": .string(id)])).get()
      _ = try engine.commit()
      return answer
    }

    func maintain() throws { while try #require(engine).maintain().hasMore {} }

    func entries() throws -> [Archive.Entry] {
      var entries: [Archive.Entry] = []
      let damage = try Archive(path: archive).read { entry throws(StoreError) in entries.append(entry) }
      #expect(damage.isEmpty)
      return entries
    }
  }

  @Test("the rest of an interrupted write is cut off before the next line")
  func interruptedWrite() throws {
    let place = try Place()
    try place.run("a")
    place.world.advance(2000)
    try place.maintain()
    let whole = try Data(contentsOf: URL(filePath: place.archive))
    try (whole + whole.prefix(whole.count / 2)).write(to: URL(filePath: place.archive))
    try place.run("b")
    place.world.advance(2000)
    try place.maintain()
    #expect(try place.entries().map(\.key) == ["a", "b"])
    #expect(try Data(contentsOf: URL(filePath: place.archive)).starts(with: whole))
  }

  @Test("an archive that can't be written keeps the instances in the store, with a reason")
  func unwritableArchive() throws {
    let place = try Place()
    try FileManager.default.createDirectory(atPath: place.archive, withIntermediateDirectories: true)
    try place.run("a")
    place.world.advance(2000)
    let result = try #require(place.engine).maintain()
    #expect(result.warning?.contains("cannot open the archive") == true)
    #expect(try place.store?.instance(flow: "Bell", key: "a") != nil)
    #expect(result.lag >= 999)
  }

  @Test("a file of the archive that is full is renamed, and all files are read in order")
  func rotation() throws {
    let place = try Place(limit: 2000)
    for index in 0..<6 {
      try place.run("b\(index)")
      place.world.advance(2000)
      try place.maintain()
    }
    let segments = ArchiveFile.segments(of: place.archive)
    #expect(segments.count > 1)
    #expect(segments.last?.number == nil)
    #expect(try place.entries().map(\.key) == (0..<6).map { "b\($0)" })
  }

  @Test("each line is checked: a changed byte is reported with its line")
  func damagedLine() throws {
    let place = try Place()
    for id in ["a", "b", "c"] { try place.run(id) }
    place.world.advance(2000)
    try place.maintain()
    var lines = try Data(contentsOf: URL(filePath: place.archive)).split(separator: 0x0A).map { Array($0) }
    #expect(lines.count == 3)
    for offset in stride(from: 1, to: lines[1].count - 2, by: 13) {
      var damaged = lines
      damaged[1][offset] ^= 0x04
      #expect(ArchiveLine.document(damaged[1][...]) == nil, "byte \(offset)")
    }
    lines[1][20] ^= 1
    try Data(lines.joined(separator: [0x0A]) + [0x0A]).write(to: URL(filePath: place.archive))
    var keys: [String] = []
    let damage = try Archive(path: place.archive).read { entry throws(StoreError) in keys.append(entry.key) }
    #expect(keys == ["a", "c"])
    #expect(damage == [Archive.Damage(file: place.archive, line: 2)])
  }

  @Test("an instance that a crash has left in both is listed once")
  func archivedTwice() throws {
    let place = try Place()
    try place.run("a")
    place.world.advance(2000)
    try place.maintain()
    let whole = try Data(contentsOf: URL(filePath: place.archive))
    try (whole + whole).write(to: URL(filePath: place.archive))
    #expect(try place.entries().count == 1)
  }

  @Test("a restored instance is as it was, with its journal, and passes the check")
  func restore() throws {
    let place = try Place()
    try place.run("a")
    let before = try #require(try place.store?.instance(flow: "Bell", key: "a"))
    let history = try SQLiteQueries(path: place.folder.path).history(instance: before.id, after: 0, limit: 100).rows
    place.world.advance(2000)
    try place.maintain()
    place.engine = nil
    place.store = nil
    let entry = try #require(try place.entries().first)
    try StoreFile.restore(entry, into: place.folder.path, now: place.world.now())
    #expect(throws: StoreError.self) {
      try StoreFile.restore(entry, into: place.folder.path, now: place.world.now())
    }
    try place.open()
    var after = try #require(try place.store?.instance(flow: "Bell", key: "a"))
    after.updatedAt = before.updatedAt
    #expect(after == before)
    #expect(
      try SQLiteQueries(path: place.folder.path).history(instance: before.id, after: 0, limit: 100).rows == history)
    #expect(try StoreFile.check(place.folder.path) == [])
    try place.maintain()
    #expect(try place.store?.instance(flow: "Bell", key: "a") != nil, "it stays for the whole retention again")
  }

  @Test("an idempotency key has its answer after its instance was archived, also after a restart")
  func answersOutliveInstances() throws {
    let place = try Place()
    let first = try place.run("a", key: "k")
    place.world.advance(2000)
    try place.maintain()
    #expect(try place.store?.instance(flow: "Bell", key: "a") == nil)
    for _ in 0..<2 {
      var command = EventCommand(event: "Tick", payload: ["id": "a"])
      command.idempotencyKey = "k"
      var again = try #require(place.engine).submit(command).get()
      #expect(again.replayed)
      again.replayed = false
      #expect(again == first)
      try place.open()
    }
    place.world.advance(SQLiteStore.answerWindow + 1)
    try place.maintain()
    #expect(try place.store?.entry(sequence: first.sequence) == nil, "its time is over")
  }

  @Test("the key of an archived instance stays taken for its own time")
  func keysOutliveInstances() throws {
    let place = try Place()
    try place.run("a")
    place.world.advance(2000)
    try place.maintain()
    let start = EventCommand(event: "Tick", payload: ["id": "a"])
    guard case .failure(.gone(key: "a", _)) = try #require(place.engine).submit(start) else {
      return #expect(Bool(false), "the key was used again")
    }
    place.world.advance(1_000_001)
    try place.maintain()
    #expect(try #require(place.engine).submit(start).get().created)
  }
}
