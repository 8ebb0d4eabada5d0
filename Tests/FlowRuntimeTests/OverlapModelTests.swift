import CEL
import FlowGenerator
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// A schedule under random ticks, ends, operators, deployments, crashes and failing commits, compared with a model of
/// its policy.
@Suite("Overlap of schedules against a model") struct OverlapModelTests {
  /// The policy in its simplest form.
  private struct Model: Equatable {
    static let period: Int64 = 3_600_000
    var policy: OverlapPolicy
    var due: Int64
    /// The instance that was started last, if it runs.
    var last: String?
    var waiting: Int64?
    var skipped = 0
    var running: Set<String> = []
    var used: Set<String> = []

    mutating func fire(at now: Int64) {
      if let run = waiting, last == nil {
        waiting = nil
        if !start(run) { skipped += 1 }
      }
      guard due <= now else { return }
      if !attempt(due) { skipped += 1 }
      while due <= now { due += Model.period }
    }

    /// - Returns: False for a run that is skipped.
    mutating func attempt(_ run: Int64) -> Bool {
      guard let key = last, policy != .allow else { return start(run) }
      switch policy {
      case .skip: return false
      case .queue:
        guard waiting == nil else { return false }
        waiting = run
      case .replace where !used.contains(Model.key(run)):
        running.remove(key)
        return start(run)
      case .replace, .allow: return false
      }
      return true
    }

    /// - Returns: False when the key is taken.
    private mutating func start(_ run: Int64) -> Bool {
      let key = Model.key(run)
      guard used.insert(key).inserted else { return false }
      running.insert(key)
      last = key
      return true
    }

    mutating func end(_ key: String) {
      running.remove(key)
      if last == key { last = nil }
    }

    private static func key(_ run: Int64) -> String {
      let instant = Timestamp(milliseconds: run)
      return run % 1000 == 0 ? instant.description : instant.jsonText
    }
  }

  /// The engine and the model side by side.
  private struct Run {
    let fixture: OverlapTests.Fixture
    let memory: MemoryStore
    var model: Model
    private var random: SplitMix64
    private var deployed = 0
    private(set) var findings: [String] = []

    init(_ policy: OverlapPolicy, seed: Int) throws {
      fixture = try OverlapTests.Fixture(Run.text(policy, 0))
      memory = try #require(fixture.store as? MemoryStore)
      model = Model(policy: policy, due: fixture.world.now() + Model.period)
      random = SplitMix64(seed: seed)
    }

    private static func text(_ policy: OverlapPolicy, _ version: Int) -> String {
      OverlapTests.report("overlap \(policy.rawValue)", "every 1h", "event Unused\(version)")
    }

    private mutating func roll(_ sides: Int) -> Int { random.next(below: sides) }

    mutating func step() throws {
      memory.nextCommitFails = roll(6) == 0 ? .unavailable("no luck") : nil
      let before = model
      let engine = fixture.engine
      switch roll(8) {
      case 0, 1, 2:
        fixture.world.advance(Int64(roll(5)) * 1_800_000)
        engine.fireSchedules()
        model.fire(at: fixture.world.now())
      case 3, 4:
        guard !model.running.isEmpty else { return }
        let key = model.running.sorted()[roll(model.running.count)]
        _ = roll(2) == 0 ? finish(key) : engine.operate(.init(.cancel, flow: "Report", key: key)).isSuccess
        model.end(key)
      case 5:
        fixture.world.advance(1)
        _ = engine.startNow(StartNowCommand(flow: "Report", start: 0))
        _ = model.attempt(fixture.world.now())
      case 6:
        deployed += 1
        _ = engine.deploy(try TestEngine.make(Run.text(model.policy, deployed)).get())
      default:
        memory.nextCommitFails = nil
        try fixture.restart(Run.text(model.policy, deployed))
      }
      if memory.nextCommitFails != nil, !fixture.commit() { model = before } else { fixture.commit() }
      memory.nextCommitFails = nil
      compare()
    }

    private func finish(_ key: String) -> Bool {
      var command = EventCommand(event: "Finish", payload: [:])
      (command.flow, command.key) = ("Report", key)
      return fixture.engine.submit(command).isSuccess
    }

    private mutating func compare() {
      let running = Set(memory.instances.values.filter { $0.status == .running }.map(\.key))
      if running != model.running { findings.append("\(running.sorted()) run, not \(model.running.sorted())") }
      if model.policy != .allow, running.count > 1 { findings.append("\(running.count) run at once") }
      guard let row = memory.scheduled.values.first else { return findings.append("there is no row") }
      let stored = Model(
        policy: model.policy, due: row.due, last: row.running, waiting: row.waiting, skipped: row.skipped,
        running: running, used: Set(memory.instances.values.map(\.key)))
      if stored != model { findings.append("\(stored) is not \(model)") }
    }
  }

  @Test("a schedule agrees with a model of its policy", arguments: OverlapPolicy.allCases)
  func agrees(_ policy: OverlapPolicy) throws {
    for seed in 1...60 {
      var run = try Run(policy, seed: seed)
      for number in 0..<80 where run.findings.isEmpty {
        try run.step()
        #expect(run.findings == [], "seed \(seed), step \(number)")
      }
    }
  }
}

extension Result {
  fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
