import FlowJSON
import FlowRuntime
import Testing

private let t: JSON = ["id": "t"]

/// What the W3C's tests of SCXML say of a machine that was invoked, by their numbers; here it is a called flow.
@Suite struct TalkTests {
  private func heard(_ desk: TestEngine, _ flow: String = "Boss") throws -> JSON? { try desk.data(flow, "t")["heard"] }

  @Test("191, 232, 236: a called flow tells its caller many things, and its end is the last of them")
  func theEndIsTheLast() throws {
    let desk = try TestEngine()
    try desk.send("Hire", t)
    #expect(try heard(desk) == ["in", "out of first"])
    try desk.restart()
    try desk.end(.done("s9"))
    #expect(desk.state("Boss", "t") == "content")
    #expect(try heard(desk) == ["in", "out of first", "out of inner", "out of second", "well"])
  }

  /// Flow's answer to 252: `emit` is for everybody who waits by that key, so for whoever has called it off as well; of
  /// its end nobody hears.
  @Test("250, 252: who is called off leaves all its states")
  func calledOff() throws {
    let desk = try TestEngine()
    try desk.send("Hire", t)
    try desk.send("Back", t)
    #expect(desk.state("Boss", "t") == "alone")
    let worker = try #require(desk.entries.last { $0.flow == "Worker" }).key
    #expect(try desk.row("Worker", worker).status != .running)
    #expect(try desk.memory.jobs.isEmpty, "nothing is under way any more")
    let said = desk.kinds(.emit).filter { $0.flow == "Worker" }.map { $0.body["data"]?["text"] }
    #expect(said == ["in", "out of first", "out of inner", "out of second"])
    #expect(try heard(desk) == ["in", "out of first", "out of inner", "out of second"])
  }

  @Test("192, 347: two instances ask and answer in both directions")
  func bothDirections() throws {
    let desk = try TestEngine()
    try desk.send("Open", t)
    #expect(desk.state("Client", "t") == "served" && desk.state("Office", "t") == "answered")
    #expect(try heard(desk, "Client") == ["one!", "two!"])
  }
}
