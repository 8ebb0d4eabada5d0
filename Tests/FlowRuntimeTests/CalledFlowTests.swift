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

  @Test("192, 347: two instances exchange events in both directions")
  func bothDirections() throws {
    let fixture = try TestEngine()
    try fixture.send("Open", t)
    #expect(fixture.state("Client", "t") == "served" && fixture.state("Office", "t") == "answered")
    #expect(try messages(fixture, "Client") == ["one!", "two!"])
  }
}
