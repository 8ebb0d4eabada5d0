import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// Which program new instances run, and that those that run stay with theirs.
@Suite struct DeployTests {
  private static func counter(_ step: Int, _ more: String = "") -> String {
    """
    event Begin { id: string }
    event Add { id: string  n: int = 1 }
    event Stop { id: string }
    flow Counter {
      key id
      data { id: string  total: int = 0 }
      start on Begin -> counting do id = event.id
      state counting { on Add do total = total + event.n * \(step)  on Stop -> over }
      final over
    }
    \(more)
    """
  }

  private static let other = """
    event Hello { id: string }
    event Add { id: string  note: string }
    flow Other {
      key id
      data { id: string  notes: list<string> = [] }
      start on Hello -> open do id = event.id
      state open { on Add do notes = notes + [event.note]  after 1d -> over }
      final over
    }
    """

  private final class Place {
    let store = MemoryStore()
    let world = ManualWorld()
    var engine: Engine

    init(_ text: String) throws {
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    func restart(_ text: String) throws {
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    func deploy(_ text: String) throws -> DeployAnswer {
      let answer = try engine.deploy(TestEngine.make(text).get())
      _ = try engine.commit()
      return answer
    }

    func send(_ event: String, _ payload: JSON) throws {
      let result = engine.submit(EventCommand(event: event, payload: payload))
      _ = try engine.commit()
      _ = try result.get()
    }

    func data(_ flow: String, _ key: String) throws -> JSON {
      try JSON(parsing: try #require(try store.instance(flow: flow, key: key)).data)
    }
  }

  @Test func whatRunsStaysWithItsProgram() throws {
    let place = try Place(DeployTests.counter(1))
    try place.send("Begin", ["id": "old"])
    let answer = try place.deploy(DeployTests.counter(10))
    #expect(answer.flows == ["Counter"] && answer.replaced == ["Counter"])
    try place.send("Begin", ["id": "new"])
    for _ in 0..<2 {
      try place.send("Add", ["id": "old"])
      try place.send("Add", ["id": "new"])
      // What was deployed is there again after a start with the same files, whatever they say of the flow.
      try place.restart(DeployTests.counter(10))
    }
    #expect(try place.data("Counter", "old")["total"] == 2)
    #expect(try place.data("Counter", "new")["total"] == 20)
  }

  @Test func programsStandSideBySide() throws {
    let place = try Place(DeployTests.counter(1))
    _ = try place.deploy(DeployTests.other)
    #expect(place.engine.catalogue.names == ["Counter", "Other"])
    try place.restart(DeployTests.counter(1))
    #expect(Set(place.engine.catalogue.names) == ["Counter", "Other"])
    try place.send("Hello", ["id": "a"])
    // The same name, another payload: each program reads it its own way.
    try place.send("Add", ["id": "a", "note": "hi"])
    #expect(try place.data("Other", "a")["notes"] == ["hi"])
  }

  @Test func whatIsNoLongerInTheFilesIsRetired() throws {
    let place = try Place(
      DeployTests.counter(1)
        + DeployTests.other.replacing("event Add", with: "event Note")
        .replacing("on Add", with: "on Note"))
    try place.send("Hello", ["id": "a"])
    try place.restart(DeployTests.counter(1))
    #expect(place.engine.catalogue.names == ["Counter"])
    try place.send("Note", ["id": "a", "note": "still here"])
    #expect(try place.data("Other", "a")["notes"] == ["still here"])
    #expect(throws: EngineProblem.self) { try place.send("Hello", ["id": "b"]) }
  }

  @Test func aDeploymentThatDidNotCommitIsNone() throws {
    let place = try Place(DeployTests.counter(1))
    place.store.nextCommitFails = .unavailable("no luck")
    #expect(throws: StoreError.self) { try place.deploy(DeployTests.other) }
    #expect(place.engine.catalogue.names == ["Counter"])
    #expect(throws: EngineProblem.self) { try place.send("Hello", ["id": "a"]) }
  }

  @Test func aRetiredFlowBeginsNothing() throws {
    let place = try Place(DeployTests.counter(1))
    try place.send("Begin", ["id": "a"])
    #expect(place.engine.retire("Counter") && !place.engine.retire("Counter"))
    _ = try place.engine.commit()
    #expect(throws: EngineProblem.self) { try place.send("Begin", ["id": "b"]) }
    try place.send("Add", ["id": "a"])
    #expect(try place.data("Counter", "a")["total"] == 1)
  }
}
