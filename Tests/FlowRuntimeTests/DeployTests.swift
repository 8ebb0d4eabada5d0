import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// New instances use the newest deployment; running instances keep their definition.
@Suite("Deployments in the engine") struct DeployTests {
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

  private final class Fixture {
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

  @Test("a running instance keeps its definition after a deployment and a restart") func runningInstances() throws {
    let fixture = try Fixture(DeployTests.counter(1))
    try fixture.send("Begin", ["id": "old"])
    let answer = try fixture.deploy(DeployTests.counter(10))
    #expect(answer.flows == ["Counter"] && answer.replaced == ["Counter"])
    try fixture.send("Begin", ["id": "new"])
    for _ in 0..<2 {
      try fixture.send("Add", ["id": "old"])
      try fixture.send("Add", ["id": "new"])
      // A deployment survives a start with the same files, whatever version they contain.
      try fixture.restart(DeployTests.counter(10))
    }
    #expect(try fixture.data("Counter", "old")["total"] == 2)
    #expect(try fixture.data("Counter", "new")["total"] == 20)
  }

  @Test("several deployed programs interpret the same event name independently") func severalPrograms() throws {
    let fixture = try Fixture(DeployTests.counter(1))
    _ = try fixture.deploy(DeployTests.other)
    #expect(fixture.engine.catalogue.names == ["Counter", "Other"])
    try fixture.restart(DeployTests.counter(1))
    #expect(Set(fixture.engine.catalogue.names) == ["Counter", "Other"])
    try fixture.send("Hello", ["id": "a"])
    // The same name with another payload: each program reads it by its own declaration.
    try fixture.send("Add", ["id": "a", "note": "hi"])
    #expect(try fixture.data("Other", "a")["notes"] == ["hi"])
  }

  @Test("a flow that is removed from the files is retired at the next start") func removedFlow() throws {
    let fixture = try Fixture(
      DeployTests.counter(1)
        + DeployTests.other.replacing("event Add", with: "event Note")
        .replacing("on Add", with: "on Note"))
    try fixture.send("Hello", ["id": "a"])
    try fixture.restart(DeployTests.counter(1))
    #expect(fixture.engine.catalogue.names == ["Counter"])
    try fixture.send("Note", ["id": "a", "note": "still here"])
    #expect(try fixture.data("Other", "a")["notes"] == ["still here"])
    #expect(throws: EngineProblem.self) { try fixture.send("Hello", ["id": "b"]) }
  }

  @Test("a deployment whose commit fails has no effect") func failedCommit() throws {
    let fixture = try Fixture(DeployTests.counter(1))
    fixture.store.nextCommitFails = .unavailable("no luck")
    #expect(throws: StoreError.self) { try fixture.deploy(DeployTests.other) }
    #expect(fixture.engine.catalogue.names == ["Counter"])
    #expect(throws: EngineProblem.self) { try fixture.send("Hello", ["id": "a"]) }
  }

  @Test("a retired flow starts no instances; running ones continue") func retiredFlow() throws {
    let fixture = try Fixture(DeployTests.counter(1))
    try fixture.send("Begin", ["id": "a"])
    #expect(fixture.engine.retire("Counter") && !fixture.engine.retire("Counter"))
    _ = try fixture.engine.commit()
    #expect(throws: EngineProblem.self) { try fixture.send("Begin", ["id": "b"]) }
    try fixture.send("Add", ["id": "a"])
    #expect(try fixture.data("Counter", "a")["total"] == 1)
  }
}
