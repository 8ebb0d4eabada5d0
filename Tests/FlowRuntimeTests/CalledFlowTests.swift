import FlowJSON
import FlowRuntime
import Testing

private let t: JSON = ["id": "t"]

/// The W3C tests of SCXML for invoked machines, by their numbers, applied to called flows.
@Suite("W3C SCXML tests of invoked machines, as called flows") struct CalledFlowTests {
  private func messages(_ fixture: TestEngine, _ flow: String = "Boss") throws -> JSON? {
    try fixture.data(flow, "t")["heard"]
  }

  @Test("191, 232, 236: a called flow emits several events before its result")
  func finalEvent() throws {
    let fixture = try TestEngine()
    try fixture.send("Hire", t)
    #expect(try messages(fixture) == ["in", "out of first"])
    try fixture.restart()
    try fixture.end(.done("s9"))
    #expect(fixture.state("Boss", "t") == "content")
    #expect(try messages(fixture) == ["in", "out of first", "out of inner", "out of second", "well"])
  }

  /// Difference from 252: `emit` reaches every instance with that key, also one that cancelled the call. The end of
  /// the
  /// cancelled flow is not reported.
  @Test("250, 252: a cancelled flow exits all its states")
  func cancelledCall() throws {
    let fixture = try TestEngine()
    try fixture.send("Hire", t)
    try fixture.send("Back", t)
    #expect(fixture.state("Boss", "t") == "alone")
    let worker = try #require(fixture.entries.last { $0.flow == "Worker" }).key
    #expect(try fixture.row("Worker", worker).status != .running)
    #expect(try fixture.memory.jobs.isEmpty, "no job remains")
    let said = fixture.kinds(.emit).filter { $0.flow == "Worker" }.map { $0.body["data"]?["text"] }
    #expect(said == ["in", "out of first", "out of inner", "out of second"])
    #expect(try messages(fixture) == ["in", "out of first", "out of inner", "out of second"])
  }

  private func assign(_ id: String, _ ticket: String, _ fixture: TestEngine) throws {
    try fixture.send("Assign", ["id": .string(id), "ticket": .string(ticket)])
  }

  @Test("a called flow with a key has the argument as its key, also after a restart", arguments: StoreKind.allCases)
  func keyedCall(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind)
    try assign("c", "t9", fixture)
    #expect(try fixture.data("Ticket", "t9") == ["id": "t9"])
    try fixture.restart()
    try fixture.send("Close", ["id": "t9"])
    #expect(try fixture.row("Ticket", "t9").status == .done)
    #expect(try fixture.data("Clerk", "c")["outcome"] == "closed t9")
  }

  @Test("a call with the key of a running instance fails with KEY_TAKEN, and one with an ended key starts another run")
  func takenKey() throws {
    let fixture = try TestEngine()
    try assign("c", "t9", fixture)
    try assign("d", "t9", fixture)
    #expect(try fixture.data("Clerk", "d")["outcome"] == "KEY_TAKEN")
    #expect(try fixture.row("Ticket", "t9").revision == 1, "the running instance is not affected")
    try fixture.send("Close", ["id": "t9"])
    #expect(try fixture.data("Clerk", "c")["outcome"] == "closed t9")
    try assign("d", "t9", fixture)
    #expect(try fixture.row("Ticket", "t9").status == .running && fixture.row("Ticket", "t9").revision == 3)
    try fixture.send("Back", ["id": "d"])
    #expect(try fixture.row("Ticket", "t9").status == .failed, "it is withdrawn with its call")
    try assign("d", "", fixture)
    #expect(try fixture.data("Clerk", "d")["outcome"] == "INVALID_ARGUMENTS")
    #expect(try fixture.memory.jobs.isEmpty)
  }

  @Test("a running instance that another call has started is not withdrawn")
  func foreignKey() throws {
    let fixture = try TestEngine()
    try assign("c", "t9", fixture)
    // Its job exists, and has not been dispatched.
    _ = fixture.engine.submit(EventCommand(event: "Assign", payload: ["id": "d", "ticket": "t9"]))
    _ = fixture.engine.submit(EventCommand(event: "Back", payload: ["id": "d"]))
    fixture.turn()
    #expect(fixture.state("Clerk", "d") == "finished")
    #expect(try fixture.row("Ticket", "t9").status == .running)
  }

  @Test("192, 347: two instances exchange events in both directions")
  func bothDirections() throws {
    let fixture = try TestEngine()
    try fixture.send("Open", t)
    #expect(fixture.state("Client", "t") == "served" && fixture.state("Office", "t") == "answered")
    #expect(try messages(fixture, "Client") == ["one!", "two!"])
  }
}
