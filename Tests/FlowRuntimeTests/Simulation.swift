import FlowGenerator
import FlowJSON
import FlowMachine
import Testing

@testable import FlowRuntime

/// The engine under random faults, from a seed: failed commits, failed reads, crashes at any time, results that are
/// late, repeated or missing, workers that report after their lease, and operator actions.
///
/// All answers to clients must remain true; ``Contradictions`` inspects the store after every step.
struct Simulation {
  /// A planted bug that the simulation has to find.
  enum Bug: CaseIterable {
    /// Clients are answered before the commit.
    case answersBeforeCommit
    /// Idempotency records are not stored.
    case forgetsKeys
    /// The result of a worker is accepted after its lease expired.
    case forgetsFences
    /// Some timers are not stored.
    case losesTimers
    /// Some jobs are not stored.
    case losesJobs
    /// The starts of actions with a limit are not stored.
    case forgetsThrottles
    /// Some items of calls over lists are not stored.
    case losesItems
    /// A broadcast ends with its first page.
    case losesPages
    /// Jobs that wait for their turn are forgotten at a restart.
    case losesTurns
    /// The running attempts are forgotten at a restart.
    case losesLeases
  }

  let fixture: TestEngine
  let bug: Bug?
  private var random: SplitMix64
  /// Events that a client repeats until it has an answer, by idempotency key.
  private var unanswered: [(key: String, id: String)] = []
  private var answers: [String: EventAnswer] = [:]
  private var acknowledged: [String: Int] = [:]
  private var pokes = 0
  private var bulletins = 0
  private var claims: [ClaimedJob] = []
  /// The fence of the last claim of each job.
  private var newestFence: [Int64: Int] = [:]
  /// The accepted reports of workers.
  private var acceptedReports: Set<String> = []
  private var contradictions = Contradictions()
  /// The violations that were found.
  private(set) var findings: [String] = []

  init(seed: Int, bug: Bug? = nil) throws {
    fixture = try TestEngine(machine: TestEngine.throttled.get())
    self.bug = bug
    random = SplitMix64(seed: seed)
    let memory = try fixture.memory
    memory.largestPage = 2
    switch bug {
    case .forgetsKeys: memory.forgetsAnswers = true
    case .losesTimers: memory.losesTimers = true
    case .losesJobs: memory.losesJobs = true
    case .losesItems: memory.losesItems = true
    case .losesPages: memory.losesPages = true
    case .forgetsThrottles: memory.forgetsThrottles = true
    case .losesTurns: memory.losesTurns = true
    case .losesLeases: memory.losesLeases = true
    default: break
    }
  }

  private mutating func roll(_ sides: Int) -> Int { random.next(below: sides) }

  private mutating func someID() -> JSON { .string("i\(roll(5))") }

  mutating func step() throws {
    let memory = try fixture.memory
    memory.nextCommitFails = roll(8) == 0 ? .unavailable("no luck") : nil
    if roll(40) == 0 { memory.readingFails = .unavailable("no luck") }
    switch roll(28) {
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
    case 16: fixture.wait(Int64(roll(5000)))
    case 17: claim()
    case 18, 19: answerAsWorker()
    case 20: operate()
    case 21: send("Bake", ["id": someID(), "oven": .string("o\(roll(2))")])
    case 22: send("Go", ["id": someID()])
    case 23: poll()
    case 24, 25, 26: broadcast()
    default:
      // Workers claim before and after, while leases last.
      claim(from: "dough")
      try crash()
      claim(from: "dough")
    }
    memory.readingFails = nil
    findings += contradictions.inspect(memory)
    findings += exceededLimits(memory)
    findings += exceededRates()
  }

  private mutating func poll() {
    let people = (0..<roll(5)).map { JSON.string("p\($0)") }
    send("Poll", ["id": someID(), "people": .array(people), "needed": .int(Int64(1 + roll(5)))])
  }

  /// A member joins or leaves, or all members receive a bulletin.
  private mutating func broadcast() {
    // A key that starts again in the millisecond of an emission is not told apart.
    fixture.wait(1)
    switch roll(5) {
    case 0, 1: send("Join", ["id": someID()])
    case 2: send("Leave", ["id": someID()])
    default:
      bulletins += 1
      send("Proclaim", ["id": someID(), "number": .int(Int64(bulletins))])
    }
  }

  private func send(_ event: String, _ payload: JSON) { _ = try? fixture.send(event, payload) }

  /// Sends a batch of unanswered events, some of them twice. The answers count only if the commit succeeds.
  private mutating func poke() {
    var answered: [(key: String, id: String, answer: EventAnswer)] = []
    var refused: Set<String> = []
    for (key, id) in unanswered.prefix(1 + roll(3)) {
      for _ in 0...roll(2) {
        var command = EventCommand(event: "Poke", payload: ["id": .string(id), "room": 1])
        command.idempotencyKey = key
        switch fixture.engine.submit(command) {
        case .success(let answer): answered.append((key, id, answer))
        case .failure: refused.insert(key)
        }
      }
    }
    let entries = try? fixture.engine.commit()
    guard entries != nil || bug == .answersBeforeCommit else { return }
    fixture.entries += entries ?? []
    for (key, id, answer) in answered { record(key, id, answer) }
    unanswered.removeAll { refused.contains($0.key) }
    // Some clients repeat a request although they have the answer.
    if let old = answered.first, roll(4) == 0 { unanswered.append((old.key, old.id)) }
  }

  private mutating func record(_ key: String, _ id: String, _ answer: EventAnswer) {
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

  /// Completes a job in progress; some results are repeated.
  private mutating func end() {
    guard !fixture.out.isEmpty else { return }
    let index = roll(fixture.out.count)
    let job = fixture.out[index].job
    if roll(3) > 0 { fixture.out.remove(at: index) }
    let outcomes: [JobOutcome] = [
      .done("paid"), .unreachable("lost"), .status(422, message: "", retryAfterMilliseconds: nil), .done("paid"),
    ]
    fixture.engine.finish(job, outcomes[roll(4)])
    fixture.turn()
  }

  // MARK: - Workers and operators

  private mutating func claim(from queue: String? = nil) {
    if roll(2) == 0 {
      // Leases expire, and the job is available again after its backoff.
      fixture.wait(2500)
      fixture.wait(Int64(roll(2)) * 1500)
    }
    let queue = queue ?? ["hands", "dough"][roll(2)]
    let result = fixture.engine.claim(ClaimRequest(queue: queue, limit: 1 + roll(2), leaseMilliseconds: 2000))
    guard let entries = try? fixture.engine.commit(), case .success(let jobs) = result else { return }
    fixture.entries += entries
    for job in jobs {
      newestFence[job.id] = job.fence
      claims.append(job)
    }
  }

  /// A worker reports, possibly long after its lease. The report must be accepted only during the lease.
  private mutating func answerAsWorker() {
    guard !claims.isEmpty else { return }
    let claim = claims.remove(at: roll(claims.count))
    // Some workers do not report in time.
    if roll(3) == 0 { claims.append(claim) }
    if roll(4) == 0 { heartbeat(claim) }
    var fence = claim.fence
    if bug == .forgetsFences, let row = fixture.engineJob(claim.id) { fence = row.fence }
    let holdsLease = claim.fence == newestFence[claim.id] && claim.leaseEnds > fixture.world.now()
    let outcome: JobOutcome = roll(4) == 0 ? .failed(code: "LOST", message: "slipped") : .done(7)
    let report = "\(claim.id)/\(fence)/\(outcome)"
    let result = fixture.engine.finish(claim.id, fence: fence, outcome: outcome)
    guard let entries = try? fixture.engine.commit() else { return }
    fixture.entries += entries
    // A repeated report has the same result.
    if case .success = result, !acceptedReports.contains(report) {
      if !holdsLease { findings.append("job \(claim.id) was completed by a worker that had lost it") }
      acceptedReports.insert(report)
    }
    fixture.turn()
  }

  /// A worker extends its current lease.
  private mutating func heartbeat(_ claim: ClaimedJob) {
    guard claim.fence == newestFence[claim.id] else {
      if case .success = fixture.engine.heartbeat(claim.id, fence: claim.fence, leaseMilliseconds: 2000) {
        findings.append("job \(claim.id) was extended by a worker that had lost it")
      }
      return
    }
    let result = fixture.engine.heartbeat(claim.id, fence: claim.fence, leaseMilliseconds: 2000)
    guard let entries = try? fixture.engine.commit(), case .success(let end) = result else { return }
    fixture.entries += entries
    if let index = claims.firstIndex(where: { $0.id == claim.id && $0.fence == claim.fence }) {
      claims[index].leaseEnds = end
    }
  }

  private mutating func operate() {
    let actions = OperatorCommand.Action.allCases.filter { $0 != .migrate && $0 != .drop }
    let flow = ["Task", "Trip", "Bell", "Listener", "Loaf", "Survey", "Member", "Herald"][roll(8)]
    // Cancelled rarely, because cancelled instances do not continue.
    var action = actions[roll(actions.count)]
    if action == .cancel, roll(3) > 0 { action = .resume }
    _ = fixture.engine.operate(OperatorCommand(action, flow: flow, key: "i\(roll(5))", caller: Caller(id: "op")))
    if let dead = (try? fixture.memory)?.dead.keys.min(), roll(2) == 0 { _ = fixture.engine.redrive(dead) }
    fixture.turn()
  }

  private mutating func crash() throws {
    try fixture.memory.readingFails = nil
    try fixture.memory.nextCommitFails = nil
    try fixture.restart()
  }

  // MARK: - The end

  /// After the faults, all remaining work is completed.
  mutating func settle() throws {
    try crash()
    for flow in ["Task", "Trip", "Bell", "Listener", "Loaf", "Survey", "Member"] {
      for index in 0..<5 { _ = fixture.engine.operate(OperatorCommand(.resume, flow: flow, key: "i\(index)")) }
    }
    fixture.turn()
    for _ in 0..<1000 where !unanswered.isEmpty { poke() }
    for _ in 0..<40 {
      for _ in 0..<1000 where !fixture.out.isEmpty { try fixture.end(.done("paid")) }
      claim(from: "hands")
      claim(from: "dough")
      while let job = claims.popLast() {
        _ = fixture.engine.finish(job.id, fence: job.fence, outcome: .done(7))
        fixture.turn()
      }
      fixture.wait(10_000)
    }
    findings += contradictions.inspect(try fixture.memory)
    findings += try unfinishedWork()
  }

  /// Unfinished work, and answers to clients that do not hold.
  private func unfinishedWork() throws -> [String] {
    let memory = try fixture.memory
    var found: [String] = []
    if !unanswered.isEmpty { found.append("\(unanswered.count) events have no answer") }
    for job in memory.jobs.values {
      found.append(
        """
        job \(job.id), \(job.action), is not finished: due \(job.due) at \(fixture.world.now()), \
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
    found += lostEmissions(memory) + memory.wrongBroadcasts()
    for (id, number) in count where acknowledged[id] == nil {
      found.append("\(id): \(number) pokes that no client sent")
    }
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
  /// The limits that are exceeded: two loaves in each oven, and one that is kneaded. Attempts of withdrawn jobs do not
  /// count.
  private func exceededLimits(_ memory: MemoryStore) -> [String] {
    var running: [String: Int] = [:]
    // Results that are sent twice leave their jobs in the list.
    let requests = Dictionary(fixture.out.map { ($0.job, $0.request) }) { first, _ in first }
    for (job, request) in requests where fixture.engine.scheduler.isInFlight(job) {
      if case .http(_, let url, _, _) = request.action, url.hasPrefix("http://bake/") {
        running[url.split(separator: "/").dropLast().joined(separator: "/"), default: 0] += 1
      }
    }
    let kneaded = memory.jobs.values.count { $0.action == "knead" && $0.lease > 0 }
    if kneaded > 1 { return ["\(kneaded) attempts of knead run at once"] }
    return running.filter { $0.value > 2 }.map { "\($0.value) attempts of \($0.key) run at once" }
  }

  /// The people who were asked more often than the limit allows: three times in a period.
  private func exceededRates() -> [String] {
    fixture.inquired.compactMap { who, times in
      let isExceeded = zip(times, times.dropFirst(3)).contains { $1 - $0 < 20_000 }
      return isExceeded ? "\(who) was asked too often: \(times)" : nil
    }
  }

  /// Each emitted event was applied once or recorded as undelivered.
  private func lostEmissions(_ memory: MemoryStore) -> [String] {
    let emitted = memory.journal.count { $0.kind == .emit && $0.body["type"] == "Told" }
    let received = memory.journal.count {
      $0.flow == "Listener" && $0.kind == .step && $0.body["event"]?["type"] == "Told"
    }
    let lost = memory.journal.count { $0.kind == .undelivered && $0.body["flow"] == "Listener" }
    return emitted == received + lost ? [] : ["\(emitted) were emitted, \(received) received and \(lost) undelivered"]
  }
}

extension TestEngine {
  /// The stored row of a job.
  func engineJob(_ id: Int64) -> JobRow? { (try? store.job(id: id)) ?? nil }
}
