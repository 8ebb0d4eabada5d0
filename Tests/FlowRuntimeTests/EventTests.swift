import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

private let t1: JSON = ["id": "t1"]

/// Taking events: durable once answered, once per key, and nothing at all when the store fails.
@Suite struct EventTests {
  private func problem(_ body: () throws(EngineProblem) -> EventAnswer) -> String {
    do throws(EngineProblem) {
      _ = try body()
      return "none"
    } catch {
      return error.name
    }
  }

  @Test(arguments: StoreKind.allCases) func anEventStartsAndMovesAnInstance(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    let started = try desk.send("Begin", t1)
    #expect(started.created && started.revision == 1 && started.sequence == 1 && started.to == ["idle"])
    let moved = try desk.send("Go", t1)
    #expect(!moved.created && moved.revision == 2 && moved.from == ["idle"] && moved.to == ["charging"])
    #expect(moved.disposition == .applied && moved.status == .running)
    try desk.restart()
    #expect(try desk.row("Task", "t1").revision == 2)
    #expect(try desk.send("Poke", ["id": "t1", "room": 5]).revision == 3)
    #expect(try desk.data("Task", "t1")["room"] == 5)
  }

  @Test(arguments: StoreKind.allCases) func nothingIsThereBeforeTheCommit(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    _ = desk.engine.submit(EventCommand(event: "Begin", payload: t1))
    #expect(try desk.store.instance(flow: "Task", key: "t1") == nil)
    #expect(desk.engine.dispatch().isEmpty)
    desk.commit()
    #expect(try desk.store.instance(flow: "Task", key: "t1") != nil)
  }

  @Test(arguments: StoreKind.allCases) func theSameKeyGivesTheFirstAnswer(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    let first = try desk.send("Poke", t1, key: "k")
    var again = try desk.send("Poke", t1, key: "k")
    #expect(again.replayed)
    again.replayed = false
    #expect(again == first)
    try desk.restart()
    #expect(try desk.send("Poke", t1, key: "k").replayed)
    #expect(
      problem { () throws(EngineProblem) in try desk.send("Poke", ["id": "t1", "room": 9], key: "k") }
        == "idempotencyReused")
    #expect(try desk.data("Task", "t1")["count"] == 1)
  }

  @Test func theSameKeyTwiceInOneBatchIsTakenOnce() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    var command = EventCommand(event: "Poke", payload: t1)
    command.idempotencyKey = "k"
    let answers = try (0..<3).map { _ in try desk.engine.submit(command).get() }
    desk.commit()
    #expect(answers.map(\.replayed) == [false, true, true])
    #expect(try desk.data("Task", "t1")["count"] == 1)
  }

  @Test(
    arguments: [
      ("Poke", ["id": "none"], nil, "notFound"), ("Nothing", ["id": "t1"], nil, "unknownEvent"),
      ("Poke", ["id": 5], nil, "invalidPayload"), ("Back", ["id": "t1"], nil, "refused"),
      ("Poke", ["id": "t1"], "", "invalidPayload"), ("Begin", ["id": ""], nil, "invalidPayload"),
      ("Begin", ["id": .string(String(repeating: "x", count: 513))], nil, "invalidPayload"),
      ("Poke", ["id": "t1"], String(repeating: "x", count: 513), "invalidPayload"),
    ] as [(String, JSON, String?, String)])
  func whatCannotBeTakenIsSaid(_ event: String, _ payload: JSON, _ key: String?, _ expected: String) throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    let name = problem { () throws(EngineProblem) in try desk.send(event, payload, key: key) }
    #expect(name == expected)
    #expect(desk.entries.count == 1)
  }

  @Test func aRevisionCanBeAskedFor() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    #expect(try desk.send("Poke", t1, ifMatch: 1).revision == 2)
    #expect(problem { () throws(EngineProblem) in try desk.send("Poke", t1, ifMatch: 1) } == "revisionMismatch")
  }

  @Test(arguments: StoreKind.allCases) func aNewRunGoesOnCounting(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    #expect(problem { () throws(EngineProblem) in try desk.send("Begin", t1) } == "refused")
    #expect(try desk.send("Close", t1).status == .done)
    let first = try desk.end(.done(.null)).idempotencyKey
    let again = try desk.send("Begin", t1)
    #expect(again.created && again.revision == 3)
    try desk.send("Close", t1)
    #expect(try desk.end(.done(.null)).idempotencyKey != first, "the work of another run has another key")
    #expect(problem { () throws(EngineProblem) in try desk.send("Poke", t1) } == "refused")
  }

  @Test func canonicallyEqualKeysAreTwoInstances() throws {
    let desk = try TestEngine()
    #expect(try desk.send("Begin", ["id": "\u{E9}"]).created)
    #expect(try desk.send("Begin", ["id": "e\u{301}"]).created)
    #expect(try desk.store.counters().instance == 2)
  }

  @Test func aFailedCommitHasNotHappened() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.memory.nextCommitFails = .unavailable("full")
    _ = desk.engine.submit(EventCommand(event: "Poke", payload: t1))
    _ = desk.engine.submit(EventCommand(event: "Begin", payload: ["id": "t2"]))
    #expect(throws: StoreError.unavailable("full")) { try desk.engine.commit() }
    #expect(problem { () throws(EngineProblem) in try desk.send("Poke", ["id": "t2"]) } == "notFound")
    let answer = try desk.send("Poke", t1)
    #expect(answer.revision == 2 && answer.sequence == 2, "no number is skipped")
    #expect(try desk.data("Task", "t1")["count"] == 1)
  }

  @Test func whatCannotBeReadFailsTheBatch() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    try desk.restart()
    let memory = try desk.memory
    memory.readingFails = .unavailable("gone")
    #expect(
      problem { () throws(EngineProblem) in try desk.send("Begin", ["id": "t9"]) }
        == "storeUnavailable")
    #expect(throws: StoreError.unavailable("gone")) {
      desk.engine.finish(desk.out[0].job, .done("paid"))
      _ = try desk.engine.commit()
    }
    desk.wait(7_200_000)
    memory.readingFails = nil
    desk.out = []
    desk.turn()
    #expect(desk.urls == ["http://pay/t1"], "a result that got lost on the way is asked for again")
  }
}

/// Events that instances send each other.
@Suite struct EmissionTests {
  @Test(arguments: StoreKind.allCases) func anEmittedEventStartsAndReachesOthers(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Tick", ["id": "b"])
    try desk.send("Close", ["id": "b"])
    #expect(try desk.data("Listener", "b") == ["id": "b", "text": "over"])
    #expect(desk.kinds(.emit).map { $0.body["data"]?["text"] } == ["over"])
    try desk.send("Shout", ["id": "c", "to": ["b", "d"], "text": "!"])
    #expect(try desk.data("Listener", "b")["text"] == "over!")
    #expect(try desk.data("Listener", "d")["text"] == "!")
  }

  @Test func aRefusalIsNotedAndTheSenderGoesOn() throws {
    let desk = try TestEngine()
    try desk.send("Shout", ["id": "c", "to": ["b"], "text": "yes"])
    #expect(try desk.send("Shout", ["id": "c2", "to": ["b"], "text": "no"]).created)
    let note = try #require(desk.kinds(.undelivered).first)
    #expect(note.key == "c2" && note.body["flow"] == "Listener")
    #expect(try desk.data("Listener", "b")["text"] == "yes")
  }

  @Test func whatIsTooMuchForOneBatchComesWithTheNext() throws {
    let desk = try TestEngine()
    let names = (0..<(Engine.maximumDeliveries + 50)).map { JSON.string("n\($0)") }
    var command = EventCommand(event: "Shout", payload: ["id": "c", "to": .array(names), "text": "x"])
    command.flow = "Crier"
    _ = try desk.engine.submit(command).get()
    desk.commit()
    #expect(try desk.store.counters().instance == Int64(Engine.maximumDeliveries) + 1)
    try desk.restart()
    #expect(try desk.store.counters().instance == Int64(names.count) + 1)
    #expect(try desk.memory.jobs.isEmpty)
  }
}
