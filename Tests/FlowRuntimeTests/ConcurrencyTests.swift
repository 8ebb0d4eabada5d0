import FlowJSON
import FlowMachine
import Testing

@testable import FlowRuntime

/// `limit N at once`: no more attempts run at the same time, the waiting jobs keep their order, and none is lost.
@Suite("Limits of concurrent attempts") struct ConcurrencyTests {
  /// An engine with loaves that wait for an oven.
  private func engine(_ kind: StoreKind, baking loaves: [(id: String, oven: String)]) throws -> TestEngine {
    let fixture = try TestEngine(kind)
    for (id, oven) in loaves {
      try fixture.send("Bake", ["id": .string(id), "oven": .string(oven)])
      try fixture.send("Go", ["id": .string(id)])
    }
    return fixture
  }

  private func running(_ fixture: TestEngine) -> [String] {
    fixture.urls.map { $0.replacing("http://bake/", with: "") }
  }

  @Test(
    "each key has the limit of its own, and jobs run in their order",
    arguments: StoreKind.allCases) func limitForEachKey(_ kind: StoreKind) throws
  {
    let fixture = try engine(kind, baking: (0..<5).map { ("a\($0)", "a") } + [("b0", "b")])
    #expect(running(fixture) == ["a/a0", "a/a1", "b/b0"])
    #expect(fixture.out.allSatisfy { $0.request.attempt == 1 }, "waiting is not an attempt")
    try fixture.end(.done("x"))
    #expect(running(fixture) == ["a/a1", "b/b0", "a/a2"])
    try fixture.end(.done("x"))
    try fixture.end(.done("x"))
    #expect(running(fixture) == ["a/a2", "a/a3"])
    for _ in 0..<3 { try fixture.end(.done("x")) }
    #expect(fixture.out.isEmpty)
    for id in ["a0", "a1", "a2", "a3", "a4", "b0"] { #expect(fixture.state("Loaf", id) == "baked") }
  }

  @Test(
    "an attempt that fails frees its slot until the next one",
    arguments: StoreKind.allCases) func retries(_ kind: StoreKind) throws
  {
    let fixture = try engine(kind, baking: (0..<3).map { ("a\($0)", "a") })
    try fixture.end(.unreachable("no gas"))
    #expect(running(fixture) == ["a/a1", "a/a2"])
    fixture.wait(1000)
    #expect(running(fixture) == ["a/a1", "a/a2"], "the second attempt waits for its turn")
    try fixture.end(.done("x"))
    #expect(running(fixture) == ["a/a2", "a/a0"])
    #expect(fixture.out.map(\.request.attempt) == [1, 2])
  }

  @Test(
    "a job that is withdrawn, or whose instance is suspended, leaves its slot to the next",
    arguments: StoreKind.allCases) func withdrawal(_ kind: StoreKind) throws
  {
    let fixture = try engine(kind, baking: (0..<6).map { ("a\($0)", "a") })
    try fixture.send("Back", ["id": "a0"])
    #expect(running(fixture).contains("a/a2"))
    // These wait: one is withdrawn, and the other is suspended when it is its turn.
    try fixture.send("Back", ["id": "a3"])
    _ = try fixture.engine.operate(OperatorCommand(.suspend, flow: "Loaf", key: "a4")).get()
    fixture.turn()
    for url in ["a/a1", "a/a2"] {
      let index = try #require(running(fixture).firstIndex(of: url))
      fixture.engine.finish(fixture.out.remove(at: index).job, .done("x"))
      fixture.turn()
    }
    #expect(running(fixture) == ["a/a0", "a/a5"], "the outcome of the first is not awaited any more")
    _ = try fixture.engine.operate(OperatorCommand(.resume, flow: "Loaf", key: "a4")).get()
    fixture.turn()
    #expect(running(fixture) == ["a/a0", "a/a5", "a/a4"])
  }

  @Test(
    "after a restart the waiting jobs continue, and leases are counted",
    arguments: StoreKind.allCases) func restart(_ kind: StoreKind) throws
  {
    let fixture = try engine(kind, baking: (0..<4).map { ("a\($0)", "a") })
    for index in 0..<4 { try fixture.send("Bake", ["id": .string("k\(index)"), "oven": "b"]) }
    #expect(try claim(fixture, 1).map(\.key) == ["k0"])
    try fixture.restart()
    #expect(running(fixture) == ["a/a0", "a/a1"])
    #expect(try claim(fixture, 4).isEmpty, "the lease of before still counts")
    // The lease ends, and its job waits behind the others.
    fixture.wait(5000)
    for key in ["k1", "k2", "k3", "k0"] {
      let claimed = try claim(fixture, 4)
      #expect(claimed.map(\.key) == [key])
      let job = try #require(claimed.first)
      try fixture.engine.finish(job.id, fence: job.fence, outcome: .done(1)).get()
      fixture.wait(1000)
    }
    while !fixture.out.isEmpty { try fixture.end(.done("x")) }
    for id in ["a0", "a1", "a2", "a3"] { #expect(fixture.state("Loaf", id) == "baked") }
  }

  @Test("jobs whose limit is reached do not hide others from a worker") func othersAreFound() throws {
    let shared = """
      event Ask { id: string }
      action first(id: string) { worker "dough"  limit 1 at once }
      action last(id: string) { worker "dough" }
      flow Two {
        key id
        data { id: string }
        start on Ask -> asked do {
          id = event.id
          first(id: id) for n in ["1", "2", "3"]
          last(id: id)
        }
        state asked {}
        ongoing
      }
      """
    let engine = try Engine(machine: TestEngine.make(shared).get(), store: MemoryStore(), world: ManualWorld())
    _ = engine.submit(EventCommand(event: "Ask", payload: ["id": "a"]))
    _ = try engine.commit()
    let request = ClaimRequest(queue: "dough", limit: 1)
    #expect(try engine.claim(request).get().map(\.action) == ["first"])
    _ = try engine.commit()
    #expect(try engine.claim(request).get().map(\.action) == ["last"])
  }

  private static let pool = """
    event Ask { id: string  n: int }
    action carry(id: string, n: int) -> int { worker "dough"  limit 1 at once per string(10 / n)  retry forever }
    flow Pool {
      version 1
      key id
      data { id: string  n: int }
      start on Ask -> asked do { id = event.id  n = event.n }
      state asked {
        call carry(id: id, n: n) as work
        on work.done -> over
        on work.failed -> lost
      }
      final over
      failed lost
    }
    """

  private func pool(_ numbers: [Int64]) throws -> Engine {
    let engine = try Engine(
      machine: TestEngine.make(ConcurrencyTests.pool).get(), store: MemoryStore(), world: ManualWorld())
    for (index, number) in numbers.enumerated() {
      _ = engine.submit(EventCommand(event: "Ask", payload: ["id": .string("v\(index)"), "n": .int(number)]))
      _ = try engine.commit()
    }
    return engine
  }

  private func keys(_ engine: Engine) throws -> [String] {
    let jobs = try engine.claim(ClaimRequest(queue: "dough", limit: 1)).get()
    _ = try engine.commit()
    return jobs.map(\.key)
  }

  @Test("a key that can't be evaluated is a final failure") func failingKey() throws {
    let engine = try pool([0])
    #expect(try keys(engine) == [])
    let row = try #require(try engine.store.instance(flow: "Pool", key: "v0"))
    #expect(row.status == .failed)
  }

  @Test("a claim passes over jobs of suspended instances to the one whose turn it is") func suspendedOthers() throws {
    let engine = try pool([1, 1, 1, 1, 1])
    let first = try #require(try engine.claim(ClaimRequest(queue: "dough", limit: 1)).get().first)
    _ = try engine.commit()
    #expect(try keys(engine) == [])
    for key in ["v1", "v2", "v3"] {
      _ = try engine.operate(OperatorCommand(.suspend, flow: "Pool", key: key)).get()
      _ = try engine.commit()
    }
    try engine.finish(first.id, fence: first.fence, outcome: .done(1)).get()
    _ = try engine.commit()
    #expect(try keys(engine) == ["v4"])
  }

  @Test("a waiting job that is migrated to a version without the limit is due") func migration() throws {
    let engine = try pool([1, 1])
    #expect(try keys(engine) == ["v0"])
    #expect(try keys(engine) == [])
    let next = ConcurrencyTests.pool.replacing("limit 1 at once per string(10 / n)", with: "").replacing(
      "version 1", with: "version 2\n  migrate from 1 {}")
    _ = try engine.deploy(TestEngine.make(next).get())
    _ = try engine.operate(OperatorCommand(.migrate, flow: "Pool", key: "v1")).get()
    _ = try engine.commit()
    #expect(try keys(engine) == ["v1"])
  }

  private func claim(_ fixture: TestEngine, _ limit: Int) throws -> [ClaimedJob] {
    let jobs = try fixture.engine.claim(ClaimRequest(queue: "dough", limit: limit, leaseMilliseconds: 4000)).get()
    fixture.commit()
    return jobs
  }
}
