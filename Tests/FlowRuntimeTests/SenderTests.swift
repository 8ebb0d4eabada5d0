import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// Events that a flow accepts only from another flow.
@Suite("Internal events") struct SenderTests {
  private static let text = """
    event Submit { id: string }
    event Copy { id: string }
    internal event Approved { id: string }
    flow Claim {
      key id
      data { id: string }
      start on Submit -> open do id = event.id
      state open { on Approved by Review -> paid }
      final paid
    }
    flow Review {
      key id
      data { id: string }
      start on Submit -> waiting do id = event.id
      state waiting { after 1h -> done }
      final done { entry emit Approved{id: id} }
    }
    flow Forger {
      key id
      data { id: string }
      start on Copy -> done do id = event.id
      final done { entry emit Approved{id: id} }
    }
    """

  private final class Fixture {
    let store = MemoryStore()
    let world = ManualWorld()
    let engine: Engine

    init() throws {
      engine = try Engine(machine: TestEngine.make(SenderTests.text).get(), store: store, world: world)
    }

    func send(_ event: String, _ key: String, by caller: Caller = Caller()) throws -> EventAnswer {
      var command = EventCommand(event: event, payload: ["id": .string(key)])
      command.caller = caller
      let result = engine.submit(command)
      _ = try engine.commit()
      return try result.get()
    }

    func state(_ flow: String, _ key: String) throws -> String {
      let row = try #require(try store.instance(flow: flow, key: key))
      return try JSON(parsing: row.position)["states"]?.array?.first?.string ?? ""
    }

    func wait(_ milliseconds: Int64) throws {
      world.advance(milliseconds)
      engine.fireTimers()
      _ = try engine.commit()
    }
  }

  @Test("an internal event of a client is refused, also with the name of a flow as caller") func clients() throws {
    let fixture = try Fixture()
    _ = try fixture.send("Submit", "a")
    for caller in [Caller(), Caller(id: "Review/a"), Caller(id: "Review", roles: ["Review"])] {
      let error = #expect(throws: EngineProblem.self) { try fixture.send("Approved", "a", by: caller) }
      guard case .refused(let refusal, _)? = error else { throw TestFailure() }
      #expect(refusal.reason == .internalEvent)
    }
    #expect(try fixture.state("Claim", "a") == "open")
  }

  @Test("only instances of the named flow can send the event") func senders() throws {
    let fixture = try Fixture()
    _ = try fixture.send("Submit", "a")
    _ = try fixture.send("Copy", "a")
    #expect(try fixture.state("Claim", "a") == "open", "`Forger` is not `Review`")
    try fixture.wait(3_600_000)
    #expect(try fixture.state("Claim", "a") == "paid")
  }

  private struct TestFailure: Error {}
}
