import FlowGenerator
import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// `limit N per D`: no period has more attempts, no job is lost, and waiting is not an attempt.
@Suite("Throttles") struct ThrottleTests {
  private static let text = """
    event Ask { id: string }
    action ring(id: string) { http POST "http://bell/" + id  limit 3 per 10s  retry 1 backoff 1s..1s }
    action note(id: string) { http POST "http://note/" + id }
    flow Bell {
      key id
      data { id: string }
      start on Ask -> ringing do { id = event.id  ring(id: id)  note(id: id) }
      state ringing { after 30d -> over }
      final over
    }
    """

  @Test(
    "no period has more attempts than the limit, and waiting is not an attempt",
    arguments: StoreKind.allCases) func limit(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    let world = ManualWorld()
    let engine = try Engine(machine: TestEngine.make(ThrottleTests.text).get(), store: store, world: world)
    for index in 0..<20 { _ = engine.submit(EventCommand(event: "Ask", payload: ["id": .string("\(index)")])) }
    _ = try engine.commit()
    var rung: [Int64] = []
    var notes = 0
    func turn() throws -> Bool {
      let out = engine.dispatch()
      for (job, request) in out {
        guard case .http(_, let url, _, _) = request.action else { continue }
        #expect(request.attempt == 1)
        if url.hasPrefix("http://bell") { rung.append(world.now()) } else { notes += 1 }
        engine.finish(job, .done(.null))
      }
      _ = try engine.commit()
      return !out.isEmpty
    }
    for _ in 0..<80 {
      // A job is given its instant in one turn, and starts in the next.
      var idle = 0
      while idle < 2 { idle = try turn() ? 0 : idle + 1 }
      world.advance(1000)
    }
    #expect(notes == 20 && rung.count == 20)
    #expect(rung == rung.sorted())
    for (earlier, later) in zip(rung, rung.dropFirst(3)) { #expect(later - earlier >= 10_000) }
    #expect(rung[19] - rung[0] == 60_000, "without unnecessary delay")
    withExtendedLifetime(folder) {}
  }

  /// The engine is restarted at random times, with jobs in progress lost or not. Whatever state the store
  /// has, no period has more attempts than the limit.
  @Test(
    "no period has more attempts than the limit over random restarts",
    arguments: StoreKind.allCases, 0..<8) func restarts(_ kind: StoreKind, _ seed: Int) throws
  {
    #expect(try excess(over: kind, seed) == 0)
  }

  /// A planted bug: a store that forgets the throttles exceeds the limit.
  @Test("a store that forgets its throttles exceeds the limit") func plantedBug() throws {
    #expect(try (0..<8).contains { try excess(over: .memory, $0, forgetting: true) > 0 })
  }

  /// The number of periods with too many attempts over random restarts.
  private func excess(over kind: StoreKind, _ seed: Int, forgetting: Bool = false) throws -> Int {
    var (store, folder) = try kind.make()
    (store as? MemoryStore)?.forgetsThrottles = forgetting
    let world = ManualWorld()
    let machine = try TestEngine.make(ThrottleTests.restartText(seed)).get()
    var engine = try Engine(machine: machine, store: store, world: world)
    var random = SplitMix64(seed: seed)
    func roll(_ sides: Int) -> Int { random.next(below: sides) }
    var (rung, asked, restarts): ([Int64], Int, Int) = ([], 0, 0)
    func turn() throws {
      for (job, _) in engine.dispatch() {
        rung.append(world.now())
        // Jobs in progress at the end of the engine are dispatched again, which adds attempts.
        if roll(3) > 0 { engine.finish(job, .done(.null)) }
      }
      if roll(4) > 0 { _ = try engine.commit() }
    }
    for _ in 0..<600 {
      switch roll(10) {
      case 0, 1:
        asked += 1
        _ = engine.submit(EventCommand(event: "Ask", payload: ["id": .string("\(asked)")]))
        _ = try engine.commit()
      case 2 where roll(3) == 0:
        restarts += 1
        if kind != .memory {
          // The lock of a file is released with the engine and its store.
          store = MemoryStore()
          engine = try Engine(machine: machine, store: store, world: world)
          store = try kind.open(folder)
        }
        engine = try Engine(machine: machine, store: store, world: world)
      case 3, 4: world.advance(Int64(roll(3000)))
      default: try turn()
      }
    }
    let count = ThrottleTests.counts[seed % ThrottleTests.counts.count]
    #expect(rung.count > count && restarts > 10)
    withExtendedLifetime(folder) {}
    return zip(rung, rung.dropFirst(count)).count { $1 - $0 < 20_000 }
  }

  private static let counts = [1, 3, 20, 40]

  private static func restartText(_ seed: Int) -> String {
    text.replacing("limit 3 per 10s", with: "limit \(counts[seed % counts.count]) per 20s").replacing(
      "note(id: id) }", with: "}")
  }

  // MARK: - Limits for each value of an expression

  private static func keyedText(_ limit: String) -> String {
    """
    event Ask { id: string  tenant: string }
    action ring(id: string, tenant: string) {
      http POST "http://bell/" + tenant + "/" + id
      limit \(limit) per tenant
      retry 1 backoff 1s..1s
    }
    flow Bell {
      key id
      data { id: string }
      start on Ask -> ringing do { id = event.id  ring(id: id, tenant: event.tenant) }
      state ringing { after 30d -> over }
      final over
    }
    """
  }

  private func tenant(of request: JobRequest) -> String {
    guard case .http(_, let url, _, _) = request.action else { return "" }
    return url.split(separator: "/").dropLast().last.map(String.init) ?? ""
  }

  @Test("each value of the expression has a limit of its own", arguments: StoreKind.allCases)
  func keys(_ kind: StoreKind) throws {
    let (store, folder) = try kind.make()
    let world = ManualWorld()
    let machine = try TestEngine.make(ThrottleTests.keyedText("2 per 10s")).get()
    let engine = try Engine(machine: machine, store: store, world: world)
    for index in 0..<12 {
      let name = ["a", "a", "a", "b"][index % 4]
      _ = engine.submit(
        EventCommand(event: "Ask", payload: ["id": .string("\(index)"), "tenant": .string(name)]))
    }
    _ = try engine.commit()
    var rung: [String: [Int64]] = [:]
    for _ in 0..<60 {
      for _ in 0..<3 {
        for (job, request) in engine.dispatch() {
          rung[tenant(of: request), default: []].append(world.now())
          engine.finish(job, .done(.null))
        }
        _ = try engine.commit()
      }
      world.advance(1000)
    }
    #expect(rung["a"]?.count == 9 && rung["b"]?.count == 3)
    for times in rung.values { #expect(zip(times, times.dropFirst(2)).allSatisfy { $1 - $0 >= 10_000 }) }
    #expect(rung["b"]?[2] == rung["a"]?[2], "another value does not wait for the first")
    withExtendedLifetime(folder) {}
  }

  /// The excess of any value over random restarts; see ``restarts(_:_:)``.
  private func keyedExcess(over kind: StoreKind, _ seed: Int, forgetting: Bool = false) throws -> Int {
    var (store, folder) = try kind.make()
    (store as? MemoryStore)?.forgetsThrottles = forgetting
    let world = ManualWorld()
    let count = ThrottleTests.counts[seed % ThrottleTests.counts.count]
    let machine = try TestEngine.make(ThrottleTests.keyedText("\(count) per 20s")).get()
    var engine = try Engine(machine: machine, store: store, world: world)
    var random = SplitMix64(seed: seed)
    func roll(_ sides: Int) -> Int { random.next(below: sides) }
    var (rung, asked): ([String: [Int64]], Int) = ([:], 0)
    for _ in 0..<600 {
      switch roll(10) {
      case 0, 1, 2:
        asked += 1
        let payload: JSON = ["id": .string("\(asked)"), "tenant": .string("t\(roll(3))")]
        _ = engine.submit(EventCommand(event: "Ask", payload: payload))
        _ = try engine.commit()
      case 3 where roll(3) == 0:
        if kind != .memory {
          store = MemoryStore()
          engine = try Engine(machine: machine, store: store, world: world)
          store = try kind.open(folder)
        }
        engine = try Engine(machine: machine, store: store, world: world)
      case 4, 5: world.advance(Int64(roll(3000)))
      default:
        for (job, request) in engine.dispatch() {
          rung[tenant(of: request), default: []].append(world.now())
          if roll(3) > 0 { engine.finish(job, .done(.null)) }
        }
        if roll(4) > 0 { _ = try engine.commit() }
      }
    }
    #expect(rung.count == 3)
    withExtendedLifetime(folder) {}
    return rung.values.reduce(0) { sum, times in sum + zip(times, times.dropFirst(count)).count { $1 - $0 < 20_000 } }
  }

  @Test("no value has more attempts than its limit over random restarts", arguments: StoreKind.allCases, 0..<8)
  func keyedRestarts(_ kind: StoreKind, _ seed: Int) throws {
    #expect(try keyedExcess(over: kind, seed) == 0)
  }

  @Test("a store that forgets its throttles exceeds the limit of a value") func keyedPlantedBug() throws {
    #expect(try (0..<8).contains { try keyedExcess(over: .memory, $0, forgetting: true) > 0 })
  }

  @Test("what is stored for a value is removed when it is not used for a period")
  func unusedKeys() throws {
    let fixture = try TestEngine(text: ThrottleTests.keyedText("1 per 1s"))
    for index in 0..<2400 {
      let payload: JSON = ["id": .string("\(index)"), "tenant": .string("t\(index)")]
      try fixture.send("Ask", payload)
      while !fixture.out.isEmpty { try fixture.end(.done(.null)) }
      fixture.wait(5)
    }
    let stored = try fixture.memory.throttles.count
    #expect(stored < 2000)
  }

  @Test("an expression that fails ends the job") func failingKey() throws {
    let text = ThrottleTests.keyedText("1 per 1s").replacing("per tenant", with: "per string(10 / int(tenant))")
    let fixture = try TestEngine(text: text)
    try fixture.send("Ask", ["id": "a", "tenant": "0"])
    #expect(fixture.out.isEmpty && fixture.kinds(.dead).count == 1)
  }

  /// Earlier attempts count only as far as they were made within the period.
  @Test(
    "a restart does not use up a whole period",
    arguments: StoreKind.allCases) func restartCost(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    let world = ManualWorld()
    let machine = try TestEngine.make(ThrottleTests.text.replacing("limit 3 per 10s", with: "limit 100 per 1d")).get()
    func rings(_ engine: Engine, _ asked: Range<Int>) throws -> Int {
      for index in asked { _ = engine.submit(EventCommand(event: "Ask", payload: ["id": .string("\(index)")])) }
      _ = try engine.commit()
      var rung = 0
      for _ in 0..<40 {
        for (job, request) in engine.dispatch() {
          if case .http(_, let url, _, _) = request.action, url.hasPrefix("http://bell") { rung += 1 }
          engine.finish(job, .done(.null))
        }
        _ = try engine.commit()
      }
      return rung
    }
    #expect(try rings(Engine(machine: machine, store: store, world: world), 0..<60) == 60)
    world.advance(60_000)
    #expect(try rings(Engine(machine: machine, store: store, world: world), 60..<120) == 40)
    world.advance(86_400_000)
    #expect(try rings(Engine(machine: machine, store: store, world: world), 120..<121) > 0)
    withExtendedLifetime(folder) {}
  }
}
