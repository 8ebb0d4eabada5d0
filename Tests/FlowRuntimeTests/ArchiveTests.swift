import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation
import Testing

@testable import FlowStoreSQLite

/// Nothing is removed from the store before it is completely in the archive.
@Suite("Archive") struct ArchiveTests {
  private final class Fixture {
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

  @Test("the remains of an interrupted write are truncated before the next line")
  func interruptedWrite() throws {
    let fixture = try Fixture()
    try fixture.run("a")
    fixture.world.advance(2000)
    try fixture.maintain()
    let whole = try Data(contentsOf: URL(filePath: fixture.archive))
    try (whole + whole.prefix(whole.count / 2)).write(to: URL(filePath: fixture.archive))
    try fixture.run("b")
    fixture.world.advance(2000)
    try fixture.maintain()
    #expect(try fixture.entries().map(\.key) == ["a", "b"])
    #expect(try Data(contentsOf: URL(filePath: fixture.archive)).starts(with: whole))
  }

  @Test("if the archive cannot be written, instances stay in the store, with a warning")
  func unwritableArchive() throws {
    let fixture = try Fixture()
    try FileManager.default.createDirectory(atPath: fixture.archive, withIntermediateDirectories: true)
    try fixture.run("a")
    fixture.world.advance(2000)
    let result = try #require(fixture.engine).maintain()
    #expect(result.warning?.contains("cannot open the archive") == true)
    #expect(try fixture.store?.instance(flow: "Bell", key: "a") != nil)
    #expect(result.lag >= 999)
  }

  @Test("a full file of the archive is renamed, and all files are read in order")
  func rotation() throws {
    let fixture = try Fixture(limit: 2000)
    for index in 0..<6 {
      try fixture.run("b\(index)")
      fixture.world.advance(2000)
      try fixture.maintain()
    }
    let segments = ArchiveFile.segments(of: fixture.archive)
    #expect(segments.count > 1)
    #expect(segments.last?.number == nil)
    #expect(try fixture.entries().map(\.key) == (0..<6).map { "b\($0)" })
  }

  @Test("a damaged line is reported with its number")
  func damagedLine() throws {
    let fixture = try Fixture()
    for id in ["a", "b", "c"] { try fixture.run(id) }
    fixture.world.advance(2000)
    try fixture.maintain()
    var lines = try Data(contentsOf: URL(filePath: fixture.archive)).split(separator: 0x0A).map { Array($0) }
    #expect(lines.count == 3)
    for offset in stride(from: 1, to: lines[1].count - 2, by: 13) {
      var damaged = lines
      damaged[1][offset] ^= 0x04
      #expect(ArchiveLine.document(damaged[1][...]) == nil, "byte \(offset)")
    }
    lines[1][20] ^= 1
    try Data(lines.joined(separator: [0x0A]) + [0x0A]).write(to: URL(filePath: fixture.archive))
    var keys: [String] = []
    let damage = try Archive(path: fixture.archive).read { entry throws(StoreError) in keys.append(entry.key) }
    #expect(keys == ["a", "c"])
    #expect(damage == [Archive.Damage(file: fixture.archive, line: 2)])
  }

  @Test("an instance that a crash has archived twice is listed once")
  func archivedTwice() throws {
    let fixture = try Fixture()
    try fixture.run("a")
    fixture.world.advance(2000)
    try fixture.maintain()
    let whole = try Data(contentsOf: URL(filePath: fixture.archive))
    try (whole + whole).write(to: URL(filePath: fixture.archive))
    #expect(try fixture.entries().count == 1)
  }

  @Test("a restored instance is unchanged, with its journal, and passes the check")
  func restore() throws {
    let fixture = try Fixture()
    try fixture.run("a")
    let before = try #require(try fixture.store?.instance(flow: "Bell", key: "a"))
    let history = try SQLiteQueries(path: fixture.folder.path).history(instance: before.id, after: 0, limit: 100).rows
    fixture.world.advance(2000)
    try fixture.maintain()
    fixture.engine = nil
    fixture.store = nil
    let entry = try #require(try fixture.entries().first)
    try StoreFile.restore(entry, into: fixture.folder.path, now: fixture.world.now())
    #expect(throws: StoreError.self) {
      try StoreFile.restore(entry, into: fixture.folder.path, now: fixture.world.now())
    }
    try fixture.open()
    var after = try #require(try fixture.store?.instance(flow: "Bell", key: "a"))
    after.updatedAt = before.updatedAt
    #expect(after == before)
    #expect(
      try SQLiteQueries(path: fixture.folder.path).history(instance: before.id, after: 0, limit: 100).rows == history)
    #expect(try StoreFile.check(fixture.folder.path) == [])
    try fixture.maintain()
    #expect(try fixture.store?.instance(flow: "Bell", key: "a") != nil, "it stays for a whole retention period again")
  }

  @Test("an idempotency key outlives its archived instance and a restart")
  func keptIdempotencyKeys() throws {
    let fixture = try Fixture()
    let first = try fixture.run("a", key: "k")
    fixture.world.advance(2000)
    try fixture.maintain()
    #expect(try fixture.store?.instance(flow: "Bell", key: "a") == nil)
    for _ in 0..<2 {
      var command = EventCommand(event: "Tick", payload: ["id": "a"])
      command.idempotencyKey = "k"
      var again = try #require(fixture.engine).submit(command).get()
      #expect(again.replayed)
      again.replayed = false
      #expect(again == first)
      try fixture.open()
    }
    fixture.world.advance(SQLiteStore.answerWindow + 1)
    try fixture.maintain()
    #expect(try fixture.store?.entry(sequence: first.sequence) == nil, "its time has expired")
  }

  @Test("the key of an archived instance is reserved until its tombstone expires")
  func keptTombstones() throws {
    let fixture = try Fixture()
    try fixture.run("a")
    fixture.world.advance(2000)
    try fixture.maintain()
    let start = EventCommand(event: "Tick", payload: ["id": "a"])
    let refused = try #require(fixture.engine).submit(start)
    guard case .failure(.gone(key: "a", endedAt: _, keyTakenUntil: nil)) = refused else {
      return #expect(Bool(false), "the key was used again")
    }
    fixture.world.advance(1_000_001)
    try fixture.maintain()
    #expect(try #require(fixture.engine).submit(start).get().created)
  }
}
