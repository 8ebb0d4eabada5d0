import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// Events that instances send to a suspended instance are held and delivered when it is resumed.
@Suite("Events held for suspended instances") struct HeldEventTests {
  private func operate(_ fixture: TestEngine, _ action: OperatorCommand.Action) throws -> OperatorAnswer {
    let result = fixture.engine.operate(OperatorCommand(action, flow: "Listener", key: "t"))
    fixture.turn()
    return try result.get()
  }

  private func shout(_ fixture: TestEngine, _ text: String) throws {
    try fixture.send("Shout", ["id": .string("c\(text)"), "to": ["t"], "text": .string(text)])
  }

  private func fixture(_ kind: StoreKind) throws -> TestEngine {
    let fixture = try TestEngine(kind)
    try shout(fixture, "a")
    _ = try operate(fixture, .suspend)
    return fixture
  }

  @Test(
    "held events are delivered in order after the instance is resumed",
    arguments: StoreKind.allCases) func order(_ kind: StoreKind) throws
  {
    let fixture = try fixture(kind)
    for text in ["b", "c", "d"] { try shout(fixture, text) }
    try fixture.restart()
    #expect(try fixture.data("Listener", "t")["text"] == "a")
    let answer = try operate(fixture, .resume)
    #expect(answer.detail == "3 events that were held for it")
    #expect(try fixture.data("Listener", "t")["text"] == "abcd")
    #expect(fixture.entries.last?.body["event"]?["caller"] == "Crier/cd")
    #expect(try fixture.store.jobs(instance: fixture.row("Listener", "t").id).isEmpty)
    #expect(fixture.kinds(.undelivered).isEmpty)
  }

  /// The client receives an error, and its event is not held.
  @Test("an event of a client is rejected and not held") func clientEvent() throws {
    let fixture = try fixture(.memory)
    #expect(throws: EngineProblem.self) { try fixture.send("Told", ["id": "t", "text": "x"]) }
    _ = try operate(fixture, .resume)
    #expect(try fixture.data("Listener", "t")["text"] == "a")
  }

  /// An event that the resumed instance refuses is recorded as undelivered, as at any other time.
  @Test("a held event that is refused later is recorded as undelivered at its sender") func refusedEvent() throws {
    let fixture = try fixture(.memory)
    try shout(fixture, "no")
    try shout(fixture, "b")
    _ = try operate(fixture, .resume)
    #expect(try fixture.data("Listener", "t")["text"] == "ab")
    #expect(fixture.kinds(.undelivered).map(\.key) == ["cno"])
  }

  @Test(
    "cancelling the instance records its held events as undelivered",
    arguments: StoreKind.allCases) func cancelledInstance(_ kind: StoreKind) throws
  {
    let fixture = try fixture(kind)
    try shout(fixture, "b")
    #expect(try operate(fixture, .cancel).status == .cancelled)
    let note = try #require(fixture.kinds(.undelivered).first)
    #expect(note.key == "cb" && note.body["reason"] == "`t` was ended while it was suspended")
    #expect(try fixture.store.jobs(instance: fixture.row("Listener", "t").id).isEmpty)
  }

  @Test("the number of held events is limited") func limit() throws {
    let fixture = try fixture(.memory)
    let all = JSON.array(Array(repeating: "t", count: Engine.maximumHeldEvents / 2))
    for name in ["x", "y", "z"] { try fixture.send("Shout", ["id": .string(name), "to": all, "text": "b"]) }
    #expect(fixture.kinds(.undelivered).count == Engine.maximumHeldEvents / 2)
    #expect(
      fixture.kinds(.undelivered).first?.body["reason"] == "`t` is suspended, and 1000 events are already held for it")
    _ = try operate(fixture, .resume)
    for _ in 0..<5 { fixture.turn() }
    #expect(try fixture.data("Listener", "t")["text"]?.string?.count == Engine.maximumHeldEvents + 1)
  }

  /// After a failed commit the events are still held.
  @Test("a failed commit loses no held event") func failedCommit() throws {
    let fixture = try fixture(.memory)
    try shout(fixture, "b")
    try fixture.memory.nextCommitFails = .unavailable("no luck")
    _ = try? operate(fixture, .resume)
    #expect(try fixture.row("Listener", "t").status == .suspended)
    _ = try operate(fixture, .resume)
    #expect(try fixture.data("Listener", "t")["text"] == "ab")
  }
}
