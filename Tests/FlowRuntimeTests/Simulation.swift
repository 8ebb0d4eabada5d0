import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

/// The engine in a world that fails, from a seed: commits that do not happen, readings that fail, crashes at any time,
/// answers that come late, twice or never, workers that come back after their lease, operators that interfere.
///
/// What a client was told has to be true all the same; ``Contradictions`` looks after every step.
struct Simulation {
  /// A mistake that an engine could make, to see whether the simulation notices.
  enum Bug: CaseIterable {
    /// Clients are told before it is on the disk.
    case tellsBeforeTheCommit
    /// The answers to idempotency keys are not kept.
    case forgetsKeys
    /// A worker is believed whatever became of its lease.
    case forgetsFences
    /// Some timers are not kept.
    case losesTimers
    /// Now and then a job is not kept.
    case losesJobs
  }

  let desk: TestEngine
  let bug: Bug?
  private var chance: UInt64
  /// Events that a client sends until it has an answer, by their idempotency keys.
  private var unanswered: [(key: String, id: String)] = []
  private var answers: [String: EventAnswer] = [:]
  private var acknowledged: [String: Int] = [:]
  private var pokes = 0
  private var claims: [ClaimedJob] = []
  /// The fence that each job was leased with last.
  private var newestFence: [Int64: Int] = [:]
  /// The reports of workers that were accepted.
  private var acceptedReports: Set<String> = []
  private var contradictions = Contradictions()
  /// What has been found wrong.
  private(set) var findings: [String] = []

  init(seed: Int, bug: Bug? = nil) throws {
    desk = try TestEngine()
    self.bug = bug
    chance = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    let memory = try desk.memory
    switch bug {
    case .forgetsKeys: memory.forgetsAnswers = true
    case .losesTimers: memory.losesTimers = true
    case .losesJobs: memory.losesJobs = true
    default: break
    }
  }

  private mutating func roll(_ sides: Int) -> Int {
    chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(chance >> 33) % sides
  }

  private mutating func someID() -> JSON { .string("i\(roll(5))") }

  mutating func step() throws {
    let memory = try desk.memory
    memory.nextCommitFails = roll(8) == 0 ? .unavailable("no luck") : nil
    if roll(40) == 0 { memory.readingFails = .unavailable("no luck") }
    switch roll(22) {
    case 0, 1: send("Begin", ["id": someID()])
    case 2, 3: send("Go", ["id": someID()])
    case 4: send("Back", ["id": someID()])
    case 5: send("Close", ["id": someID()])
    case 6: send(["Tick", "Travel"][roll(2)], ["id": someID()])
    case 7: send("Ask", ["id": someID(), "what": .string("w\(roll(2))")])
    case 8: send("Shout", ["id": someID(), "to": [someID(), someID()], "text": "hey"])
    case 9, 10:
      pokes += 1
      unanswered.append(("k\(pokes)", "i\(roll(5))"))
    case 11, 12: poke()
    case 13, 14, 15: end()
    case 16: desk.wait(Int64(roll(5000)))
    case 17: claim()
    case 18, 19: answerAsWorker()
    case 20: operate()
    default: try crash()
    }
    memory.readingFails = nil
    findings += contradictions.look(at: memory)
  }

  private func send(_ event: String, _ payload: JSON) { _ = try? desk.send(event, payload) }

  /// Sends a batch of what has no answer yet, some of it twice, and hears of it only when the commit holds.
  private mutating func poke() {
    var told: [(key: String, id: String, answer: EventAnswer)] = []
    var refused: Set<String> = []
    for (key, id) in unanswered.prefix(1 + roll(3)) {
      for _ in 0...roll(2) {
        var command = EventCommand(event: "Poke", payload: ["id": .string(id), "room": 1])
        command.idempotencyKey = key
        switch desk.engine.submit(command) {
        case .success(let answer): told.append((key, id, answer))
        case .failure: refused.insert(key)
        }
      }
    }
    let entries = try? desk.engine.commit()
    guard entries != nil || bug == .tellsBeforeTheCommit else { return }
    desk.entries += entries ?? []
    for (key, id, answer) in told { note(key, id, answer) }
    unanswered.removeAll { refused.contains($0.key) }
    // Some clients ask again although they were told.
    if let old = told.first, roll(4) == 0 { unanswered.append((old.key, old.id)) }
  }

  private mutating func note(_ key: String, _ id: String, _ answer: EventAnswer) {
    unanswered.removeAll { $0.key == key }
    var plain = answer
    plain.replayed = false
    if let first = answers[key] {
      if first != plain { findings.append("\(key) was answered \(first) and then \(plain)") }
      return
    }
    answers[key] = plain
    acknowledged[id, default: 0] += 1
  }

  /// Ends something that is under way; some answers come twice.
  private mutating func end() {
    guard !desk.out.isEmpty else { return }
    let index = roll(desk.out.count)
    let job = desk.out[index].job
    if roll(3) > 0 { desk.out.remove(at: index) }
    let outcomes: [JobOutcome] = [
      .done("paid"), .unreachable("lost"), .status(422, message: "", retryAfterMilliseconds: nil), .done("paid"),
    ]
    desk.engine.finish(job, outcomes[roll(4)])
    desk.turn()
  }

  // MARK: - Workers and operators

  private mutating func claim() {
    if roll(2) == 0 {
      // Leases end, and the job comes back after its backoff.
      desk.wait(2500)
      desk.wait(Int64(roll(2)) * 1500)
    }
    let result = desk.engine.claim(ClaimRequest(queue: "hands", limit: 1 + roll(2), leaseMilliseconds: 2000))
    guard let entries = try? desk.engine.commit(), case .success(let jobs) = result else { return }
    desk.entries += entries
    for job in jobs {
      newestFence[job.id] = job.fence
      claims.append(job)
    }
  }

  /// A worker answers, perhaps long after its lease; it must be believed only while it has the job.
  private mutating func answerAsWorker() {
    guard !claims.isEmpty else { return }
    let claim = claims.remove(at: roll(claims.count))
    // Some fall asleep over it.
    if roll(3) == 0 { claims.append(claim) }
    if roll(4) == 0 { heartbeat(claim) }
    var fence = claim.fence
    if bug == .forgetsFences, let row = desk.engineJob(claim.id) { fence = row.fence }
    let holdsLease = claim.fence == newestFence[claim.id] && claim.leaseEnds > desk.world.now()
    let outcome: JobOutcome = roll(4) == 0 ? .failed(code: "LOST", message: "slipped") : .done(7)
    let report = "\(claim.id)/\(fence)/\(outcome)"
    let result = desk.engine.finish(claim.id, fence: fence, outcome: outcome)
    guard let entries = try? desk.engine.commit() else { return }
    desk.entries += entries
    // A report that is repeated gets its first answer.
    if case .success = result, !acceptedReports.contains(report) {
      if !holdsLease { findings.append("job \(claim.id) was ended by a worker that had lost it") }
      acceptedReports.insert(report)
    }
    desk.turn()
  }

  /// A worker extends its lease, which it must hold.
  private mutating func heartbeat(_ claim: ClaimedJob) {
    guard claim.fence == newestFence[claim.id] else {
      if case .success = desk.engine.heartbeat(claim.id, fence: claim.fence, leaseMilliseconds: 2000) {
        findings.append("job \(claim.id) was held on to by a worker that had lost it")
      }
      return
    }
    let result = desk.engine.heartbeat(claim.id, fence: claim.fence, leaseMilliseconds: 2000)
    guard let entries = try? desk.engine.commit(), case .success(let end) = result else { return }
    desk.entries += entries
    if let index = claims.firstIndex(where: { $0.id == claim.id && $0.fence == claim.fence }) {
      claims[index].leaseEnds = end
    }
  }

  private mutating func operate() {
    let actions = OperatorCommand.Action.allCases.filter { $0 != .migrate }
    let flow = ["Task", "Trip", "Bell", "Listener"][roll(4)]
    // Cancelled seldom, or nothing would go on.
    var action = actions[roll(actions.count)]
    if action == .cancel, roll(3) > 0 { action = .resume }
    _ = desk.engine.operate(OperatorCommand(action, flow: flow, key: "i\(roll(5))", caller: Caller(id: "op")))
    if let dead = (try? desk.memory)?.dead.keys.min(), roll(2) == 0 { _ = desk.engine.redrive(dead) }
    desk.turn()
  }

  private mutating func crash() throws {
    try desk.memory.readingFails = nil
    try desk.memory.nextCommitFails = nil
    try desk.restart()
  }

  // MARK: - The end

  /// The storm is over: everything is answered at last.
  mutating func settle() throws {
    try crash()
    for flow in ["Task", "Trip", "Bell", "Listener"] {
      for index in 0..<5 { _ = desk.engine.operate(OperatorCommand(.resume, flow: flow, key: "i\(index)")) }
    }
    desk.turn()
    for _ in 0..<1000 where !unanswered.isEmpty { poke() }
    for _ in 0..<40 {
      for _ in 0..<1000 where !desk.out.isEmpty { try desk.end(.done("paid")) }
      claim()
      while let job = claims.popLast() {
        _ = desk.engine.finish(job.id, fence: job.fence, outcome: .done(7))
        desk.turn()
      }
      desk.wait(10_000)
    }
    findings += contradictions.look(at: try desk.memory)
    findings += try loose()
  }

  /// What has not come to an end, and what clients were told and is not so.
  private func loose() throws -> [String] {
    let memory = try desk.memory
    var found: [String] = []
    if !unanswered.isEmpty { found.append("\(unanswered.count) events have no answer") }
    for job in memory.jobs.values {
      found.append(
        """
        job \(job.id), \(job.action), has come to no end: due \(job.due) at \(desk.world.now()), \
        attempt \(job.attempt), \
        once \(job.once ?? "-"), call \(job.call ?? -1): \(memory.story(of: job.instance))
        """)
    }
    var count: [String: Int] = [:]
    for entry in memory.journal where entry.flow == "Task" && entry.body["event"]?["type"] == "Poke" {
      count[entry.key, default: 0] += 1
    }
    for (id, expected) in acknowledged where count[id] ?? 0 != expected {
      found.append("\(id) was poked \(count[id] ?? 0) times, and \(expected) were acknowledged")
    }
    found += unheard(memory)
    for (id, number) in count where acknowledged[id] == nil { found.append("\(id): \(number) pokes of nobody") }
    for row in memory.instances.values where row.flow == "Task" && row.status == .running {
      let states = (try? JSON(parsing: row.position))?["states"]?.array?.compactMap(\.string) ?? []
      if states == ["charging"] || states == ["carving"] {
        found.append("\(row.key) is stuck in \(states): \(memory.story(of: row.id))")
      }
    }
    return found
  }
}

extension Simulation {
  /// Whatever was emitted was taken once, or it was noted why not.
  private func unheard(_ memory: MemoryStore) -> [String] {
    let said = memory.journal.count { $0.kind == .emit && $0.body["type"] == "Told" }
    let heard = memory.journal.count {
      $0.flow == "Listener" && $0.kind == .step && $0.body["event"]?["type"] == "Told"
    }
    let lost = memory.journal.count { $0.kind == .undelivered && $0.body["flow"] == "Listener" }
    return said == heard + lost ? [] : ["\(said) were told, \(heard) heard and \(lost) noted as undelivered"]
  }
}

extension TestEngine {
  /// The row of a job as the store has it.
  func engineJob(_ id: Int64) -> JobRow? { (try? store.job(id: id)) ?? nil }
}
