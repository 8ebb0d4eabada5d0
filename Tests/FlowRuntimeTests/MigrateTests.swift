import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// Running instances go on under a newer version of their flow.
@Suite struct MigrateTests {
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

  private final class Place {
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

    /// Drops what is in memory, so that all comes from the store.
    func restart(_ text: String) throws {
      engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    }
  }

  @Test(arguments: StoreKind.allCases) func whatStaysGoesOnAndWhatIsNewBegins(_ kind: StoreKind) throws {
    let place = try Place(kind)
    try place.send("Begin")
    try place.send("Tell")
    place.world.advance(1_800_000)
    try place.deploy(MigrateTests.second)
    #expect(try place.migrate(isDryRun: true).detail == "would be in idle")
    #expect(try place.row.revision == 2)
    #expect(try place.migrate().revision == 3)
    try place.restart(MigrateTests.second)
    #expect(try place.data["total"] == 1 && place.data["double_total"] == 2 && place.data["added"] == true)
    try place.send("Tell")
    #expect(try place.data["total"] == 11, "events meet the new version")
    place.world.advance(600_000)
    try place.turn()
    #expect(try place.data["total"] == 1011, "the new timer counts from the migration")
    place.world.advance(1_200_000)
    for _ in 0..<3 { try place.turn() }
    #expect(try place.states == ["overdue"], "the old one counts from where it was set")
    #expect(place.out.map(\.request.idempotencyKey.isEmpty) == [false])
  }

  @Test(arguments: StoreKind.allCases) func aCallInFlightIsAnsweredToTheNewVersion(_ kind: StoreKind) throws {
    let place = try Place(kind)
    try place.send("Begin")
    try place.send("Next")
    try place.deploy(MigrateTests.second)
    #expect(try place.migrate().states == ["paying"])
    #expect(place.out.count == 1, "it does not go out again")
    place.engine.finish(place.out[0].job, .done("ok"))
    try place.turn()
    #expect(try place.states == ["over"] && place.data["note"] == "ok!")
  }

  @Test func aMovedStateBeginsItsWork() throws {
    let place = try Place(.memory)
    try place.send("Begin")
    place.world.advance(3_600_000)
    try place.turn()
    try place.deploy(MigrateTests.second)
    #expect(try place.migrate().states == ["overdue"])
    #expect(place.out.count == 1, "tidying")
    place.engine.finish(place.out[0].job, .done(.null))
    try place.turn()
    #expect(try place.states == ["idle"])
  }

  @Test(arguments: [
    ("state late -> overdue", "", "the state `late` is gone: write `migrate from 1 { state late -> … }`"),
    ("data double_total = total * 2", "data double_total = 10 / total", "`double_total`: division by zero"),
    ("added: bool = true", "added: bool", "the field `added` is new and has no value"),
    ("note: string = \"x\"", "note: int = 1", "the field `note` has another type"),
  ])
  func whatCanNotBeCarriedOverIsSaid(_ old: String, _ new: String, _ message: String) throws {
    let place = try Place(.memory)
    try place.send("Begin")
    place.world.advance(3_600_000)
    try place.turn()
    let text = MigrateTests.second.replacing(old, with: new).replacing(
      "event.result + \"!\"", with: old.hasPrefix("note") ? "3" : "\"\"")
    guard (try? TestEngine.make(text).get()) != nil else {
      #expect(message.contains("added"), "the compiler has said it already")
      return
    }
    try place.deploy(text)
    let result = place.engine.operate(OperatorCommand(.migrate, flow: "Job", key: "j"))
    guard case .failure(.notPossible(let problem)) = result else {
      Issue.record("it was migrated")
      return
    }
    #expect(problem.contains(message), "\(problem)")
    try place.turn()
    #expect(try place.row.revision == 2)
  }

  @Test func thereHasToBeANewerVersion() throws {
    let place = try Place(.memory)
    try place.send("Begin")
    #expect(throws: EngineProblem.self) { try place.migrate() }
  }
}
