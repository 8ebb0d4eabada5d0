import FlowJSON
import FlowMachine
import Testing

@testable import FlowRuntime

private let t1: JSON = ["id": "t1"]

/// Events are durable once answered, applied once per idempotency key, and have no effect if the store fails.
@Suite("Events") struct EventTests {
  private func problem(_ body: () throws(EngineProblem) -> EventAnswer) -> String {
    do throws(EngineProblem) {
      _ = try body()
      return "none"
    } catch {
      return error.name
    }
  }

  @Test(
    "an event starts or changes an instance, also after a restart",
    arguments: StoreKind.allCases) func startAndTransition(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    let started = try fixture.send("Begin", t1)
    #expect(started.created && started.revision == 1 && started.sequence == 1 && started.to == ["idle"])
    let moved = try fixture.send("Go", t1)
    #expect(!moved.created && moved.revision == 2 && moved.from == ["idle"] && moved.to == ["charging"])
    #expect(moved.disposition == .applied && moved.status == .running)
    try fixture.restart()
    #expect(try fixture.row("Task", "t1").revision == 2)
    #expect(try fixture.send("Poke", ["id": "t1", "room": 5]).revision == 3)
    #expect(try fixture.data("Task", "t1")["room"] == 5)
  }

  @Test(
    "nothing is stored or dispatched before the commit",
    arguments: StoreKind.allCases) func beforeCommit(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    _ = fixture.engine.submit(EventCommand(event: "Begin", payload: t1))
    #expect(try fixture.store.instance(flow: "Task", key: "t1") == nil)
    #expect(fixture.engine.dispatch().isEmpty)
    fixture.commit()
    #expect(try fixture.store.instance(flow: "Task", key: "t1") != nil)
  }

  @Test(
    "the same idempotency key returns the first answer; another payload is an error",
    arguments: StoreKind.allCases) func idempotencyKey(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    let first = try fixture.send("Poke", t1, key: "k")
    var again = try fixture.send("Poke", t1, key: "k")
    #expect(again.replayed)
    again.replayed = false
    #expect(again == first)
    try fixture.restart()
    #expect(try fixture.send("Poke", t1, key: "k").replayed)
    #expect(
      problem { () throws(EngineProblem) in try fixture.send("Poke", ["id": "t1", "room": 9], key: "k") }
        == "idempotencyReused")
    #expect(try fixture.data("Task", "t1")["count"] == 1)
  }

  @Test("an idempotency key that occurs repeatedly in a batch is applied once") func idempotencyKeyInBatch() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    var command = EventCommand(event: "Poke", payload: t1)
    command.idempotencyKey = "k"
    let answers = try (0..<3).map { _ in try fixture.engine.submit(command).get() }
    fixture.commit()
    #expect(answers.map(\.replayed) == [false, true, true])
    #expect(try fixture.data("Task", "t1")["count"] == 1)
  }

  @Test(
    "an event that cannot be applied is an error and leaves no entry",
    arguments: [
      ("Poke", ["id": "none"], nil, "notFound"), ("Nothing", ["id": "t1"], nil, "unknownEvent"),
      ("Poke", ["id": 5], nil, "invalidPayload"), ("Back", ["id": "t1"], nil, "refused"),
      ("Poke", ["id": "t1"], "", "invalidPayload"), ("Begin", ["id": ""], nil, "invalidPayload"),
      ("Begin", ["id": .string(String(repeating: "x", count: 513))], nil, "invalidPayload"),
      ("Poke", ["id": "t1"], String(repeating: "x", count: 513), "invalidPayload"),
    ] as [(String, JSON, String?, String)])
  func rejectedEvents(_ event: String, _ payload: JSON, _ key: String?, _ expected: String) throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    let name = problem { () throws(EngineProblem) in try fixture.send(event, payload, key: key) }
    #expect(name == expected)
    #expect(fixture.entries.count == 1)
  }

  @Test("an event can require a revision") func revisionPrecondition() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    #expect(try fixture.send("Poke", t1, ifMatch: 1).revision == 2)
    #expect(problem { () throws(EngineProblem) in try fixture.send("Poke", t1, ifMatch: 1) } == "revisionMismatch")
  }

  @Test(
    "a new run under the same key continues the revision and has new job keys",
    arguments: StoreKind.allCases) func restartedInstance(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    #expect(problem { () throws(EngineProblem) in try fixture.send("Begin", t1) } == "refused")
    #expect(try fixture.send("Close", t1).status == .done)
    let first = try fixture.end(.done(.null)).idempotencyKey
    let again = try fixture.send("Begin", t1)
    #expect(again.created && again.revision == 3)
    try fixture.send("Close", t1)
    #expect(try fixture.end(.done(.null)).idempotencyKey != first, "the job of another run has another key")
    #expect(problem { () throws(EngineProblem) in try fixture.send("Poke", t1) } == "refused")
  }

  @Test(
    "an event for several flows lists each with its disposition, also when it is repeated",
    arguments: StoreKind.allCases) func severalReceivers(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    for event in ["Hire", "Tick", "Begin"] { try fixture.send(event, ["id": "b"]) }
    let answer = try fixture.send("Close", ["id": "b"], key: "k")
    #expect(answer.flow == "Task" && answer.status == .done)
    let receivers = answer.receivers.map { "\($0.flow)/\($0.key ?? "") \($0.disposition) \($0.code ?? "")" }
    #expect(receivers.sorted() == ["Bell/b applied ", "Boss/b refused not-handled", "Task/b applied "])
    let refusal = try #require(fixture.kinds(.refused).first)
    #expect(refusal.flow == "Boss" && refusal.body["type"] == "Close" && refusal.body["code"] == "not-handled")
    #expect(fixture.state("Bell", "b") == "over" && fixture.state("Boss", "b") == "waiting")
    try fixture.restart()
    let again = try fixture.send("Close", ["id": "b"], key: "k")
    #expect(again.replayed && again.receivers == answer.receivers)
  }

  @Test("an event that all flows refuse is an error and leaves no entry") func refusedByAll() throws {
    let fixture = try TestEngine()
    for event in ["Tick", "Begin"] {
      try fixture.send(event, ["id": "b"])
      try fixture.send("Close", ["id": "b"])
    }
    try fixture.send("Hire", ["id": "b"])
    let count = fixture.entries.count
    #expect(problem { () throws(EngineProblem) in try fixture.send("Close", ["id": "b"]) } == "refused")
    #expect(fixture.entries.count == count)
  }

  @Test(
    "computed members of an event are its key, are journaled, and are not accepted from outside",
    arguments: StoreKind.allCases) func computedMembers(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    let push: JSON = ["repository": "a/b", "number": 3]
    #expect(try fixture.send("Push", push).key == "a/b#3")
    let step = try #require(fixture.kinds(.step).last?.body["event"])
    #expect(step["data"] == ["repository": "a/b", "number": 3, "pr": "a/b#3", "share": 4])
    try fixture.restart()
    #expect(try !fixture.send("Push", push, key: "k").created)
    #expect(try fixture.send("Push", push, key: "k").replayed)
    #expect(try fixture.data("PullRequest", "a/b#3")["count"] == 4)
    for (payload, pointer) in [
      (["repository": "a/b", "number": 3, "pr": "x"], "/pr"), (["repository": "a/b", "number": 0], "/share"),
    ] as [(JSON, String)] {
      do throws(EngineProblem) {
        _ = try fixture.send("Push", payload)
        Issue.record("accepted")
      } catch {
        guard case .invalidPayload(let mismatches) = error else {
          Issue.record("\(error)")
          continue
        }
        #expect(mismatches.map(\.pointer) == [pointer])
        #expect(mismatches.allSatisfy { $0.message.contains("computed") })
      }
    }
  }

  @Test("canonically equivalent keys are different instances") func unicodeKeys() throws {
    let fixture = try TestEngine()
    #expect(try fixture.send("Begin", ["id": "\u{E9}"]).created)
    #expect(try fixture.send("Begin", ["id": "e\u{301}"]).created)
    #expect(try fixture.store.counters().instance == 2)
  }

  @Test("a failed commit has no effect and skips no offset") func failedCommit() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.memory.nextCommitFails = .unavailable("full")
    _ = fixture.engine.submit(EventCommand(event: "Poke", payload: t1))
    _ = fixture.engine.submit(EventCommand(event: "Begin", payload: ["id": "t2"]))
    #expect(throws: StoreError.unavailable("full")) { try fixture.engine.commit() }
    #expect(problem { () throws(EngineProblem) in try fixture.send("Poke", ["id": "t2"]) } == "notFound")
    let answer = try fixture.send("Poke", t1)
    #expect(answer.revision == 2 && answer.sequence == 2, "no number is skipped")
    #expect(try fixture.data("Task", "t1")["count"] == 1)
  }

  @Test("a failed read of the store fails the batch, and the work is repeated") func failedRead() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    try fixture.restart()
    let memory = try fixture.memory
    memory.readingFails = .unavailable("gone")
    #expect(
      problem { () throws(EngineProblem) in try fixture.send("Begin", ["id": "t9"]) }
        == "storeUnavailable")
    #expect(throws: StoreError.unavailable("gone")) {
      fixture.engine.finish(fixture.out[0].job, .done("paid"))
      _ = try fixture.engine.commit()
    }
    fixture.wait(7_200_000)
    memory.readingFails = nil
    fixture.out = []
    fixture.turn()
    #expect(fixture.urls == ["http://pay/t1"], "a job whose result was lost is dispatched again")
  }
}

/// Events from one instance to another.
@Suite("Emitted events") struct EmissionTests {
  @Test(
    "an emitted event starts or reaches other instances",
    arguments: StoreKind.allCases) func delivery(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Tick", ["id": "b"])
    try fixture.send("Close", ["id": "b"])
    #expect(try fixture.data("Listener", "b") == ["id": "b", "text": "over"])
    #expect(fixture.kinds(.emit).map { $0.body["data"]?["text"] } == ["over"])
    try fixture.send("Shout", ["id": "c", "to": ["b", "d"], "text": "!"])
    #expect(try fixture.data("Listener", "b")["text"] == "over!")
    #expect(try fixture.data("Listener", "d")["text"] == "!")
  }

  @Test("a refused emitted event is recorded, and the sender continues") func refusedDelivery() throws {
    let fixture = try TestEngine()
    try fixture.send("Shout", ["id": "c", "to": ["b"], "text": "yes"])
    #expect(try fixture.send("Shout", ["id": "c2", "to": ["b"], "text": "no"]).created)
    let note = try #require(fixture.kinds(.undelivered).first)
    #expect(note.key == "c2" && note.body["flow"] == "Listener")
    #expect(try fixture.data("Listener", "b")["text"] == "yes")
  }

  @Test("flows that answer each other without end are slowed down, with a warning")
  func endlessEmissions() throws {
    let text = """
      event Begin { id: string }
      event Ping { id: string }
      event Pong { id: string }
      flow Left {
        key id
        data { id: string }
        start on Begin -> playing do { id = event.id  emit Ping{id: event.id} }
        state playing { on Pong do emit Ping{id: id} }
        ongoing
      }
      flow Right {
        key id
        data { id: string }
        start on Ping -> playing do { id = event.id  emit Pong{id: event.id} }
        state playing { on Ping do emit Pong{id: id} }
        ongoing
      }
      """
    let world = ManualWorld()
    let engine = try Engine(machine: TestEngine.make(text).get(), store: MemoryStore(), world: world)
    func turn() throws -> Int {
      let entries = try engine.commit().count
      _ = engine.dispatch()
      return try engine.commit().count + entries
    }
    _ = try engine.submit(EventCommand(event: "Begin", payload: ["id": "a"])).get()
    for _ in 0..<10 { _ = try turn() }
    #expect(try turn() == 0, "the next emission waits")
    #expect(engine.drainWarnings().contains { $0.contains("is slowed down") })
    world.advance(60_000)
    let entries = try (0..<10).map { _ in try turn() }
    #expect(entries.contains { $0 > 0 }, "nothing is lost")
    #expect(try turn() == 0)
  }

  @Test("deliveries beyond the limit of a batch are made in the next one") func manyDeliveries() throws {
    let fixture = try TestEngine()
    let names = (0..<(Engine.maximumDeliveries + 50)).map { JSON.string("n\($0)") }
    var command = EventCommand(event: "Shout", payload: ["id": "c", "to": .array(names), "text": "x"])
    command.flow = "Crier"
    _ = try fixture.engine.submit(command).get()
    fixture.commit()
    #expect(try fixture.store.counters().instance == Int64(Engine.maximumDeliveries) + 1)
    try fixture.restart()
    #expect(try fixture.store.counters().instance == Int64(names.count) + 1)
    #expect(try fixture.memory.jobs.isEmpty)
  }
}
