import FlowJSON
import FlowRuntime
import Testing

private let t: JSON = ["id": "t"]

/// Flows that call flows, steps, and what is undone: through crashes as well.
@Suite struct SagaTests {
  private func legKey(_ desk: TestEngine) throws -> String {
    try #require(desk.entries.last { $0.flow == "Leg" }).key
  }

  @Test(arguments: StoreKind.allCases) func aCalledFlowAnswersItsCaller(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Travel", t)
    #expect(desk.urls == ["http://book/t"])
    try desk.end(.done("h1"))
    desk.turn()
    #expect(desk.state("Trip", "t") == "flight")
    #expect(desk.urls == ["http://book/t/leg"])
    try desk.restart()
    #expect(desk.urls == ["http://book/t/leg"], "the call goes out again, and no second flow was started")
    try desk.end(.done("s9"))
    #expect(desk.state("Leg", try legKey(desk)) == "booked")
    #expect(desk.state("Trip", "t") == "away")
    #expect(try desk.data("Trip", "t")["number"] == "s9")
    #expect(desk.entries.filter { $0.flow == "Leg" && $0.body["created"] == true }.count == 1)
  }

  @Test(arguments: StoreKind.allCases) func itsFailureIsUndone(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Travel", t)
    try desk.end(.done("h1"))
    desk.turn()
    try desk.restart()
    try desk.end(.status(409, message: "", retryAfterMilliseconds: nil))
    #expect(desk.state("Trip", "t") == "undoing")
    try desk.restart()
    #expect(desk.urls == ["http://cancel/h1"])
    try desk.end(.done(.null))
    #expect(desk.state("Trip", "t") == "home")
  }

  @Test(arguments: StoreKind.allCases) func whoeverLeavesCancelsIt(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Travel", t)
    try desk.end(.done("h1"))
    desk.turn()
    let leg = try legKey(desk)
    try desk.send("Back", t)
    #expect(try desk.row("Leg", leg).status == .failed)
    #expect(desk.state("Trip", "t") == "undoing")
    // What was under way is no longer anybody's; the undo is.
    #expect(desk.urls.last == "http://cancel/h1")
    try desk.end(.done("late"))
    try desk.end(.done(.null))
    #expect(desk.state("Trip", "t") == "home")
  }

  @Test(arguments: StoreKind.allCases) func whatIsInDoubtIsUndoneWhenItSucceeded(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Travel", t)
    try desk.send("Back", t)
    #expect(desk.state("Trip", "t") == "undoing")
    try desk.restart()
    #expect(desk.urls == ["http://book/t"], "its end has to be known")
    try desk.end(.done("h7"))
    #expect(desk.urls == ["http://cancel/h7"])
    try desk.end(.done(.null))
    #expect(desk.state("Trip", "t") == "home")
  }

  @Test(arguments: StoreKind.allCases) func anUndoIsTriedAgainAndThenSaid(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Travel", t)
    try desk.send("Back", t)
    try desk.end(.done("h7"))
    try desk.end(.unreachable("nobody there"))
    desk.wait(1000)
    #expect(desk.urls == ["http://cancel/h7"], "by the policy of the undo")
    try desk.end(.unreachable("nobody there"))
    #expect(desk.state("Trip", "t") == "stuck")
    try desk.restart()
    try desk.send("Go", t)
    #expect(desk.urls == ["http://cancel/h7"])
    try desk.end(.done(.null))
    #expect(desk.state("Trip", "t") == "home")
  }

  @Test(arguments: StoreKind.allCases) func stepsGoOnFromTheLastThatIsDone(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Pack", ["id": "p", "items": ["x", "y"]])
    #expect(desk.urls == ["http://book/x"])
    try desk.end(.done("1"))
    try desk.restart()
    #expect(desk.urls == ["http://book/y"])
    try desk.end(.done("2"))
    try desk.restart()
    #expect(try desk.data("Parcel", "p")["labels"] == ["1", "2"])
    #expect(desk.urls == ["http://book/p/2"])
    try desk.end(.done("3"))
    #expect(desk.state("Parcel", "p") == "packed")
  }
}
