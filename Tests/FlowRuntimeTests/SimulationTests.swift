import FlowRuntime
import FlowSource
import Testing

/// The engine under a world that fails: commits that do not happen, crashes at any time, answers that come late, twice
/// or never. What a client was told has to be true all the same.
@Suite struct SimulationTests {
  @Test(arguments: 0..<40) func whatWasAcknowledgedHappenedOnce(_ seed: Int) throws {
    var simulation = try Simulation(seed: seed)
    for _ in 0..<150 { try simulation.step() }
    try simulation.settle()
    try simulation.check()
  }
}

private struct Simulation {
  private let desk: Desk
  private var chance: UInt64
  /// Events that a client sends until it has an answer, by their idempotency keys.
  private var unanswered: [(key: String, id: String)] = []
  private var acknowledged: [String: Int] = [:]
  private var pokes = 0

  init(seed: Int) throws {
    desk = try Desk()
    chance = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
  }

  private mutating func roll(_ sides: Int) -> Int {
    chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(chance >> 33) % sides
  }

  private mutating func someID() -> String { "i\(roll(5))" }

  mutating func step() throws {
    let memory = try desk.memory
    if roll(8) == 0 { memory.nextCommitFails = .unavailable("no luck") }
    switch roll(12) {
    case 0, 1: _ = try? desk.send("Begin", ["id": .string(someID())])
    case 2: _ = try? desk.send("Go", ["id": .string(someID())])
    case 3: _ = try? desk.send("Back", ["id": .string(someID())])
    case 4, 5:
      pokes += 1
      unanswered.append(("k\(pokes)", someID()))
    case 6, 7, 8: poke()
    case 9: end()
    case 10: desk.wait(Int64(roll(5000)))
    default: try crash()
    }
  }

  /// Sends a batch of what has no answer yet, some of it twice, and hears of it only when the commit holds.
  private mutating func poke() {
    var told: [(String, String)] = []
    var refused: Set<String> = []
    for (key, id) in unanswered.prefix(1 + roll(3)) {
      for _ in 0...roll(2) {
        var command = EventCommand(event: "Poke", payload: ["id": .string(id), "room": 1])
        command.idempotencyKey = key
        switch desk.engine.take(command) {
        case .success: told.append((key, id))
        case .failure: refused.insert(key)
        }
      }
    }
    guard let entries = try? desk.engine.commit() else { return }
    desk.entries += entries
    for (key, id) in told where unanswered.contains(where: { $0.key == key }) {
      unanswered.removeAll { $0.key == key }
      acknowledged[id, default: 0] += 1
    }
    unanswered.removeAll { refused.contains($0.key) }
  }

  private mutating func end() {
    guard !desk.out.isEmpty else { return }
    let index = roll(desk.out.count)
    let job = desk.out[index].job
    // Some answers come twice.
    if roll(3) > 0 { desk.out.remove(at: index) }
    let outcomes: [JobOutcome] = [
      .done("paid"), .unreachable("lost"), .status(422, message: "", retryAfterMilliseconds: nil),
    ]
    desk.engine.finish(job, outcomes[roll(3)])
    desk.turn()
  }

  private func crash() throws { try desk.restart() }

  /// The storm is over: everything is answered at last.
  mutating func settle() throws {
    try desk.memory.nextCommitFails = nil
    try desk.restart()
    while !unanswered.isEmpty { poke() }
    for _ in 0..<1000 where !desk.out.isEmpty { try desk.end(.done("paid")) }
    desk.wait(10_000)
    for _ in 0..<1000 where !desk.out.isEmpty { try desk.end(.done("paid")) }
  }

  func check() throws {
    let memory = try desk.memory
    for row in memory.instances.values {
      let steps = memory.journal.filter { $0.instance == row.id && $0.kind == "step" }
      #expect(steps.map(\.revision) == Array(1...row.revision), "each step once and in order")
      let pokes = steps.filter { $0.body["event"]?["type"] == "Poke" }.count
      #expect(pokes == acknowledged[row.key] ?? 0, "\(row.key)")
      let state = steps.last?.body["to"] ?? .null
      let timers = memory.timers.keys.filter { $0.instance == row.id }.count
      #expect(timers == (state == ["idle"] ? 1 : 0), "a timer of \(state.text())")
      let calls = memory.jobs.values.filter { $0.instance == row.id && $0.call != nil }
      #expect(calls.count == (state == ["carving"] ? 1 : 0), "a call of \(state.text())")
      #expect(try folded(steps).bytes(.canonical) == JSON(parsing: row.data).bytes(.canonical), "\(row.key)")
    }
    #expect(memory.jobs.values.allSatisfy { $0.queue != nil }, "all other work has ended")
  }
}
