import FlowGenerator
import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

@testable import FlowStoreSQLite

/// `priority EXPR`: of several jobs that wait, the highest priority goes first, and of these the one that has waited
/// for longest. The choice is made when there is room, and not before.
@Suite("Priorities of calls") struct PriorityTests {
  private static func text(_ action: String) -> String {
    """
    event Ask { id: string  level: int }
    event Stop { id: string }
    action ring(id: string) -> string { \(action)  retry 1 backoff 1s..1s }
    flow Bell {
      key id
      data { id: string  level: int }
      start on Ask -> ringing do take id, level
      state ringing {
        call ring(id: id) as bell priority level
        on bell.done -> over
        on bell.failed, Stop -> lost
      }
      final over
      failed lost
    }
    """
  }

  private static let remote = "http POST \"http://bell/\" + id"

  private func ask(_ fixture: TestEngine, _ id: String, _ level: Int64) throws {
    try fixture.send("Ask", ["id": .string(id), "level": .int(level)])
  }

  private func running(_ fixture: TestEngine) -> [String] {
    fixture.urls.map { $0.replacing("http://bell/", with: "") }
  }

  /// The keys of the instances whose jobs a worker claims.
  private func claim(_ engine: Engine, _ limit: Int = 1) throws -> [String] {
    let jobs = try engine.claim(ClaimRequest(queue: "bells", limit: limit)).get()
    _ = try engine.commit()
    return jobs.map(\.key)
  }

  @Test(
    "a slot that becomes free goes to the highest priority, then to the longest wait", arguments: StoreKind.allCases)
  func slots(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind, text: PriorityTests.text(PriorityTests.remote + "  limit 1 at once"))
    for (id, level) in [("a", 0), ("b", 0), ("c", 5), ("d", -1), ("e", 5), ("f", 0)] as [(String, Int64)] {
      try ask(fixture, id, level)
    }
    var order: [String] = []
    while let next = running(fixture).first {
      order.append(next)
      try fixture.end(.done("x"))
      fixture.turn()
    }
    #expect(order == ["a", "c", "e", "b", "f", "d"])
  }

  @Test("an instant of a limit over time goes to the highest priority when it comes", arguments: StoreKind.allCases)
  func instants(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind, text: PriorityTests.text(PriorityTests.remote + "  limit 1 per 10s"))
    for (id, level) in [("a", 0), ("b", 0), ("c", 1)] as [(String, Int64)] { try ask(fixture, id, level) }
    var order: [String] = []
    for index in 0..<5 {
      fixture.turn()
      order += running(fixture)
      while !fixture.out.isEmpty { try fixture.end(.done("x")) }
      // It is requested after the others were told to wait.
      if index == 1 { try ask(fixture, "d", 9) }
      fixture.wait(10_000)
    }
    fixture.turn()
    #expect(order == ["a", "c", "d", "b"])
  }

  @Test("workers claim the highest priority first", arguments: StoreKind.allCases)
  func claims(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind, text: PriorityTests.text("worker \"bells\""))
    for (id, level) in [("a", 0), ("b", 3), ("c", -3), ("d", .max), ("e", 3)] as [(String, Int64)] {
      try ask(fixture, id, level)
    }
    #expect(try claim(fixture.engine, 3) == ["d", "b", "e"])
    var request = ClaimRequest(queue: "bells", limit: 5)
    request.flows = ["Bell"]
    let rest = try fixture.engine.claim(request).get()
    #expect(rest.map(\.key) == ["a", "c"] && rest.map(\.priority) == [0, -3])
  }

  @Test("a job that was given a slot and is not claimed leaves it to one with a higher priority")
  func takeOver() throws {
    let fixture = try TestEngine(text: PriorityTests.text("worker \"bells\"  limit 1 at once"))
    try ask(fixture, "a", 0)
    let first = try #require(try fixture.engine.claim(ClaimRequest(queue: "bells")).get().first)
    _ = try fixture.engine.commit()
    try ask(fixture, "b", 0)
    try ask(fixture, "d", 0)
    #expect(try claim(fixture.engine) == [])
    try fixture.engine.finish(first.id, fence: first.fence, outcome: .done("x")).get()
    fixture.turn()
    try ask(fixture, "c", 1)
    #expect(try claim(fixture.engine, 2) == ["c"])
    try fixture.send("Stop", ["id": "c"])
    #expect(try claim(fixture.engine, 2) == ["b"], "it has waited for longer than the others")
  }

  @Test("the order survives a restart", arguments: StoreKind.allCases, ["limit 1 at once", "limit 1 per 10s"])
  func restart(_ kind: StoreKind, _ limit: String) throws {
    let fixture = try TestEngine(kind, text: PriorityTests.text("\(PriorityTests.remote)  \(limit)"))
    for (id, level) in [("a", 0), ("b", 0), ("c", 7), ("d", 0)] as [(String, Int64)] { try ask(fixture, id, level) }
    try fixture.end(.done("x"))
    try fixture.restart()
    try ask(fixture, "e", 7)
    var order: [String] = []
    for _ in 0..<8 {
      fixture.turn()
      let started = running(fixture)
      order += started
      // With `at once`, the end of one is the start of the next, which counts in the next round.
      for _ in started { try fixture.end(.done("x")) }
      fixture.wait(10_000)
    }
    #expect(order == ["c", "e", "b", "d"])
  }

  @Test("more waiting jobs than a batch reads keep their order over a restart")
  func manyWaiting() throws {
    let fixture = try TestEngine(text: PriorityTests.text(PriorityTests.remote + "  limit 1 at once"))
    for index in 0..<1200 { try ask(fixture, "k\(index)", Int64(index / 400)) }
    try fixture.end(.done("x"))
    #expect(running(fixture) == ["k800"])
    try fixture.restart()
    #expect(running(fixture) == [], "not all waiting jobs are known yet")
    for _ in 0..<4 { fixture.turn() }
    #expect(running(fixture) == ["k800"])
    try fixture.end(.done("x"))
    #expect(running(fixture) == ["k801"])
  }

  @Test("each item of a call over a list has a priority of its own")
  func items() throws {
    let text = """
      event Ask { id: string }
      action ring(n: int) { worker "bells" }
      flow Bell {
        key id
        data { id: string }
        start on Ask -> ringing do take id
        state ringing {
          call ring(n: n) as each for n in [1, 3, 2] priority n
          on each.done, each.failed -> over
        }
        final over
      }
      """
    let fixture = try TestEngine(text: text)
    try fixture.send("Ask", ["id": "a"])
    let jobs = try fixture.engine.claim(ClaimRequest(queue: "bells", limit: 3)).get()
    #expect(jobs.map { $0.arguments["n"] } == [3, 2, 1])
  }

  @Test("a dead letter that is retried has the priority of its call", arguments: StoreKind.allCases)
  func redrive(_ kind: StoreKind) throws {
    let text = PriorityTests.text("worker \"bells\"").replacing("on bell.failed, Stop", with: "on Stop")
    let fixture = try TestEngine(kind, text: text)
    try ask(fixture, "a", 4)
    for _ in 0..<2 {
      let job = try #require(try fixture.engine.claim(ClaimRequest(queue: "bells")).get().first)
      try fixture.engine.finish(job.id, fence: job.fence, outcome: .unreachable("no")).get()
      fixture.wait(2000)
    }
    try ask(fixture, "b", 3)
    let dead = try #require(fixture.kinds(.dead).first)
    #expect(dead.key == "a")
    try fixture.engine.redrive(1).get()
    fixture.turn()
    #expect(try claim(fixture.engine, 2) == ["a", "b"])
  }

  @Test("a store of the layout without priorities is checked and upgraded") func upgrade() throws {
    let folder = try Folder()
    let connection = try SQLiteConnection(path: folder.path, isReadOnly: false)
    try connection.run(Schema.pragmas)
    for migration in Schema.migrations.prefix(12) { try connection.run(migration) }
    let columns = "1, 1, 1, 0, 'a', 'q', NULL, NULL, 0, 5, 0, 0, '{}', '', '', 1, 0, NULL, 0"
    try connection.run(
      """
      PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = 12;
      INSERT INTO job (id, instance, revision, number, action, queue, call, once, attempt, due, lease, fence, arguments,
        outcome, failures, origin, epoch, worker, deadline, sum) VALUES (\(columns), checksum(\(columns)));
      INSERT INTO job (id, instance, revision, number, action, queue, call, once, attempt, due, lease, fence, arguments,
        outcome, failures, origin, epoch, worker, deadline, sum)
      VALUES (2, 1, 1, 1, 'a', 'q', NULL, NULL, 0, 5, 0, 0, '{}', '', '', 1, 0, NULL, 0, 7);
      """)
    let problem = "job 2 is not what was written"
    #expect(try StoreFile.check(folder.path).filter { $0.contains("written") } == [problem])
    do {
      let store = try SQLiteStore(path: folder.path)
      #expect(try store.dueJobs(queue: "q", at: 9, limit: 5).map(\.id) == [1, 2])
      var batch = StoreBatch()
      batch.jobs[1] = try store.job(id: 1)
      batch.jobs[1]?.priority = -1
      try store.commit(batch)
      #expect(try store.dueJobs(queue: "q", at: 9, limit: 5).map(\.id) == [2, 1])
    }
    #expect(try connection.integer("PRAGMA user_version") == Schema.version)
    let after = try StoreFile.check(folder.path).filter { $0.contains("written") }
    #expect(after == [problem], "a damaged row stays recognisable")
  }

  // MARK: - Model

  /// The waiting jobs of a random run: those that were requested and have not started.
  private struct Model {
    var waiting: [(id: String, level: Int64)] = []
    /// The jobs that started although another one had precedence.
    var overtaken: [String] = []

    mutating func start(_ id: String) {
      guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
      let level = waiting.remove(at: index).level
      let first = waiting.first { $0.level > level }
      if let first { overtaken.append("\(id) before \(first.id)") }
    }
  }

  /// Random requests, ends, withdrawals and restarts under a limit. No job starts while one with a higher priority
  /// waits.
  private func overtaken(_ kind: StoreKind, _ seed: Int, limit: String, forgetting: Bool = false) throws -> [String] {
    let fixture = try TestEngine(kind, text: PriorityTests.text("\(PriorityTests.remote)  \(limit)"))
    if forgetting { try fixture.memory.forgetsPriorities = true }
    var random = SplitMix64(seed: seed)
    func roll(_ sides: Int) -> Int { random.next(below: sides) }
    var (model, asked, seen): (Model, Int, Set<String>) = (Model(), 0, [])
    var levels: [String: Int64] = [:]
    func settle() {
      // The choice and the start are in different batches.
      for _ in 0..<3 {
        fixture.turn()
        for id in running(fixture) where seen.insert(id).inserted { model.start(id) }
      }
    }
    for _ in 0..<400 {
      switch roll(12) {
      case 0...4:
        let level = Int64(roll(4))
        levels["k\(asked)"] = level
        model.waiting.append(("k\(asked)", level))
        _ = fixture.engine.submit(
          EventCommand(event: "Ask", payload: ["id": .string("k\(asked)"), "level": .int(level)]))
        asked += 1
        settle()
      case 5 where roll(3) == 0:
        guard !model.waiting.isEmpty else { continue }
        let id = model.waiting.remove(at: roll(model.waiting.count)).id
        try fixture.send("Stop", ["id": .string(id)])
        settle()
      case 6 where roll(4) == 0:
        // What ran before is requested again, and waits with the others.
        let lost = running(fixture)
        try fixture.restart()
        seen.subtract(lost)
        model.waiting += lost.map { ($0, levels[$0] ?? 0) }
        settle()
      case 7, 8:
        fixture.wait(Int64(roll(2000)))
        settle()
      default:
        guard !fixture.out.isEmpty else { continue }
        try fixture.end(.done("x"))
        settle()
      }
    }
    #expect(asked > 100)
    return model.overtaken
  }

  @Test(
    "no job starts before one with a higher priority, over random ends and restarts",
    arguments: StoreKind.allCases, ["limit 2 at once", "limit 3 per 4s", "limit 2 at once  limit 3 per 4s"])
  func model(_ kind: StoreKind, _ limit: String) throws {
    for seed in 0..<(kind == .memory ? 12 : 3) { #expect(try overtaken(kind, seed, limit: limit) == []) }
  }

  @Test("a store that forgets priorities is found") func plantedBug() throws {
    #expect(try (0..<8).contains { try !overtaken(.memory, $0, limit: "limit 2 at once", forgetting: true).isEmpty })
  }
}
