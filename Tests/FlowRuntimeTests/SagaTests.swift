import FlowJSON
import FlowRuntime
import Testing

private let t: JSON = ["id": "t"]

/// Called flows, loops of calls and rollback, also over crashes.
@Suite("Called flows, loops and rollback") struct SagaTests {
  private func legKey(_ fixture: TestEngine) throws -> String {
    try #require(fixture.entries.last { $0.flow == "Leg" }).key
  }

  @Test(
    "a called flow returns its result to its caller, once over a crash",
    arguments: StoreKind.allCases) func calledFlow(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Travel", t)
    #expect(fixture.urls == ["http://book/t"])
    try fixture.end(.done("h1"))
    fixture.turn()
    #expect(fixture.state("Trip", "t") == "flight")
    #expect(fixture.urls == ["http://book/t/leg"])
    try fixture.restart()
    #expect(fixture.urls == ["http://book/t/leg"], "the call is repeated, and no second flow was started")
    try fixture.end(.done("s9"))
    #expect(fixture.state("Leg", try legKey(fixture)) == "booked")
    #expect(fixture.state("Trip", "t") == "away")
    #expect(try fixture.data("Trip", "t")["number"] == "s9")
    #expect(fixture.entries.filter { $0.flow == "Leg" && $0.body["created"] == true }.count == 1)
  }

  @Test(
    "the failure of a called flow rolls back its caller",
    arguments: StoreKind.allCases) func failedFlow(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Travel", t)
    try fixture.end(.done("h1"))
    fixture.turn()
    try fixture.restart()
    try fixture.end(.status(409, message: "", retryAfterMilliseconds: nil))
    #expect(fixture.state("Trip", "t") == "undoing")
    try fixture.restart()
    #expect(fixture.urls == ["http://cancel/h1"])
    try fixture.end(.done(.null))
    #expect(fixture.state("Trip", "t") == "home")
  }

  @Test(
    "the call of a flow that an operator cancels fails with a code",
    arguments: StoreKind.allCases) func cancelledFlow(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Travel", t)
    try fixture.end(.done("h1"))
    fixture.turn()
    _ = try fixture.engine.operate(OperatorCommand(.cancel, flow: "Leg", key: legKey(fixture))).get()
    fixture.turn()
    #expect(fixture.state("Trip", "t") == "stuck", "only the code `full` leads to `undoing`")
    let result = fixture.entries.last { $0.flow == "Trip" && $0.kind == .step }?.body["result"]
    #expect(result?["failed"]?["code"] == "CANCELLED", "\(fixture.entries.map { $0.body.text() })")
  }

  @Test(
    "leaving a state cancels the flow that it called",
    arguments: StoreKind.allCases) func leftState(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Travel", t)
    try fixture.end(.done("h1"))
    fixture.turn()
    let leg = try legKey(fixture)
    try fixture.send("Back", t)
    #expect(try fixture.row("Leg", leg).status == .failed)
    #expect(fixture.state("Trip", "t") == "undoing")
    // The call in progress belongs to no instance; the undo does.
    #expect(fixture.urls.last == "http://cancel/h1")
    try fixture.end(.done("late"))
    try fixture.end(.done(.null))
    #expect(fixture.state("Trip", "t") == "home")
  }

  @Test(
    "a call with an unknown outcome is undone if it succeeded",
    arguments: StoreKind.allCases) func uncertainCall(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Travel", t)
    try fixture.send("Back", t)
    #expect(fixture.state("Trip", "t") == "undoing")
    try fixture.restart()
    #expect(fixture.urls == ["http://book/t"], "its outcome must be known")
    try fixture.end(.done("h7"))
    #expect(fixture.urls == ["http://cancel/h7"])
    try fixture.end(.done(.null))
    #expect(fixture.state("Trip", "t") == "home")
  }

  @Test(
    "an undo is retried, and its failure reaches a state",
    arguments: StoreKind.allCases) func failedUndo(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Travel", t)
    try fixture.send("Back", t)
    try fixture.end(.done("h7"))
    try fixture.end(.unreachable("nobody there"))
    fixture.wait(1000)
    #expect(fixture.urls == ["http://cancel/h7"], "by the policy of the undo")
    try fixture.end(.unreachable("nobody there"))
    #expect(fixture.state("Trip", "t") == "stuck")
    try fixture.restart()
    try fixture.send("Go", t)
    #expect(fixture.urls == ["http://cancel/h7"])
    try fixture.end(.done(.null))
    #expect(fixture.state("Trip", "t") == "home")
  }

  @Test(
    "a loop continues after its last completed item",
    arguments: StoreKind.allCases) func loopAfterCrash(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Pack", ["id": "p", "items": ["x", "y"]])
    #expect(fixture.urls == ["http://book/x"])
    try fixture.end(.done("1"))
    try fixture.restart()
    #expect(fixture.urls == ["http://book/y"])
    try fixture.end(.done("2"))
    try fixture.restart()
    #expect(try fixture.data("Parcel", "p")["labels"] == ["1", "2"])
    #expect(fixture.urls == ["http://book/p/2"])
    try fixture.end(.done("3"))
    #expect(fixture.state("Parcel", "p") == "packed")
  }
}
