import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// The states in which a migrated instance is: completed as an entry completes them.
@Suite("States after a migration") struct MigratedStatesTests {
  private static let events = """
    event Begin { id: string }
    event Next { id: string }
    event Pause { id: string }
    event Resume { id: string }
    action ship(id: string) { http POST "http://ship/" + id }
    action pay(id: string) { http POST "http://pay/" + id }

    """

  private static let start = "key id\n data { id: string }\n start on Begin -> one do id = event.id\n"

  private final class Fixture {
    let store: any Store
    private let folder: Folder
    let world = ManualWorld()
    let engine: Engine
    var out: [(job: Int64, request: JobRequest)] = []
    var log: [String] = []

    /// - Parameter first: The body of version 1 of the flow.
    init(_ first: String) throws {
      (store, folder) = try StoreKind.memory.make()
      engine = try Engine(machine: Fixture.machine(first, version: 1), store: store, world: world)
      try send("Begin")
    }

    private static func machine(_ body: String, version: Int) throws -> Machine {
      let head = "flow Job {\n version \(version)\n \(MigratedStatesTests.start)"
      return try TestEngine.make(MigratedStatesTests.events + head + body + "\n}").get()
    }

    func turn() throws {
      engine.fireTimers()
      let entries = try engine.commit()
      log += entries.filter { $0.kind == .log }.compactMap { $0.body["text"]?.string }
      out += engine.dispatch()
      _ = try engine.commit()
    }

    func wait(_ milliseconds: Int64) throws {
      world.advance(milliseconds)
      try turn()
    }

    func send(_ event: String) throws {
      _ = try engine.submit(EventCommand(event: event, payload: ["id": "j"])).get()
      try turn()
    }

    /// Migrates the instance to version 2.
    @discardableResult func migrate(_ second: String) throws -> OperatorAnswer {
      _ = try engine.deploy(Fixture.machine(second, version: 2))
      try turn()
      let answer = try engine.operate(OperatorCommand(.migrate, flow: "Job", key: "j")).get()
      try turn()
      return answer
    }

    func refusal(_ second: String) throws -> String {
      do {
        try migrate(second)
      } catch EngineProblem.notPossible(let message, _) {
        return message
      }
      return ""
    }

    var row: InstanceRow { get throws { try #require(try store.instance(flow: "Job", key: "j")) } }
    var states: [String] {
      get throws { try JSON(parsing: row.position)["states"]?.array?.compactMap(\.string) ?? [] }
    }
  }

  private static let parallel = """
    parallel p {
      on done -> over
      region a {
        initial state w { on Next -> x }
        state x { on Next -> e }
        final e
      }
      region b {
        entry log "b"
        initial state y { entry log "y"  after 1h -> f }
        final f
      }
    }
    state one { on Next -> p }
    final over
    """

  @Test("a move into a region enters the other regions: their entry runs and their timers start")
  func moveIntoRegion() throws {
    let fixture = try Fixture("state one { on Next -> over }\n final over")
    try fixture.migrate("migrate from 1 { state one -> p.a.x }\n" + MigratedStatesTests.parallel)
    #expect(try fixture.states == ["p.a.x", "p.b.y"])
    #expect(fixture.log == ["b", "y"])
    try fixture.send("Next")
    #expect(try fixture.states == ["p.a.e", "p.b.y"])
    try fixture.wait(3_600_000)
    #expect(try fixture.states == ["over"] && fixture.row.status == .done)
  }

  @Test("a region that the new version adds is entered, and the others stay as they are") func addedRegion() throws {
    let first = MigratedStatesTests.parallel.replacing("region b {", with: "region c {")
      .replacing("entry log \"b\"", with: "").replacing("entry log \"y\"", with: "")
    let added = MigratedStatesTests.parallel.replacing(
      "region b {", with: "region c {\n initial state y { after 1h -> f }\n final f\n }\n region b {")
    let fixture = try Fixture(first)
    try fixture.send("Next")
    try fixture.send("Next")
    try fixture.send("Next")
    try fixture.wait(3_599_000)
    try fixture.migrate(added)
    #expect(try fixture.states == ["p.a.e", "p.c.y", "p.b.y"])
    #expect(fixture.log == ["b", "y"])
    try fixture.wait(1000)
    #expect(try fixture.states == ["p.a.e", "p.c.f", "p.b.y"], "the timer of the kept region continues")
    try fixture.wait(3_599_000)
    #expect(try fixture.states == ["over"])
  }

  @Test("a move to a final state ends the instance", arguments: [("final fin", "done"), ("failed fin", "failed")])
  func moveToFinal(_ declaration: String, _ status: String) throws {
    let fixture = try Fixture(
      """
      state one {
        call ship(id: id) as shipping
        on shipping.done, shipping.failed -> over
        after 1h -> over
      }
      final over
      """)
    let exit = "\(declaration) { exit log \"out\" }\n state one { on Next -> fin }"
    let answer = try fixture.migrate("migrate from 1 { state one -> fin }\n" + exit)
    #expect(answer.status.name == status && answer.states == ["fin"])
    #expect(try fixture.row.status.name == status)
    #expect(fixture.log == ["out"])
    let revision = try fixture.row.revision
    try fixture.wait(3_600_000)
    #expect(try fixture.row.revision == revision, "no timer remains")
  }

  @Test("a state that becomes final completes the state around it") func stateBecomesFinal() throws {
    let first = "state one {\n on done -> over\n initial state x { on Next -> e }\n final e\n}\n final over"
    let fixture = try Fixture(first)
    try fixture.migrate(
      first.replacing("state x { on Next -> e }\n final e", with: "state w { on Next -> x }\n final x"))
    #expect(try fixture.row.status == .done && fixture.states == ["over"])
  }

  @Test("a completion that was raised before the migration is not raised again") func completedBefore() throws {
    let body = MigratedStatesTests.parallel.replacing("region a {", with: "region a {\n on done do log \"a done\"")
    let fixture = try Fixture(body)
    for _ in 0..<3 { try fixture.send("Next") }
    try fixture.migrate(body)
    #expect(fixture.log.filter { $0 == "a done" }.count == 1)
    #expect(try fixture.row.status == .running)
  }

  @Test("a state that gets states inside enters its initial one") func leafBecomesCompound() throws {
    let fixture = try Fixture("state one { on Next -> over }\n final over")
    try fixture.migrate(
      """
      state one {
        entry log "one"
        initial state x { entry log "x"  on Next -> over }
      }
      final over
      """)
    #expect(try fixture.states == ["one.x"])
    #expect(fixture.log == ["x"], "the instance was in `one` before")
  }

  @Test("a removed region is moved to its parallel state") func removedRegion() throws {
    let fixture = try Fixture(MigratedStatesTests.parallel)
    for _ in 0..<3 { try fixture.send("Next") }
    let second = """
      migrate from 1 { state p.b -> p }
      parallel p {
        on done -> over
        region a {
          initial state w { on Next -> x }
          state x { on Next -> e }
          final e
        }
        region c { initial state z { always -> g }  final g }
      }
      state one { on Next -> p }
      final over
      """
    try fixture.migrate(second)
    #expect(try fixture.row.status == .done)
  }

  @Test("states that exclude each other refuse the migration") func conflict() throws {
    let fixture = try Fixture(MigratedStatesTests.parallel)
    try fixture.send("Next")
    let second =
      "migrate from 1 { state p.a.w -> one  state p.b.y -> two }\n"
      + "state one { on Next -> two }\n state two { on Next -> over }\n final over"
    let message = try fixture.refusal(second)
    #expect(message.hasPrefix("`one` and `two` would be active at the same time"), "\(message)")
    #expect(try fixture.states == ["p.a.w", "p.b.y"])
  }

  @Test("a move to a state with steps starts them") func moveToSteps() throws {
    let fixture = try Fixture("state one { on Next -> over }\n final over")
    try fixture.migrate(
      """
      migrate from 1 { state one -> work }
      state one { on Next -> work }
      state work {
        steps {
          shipping: ship(id: id)
          paying: pay(id: id) after shipping
        }
        on done, failed -> over
      }
      final over
      """)
    #expect(fixture.out.count == 1, "the second step waits for the first")
    fixture.engine.finish(fixture.out[0].job, .done(.null))
    try fixture.turn()
    fixture.engine.finish(fixture.out[1].job, .done(.null))
    try fixture.turn()
    #expect(try fixture.states == ["over"])
  }

  @Test("a history returns only to states that are still inside of its state") func history() throws {
    let first = """
      state one {
        on Pause -> paused
        initial state x { on Next -> y }
        state y { on Next -> over }
      }
      state paused { on Resume -> one.history }
      final over
      """
    let fixture = try Fixture(first)
    try fixture.send("Next")
    try fixture.send("Pause")
    try fixture.migrate(
      "migrate from 1 { state one.y -> late }\n"
        + first.replacing("state y { on Next -> over }", with: "").replacing("-> y", with: "-> late")
        + "\n state late { on Next -> over }")
    try fixture.send("Resume")
    #expect(try fixture.states == ["one.x"])
  }

  @Test("a new field may have the instant of the migration") func fieldWithNow() throws {
    let fixture = try Fixture("state one { on Next -> over }\n final over")
    try fixture.wait(5000)
    try fixture.migrate(
      "migrate from 1 { state one -> two }\n state one { on Next -> two }\n"
        + "state two(since: timestamp = now) { on Next when now > since -> over }\n final over")
    let data = try JSON(parsing: fixture.row.data)
    #expect(data["two.since"] == "1970-01-01T00:16:45.000Z", "\(data)")
  }
}
