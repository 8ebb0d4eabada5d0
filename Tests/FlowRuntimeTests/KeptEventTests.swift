import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// What instances send to one that is suspended is kept and taken when it goes on.
@Suite struct KeptEventTests {
  private func operate(_ desk: TestEngine, _ action: OperatorCommand.Action) throws -> OperatorAnswer {
    let result = desk.engine.operate(OperatorCommand(action, flow: "Listener", key: "t"))
    desk.turn()
    return try result.get()
  }

  private func shout(_ desk: TestEngine, _ text: String) throws {
    try desk.send("Shout", ["id": .string("c\(text)"), "to": ["t"], "text": .string(text)])
  }

  private func desk(_ kind: StoreKind) throws -> TestEngine {
    let desk = try TestEngine(kind)
    try shout(desk, "a")
    _ = try operate(desk, .suspend)
    return desk
  }

  @Test(arguments: StoreKind.allCases) func theyAreTakenInOrder(_ kind: StoreKind) throws {
    let desk = try desk(kind)
    for text in ["b", "c", "d"] { try shout(desk, text) }
    try desk.restart()
    #expect(try desk.data("Listener", "t")["text"] == "a")
    let answer = try operate(desk, .resume)
    #expect(answer.detail == "3 events that were held for it")
    #expect(try desk.data("Listener", "t")["text"] == "abcd")
    #expect(desk.entries.last?.body["event"]?["caller"] == "Crier/cd")
    #expect(try desk.store.jobs(instance: desk.row("Listener", "t").id).isEmpty)
    #expect(desk.kinds(.undelivered).isEmpty)
  }

  /// Who sends from outside is told, and nothing is kept for them.
  @Test func fromOutsideItIsRefused() throws {
    let desk = try desk(.memory)
    #expect(throws: EngineProblem.self) { try desk.send("Told", ["id": "t", "text": "x"]) }
    _ = try operate(desk, .resume)
    #expect(try desk.data("Listener", "t")["text"] == "a")
  }

  /// What the instance does not want when it goes on is undelivered, as at any other time.
  @Test func aRefusalIsNotedWhereItCameFrom() throws {
    let desk = try desk(.memory)
    try shout(desk, "no")
    try shout(desk, "b")
    _ = try operate(desk, .resume)
    #expect(try desk.data("Listener", "t")["text"] == "ab")
    #expect(desk.kinds(.undelivered).map(\.key) == ["cno"])
  }

  @Test(arguments: StoreKind.allCases) func whoIsCancelledTakesNoMore(_ kind: StoreKind) throws {
    let desk = try desk(kind)
    try shout(desk, "b")
    #expect(try operate(desk, .cancel).status == .cancelled)
    let note = try #require(desk.kinds(.undelivered).first)
    #expect(note.key == "cb" && note.body["reason"] == "`t` was ended while it was suspended")
    #expect(try desk.store.jobs(instance: desk.row("Listener", "t").id).isEmpty)
  }

  @Test func thereIsALimit() throws {
    let desk = try desk(.memory)
    let all = JSON.array(Array(repeating: "t", count: Engine.maximumHeldEvents / 2))
    for name in ["x", "y", "z"] { try desk.send("Shout", ["id": .string(name), "to": all, "text": "b"]) }
    #expect(desk.kinds(.undelivered).count == Engine.maximumHeldEvents / 2)
    #expect(
      desk.kinds(.undelivered).first?.body["reason"] == "`t` is suspended, and 1000 events are already held for it")
    _ = try operate(desk, .resume)
    for _ in 0..<5 { desk.turn() }
    #expect(try desk.data("Listener", "t")["text"]?.string?.count == Engine.maximumHeldEvents + 1)
  }

  /// A commit that fails leaves them where they were.
  @Test func aFailedCommitLosesNone() throws {
    let desk = try desk(.memory)
    try shout(desk, "b")
    try desk.memory.nextCommitFails = .unavailable("no luck")
    _ = try? operate(desk, .resume)
    #expect(try desk.row("Listener", "t").status == .suspended)
    _ = try operate(desk, .resume)
    #expect(try desk.data("Listener", "t")["text"] == "ab")
  }
}
