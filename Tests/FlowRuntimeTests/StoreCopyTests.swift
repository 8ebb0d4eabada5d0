import FlowJSON
import FlowRuntime
import FlowStorePostgres
import FlowStoreSQLite
import FlowTestSupport
import Testing

/// Copies of a store to one of another kind.
@Suite("Copies of stores", .enabled(if: PostgresServer.isWanted)) struct StoreCopyTests {
  private let first: Folder
  private let second: Folder

  init() throws {
    first = try Folder()
    second = try Folder()
  }

  /// A store with running and waiting instances, jobs, timers, a dead letter and idempotency keys.
  private func fill(_ store: any Store, _ world: ManualWorld) throws {
    let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
    for index in 0..<40 {
      var command = EventCommand(event: "Begin", payload: ["id": .string("t\(index)")])
      command.idempotencyKey = "begin-\(index)"
      _ = engine.submit(command)
      if index % 2 == 0 { _ = engine.submit(EventCommand(event: "Go", payload: ["id": .string("t\(index)")])) }
      if index % 5 == 0 { _ = engine.submit(EventCommand(event: "Close", payload: ["id": .string("t\(index)")])) }
    }
    _ = engine.submit(EventCommand(event: "Ask", payload: ["id": "s", "what": "w"]))
    _ = engine.submit(EventCommand(event: "Tick", payload: ["id": "bell"]))
    _ = try engine.commit()
    for _ in 0..<6 {
      // The others are in progress when the store is copied.
      for (job, _) in engine.dispatch() where job % 2 == 1 {
        engine.finish(job, .failed(code: "BROKEN", message: "no\u{0}"))
      }
      _ = try engine.commit()
      world.advance(5000)
    }
    try store.commit(MessageTests.outsideOfInstances)
  }

  private func postgres(_ folder: Folder) throws -> (store: PostgresStore, queries: PostgresQueries) {
    let database = try PostgresDatabase(folder.location.get())
    try database.prepare()
    let lease = PostgresLease(database, address: "")
    try lease.seize()
    return (try PostgresStore(database, lease: lease, isUnlimited: true), PostgresQueries(database))
  }

  @Test("a store copied to PostgreSQL and back is sound, and answers a repeated request as before")
  func roundTrip() throws {
    let world = ManualWorld()
    let source = try SQLiteStore(path: first.path)
    try fill(source, world)
    let middle = try postgres(first)
    let copied = try StoreCopy(
      from: source, reader: SQLiteQueries(path: first.path), to: middle.store, targetReader: middle.queries,
      page: 7
    ).run()
    #expect(copied.instances == 42 && copied.answers == 40)
    #expect(copied.entries > 70 && copied.jobs > 0)
    var back: SQLiteStore? = try SQLiteStore(path: second.path)
    if let back {
      let again = try StoreCopy(
        from: middle.store, reader: middle.queries, to: back, targetReader: SQLiteQueries(path: second.path), page: 7
      ).run()
      #expect(again == copied)
    }
    back = nil
    #expect(try StoreFile.check(second.path) == [])
    for queries in [middle.queries, try SQLiteQueries(path: second.path)] as [any Queries] {
      #expect(try queries.cursors() == ["screens": 3, "the buffer*": 4])
      #expect(try queries.deadLetters(flow: nil, after: 900, limit: 9).map(\.row.job.once) == ["m7"])
    }
    for store in [middle.store, try SQLiteStore(path: second.path)] as [any Store] {
      let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
      var command = EventCommand(event: "Begin", payload: ["id": "t7"])
      command.idempotencyKey = "begin-7"
      #expect(try engine.submit(command).get().replayed)
      #expect(try engine.submit(EventCommand(event: "Poke", payload: ["id": "t7"])).get().key == "t7")
      _ = try engine.commit()
    }
    #expect(try StoreFile.check(second.path) == [])
  }

  @Test("a target that is not empty is rejected")
  func usedTarget() throws {
    let source = try SQLiteStore(path: first.path)
    try fill(source, ManualWorld())
    let target = try SQLiteStore(path: second.path)
    try fill(target, ManualWorld())
    #expect(throws: StoreError.unusable("the target of a copy has to be empty")) {
      try StoreCopy(
        from: source, reader: SQLiteQueries(path: first.path), to: target,
        targetReader: SQLiteQueries(path: second.path)
      ).run()
    }
  }
}
