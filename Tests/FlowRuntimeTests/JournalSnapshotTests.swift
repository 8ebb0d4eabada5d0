import FlowJSON
import FlowRuntime
import Foundation
import Testing

@testable import FlowStoreSQLite

/// Old journal entries of long-lived instances are replaced by a snapshot, consistently with all remaining rows.
@Suite("Snapshots of long-lived instances") struct JournalSnapshotTests {
  private static let day: Int64 = 86_400_000

  private final class Fixture {
    let folder: Folder
    let world = ManualWorld()
    private(set) var store: SQLiteStore
    private(set) var engine: Engine
    let queries: SQLiteQueries
    private var count = 0
    var archive: String { folder.path + ".archive" }

    init() throws {
      folder = try Folder()
      store = try SQLiteStore(path: folder.path, retention: Retention(hot: 1000, archive: folder.path + ".archive"))
      engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
      queries = try SQLiteQueries(path: folder.path)
      try send("Begin", ["id": "a"])
    }

    @discardableResult
    func send(_ event: String, _ payload: JSON, key: String? = nil) throws -> EventAnswer {
      var command = EventCommand(event: event, payload: payload)
      command.idempotencyKey = key
      let result = engine.submit(command)
      _ = try engine.commit()
      return try result.get()
    }

    func poke(_ times: Int) throws {
      for _ in 0..<times {
        count += 1
        try send("Poke", ["id": "a", "room": .int(Int64(count))])
      }
    }

    /// Advances the clock by days and performs all maintenance.
    func wait(days: Int64) throws {
      world.advance(days * JournalSnapshotTests.day)
      while try engine.maintain().hasMore {}
    }

    var row: InstanceRow { get throws { try #require(try queries.instance(flow: "Task", key: "a")) } }
    var history: [JournalEntry] { get throws { try queries.history(instance: row.id, after: 0, limit: 10_000).rows } }
    var beginning: InstanceSnapshot? { get throws { try queries.beginning(instance: row.id) } }

    func archived() throws -> [JSON] {
      let text = (try? String(contentsOfFile: archive, encoding: .utf8)) ?? ""
      return try text.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
    }
  }

  @Test("old journal entries are replaced by a snapshot and archived") func archivedEntries() throws {
    let fixture = try Fixture()
    try fixture.poke(40)
    try fixture.wait(days: 13)
    #expect(try fixture.beginning == nil && fixture.history.count == 41, "nothing is old")
    try fixture.wait(days: 2)
    #expect(try fixture.beginning == nil && fixture.history.count == 41, "a new snapshot")
    try fixture.poke(5)
    try fixture.wait(days: 15)
    let beginning = try #require(try fixture.beginning)
    #expect(beginning.revision == 41 && beginning.sequence == 41)
    #expect(try fixture.history.map(\.sequence) == [42, 43, 44, 45, 46])
    #expect(try fixture.queries.keptFrom() == 42, "an older cursor has missed entries")
    #expect(try StoreFile.check(fixture.folder.path) == [])
    let lines = try fixture.archived()
    #expect(lines.count == 1 && lines[0]["status"] == "running" && lines[0]["endedAt"] == nil)
    #expect(lines[0]["journal"]?.array?.count == 41 && lines[0]["revision"] == 41)
    #expect(try lines[0]["data"]?.bytes() == JSON(parsing: beginning.data).bytes())
    try fixture.poke(1)
    #expect(try fixture.row.revision == 47)
  }

  @Test("the snapshot and the remaining entries add up to the data, and their number is bounded")
  func remainingJournal() throws {
    let fixture = try Fixture()
    for _ in 0..<6 {
      try fixture.poke(40)
      try fixture.wait(days: 6)
      let data = try JSON(parsing: fixture.row.data)
      #expect(try rebuilt(fixture).bytes(.canonical) == data.bytes(.canonical))
      #expect(try StoreFile.check(fixture.folder.path) == [])
    }
    #expect(try fixture.history.count < 200, "it does not grow")
    let offsets = try fixture.archived().flatMap { $0["journal"]?.array ?? [] }.compactMap { $0["offset"]?.int }
    #expect(offsets == Array(1...(offsets.count)), "each entry is in one line of the archive, in order")
    #expect(try Int64(offsets.count) == fixture.beginning?.sequence)
  }

  /// The data after applying the later entries to the snapshot.
  private func rebuilt(_ fixture: Fixture) throws -> JSON {
    let start = try fixture.beginning.map { try JSON(parsing: $0.data) } ?? [:]
    let steps = try fixture.history.filter { $0.kind == .step }
    return folded(steps, from: start)
  }

  @Test("a short journal is not archived") func shortJournal() throws {
    let fixture = try Fixture()
    try fixture.poke(10)
    for _ in 0..<4 { try fixture.wait(days: 20) }
    #expect(try fixture.beginning == nil && fixture.history.count == 11)
    #expect(try fixture.archived() == [])
  }

  @Test("all entries of an idle instance are archived, and the next event continues its offsets") func idleInstance()
    throws
  {
    let fixture = try Fixture()
    try fixture.poke(40)
    for _ in 0..<3 { try fixture.wait(days: 15) }
    #expect(try fixture.history == [] && fixture.beginning?.revision == 41)
    #expect(try fixture.queries.lastSequence() == 41 && fixture.store.counters().sequence == 41)
    #expect(try StoreFile.check(fixture.folder.path) == [])
    try fixture.poke(1)
    #expect(try fixture.history.map(\.sequence) == [42])
    #expect(try StoreFile.check(fixture.folder.path) == [])
  }

  @Test("an ended instance is archived with its snapshots") func endedInstance() throws {
    let fixture = try Fixture()
    try fixture.poke(40)
    for _ in 0..<2 { try fixture.wait(days: 15) }
    try fixture.send("Close", ["id": "a"])
    for (job, _) in fixture.engine.dispatch() { fixture.engine.finish(job, .done(.null)) }
    _ = try fixture.engine.commit()
    try fixture.wait(days: 1)
    #expect(try fixture.queries.instance(flow: "Task", key: "a") == nil)
    #expect(try fixture.archived().map { $0["status"] } == ["running", "done"])
    #expect(try fixture.archived().last?["journal"]?.array?.map { $0["type"] } == ["step", "attempt"])
    #expect(try StoreFile.check(fixture.folder.path) == [])
  }

  /// An entry is not archived while it is the answer to a valid idempotency key.
  @Test("an entry stays while its idempotency key is valid") func idempotencyKeys() throws {
    let fixture = try Fixture()
    try fixture.poke(40)
    try fixture.wait(days: 8)
    let first = try fixture.send("Poke", ["id": "a", "room": 7], key: "k")
    for _ in 0..<6 {
      try fixture.wait(days: 1)
      var again = try fixture.send("Poke", ["id": "a", "room": 7], key: "k")
      #expect(again.replayed)
      again.replayed = false
      #expect(again == first)
    }
  }

  /// The check detects entries that are lost with a snapshot.
  @Test(
    "the check reports missing entries and inconsistent snapshots",
    arguments: [
      ("DELETE FROM journal WHERE sequence = 42", "the entry before journal entry 43 is missing"),
      ("DELETE FROM snapshot", "the entry before journal entry 42 is missing"),
      (
        "UPDATE snapshot SET sequence = 44",
        "journal entry 42 is older than the beginning of the history of its instance"
      ),
      ("UPDATE snapshot SET revision = 99", "a snapshot of Task/a is newer than the instance"),
      ("UPDATE snapshot SET instance = 5", "a snapshot belongs to no instance"),
    ])
  func check(_ sql: String, _ message: String) throws {
    let fixture = try Fixture()
    try fixture.poke(40)
    try fixture.wait(days: 15)
    try fixture.poke(5)
    try fixture.wait(days: 15)
    try fixture.store.connection.run(sql)
    #expect(try StoreFile.check(fixture.folder.path).contains(message))
  }
}
