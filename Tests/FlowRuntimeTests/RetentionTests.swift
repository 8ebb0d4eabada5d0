import FlowJSON
import FlowRuntime
import FlowStoreSQLite
import Foundation
import Testing

/// Ended instances leave the store after their time, whole, and nothing of them is given twice.
@Suite struct RetentionTests {
  private final class Place {
    let folder = try? Folder()
    let world = ManualWorld()
    let store: SQLiteStore
    var engine: Engine
    var archive: String { (folder?.path ?? "") + ".archive" }

    init() throws {
      let path = folder?.path ?? ""
      store = try SQLiteStore(
        path: path, retention: Retention(hot: 1000, keys: 5000, archive: path + ".archive"))
      engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
    }

    func send(_ event: String, _ id: String) throws {
      let result = engine.submit(EventCommand(event: event, payload: ["id": .string(id)]))
      _ = try engine.commit()
      _ = try result.get()
    }

    func finishJobs() throws {
      for (job, _) in engine.dispatch() { engine.finish(job, .done(.null)) }
      _ = try engine.commit()
    }

    func problem(_ event: String, _ id: String) -> String {
      switch engine.submit(EventCommand(event: event, payload: ["id": .string(id)])) {
      case .success: "none"
      case .failure(let problem): problem.name
      }
    }
  }

  @Test func whatHasEndedIsArchivedWhenItsWorkIsDone() throws {
    let place = try Place()
    try place.send("Begin", "a")
    try place.send("Begin", "b")
    try place.send("Close", "b")
    place.world.advance(2000)
    _ = try place.engine.maintain()
    #expect(try place.store.instance(flow: "Task", key: "b") != nil, "its note has not gone out")
    try place.finishJobs()
    _ = try place.engine.maintain()
    #expect(try place.store.instance(flow: "Task", key: "b") == nil)
    #expect(try place.store.instance(flow: "Task", key: "a") != nil)
    #expect(place.problem("Poke", "b") == "gone")
    let lines = try String(contentsOfFile: place.archive, encoding: .utf8).split(separator: "\n")
    let kept = try JSON(parsing: Array(lines[0].utf8))
    #expect(lines.count == 1)
    #expect(kept["key"] == "b")
    #expect(kept["status"] == "done")
    #expect(kept["journal"]?.array?.count == 2)
    try place.send("Begin", "b")
    #expect(try place.store.instance(flow: "Task", key: "b")?.revision == 1, "a reused key starts clean")
  }

  @Test func noNumberIsGivenTwice() throws {
    let place = try Place()
    try place.send("Begin", "a")
    try place.send("Close", "a")
    try place.finishJobs()
    let before = try place.store.counters()
    place.world.advance(2000)
    _ = try place.engine.maintain()
    #expect(try place.store.entry(sequence: 2) == nil)
    #expect(try place.store.counters() == before)
    let queries = try SQLiteQueries(path: place.folder?.path ?? "")
    #expect(try queries.keptFrom() == 3)
  }

  @Test func aDeadLetterKeepsItsInstance() throws {
    let place = try Place()
    try place.send("Begin", "a")
    try place.send("Close", "a")
    for _ in 0..<2 {
      for (job, _) in place.engine.dispatch() { place.engine.finish(job, .unreachable("lost")) }
      _ = try place.engine.commit()
      place.world.advance(2000)
    }
    _ = try place.engine.maintain()
    #expect(try place.store.instance(flow: "Task", key: "a") != nil)
    let queries = try SQLiteQueries(path: place.folder?.path ?? "")
    #expect(try queries.deadLetters(flow: "Task", after: 0, limit: 10).map(\.key) == ["a"])
    #expect(try queries.population(flow: nil).map(\.states) == [["closed"]])
  }

  @Test func theSpaceGoesBackToTheDisk() throws {
    let place = try Place()
    for index in 0..<2000 {
      _ = place.engine.submit(EventCommand(event: "Tick", payload: ["id": .string("b\(index)")]))
    }
    _ = try place.engine.commit()
    for index in 0..<2000 {
      let id = "b\(index)"
      _ = place.engine.submit(EventCommand(flow: "Bell", key: id, event: "Close", payload: ["id": .string(id)]))
    }
    _ = try place.engine.commit()
    let queries = try SQLiteQueries(path: place.folder?.path ?? "")
    let full = try queries.extent()
    place.world.advance(2000)
    while try place.engine.maintain().hasMore {}
    #expect(try queries.population(flow: "Bell").isEmpty)
    let empty = try queries.extent()
    #expect(empty.bytes < full.bytes - full.bytes / 8, "\(full.bytes) bytes have become \(empty.bytes)")
  }
}
