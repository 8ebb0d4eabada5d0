import FlowJSON
import FlowRuntime
import Foundation
import Testing

@testable import FlowStoreSQLite

/// The journal of an instance that lives for long is folded into a snapshot, and nothing that is left says otherwise.
@Suite struct LongLifeTests {
  private static let day: Int64 = 86_400_000

  private final class Place {
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

    /// Days pass, and what can be tidied is.
    func wait(days: Int64) throws {
      world.advance(days * LongLifeTests.day)
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

  @Test func oldEntriesGoToTheArchive() throws {
    let place = try Place()
    try place.poke(40)
    try place.wait(days: 13)
    #expect(try place.beginning == nil && place.history.count == 41, "nothing is old")
    try place.wait(days: 2)
    #expect(try place.beginning == nil && place.history.count == 41, "a snapshot is taken, and is new")
    try place.poke(5)
    try place.wait(days: 15)
    let beginning = try #require(try place.beginning)
    #expect(beginning.revision == 41 && beginning.sequence == 41)
    #expect(try place.history.map(\.sequence) == [42, 43, 44, 45, 46])
    #expect(try place.queries.keptFrom() == 42, "a cursor from before has missed something")
    #expect(try StoreFile.check(place.folder.path) == [])
    let lines = try place.archived()
    #expect(lines.count == 1 && lines[0]["status"] == "running" && lines[0]["endedAt"] == nil)
    #expect(lines[0]["journal"]?.array?.count == 41 && lines[0]["revision"] == 41)
    #expect(try lines[0]["data"]?.bytes() == JSON(parsing: beginning.data).bytes())
    try place.poke(1)
    #expect(try place.row.revision == 47)
  }

  @Test func whatIsLeftGoesOnFromTheSnapshot() throws {
    let place = try Place()
    for _ in 0..<6 {
      try place.poke(40)
      try place.wait(days: 6)
      let data = try JSON(parsing: place.row.data)
      #expect(try rebuilt(place).bytes(.canonical) == data.bytes(.canonical))
      #expect(try StoreFile.check(place.folder.path) == [])
    }
    #expect(try place.history.count < 200, "it does not grow")
    let offsets = try place.archived().flatMap { $0["journal"]?.array ?? [] }.compactMap { $0["offset"]?.int }
    #expect(offsets == Array(1...(offsets.count)), "each entry is in one line of the archive, in order")
    #expect(try Int64(offsets.count) == place.beginning?.sequence)
  }

  /// The data that the snapshot and the entries since then come to.
  private func rebuilt(_ place: Place) throws -> JSON {
    let start = try place.beginning.map { try JSON(parsing: $0.data) } ?? [:]
    let steps = try place.history.filter { $0.kind == .step }
    return folded(steps, from: start)
  }

  @Test func aShortJournalStays() throws {
    let place = try Place()
    try place.poke(10)
    for _ in 0..<4 { try place.wait(days: 20) }
    #expect(try place.beginning == nil && place.history.count == 11)
    #expect(try place.archived() == [])
  }

  @Test func aQuietInstanceIsFoldedWhole() throws {
    let place = try Place()
    try place.poke(40)
    for _ in 0..<3 { try place.wait(days: 15) }
    #expect(try place.history == [] && place.beginning?.revision == 41)
    #expect(try place.queries.lastSequence() == 41 && place.store.counters().sequence == 41)
    #expect(try StoreFile.check(place.folder.path) == [])
    try place.poke(1)
    #expect(try place.history.map(\.sequence) == [42])
    #expect(try StoreFile.check(place.folder.path) == [])
  }

  @Test func anEndedInstanceTakesItsSnapshotsAlong() throws {
    let place = try Place()
    try place.poke(40)
    for _ in 0..<2 { try place.wait(days: 15) }
    try place.send("Close", ["id": "a"])
    for (job, _) in place.engine.dispatch() { place.engine.finish(job, .done(.null)) }
    _ = try place.engine.commit()
    try place.wait(days: 1)
    #expect(try place.queries.instance(flow: "Task", key: "a") == nil)
    #expect(try place.archived().map { $0["status"] } == ["running", "done"])
    #expect(try place.archived().last?["journal"]?.array?.count == 1)
    #expect(try StoreFile.check(place.folder.path) == [])
  }

  /// No entry goes while it may be the answer to a key.
  @Test func aKnownKeyHasItsAnswer() throws {
    let place = try Place()
    try place.poke(40)
    try place.wait(days: 8)
    let first = try place.send("Poke", ["id": "a", "room": 7], key: "k")
    for _ in 0..<6 {
      try place.wait(days: 1)
      var again = try place.send("Poke", ["id": "a", "room": 7], key: "k")
      #expect(again.replayed)
      again.replayed = false
      #expect(again == first)
    }
  }

  /// A fold that loses something does not go unnoticed.
  @Test(arguments: [
    ("DELETE FROM journal WHERE sequence = 42", "the entry before journal entry 43 is missing"),
    ("DELETE FROM snapshot", "the entry before journal entry 42 is missing"),
    (
      "UPDATE snapshot SET sequence = 44", "journal entry 42 is older than the beginning of the history of its instance"
    ),
    ("UPDATE snapshot SET revision = 99", "a snapshot of Task/a is newer than the instance"),
    ("UPDATE snapshot SET instance = 5", "a snapshot belongs to no instance"),
  ])
  func theCheckKnowsOfSnapshots(_ sql: String, _ message: String) throws {
    let place = try Place()
    try place.poke(40)
    try place.wait(days: 15)
    try place.poke(5)
    try place.wait(days: 15)
    try place.store.connection.run(sql)
    #expect(try StoreFile.check(place.folder.path).contains(message))
  }
}
