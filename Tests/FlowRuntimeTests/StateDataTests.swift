import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// The data of states in the engine: stored, journaled, replayed, copied and migrated like other data.
@Suite("Data of states") struct StateDataTests {
  private static let first = """
    event Ask { id: string  token: string }
    event Answer { id: string }
    event Pause { id: string }
    event Resume { id: string }
    flow Question {
      version 1
      key id
      data { id: string  last: string = "" }
      start on Ask -> work do id = event.id
      state work {
        on Pause -> paused
        initial state idle { on Ask -> asked(token: event.token) }
        state asked(token: string, tries: int = 1, note: string?) {
          on Ask -> asked(token: event.token, tries: tries + 1, note: token)
          on Answer -> idle do last = token
          after 1h -> late(token: token)
        }
        state late(token: string) { on Answer -> idle do last = token }
      }
      state paused { on Resume -> work.history  on Answer -> done(reason: last) }
      final done(reason: string)
    }
    """

  private final class Fixture {
    let store: any Store
    private let folder: Folder
    let world = ManualWorld()
    var engine: Engine

    init(_ kind: StoreKind = .memory) throws {
      (store, folder) = try kind.make()
      world.tick(7)
      engine = try Engine(machine: TestEngine.make(StateDataTests.first).get(), store: store, world: world)
    }

    func turn() throws {
      engine.fireTimers()
      _ = try engine.commit()
      _ = engine.dispatch()
      _ = try engine.commit()
    }

    func send(_ event: String, _ token: String? = nil, key: String = "q") throws {
      var payload: [JSON.Member] = [.init("id", .string(key))]
      if let token { payload.append(.init("token", .string(token))) }
      let result = engine.submit(EventCommand(event: event, payload: .object(payload)))
      try turn()
      _ = try result.get()
    }

    func restart(_ text: String = StateDataTests.first) throws {
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }

    func migrate(to text: String) throws -> OperatorAnswer {
      _ = try engine.deploy(TestEngine.make(text).get())
      try turn()
      let result = engine.operate(OperatorCommand(.migrate, flow: "Question", key: "q"))
      try turn()
      return try result.get()
    }

    func row(_ key: String = "q") throws -> InstanceRow {
      try #require(try store.instance(flow: "Question", key: key))
    }

    /// The data and the data of states, as views show them.
    func view(_ key: String = "q") throws -> (data: JSON, stateData: JSON) {
      let row = try row(key)
      let states = try JSON(parsing: row.position)["states"]?.array?.compactMap(\.string) ?? []
      return try JSON(parsing: row.data).dividedByState(activeIn: states)
    }
  }

  @Test("fields are stored with their states, and end with them", arguments: StoreKind.allCases)
  func stored(_ kind: StoreKind) throws {
    let fixture = try Fixture(kind)
    try fixture.send("Ask", "t0")
    #expect(try fixture.view().stateData == [:])
    try fixture.send("Ask", "t1")
    try fixture.restart()
    #expect(try fixture.view().data == ["id": "q", "last": ""])
    #expect(try fixture.view().stateData == ["work.asked": ["token": "t1", "tries": 1, "note": .null]])
    try fixture.send("Ask", "t2")
    #expect(try fixture.view().stateData == ["work.asked": ["token": "t2", "tries": 2, "note": "t1"]])
    try fixture.restart()
    try fixture.send("Answer")
    #expect(try fixture.view().data["last"] == "t2")
    #expect(try JSON(parsing: fixture.row().data)["work.asked.token"] == nil, "nothing is kept without a history")
  }

  @Test("a history keeps the fields over a restart, and the last values of an ended instance stay")
  func history() throws {
    let fixture = try Fixture()
    try fixture.send("Ask", "t0")
    try fixture.send("Ask", "t1")
    try fixture.send("Ask", "t2")
    try fixture.send("Pause")
    #expect(try fixture.view().stateData == [:])
    try fixture.restart()
    try fixture.send("Resume")
    #expect(try fixture.view().stateData == ["work.asked": ["token": "t2", "tries": 2, "note": "t1"]])
    fixture.world.advance(3_600_000)
    try fixture.turn()
    #expect(try fixture.view().stateData == ["work.late": ["token": "t2"]])
    try fixture.send("Answer")
    try fixture.send("Pause")
    try fixture.send("Answer")
    #expect(try fixture.view().stateData == ["done": ["reason": "t2"]])
  }

  @Test("a migration evaluates no defaults of states that nothing returns to") func inactiveStates() throws {
    let text = """
      event Begin { id: string }
      event Set { id: string  n: int }
      event Go { id: string }
      flow I {
        version 1
        key id
        data { id: string  n: int = 1 }
        start on Begin -> out do id = event.id
        state out { on Set do n = event.n  on Go -> x.z.history }
        state x(d: int = 10 / n) {
          on Go -> out
          state z(r: int = d) { initial state x1 {} }
        }
        ongoing
      }
      """
    let store = MemoryStore()
    let engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: ManualWorld())
    func send(_ event: String, _ more: [JSON.Member] = []) throws {
      let result = engine.submit(EventCommand(event: event, payload: .object([.init("id", "q")] + more)))
      _ = try engine.commit()
      _ = try result.get()
    }
    for event in ["Begin", "Go", "Go"] { try send(event) }
    try send("Set", [.init("n", 0)])
    let next = text.replacing("version 1", with: "version 2").replacing("ongoing", with: "ongoing  migrate from 1 {}")
    _ = try engine.deploy(TestEngine.make(next).get())
    _ = try engine.operate(OperatorCommand(.migrate, flow: "I", key: "q")).get()
    _ = try engine.commit()
    let row = try #require(try store.instance(flow: "I", key: "q"))
    #expect(try JSON(parsing: row.data) == ["id": "q", "n": 0, "x.z.r": 10])
  }

  @Test("instances are rebuilt from the journal") func replay() throws {
    let fixture = try Fixture()
    for token in ["t0", "t1", "t2"] { try fixture.send("Ask", token) }
    for event in ["Pause", "Resume", "Answer"] { try fixture.send(event) }
    try fixture.send("Ask", "t3")
    let memory = try #require(fixture.store as? MemoryStore)
    let row = try fixture.row()
    var replay = Replay(try TestEngine.make(StateDataTests.first).get())
    for entry in memory.journal where entry.instance == row.id && entry.kind == .step { try replay.take(entry) }
    let instance = try #require(replay.instance)
    #expect(instance.dataJSON(in: replay.machine).bytes() == row.data)
    #expect(instance.storedPositionJSON(in: replay.machine).bytes() == row.position)
  }

  @Test("a copy has the fields of its original") func fork() throws {
    let fixture = try Fixture()
    for token in ["t0", "t1"] { try fixture.send("Ask", token) }
    _ = try fixture.engine.fork(ForkCommand(flow: "Question", key: "q", copy: "r")).get()
    try fixture.turn()
    #expect(try fixture.view("r").stateData == ["work.asked": ["token": "t1", "tries": 1, "note": .null]])
    try fixture.send("Ask", "t9", key: "r")
    #expect(try fixture.view("r").stateData["work.asked"]?["tries"] == 2)
    #expect(try fixture.view("q").stateData["work.asked"]?["tries"] == 1)
  }

  // MARK: - Migration

  /// The second version: `asked` is `open`, without `note`, with two new fields.
  private static let second = first.replacing("version 1", with: "version 2").replacing("asked", with: "open")
    .replacing(", note: token)", with: ", code: event.token)")
    .replacing("token: event.token) }", with: "token: event.token, code: \"new\") }")
    .replacing("note: string?) {", with: "code: string, more: int = tries * 10) {")
    .replacing(
      "final done", with: "migrate from 1 { state work.asked -> work.open  data work.open.code = MAPPED }\n  final done"
    )

  @Test("fields move with their states, and new ones have a default or an assignment") func migrated() throws {
    let fixture = try Fixture()
    for token in ["t0", "t1", "t2"] { try fixture.send("Ask", token) }
    let text = StateDataTests.second.replacing("MAPPED", with: "old.work.asked.token + \"/\" + string(tries_of(old))")
      .replacing(
        "flow Question", with: "fn tries_of(o: map<string, dyn>) -> int = int(o.work.asked.tries)\nflow Question")
    #expect(try fixture.migrate(to: text).states == ["work.open"])
    #expect(
      try fixture.view().stateData == ["work.open": ["token": "t2", "tries": 2, "code": "t2/2", "more": 20]])
  }

  @Test("states that are not active need no values") func inactive() throws {
    let fixture = try Fixture()
    try fixture.send("Ask", "t0")
    let text = StateDataTests.second.replacing("MAPPED", with: "old.work.asked.token")
    #expect(try fixture.migrate(to: text).states == ["work.idle"])
    #expect(try fixture.view().stateData == [:])
  }

  @Test("a history keeps its values in the new version") func remembered() throws {
    let fixture = try Fixture()
    for token in ["t0", "t1"] { try fixture.send("Ask", token) }
    try fixture.send("Pause")
    _ = try fixture.migrate(to: StateDataTests.second.replacing("MAPPED", with: "\"c\""))
    try fixture.send("Resume")
    #expect(
      try fixture.view().stateData == ["work.open": ["token": "t1", "tries": 1, "code": "c", "more": 10]])
  }

  @Test("a new field without a value refuses the migration of an active state") func missing() throws {
    let fixture = try Fixture()
    for token in ["t0", "t1"] { try fixture.send("Ask", token) }
    let text = StateDataTests.first.replacing("version 1", with: "version 2")
      .replacing("note: string?", with: "code: string").replacing("note: token", with: "code: token")
      .replacing("-> asked(token: event.token) }", with: "-> asked(token: event.token, code: \"\") }")
    do {
      _ = try fixture.migrate(to: text)
      Issue.record("it was migrated")
    } catch let problem as EngineProblem {
      #expect("\(problem)".contains("`work.asked.code` is new and has no value"), "\(problem)")
      #expect("\(problem)".contains("data work.asked.code = …"), "\(problem)")
    }
  }
}
