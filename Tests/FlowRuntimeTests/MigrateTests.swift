import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// Migration of running instances to a newer version of their flow.
@Suite("Migration") struct MigrateTests {
  private static let first = """
    event Begin { id: string }
    event Next { id: string }
    event Tell { id: string  n: int = 1 }
    action charge(id: string) -> string { http POST "http://pay/" + id }
    flow Job {
      version 1
      key id
      data { id: string  total: int = 0  note: string = "x" }
      start on Begin -> idle do id = event.id
      on Tell do total = total + event.n
      state idle { on Next -> paying  after 1h -> late }
      state paying {
        call charge(id: id) as pay
        on pay.done -> over do note = event.result
        on pay.failed -> late
      }
      state late { on Next -> over }
      final over
    }
    """

  private static let second = """
    event Begin { id: string }
    event Next { id: string }
    event Tell { id: string  n: int = 1 }
    action tidy(id: string) { http POST "http://tidy/" + id }
    action charge(id: string) -> string { http POST "http://pay/" + id }
    flow Job {
      version 2
      key id
      data { id: string  added: bool = true  total: int = 0  double_total: int = 0  note: string = "x" }
      migrate from 1 {
        state late -> overdue
        data double_total = total * 2
      }
      start on Begin -> idle do id = event.id
      on Tell do total = total + 10 * event.n
      state checking { always -> idle }
      state idle { on Next -> paying  every 10m do total = total + 1000  after 1h -> overdue }
      state paying {
        call charge(id: id) as pay
        on pay.done -> over do note = event.result + "!"
        on pay.failed -> overdue
      }
      state overdue {
        call tidy(id: id) as tidying
        on tidying.done -> checking
        on tidying.failed -> over
        on Next -> over
      }
      final over
    }
    """

  private final class Fixture {
    let store: any Store
    private let folder: Folder
    let world = ManualWorld()
    var engine: Engine
    var out: [(job: Int64, request: JobRequest)] = []

    init(_ kind: StoreKind) throws {
      (store, folder) = try kind.make()
      engine = try Engine(machine: TestEngine.make(MigrateTests.first).get(), store: store, world: world)
    }

    func turn() throws {
      engine.fireTimers()
      _ = try engine.commit()
      out += engine.dispatch()
      _ = try engine.commit()
    }

    func send(_ event: String) throws {
      let result = engine.submit(EventCommand(event: event, payload: ["id": "j"]))
      try turn()
      _ = try result.get()
    }

    func deploy(_ text: String) throws {
      _ = try engine.deploy(TestEngine.make(text).get())
      try turn()
    }

    func migrate(isDryRun: Bool = false) throws -> OperatorAnswer {
      var command = OperatorCommand(.migrate, flow: "Job", key: "j")
      command.isDryRun = isDryRun
      let result = engine.operate(command)
      try turn()
      return try result.get()
    }

    var row: InstanceRow { get throws { try #require(try store.instance(flow: "Job", key: "j")) } }
    var data: JSON { get throws { try JSON(parsing: row.data) } }
    var states: [String] {
      get throws { try JSON(parsing: row.position)["states"]?.array?.compactMap(\.string) ?? [] }
    }

    /// Restarts the engine, so that all state is read from the store.
    func restart(_ text: String) throws {
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }
  }

  @Test(
    "fields and timers are kept, and new ones start with the migration",
    arguments: StoreKind.allCases) func fieldsAndTimers(_ kind: StoreKind) throws
  {
    let fixture = try Fixture(kind)
    try fixture.send("Begin")
    try fixture.send("Tell")
    fixture.world.advance(1_800_000)
    try fixture.deploy(MigrateTests.second)
    #expect(try fixture.migrate(isDryRun: true).detail == "would be in idle")
    #expect(try fixture.row.revision == 2)
    #expect(try fixture.migrate().revision == 3)
    try fixture.restart(MigrateTests.second)
    #expect(try fixture.data["total"] == 1 && fixture.data["double_total"] == 2 && fixture.data["added"] == true)
    try fixture.send("Tell")
    #expect(try fixture.data["total"] == 11, "events are handled by the new version")
    fixture.world.advance(600_000)
    try fixture.turn()
    #expect(try fixture.data["total"] == 1011, "the new timer counts from the migration")
    fixture.world.advance(1_200_000)
    for _ in 0..<3 { try fixture.turn() }
    #expect(try fixture.states == ["overdue"], "the old timer keeps its due time")
    #expect(fixture.out.map(\.request.idempotencyKey.isEmpty) == [false])
  }

  @Test(
    "the result of a call in progress reaches the new version",
    arguments: StoreKind.allCases) func callInFlight(_ kind: StoreKind) throws
  {
    let fixture = try Fixture(kind)
    try fixture.send("Begin")
    try fixture.send("Next")
    try fixture.deploy(MigrateTests.second)
    #expect(try fixture.migrate().states == ["paying"])
    #expect(fixture.out.count == 1, "it is not dispatched again")
    fixture.engine.finish(fixture.out[0].job, .done("ok"))
    try fixture.turn()
    #expect(try fixture.states == ["over"] && fixture.data["note"] == "ok!")
  }

  @Test("a state that is mapped to another one starts its calls") func mappedState() throws {
    let fixture = try Fixture(.memory)
    try fixture.send("Begin")
    fixture.world.advance(3_600_000)
    try fixture.turn()
    try fixture.deploy(MigrateTests.second)
    #expect(try fixture.migrate().states == ["overdue"])
    #expect(fixture.out.count == 1, "tidying")
    fixture.engine.finish(fixture.out[0].job, .done(.null))
    try fixture.turn()
    #expect(try fixture.states == ["idle"])
  }

  @Test("a migration reads the data of the earlier version, also fields that no longer exist")
  func oldData() throws {
    let fixture = try Fixture(.memory)
    try fixture.send("Begin")
    try fixture.send("Tell")
    let assignments = "data remark = old.note + \"!\"  data double_total = old.total  data note = 7"
    let text = MigrateTests.second.replacing("note: string = \"x\"", with: "remark: string = \"\"  note: int = 0")
      .replacing("data double_total = total * 2", with: assignments)
      .replacing("note = event.result + \"!\"", with: "note = 3")
    try fixture.deploy(text)
    _ = try fixture.migrate()
    let data = try fixture.data
    #expect(data["remark"] == "x!" && data["double_total"] == 1 && data["note"] == 7)
  }

  @Test(
    "a value of the earlier version that is missing or does not fit refuses the migration",
    arguments: [("old.note", "`double_total`: "), ("old.nothing", "`double_total`: ")])
  func unfittingOldData(_ value: String, _ message: String) throws {
    let fixture = try Fixture(.memory)
    try fixture.send("Begin")
    try fixture.deploy(MigrateTests.second.replacing("total * 2", with: value))
    let result = fixture.engine.operate(OperatorCommand(.migrate, flow: "Job", key: "j"))
    guard case .failure(.notPossible(let problem, _)) = result else {
      Issue.record("it was migrated")
      return
    }
    #expect(problem.contains(message), "\(problem)")
  }

  @Test(
    "an impossible migration is refused with its reason",
    arguments: [
      ("state late -> overdue", "", "the state `late` is gone: write `migrate from 1 { state late -> … }`"),
      ("data double_total = total * 2", "data double_total = 10 / total", "`double_total`: division by zero"),
      ("added: bool = true", "added: bool", "the field `added` is new and has no value"),
      ("note: string = \"x\"", "note: int = 1", "the field `note` has another type"),
    ])
  func impossibleMigration(_ old: String, _ new: String, _ message: String) throws {
    let fixture = try Fixture(.memory)
    try fixture.send("Begin")
    fixture.world.advance(3_600_000)
    try fixture.turn()
    let text = MigrateTests.second.replacing(old, with: new).replacing(
      "event.result + \"!\"", with: old.hasPrefix("note") ? "3" : "\"\"")
    guard (try? TestEngine.make(text).get()) != nil else {
      #expect(message.contains("added"), "the compiler has already reported it")
      return
    }
    try fixture.deploy(text)
    let result = fixture.engine.operate(OperatorCommand(.migrate, flow: "Job", key: "j"))
    guard case .failure(.notPossible(let problem, _)) = result else {
      Issue.record("it was migrated")
      return
    }
    #expect(problem.contains(message), "\(problem)")
    try fixture.turn()
    #expect(try fixture.row.revision == 2)
  }

  @Test("a migration requires a newer version") func sameVersion() throws {
    let fixture = try Fixture(.memory)
    try fixture.send("Begin")
    #expect(throws: EngineProblem.self) { try fixture.migrate() }
  }
}
