import FlowJSON
import FlowRuntime
import FlowStoreSQLite
import Foundation
import Testing

/// Ended instances are archived after their retention period, and their numbers are not reused.
@Suite("Retention") struct RetentionTests {
  private final class Fixture {
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

  @Test("an ended instance is archived after its retention period and its jobs") func endedInstance() throws {
    let fixture = try Fixture()
    try fixture.send("Begin", "a")
    try fixture.send("Begin", "b")
    try fixture.send("Close", "b")
    fixture.world.advance(2000)
    _ = try fixture.engine.maintain()
    #expect(try fixture.store.instance(flow: "Task", key: "b") != nil, "its job is not done")
    try fixture.finishJobs()
    _ = try fixture.engine.maintain()
    #expect(try fixture.store.instance(flow: "Task", key: "b") == nil)
    #expect(try fixture.store.instance(flow: "Task", key: "a") != nil)
    #expect(fixture.problem("Poke", "b") == "gone")
    let lines = try String(contentsOfFile: fixture.archive, encoding: .utf8).split(separator: "\n")
    let kept = try JSON(parsing: Array(lines[0].utf8))
    #expect(lines.count == 1)
    #expect(kept["key"] == "b")
    #expect(kept["status"] == "done")
    #expect(kept["journal"]?.array?.map { $0["type"] } == ["step", "step", "attempt"])
    try fixture.send("Begin", "b")
    #expect(try fixture.store.instance(flow: "Task", key: "b")?.revision == 1, "a reused key starts clean")
  }

  @Test("offsets and ids are not reused after archiving") func counters() throws {
    let fixture = try Fixture()
    try fixture.send("Begin", "a")
    try fixture.send("Close", "a")
    try fixture.finishJobs()
    let before = try fixture.store.counters()
    fixture.world.advance(2000)
    _ = try fixture.engine.maintain()
    #expect(try fixture.store.entry(sequence: 2) == nil)
    #expect(try fixture.store.counters() == before)
    let queries = try SQLiteQueries(path: fixture.folder?.path ?? "")
    #expect(try queries.keptFrom() == 4, "two steps and the attempt of the job")
  }

  @Test("an instance with a dead letter is not archived") func deadLetter() throws {
    let fixture = try Fixture()
    try fixture.send("Begin", "a")
    try fixture.send("Close", "a")
    for _ in 0..<2 {
      for (job, _) in fixture.engine.dispatch() { fixture.engine.finish(job, .unreachable("lost")) }
      _ = try fixture.engine.commit()
      fixture.world.advance(2000)
    }
    _ = try fixture.engine.maintain()
    #expect(try fixture.store.instance(flow: "Task", key: "a") != nil)
    let queries = try SQLiteQueries(path: fixture.folder?.path ?? "")
    #expect(try queries.deadLetters(flow: "Task", after: 0, limit: 10).map(\.key) == ["a"])
    #expect(try queries.population(flow: nil).map(\.states) == [["closed"]])
  }

  @Test("archiving shrinks the file of the store") func fileSize() throws {
    let fixture = try Fixture()
    for index in 0..<2000 {
      _ = fixture.engine.submit(EventCommand(event: "Tick", payload: ["id": .string("b\(index)")]))
    }
    _ = try fixture.engine.commit()
    for index in 0..<2000 {
      let id = "b\(index)"
      _ = fixture.engine.submit(EventCommand(flow: "Bell", key: id, event: "Close", payload: ["id": .string(id)]))
    }
    _ = try fixture.engine.commit()
    let queries = try SQLiteQueries(path: fixture.folder?.path ?? "")
    let full = try queries.extent()
    fixture.world.advance(2000)
    while try fixture.engine.maintain().hasMore {}
    #expect(try queries.population(flow: "Bell").isEmpty)
    let empty = try queries.extent()
    #expect(empty.bytes < full.bytes - full.bytes / 8, "\(full.bytes) bytes have become \(empty.bytes)")
  }
}
