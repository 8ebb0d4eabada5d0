import FlowJSON
import FlowRuntime
import Testing

private let t1: JSON = ["id": "t1"]

/// Jobs: dispatched at least once, applied to the instance exactly once.
@Suite("Jobs") struct JobTests {
  private func charging(_ kind: StoreKind = .memory) throws -> TestEngine {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    return fixture
  }

  @Test(
    "the result of a call reaches its instance",
    arguments: StoreKind.allCases) func call(_ kind: StoreKind) throws
  {
    let fixture = try charging(kind)
    #expect(fixture.urls == ["http://pay/t1"])
    let request = try fixture.end(.done("paid"))
    #expect(request.idempotencyKey.hasPrefix("n1/Task/t1/1-") && request.attempt == 1)
    #expect(fixture.state("Task", "t1") == "carving")
    #expect(try fixture.data("Task", "t1")["receipt"] == "paid")
    #expect(try fixture.store.job(id: 1) == nil)
  }

  @Test(
    "a job in progress is dispatched again after a crash, with the same idempotency key",
    arguments: StoreKind.allCases) func crash(_ kind: StoreKind) throws
  {
    let fixture = try charging(kind)
    let first = fixture.out[0].request
    try fixture.restart()
    #expect(fixture.urls == ["http://pay/t1"])
    #expect(fixture.out[0].request.idempotencyKey == first.idempotencyKey)
    try fixture.end(.done("paid"))
    #expect(fixture.state("Task", "t1") == "carving")
  }

  @Test(
    "a job is retried with backoff, and fails after its last attempt",
    arguments: StoreKind.allCases) func retries(_ kind: StoreKind) throws
  {
    let fixture = try charging(kind)
    var attempts: [Int] = []
    // Without jitter the backoff has its full length: 1 s, then 2 s.
    for wait in [1000, 2000] as [Int64] {
      attempts.append(try fixture.end(.status(503, message: "busy", retryAfterMilliseconds: nil)).attempt)
      fixture.wait(wait - 1)
      #expect(fixture.out.isEmpty, "not early")
      fixture.wait(1)
      #expect(fixture.out.count == 1)
    }
    try fixture.restart()
    attempts.append(try fixture.end(.unreachable("nobody there")).attempt)
    #expect(attempts == [1, 2, 3])
    #expect(fixture.state("Task", "t1") == "broken")
    let failed = fixture.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(failed?["code"] == "UNAVAILABLE")
    #expect(failed?["attempts"] == 3)
    #expect(fixture.kinds(.dead).isEmpty, "a reaction has handled the failure")
  }

  @Test(
    "some failures are not retried",
    arguments: [
      (.status(422, message: "", retryAfterMilliseconds: nil), "BROKEN"),
      (.status(404, message: "no", retryAfterMilliseconds: nil), "HTTP_404"),
      (.status(999, message: "", retryAfterMilliseconds: nil), "HTTP_999"),
      (.impossible(code: "BAD_REQUEST", message: ""), "BAD_REQUEST"), (.failed(code: "BROKEN", message: ""), "BROKEN"),
    ] as [(JobOutcome, String)])
  func finalFailures(_ outcome: JobOutcome, _ code: String) throws {
    let fixture = try charging()
    try fixture.end(outcome)
    #expect(fixture.state("Task", "t1") == "broken")
    let failed = fixture.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(failed?["code"] == .string(code))
  }

  @Test("Each attempt is in the journal with its outcome and the next one", arguments: StoreKind.allCases)
  func attemptsAreRecorded(_ kind: StoreKind) throws {
    let fixture = try charging(kind)
    let start = fixture.world.now()
    try fixture.end(.status(503, message: "busy", retryAfterMilliseconds: nil))
    fixture.wait(1000)
    try fixture.end(.done("paid"))
    let failed = try #require(fixture.kinds(.attempt).first?.body)
    #expect(failed["call"] == "pay" && failed["action"] == "charge" && failed["attempt"] == 1)
    #expect(failed["outcome"] == "status 503: busy")
    #expect(failed["startedAt"] == .string(timeText(start)) && failed["nextAt"] == .string(timeText(start + 1000)))
    #expect(fixture.kinds(.attempt).count == 1, "the step has the result of the second one")
    let result = try #require(fixture.entries.last { $0.body["result"] != nil }?.body["result"])
    #expect(result["action"] == "charge" && result["attempts"] == 2 && result["done"] == "paid")
    #expect(result["startedAt"] == .string(timeText(start + 1000)))
  }

  @Test("The success of work that no call waits for is an entry of its own")
  func successOfUnawaitedWork() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Close", t1)
    #expect(fixture.kinds(.attempt).isEmpty)
    while !fixture.out.isEmpty { try fixture.end(.done(.null)) }
    let entry = try #require(fixture.kinds(.attempt).first)
    #expect(entry.body["outcome"] == "done" && entry.body["call"] == nil && entry.body["attempt"] == 1)
  }

  @Test("Retry-After of a response delays the next attempt") func retryAfter() throws {
    let fixture = try charging()
    try fixture.end(.status(503, message: "", retryAfterMilliseconds: 60_000))
    fixture.wait(59_999)
    #expect(fixture.out.isEmpty)
    fixture.wait(1)
    #expect(fixture.out.count == 1)
  }

  @Test("a postponed job does not count as an attempt") func postponed() throws {
    let fixture = try charging()
    for _ in 0..<5 {
      #expect(try fixture.end(.postponed(500)).attempt == 1)
      fixture.wait(499)
      #expect(fixture.out.isEmpty, "not early")
      fixture.wait(1)
      #expect(fixture.out.count == 1)
    }
    try fixture.end(.status(503, message: "", retryAfterMilliseconds: nil))
    fixture.wait(3000)
    #expect(fixture.out.first?.request.attempt == 2)
  }

  @Test(
    "the failure code is named for the kind of action",
    arguments: [
      (.reply(422, of: .mail, isTransient: false, message: ""), "BROKEN"),
      (.reply(354, of: .mail, isTransient: false, message: ""), "SMTP_354"),
      (.reply(1, of: .program, isTransient: true, message: ""), "EXIT_1"),
    ] as [(JobOutcome, String)])
  func failureCodes(_ outcome: JobOutcome, _ code: String) throws {
    let fixture = try charging()
    try fixture.end(outcome)
    #expect(fixture.state("Task", "t1") == "broken")
    let failed = fixture.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(failed?["code"] == .string(code))
  }

  @Test("a result of the wrong type is a failure") func invalidResult() throws {
    let fixture = try charging()
    try fixture.end(.done(["not": "text"]))
    #expect(fixture.state("Task", "t1") == "broken")
    let cause = fixture.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(cause?["code"] == "INVALID_RESULT")
  }

  @Test("a result that is larger than its `max` is a failure") func largeResult() throws {
    let text = """
      event Begin { id: string }
      action find(id: string) -> list<string> max 1 { http GET "http://find/" + id }
      flow Search {
        key id
        data { id: string  text: string = "" }
        start on Begin -> searching do id = event.id
        state searching {
          call find(id: id) as found
          on found.done -> closed
          on found.failed -> broken do text = event.code + ": " + event.message
        }
        final closed
        failed broken
      }
      """
    let store = MemoryStore()
    let engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: ManualWorld())
    _ = try engine.submit(EventCommand(event: "Begin", payload: ["id": "s"])).get()
    _ = try engine.commit()
    let job = try #require(engine.dispatch().first).job
    engine.finish(job, .done(["a", "b"]))
    _ = try engine.commit()
    let row = try #require(try store.instance(flow: "Search", key: "s"))
    #expect(try JSON(parsing: row.data)["text"] == "INVALID_RESULT: at most 1 element, not 2")
  }

  @Test("members of a result that its type does not have are ignored; a missing one is a failure")
  func membersOfResults() throws {
    let text = """
      event Begin { id: string }
      type Receipt { number: string  total: int }
      action pay(id: string) -> Receipt { http POST "http://pay/" + id }
      flow Order {
        key id
        data { id: string  text: string = "" }
        start on Begin -> paying do id = event.id
        state paying {
          call pay(id: id) as paid
          on paid.done -> closed do text = event.result.number
          on paid.failed -> broken do text = event.code
        }
        final closed
        failed broken
      }
      """
    let store = MemoryStore()
    let engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: ManualWorld())
    let results: [(JSON, JSON)] = [
      (["number": "r1", "total": 5, "more": [1]], "r1"), (["number": "r2"], "INVALID_RESULT"),
    ]
    for (index, (result, expected)) in results.enumerated() {
      _ = try engine.submit(EventCommand(event: "Begin", payload: ["id": .string("o\(index)")])).get()
      _ = try engine.commit()
      let job = try #require(engine.dispatch().first).job
      engine.finish(job, .done(result))
      _ = try engine.commit()
      let row = try #require(try store.instance(flow: "Order", key: "o\(index)"))
      #expect(try JSON(parsing: row.data)["text"] == expected)
    }
  }

  @Test(
    "leaving a state withdraws its call, and late results are discarded",
    arguments: StoreKind.allCases) func withdrawnCall(_ kind: StoreKind) throws
  {
    let fixture = try charging(kind)
    let late = fixture.out.removeFirst().job
    try fixture.send("Back", t1)
    #expect(try fixture.store.jobs(instance: 1).isEmpty)
    fixture.engine.finish(late, .done("too late"))
    fixture.turn()
    #expect(fixture.state("Task", "t1") == "idle")
    try fixture.send("Go", t1)
    #expect(fixture.out.count == 1)
    fixture.engine.finish(late, .done("too late"))
    fixture.turn()
    #expect(fixture.state("Task", "t1") == "charging", "a late result does not complete the new job")
    try fixture.end(.done("paid"))
    #expect(try fixture.data("Task", "t1")["receipt"] == "paid")
  }

  @Test("only the first result of a job counts") func repeatedResult() throws {
    let fixture = try charging()
    let job = fixture.out[0].job
    fixture.engine.finish(job, .done("one"))
    fixture.engine.finish(job, .done("two"))
    fixture.turn()
    #expect(try fixture.data("Task", "t1")["receipt"] == "one")
  }

  @Test("a job is dispatched again if the commit of its result fails") func failedCommit() throws {
    let fixture = try charging()
    try fixture.memory.nextCommitFails = .unavailable("full")
    try fixture.end(.done("paid"))
    #expect(fixture.state("Task", "t1") == "charging")
    fixture.turn()
    #expect(fixture.urls == ["http://pay/t1"])
    try fixture.end(.done("paid"))
    #expect(fixture.state("Task", "t1") == "carving")
  }

  @Test(
    "a result that the instance cannot process is stored as an incident and applied later",
    arguments: StoreKind.allCases) func incident(_ kind: StoreKind) throws
  {
    let fixture = try charging(kind)
    try fixture.send("Poke", ["id": "t1", "room": 0])
    try fixture.end(.done("paid"))
    #expect(fixture.state("Task", "t1") == "charging")
    #expect(fixture.kinds(.incident).count == 1)
    #expect(try fixture.row("Task", "t1").incident.isEmpty == false)
    try fixture.restart()
    #expect(fixture.out.isEmpty, "the work is not repeated")
    try fixture.send("Poke", ["id": "t1", "room": 1])
    fixture.wait(300_000)
    #expect(fixture.out.isEmpty)
    #expect(fixture.state("Task", "t1") == "carving")
    #expect(try fixture.row("Task", "t1").incident.isEmpty)
  }

  @Test("a job without a waiting call continues after the end of its instance") func detachedJob() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Close", t1)
    try fixture.restart()
    #expect(fixture.urls == ["http://note/t1"])
    try fixture.end(.unreachable(""))
    fixture.wait(1000)
    try fixture.end(.unreachable(""))
    #expect(fixture.kinds(.dead).count == 1)
    #expect(try fixture.memory.dead.count == 1)
  }

  @Test("an action with a missing setting becomes a dead letter") func unboundAction() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    fixture.wait(3_600_000)
    #expect(fixture.state("Task", "t1") == "expired")
    #expect(fixture.out.isEmpty)
    #expect(fixture.kinds(.dead).first?.body["message"]?.string?.contains("NOT_SET") == true)
  }

  @Test("the number of jobs in progress is limited") func inFlightLimit() throws {
    let fixture = try TestEngine()
    for index in 0..<(Engine.maximumInFlight + 20) {
      let id: JSON = ["id": .string("x\(index)")]
      _ = fixture.engine.submit(EventCommand(event: "Begin", payload: id))
      _ = fixture.engine.submit(EventCommand(event: "Go", payload: id))
    }
    fixture.turn()
    #expect(fixture.out.count == Engine.maximumInFlight)
    for _ in 0..<30 { try fixture.end(.done("paid")) }
    #expect(fixture.out.count == Engine.maximumInFlight - 10)
    #expect(Set(fixture.urls).count == fixture.urls.count)
  }
}

/// Jobs that are performed at most once for a key.
@Suite("Shared jobs: `once`") struct OnceTests {
  @Test(
    "calls with the same `once` key share one job and its result",
    arguments: StoreKind.allCases) func sharedResult(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    for id in ["a", "b", "c"] { try fixture.send("Ask", ["id": .string(id), "what": "w"]) }
    #expect(fixture.urls == ["http://pay/w"])
    try fixture.restart()
    #expect(fixture.urls == ["http://pay/w"])
    #expect(try fixture.end(.done("paid")).idempotencyKey.hasPrefix("n1/once/charge/w/0-"))
    for id in ["a", "b", "c"] { #expect(try fixture.data("Shared", id)["answer"] == "paid") }
    try fixture.send("Again", ["id": "b"])
    #expect(fixture.out.isEmpty && fixture.state("Shared", "b") == "answered", "the result is known")
    try fixture.send("Ask", ["id": "d", "what": "w"])
    #expect(try fixture.data("Shared", "d")["answer"] == "paid")
    try fixture.send("Ask", ["id": "e", "what": "other"])
    #expect(fixture.urls == ["http://pay/other"])
  }

  @Test(
    "a failure is not shared; the next waiting call performs the job",
    arguments: StoreKind.allCases) func failure(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    for id in ["a", "b"] { try fixture.send("Ask", ["id": .string(id), "what": "w"]) }
    try fixture.end(.status(422, message: "", retryAfterMilliseconds: nil))
    #expect(fixture.state("Shared", "a") == "lost")
    #expect(fixture.state("Shared", "b") == "asking", "it performs the job itself")
    #expect(fixture.urls == ["http://pay/w"])
    try fixture.send("Again", ["id": "a"])
    #expect(fixture.urls == ["http://pay/w"], "and the other one waits for it")
    try fixture.end(.done("paid"))
    for id in ["a", "b"] { #expect(try fixture.data("Shared", id)["answer"] == "paid") }
  }

  @Test("a suspended instance does not block others that wait for the same job", arguments: StoreKind.allCases)
  func suspendedHolder(_ kind: StoreKind) throws {
    let fixture = try TestEngine(kind)
    try fixture.send("Ask", ["id": "a", "what": "w"])
    try fixture.end(.unreachable("busy"))
    _ = fixture.engine.operate(OperatorCommand(.suspend, flow: "Shared", key: "a"))
    fixture.wait(10_000)
    #expect(fixture.out.isEmpty)
    try fixture.send("Ask", ["id": "b", "what": "w"])
    #expect(fixture.urls == ["http://pay/w"])
    try fixture.restart()
    try fixture.end(.done("paid"))
    #expect(try fixture.data("Shared", "b")["answer"] == "paid")
    _ = fixture.engine.operate(OperatorCommand(.resume, flow: "Shared", key: "a"))
    fixture.turn()
    #expect(fixture.out.isEmpty, "the work is done once")
    #expect(try fixture.data("Shared", "a")["answer"] == "paid")
  }

  @Test("if the instance with the job is suspended, a waiting instance performs it")
  func holderIsSuspendedLater() throws {
    let fixture = try TestEngine()
    for id in ["a", "b"] { try fixture.send("Ask", ["id": .string(id), "what": "w"]) }
    try fixture.end(.unreachable("busy"))
    _ = fixture.engine.operate(OperatorCommand(.suspend, flow: "Shared", key: "a"))
    fixture.wait(10_000)
    fixture.turn()
    #expect(fixture.urls == ["http://pay/w"])
    try fixture.end(.done("paid"))
    #expect(try fixture.data("Shared", "b")["answer"] == "paid")
  }
}

/// Jobs that remote workers claim.
@Suite("Remote workers") struct WorkerTests {
  private func carving(_ kind: StoreKind) throws -> TestEngine {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    try fixture.end(.done("paid"))
    return fixture
  }

  private func claim(_ fixture: TestEngine) throws -> [ClaimedJob] {
    let jobs = try fixture.engine.claim(ClaimRequest(queue: "hands", limit: 5, leaseMilliseconds: 5000)).get()
    fixture.turn()
    return jobs
  }

  @Test(
    "a job is claimed by one worker, which extends its lease and completes it",
    arguments: StoreKind.allCases) func claimAndComplete(_ kind: StoreKind) throws
  {
    let fixture = try carving(kind)
    #expect(try fixture.engine.claim(ClaimRequest(queue: "feet", limit: 5, leaseMilliseconds: 5000)).get().isEmpty)
    let job = try #require(try claim(fixture).first)
    #expect(job.arguments == ["id": "t1"] && job.attempt == 1 && job.fence == 1)
    #expect(job.idempotencyKey.hasPrefix("n1/Task/t1/2-"))
    #expect(try claim(fixture).isEmpty)
    try fixture.restart()
    #expect(try claim(fixture).isEmpty, "the lease outlives a crash")
    fixture.wait(4000)
    #expect(try fixture.engine.heartbeat(job.id, fence: 1, leaseMilliseconds: 5000).get() == fixture.world.now() + 5000)
    fixture.turn()
    fixture.wait(4000)
    try fixture.engine.finish(job.id, fence: 1, outcome: .done(7)).get()
    fixture.turn()
    #expect(try fixture.data("Task", "t1")["count"] == 7)
    #expect(throws: EngineProblem.self) { try fixture.engine.finish(job.id, fence: 1, outcome: .done(8)).get() }
    try fixture.restart()
    try fixture.engine.finish(job.id, fence: 1, outcome: .done(7)).get()
    #expect(try fixture.data("Task", "t1")["count"] == 7, "a repeated report has the same answer and changes nothing")
  }

  @Test("an expired lease counts as an attempt, without another claim", arguments: StoreKind.allCases)
  func expiredLease(_ kind: StoreKind) throws {
    let fixture = try carving(kind)
    for _ in 1...2 {
      #expect(try claim(fixture).count == 1)
      try fixture.restart()
      #expect(fixture.engine.nextDue == fixture.world.now() + 5000)
      fixture.wait(5000)
      fixture.wait(1000)
    }
    #expect(fixture.state("Task", "t1") == "broken", "both attempts are used")
    #expect(fixture.engine.nextDue == nil)
  }

  @Test("a worker's attempt ends with the timeout of the action, despite heartbeats")
  func workerTimeout() throws {
    let text = """
      event Begin { id: string }
      action carve(id: string) fails LOST { worker "hands"  timeout 8s }
      flow Task {
        key id
        data { id: string  code: string = "" }
        start on Begin -> work do id = event.id
        state work {
          call carve(id: id) as carving
          on carving.done -> closed
          on carving.failed -> broken do code = event.code
        }
        final closed
        failed broken
      }
      """
    let world = ManualWorld()
    let store = MemoryStore()
    let engine = try Engine(machine: TestEngine.make(text).get(), store: store, world: world)
    _ = try engine.submit(EventCommand(event: "Begin", payload: ["id": "a"])).get()
    _ = try engine.commit()
    let request = ClaimRequest(queue: "hands", limit: 1, leaseMilliseconds: 5000)
    let job = try #require(try engine.claim(request).get().first)
    _ = try engine.commit()
    world.advance(4000)
    let end = try engine.heartbeat(job.id, fence: 1, leaseMilliseconds: 60_000).get()
    #expect(end == world.now() + 4000)
    _ = try engine.commit()
    world.advance(4000)
    engine.endLeases()
    _ = try engine.commit()
    let data = try JSON(parsing: #require(try store.instance(flow: "Task", key: "a")).data)
    #expect(data["code"] == "TIMEOUT")
  }

  @Test("a worker can report only failure codes that the action declares")
  func workerCodes() throws {
    let fixture = try carving(.memory)
    let job = try #require(try claim(fixture).first)
    let result = fixture.engine.finish(job.id, fence: 1, outcome: .failed(code: "OOPS", message: ""))
    guard case .failure(.invalidPayload(let problems)) = result else { return #expect(Bool(false), "\(result)") }
    #expect(problems.map(\.pointer) == ["/code"])
    #expect(problems.first?.message.contains("`LOST`") == true)
    try fixture.engine.finish(job.id, fence: 1, outcome: .failed(code: "UNAVAILABLE", message: "")).get()
  }

  @Test(
    "after a lease expires, another claim gets a new fence and the old one is rejected",
    arguments: StoreKind.allCases) func staleFence(_ kind: StoreKind) throws
  {
    let fixture = try carving(kind)
    let first = try #require(try claim(fixture).first)
    fixture.wait(5000)
    #expect(throws: EngineProblem.self) { try fixture.engine.finish(first.id, fence: 1, outcome: .done(7)).get() }
    #expect(try claim(fixture).isEmpty, "it has a backoff before its next attempt")
    fixture.wait(1000)
    let second = try #require(try claim(fixture).first)
    #expect(second.id == first.id && second.fence == 2 && second.attempt == 2)
    #expect(throws: EngineProblem.self) { try fixture.engine.finish(first.id, fence: 1, outcome: .done(7)).get() }
    #expect(throws: EngineProblem.self) { try fixture.engine.heartbeat(first.id, fence: 1, leaseMilliseconds: 1).get() }
    fixture.wait(5000)
    #expect(try claim(fixture).isEmpty)
    #expect(fixture.state("Task", "t1") == "broken", "its attempts are exhausted")
  }

  @Test("a failure that a worker reports is retried") func failure() throws {
    let fixture = try carving(.memory)
    for fence in 1...2 {
      let job = try #require(try claim(fixture).first)
      try fixture.engine.finish(job.id, fence: fence, outcome: .failed(code: "LOST", message: "slipped")).get()
      fixture.turn()
      fixture.wait(1000)
    }
    #expect(fixture.state("Task", "t1") == "broken")
  }

  @Test("two claims in a batch get different jobs") func concurrentClaims() throws {
    let fixture = try carving(.memory)
    for event in ["Begin", "Go"] { try fixture.send(event, ["id": "t2"]) }
    try fixture.end(.done("paid"))
    let one = try fixture.engine.claim(ClaimRequest(queue: "hands", limit: 1, leaseMilliseconds: 5000)).get()
    let two = try fixture.engine.claim(ClaimRequest(queue: "hands", limit: 1, leaseMilliseconds: 5000)).get()
    #expect(one.count == 1 && two.count == 1 && one[0].id != two[0].id)
  }
}

/// Timers fire once, in order, and never early.
@Suite("Timers") struct TimerTests {
  @Test(
    "a timer fires once and not early, also after a restart",
    arguments: StoreKind.allCases) func firing(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    fixture.wait(3_599_999)
    #expect(fixture.state("Task", "t1") == "idle")
    try fixture.restart()
    #expect(fixture.engine.nextDue == fixture.world.now() + 1)
    fixture.wait(1)
    #expect(fixture.state("Task", "t1") == "expired")
    #expect(try fixture.store.dueTimers(at: .max, limit: 9).isEmpty)
  }

  @Test("leaving a state removes its timer") func leftState() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    #expect(try fixture.memory.timers.isEmpty)
    fixture.wait(3_600_000)
    try fixture.send("Back", t1)
    fixture.wait(3_599_999)
    #expect(fixture.state("Task", "t1") == "idle", "the timer starts again")
  }

  @Test(
    "missed ticks of a periodic timer fire once",
    arguments: StoreKind.allCases) func missedTicks(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Tick", ["id": "b"])
    for _ in 0..<3 { fixture.wait(10_000) }
    #expect(try fixture.data("Bell", "b")["rings"] == 3)
    fixture.world.advance(95_000)
    try fixture.restart()
    #expect(try fixture.data("Bell", "b")["rings"] == 4)
    fixture.wait(4999)
    #expect(try fixture.data("Bell", "b")["rings"] == 4)
    fixture.wait(1)
    #expect(try fixture.data("Bell", "b")["rings"] == 5, "counted from its due time")
  }

  @Test("timers fire in the order in which they are due") func order() throws {
    let fixture = try TestEngine()
    for index in 0..<5 {
      try fixture.send("Begin", ["id": .string("t\(index)")])
      fixture.world.advance(10)
    }
    fixture.wait(3_600_000)
    let fired = fixture.kinds(.step).filter { $0.body["timer"] != nil }.map(\.key)
    #expect(fired == ["t0", "t1", "t2", "t3", "t4"])
  }

  @Test("a timer fires again if its commit fails") func failedCommit() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.memory.nextCommitFails = .unavailable("full")
    fixture.wait(3_600_000)
    #expect(fixture.state("Task", "t1") == "idle")
    fixture.turn()
    #expect(fixture.state("Task", "t1") == "expired")
  }
}
