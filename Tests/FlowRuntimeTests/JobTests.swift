import FlowJSON
import FlowRuntime
import Testing

private let t1: JSON = ["id": "t1"]

/// Work for the outside: at least once out there, exactly once in the instance.
@Suite struct JobTests {
  private func charging(_ kind: StoreKind = .memory) throws -> TestEngine {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    return desk
  }

  @Test(arguments: StoreKind.allCases) func aCallGoesOutAndItsResultComesBack(_ kind: StoreKind) throws {
    let desk = try charging(kind)
    #expect(desk.urls == ["http://pay/t1"])
    let request = try desk.end(.done("paid"))
    #expect(request.idempotencyKey.hasPrefix("n1/Task/t1/1-") && request.attempt == 1)
    #expect(desk.state("Task", "t1") == "carving")
    #expect(try desk.data("Task", "t1")["receipt"] == "paid")
    #expect(try desk.store.job(id: 1) == nil)
  }

  @Test(arguments: StoreKind.allCases) func whatWasUnderWayGoesOutAgainAfterACrash(_ kind: StoreKind) throws {
    let desk = try charging(kind)
    let first = desk.out[0].request
    try desk.restart()
    #expect(desk.urls == ["http://pay/t1"])
    #expect(desk.out[0].request.idempotencyKey == first.idempotencyKey)
    try desk.end(.done("paid"))
    #expect(desk.state("Task", "t1") == "carving")
  }

  @Test(arguments: StoreKind.allCases) func triesAreSpentAndThenItHasFailed(_ kind: StoreKind) throws {
    let desk = try charging(kind)
    var attempts: [Int] = []
    // Without chance the whole backoff is waited: 1 s, then 2 s.
    for wait in [1000, 2000] as [Int64] {
      attempts.append(try desk.end(.status(503, message: "busy", retryAfterMilliseconds: nil)).attempt)
      desk.wait(wait - 1)
      #expect(desk.out.isEmpty, "not early")
      desk.wait(1)
      #expect(desk.out.count == 1)
    }
    try desk.restart()
    attempts.append(try desk.end(.unreachable("nobody there")).attempt)
    #expect(attempts == [1, 2, 3])
    #expect(desk.state("Task", "t1") == "broken")
    let failed = desk.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(failed?["code"] == "UNAVAILABLE")
    #expect(failed?["attempts"] == 3)
    #expect(desk.kinds(.dead).isEmpty, "a reaction has taken the failure")
  }

  @Test(
    arguments: [
      (.status(422, message: "", retryAfterMilliseconds: nil), "BROKEN"),
      (.status(404, message: "no", retryAfterMilliseconds: nil), "HTTP_404"),
      (.impossible(code: "BAD_REQUEST", message: ""), "BAD_REQUEST"), (.failed(code: "BROKEN", message: ""), "BROKEN"),
    ] as [(JobOutcome, String)])
  func someFailuresAreFinal(_ outcome: JobOutcome, _ code: String) throws {
    let desk = try charging()
    try desk.end(outcome)
    #expect(desk.state("Task", "t1") == "broken")
    let failed = desk.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(failed?["code"] == .string(code))
  }

  @Test func retryAfterIsHeeded() throws {
    let desk = try charging()
    try desk.end(.status(503, message: "", retryAfterMilliseconds: 60_000))
    desk.wait(59_999)
    #expect(desk.out.isEmpty)
    desk.wait(1)
    #expect(desk.out.count == 1)
  }

  @Test func whatIsPutOffHasNotBeenTried() throws {
    let desk = try charging()
    for _ in 0..<5 {
      #expect(try desk.end(.postponed(500)).attempt == 1)
      desk.wait(499)
      #expect(desk.out.isEmpty, "not early")
      desk.wait(1)
      #expect(desk.out.count == 1)
    }
    try desk.end(.status(503, message: "", retryAfterMilliseconds: nil))
    desk.wait(3000)
    #expect(desk.out.first?.request.attempt == 2)
  }

  @Test(
    arguments: [
      (.reply(422, of: .mail, isTransient: false, message: ""), "BROKEN"),
      (.reply(354, of: .mail, isTransient: false, message: ""), "SMTP_354"),
      (.reply(1, of: .program, isTransient: true, message: ""), "EXIT_1"),
    ] as [(JobOutcome, String)])
  func aReplyHasACodeOfItsOwn(_ outcome: JobOutcome, _ code: String) throws {
    let desk = try charging()
    try desk.end(outcome)
    #expect(desk.state("Task", "t1") == "broken")
    let failed = desk.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(failed?["code"] == .string(code))
  }

  @Test func aResultOfAnotherTypeIsAFailure() throws {
    let desk = try charging()
    try desk.end(.done(["not": "text"]))
    #expect(desk.state("Task", "t1") == "broken")
    let cause = desk.entries.last { $0.kind == .step }?.body["result"]?["failed"]
    #expect(cause?["code"] == "INVALID_RESULT")
  }

  @Test(arguments: StoreKind.allCases) func aCallThatIsLeftIsWithdrawn(_ kind: StoreKind) throws {
    let desk = try charging(kind)
    let late = desk.out.removeFirst().job
    try desk.send("Back", t1)
    #expect(try desk.store.jobs(instance: 1).isEmpty)
    desk.engine.finish(late, .done("too late"))
    desk.turn()
    #expect(desk.state("Task", "t1") == "idle")
    try desk.send("Go", t1)
    #expect(desk.out.count == 1)
    desk.engine.finish(late, .done("too late"))
    desk.turn()
    #expect(desk.state("Task", "t1") == "charging", "an old answer is not taken for a new one")
    try desk.end(.done("paid"))
    #expect(try desk.data("Task", "t1")["receipt"] == "paid")
  }

  @Test func theSameAnswerTwiceCountsOnce() throws {
    let desk = try charging()
    let job = desk.out[0].job
    desk.engine.finish(job, .done("one"))
    desk.engine.finish(job, .done("two"))
    desk.turn()
    #expect(try desk.data("Task", "t1")["receipt"] == "one")
  }

  @Test func aResultIsNotLostWithItsCommit() throws {
    let desk = try charging()
    try desk.memory.nextCommitFails = .unavailable("full")
    try desk.end(.done("paid"))
    #expect(desk.state("Task", "t1") == "charging")
    desk.turn()
    #expect(desk.urls == ["http://pay/t1"])
    try desk.end(.done("paid"))
    #expect(desk.state("Task", "t1") == "carving")
  }

  @Test(arguments: StoreKind.allCases) func aResultThatCannotBeTakenIsKept(_ kind: StoreKind) throws {
    let desk = try charging(kind)
    try desk.send("Poke", ["id": "t1", "room": 0])
    try desk.end(.done("paid"))
    #expect(desk.state("Task", "t1") == "charging")
    #expect(desk.kinds(.incident).count == 1)
    #expect(try desk.row("Task", "t1").incident.isEmpty == false)
    try desk.restart()
    #expect(desk.out.isEmpty, "the work is done and is not done again")
    try desk.send("Poke", ["id": "t1", "room": 1])
    desk.wait(300_000)
    #expect(desk.out.isEmpty)
    #expect(desk.state("Task", "t1") == "carving")
    #expect(try desk.row("Task", "t1").incident.isEmpty)
  }

  @Test func workThatIsForgottenOutlivesItsInstance() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Close", t1)
    try desk.restart()
    #expect(desk.urls == ["http://note/t1"])
    try desk.end(.unreachable(""))
    desk.wait(1000)
    try desk.end(.unreachable(""))
    #expect(desk.kinds(.dead).count == 1)
    #expect(try desk.memory.dead.count == 1)
  }

  @Test func whatCannotBeBoundIsTriedAndThenDead() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    desk.wait(3_600_000)
    #expect(desk.state("Task", "t1") == "expired")
    #expect(desk.out.isEmpty)
    #expect(desk.kinds(.dead).first?.body["message"]?.string?.contains("NOT_SET") == true)
  }

  @Test func noMoreAreUnderWayThanThereIsRoomFor() throws {
    let desk = try TestEngine()
    for index in 0..<(Engine.maximumInFlight + 20) {
      let id: JSON = ["id": .string("x\(index)")]
      _ = desk.engine.submit(EventCommand(event: "Begin", payload: id))
      _ = desk.engine.submit(EventCommand(event: "Go", payload: id))
    }
    desk.turn()
    #expect(desk.out.count == Engine.maximumInFlight)
    for _ in 0..<30 { try desk.end(.done("paid")) }
    #expect(desk.out.count == Engine.maximumInFlight - 10)
    #expect(Set(desk.urls).count == desk.urls.count)
  }
}

/// Work that is done at most once for a key.
@Suite struct OnceTests {
  @Test(arguments: StoreKind.allCases) func whoeverAsksForTheSameGetsTheSameResult(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    for id in ["a", "b", "c"] { try desk.send("Ask", ["id": .string(id), "what": "w"]) }
    #expect(desk.urls == ["http://pay/w"])
    try desk.restart()
    #expect(desk.urls == ["http://pay/w"])
    #expect(try desk.end(.done("paid")).idempotencyKey.hasPrefix("n1/once/charge/w/0-"))
    for id in ["a", "b", "c"] { #expect(try desk.data("Shared", id)["answer"] == "paid") }
    try desk.send("Again", ["id": "b"])
    #expect(desk.out.isEmpty && desk.state("Shared", "b") == "answered", "the result is known")
    try desk.send("Ask", ["id": "d", "what": "w"])
    #expect(try desk.data("Shared", "d")["answer"] == "paid")
    try desk.send("Ask", ["id": "e", "what": "other"])
    #expect(desk.urls == ["http://pay/other"])
  }

  @Test(arguments: StoreKind.allCases) func aFailureIsNoResult(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    for id in ["a", "b"] { try desk.send("Ask", ["id": .string(id), "what": "w"]) }
    try desk.end(.status(422, message: "", retryAfterMilliseconds: nil))
    #expect(desk.state("Shared", "a") == "lost")
    #expect(desk.state("Shared", "b") == "asking", "it does the work itself")
    #expect(desk.urls == ["http://pay/w"])
    try desk.send("Again", ["id": "a"])
    #expect(desk.urls == ["http://pay/w"], "and the other one waits for it")
    try desk.end(.done("paid"))
    for id in ["a", "b"] { #expect(try desk.data("Shared", id)["answer"] == "paid") }
  }

  @Test("a suspended instance does not hold up others that wait for the same work", arguments: StoreKind.allCases)
  func suspendedHolder(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Ask", ["id": "a", "what": "w"])
    try desk.end(.unreachable("busy"))
    _ = desk.engine.operate(OperatorCommand(.suspend, flow: "Shared", key: "a"))
    desk.wait(10_000)
    #expect(desk.out.isEmpty)
    try desk.send("Ask", ["id": "b", "what": "w"])
    #expect(desk.urls == ["http://pay/w"])
    try desk.restart()
    try desk.end(.done("paid"))
    #expect(try desk.data("Shared", "b")["answer"] == "paid")
    _ = desk.engine.operate(OperatorCommand(.resume, flow: "Shared", key: "a"))
    desk.turn()
    #expect(desk.out.isEmpty, "the work is done once")
    #expect(try desk.data("Shared", "a")["answer"] == "paid")
  }

  @Test("when the holder is suspended while others wait, one of them does the work")
  func holderIsSuspendedLater() throws {
    let desk = try TestEngine()
    for id in ["a", "b"] { try desk.send("Ask", ["id": .string(id), "what": "w"]) }
    try desk.end(.unreachable("busy"))
    _ = desk.engine.operate(OperatorCommand(.suspend, flow: "Shared", key: "a"))
    desk.wait(10_000)
    desk.turn()
    #expect(desk.urls == ["http://pay/w"])
    try desk.end(.done("paid"))
    #expect(try desk.data("Shared", "b")["answer"] == "paid")
  }
}

/// Work that outside programs claim.
@Suite struct WorkerTests {
  private func carving(_ kind: StoreKind) throws -> TestEngine {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    try desk.end(.done("paid"))
    return desk
  }

  private func claim(_ desk: TestEngine) throws -> [ClaimedJob] {
    let jobs = try desk.engine.claim(ClaimRequest(queue: "hands", limit: 5, leaseMilliseconds: 5000)).get()
    desk.turn()
    return jobs
  }

  @Test(arguments: StoreKind.allCases) func aJobIsClaimedByOneAndEndedByIt(_ kind: StoreKind) throws {
    let desk = try carving(kind)
    #expect(try desk.engine.claim(ClaimRequest(queue: "feet", limit: 5, leaseMilliseconds: 5000)).get().isEmpty)
    let job = try #require(try claim(desk).first)
    #expect(job.arguments == ["id": "t1"] && job.attempt == 1 && job.fence == 1)
    #expect(job.idempotencyKey.hasPrefix("n1/Task/t1/2-"))
    #expect(try claim(desk).isEmpty)
    try desk.restart()
    #expect(try claim(desk).isEmpty, "the lease outlives a crash")
    desk.wait(4000)
    #expect(try desk.engine.heartbeat(job.id, fence: 1, leaseMilliseconds: 5000).get() == desk.world.now() + 5000)
    desk.turn()
    desk.wait(4000)
    try desk.engine.finish(job.id, fence: 1, outcome: .done(7)).get()
    desk.turn()
    #expect(try desk.data("Task", "t1")["count"] == 7)
    #expect(throws: EngineProblem.self) { try desk.engine.finish(job.id, fence: 1, outcome: .done(8)).get() }
    try desk.restart()
    try desk.engine.finish(job.id, fence: 1, outcome: .done(7)).get()
    #expect(try desk.data("Task", "t1")["count"] == 7, "the same report gets the same answer, and changes nothing")
  }

  @Test("a lease that ends is an attempt, without another claim", arguments: StoreKind.allCases)
  func leaseEndsByItself(_ kind: StoreKind) throws {
    let desk = try carving(kind)
    for _ in 1...2 {
      #expect(try claim(desk).count == 1)
      try desk.restart()
      #expect(desk.engine.nextDue == desk.world.now() + 5000)
      desk.wait(5000)
      desk.wait(1000)
    }
    #expect(desk.state("Task", "t1") == "broken", "both attempts are spent")
    #expect(desk.engine.nextDue == nil)
  }

  @Test("a worker's attempt ends with the timeout of the action, whatever its heartbeats say")
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

  @Test("a worker fails only with codes that the flow can know")
  func workerCodes() throws {
    let desk = try carving(.memory)
    let job = try #require(try claim(desk).first)
    let result = desk.engine.finish(job.id, fence: 1, outcome: .failed(code: "OOPS", message: ""))
    guard case .failure(.invalidPayload(let problems)) = result else { return #expect(Bool(false), "\(result)") }
    #expect(problems.map(\.pointer) == ["/code"])
    #expect(problems.first?.message.contains("`LOST`") == true)
    try desk.engine.finish(job.id, fence: 1, outcome: .failed(code: "UNAVAILABLE", message: "")).get()
  }

  @Test(arguments: StoreKind.allCases) func aLeaseThatLapsesIsATry(_ kind: StoreKind) throws {
    let desk = try carving(kind)
    let first = try #require(try claim(desk).first)
    desk.wait(5000)
    #expect(throws: EngineProblem.self) { try desk.engine.finish(first.id, fence: 1, outcome: .done(7)).get() }
    #expect(try claim(desk).isEmpty, "it rests before its next try")
    desk.wait(1000)
    let second = try #require(try claim(desk).first)
    #expect(second.id == first.id && second.fence == 2 && second.attempt == 2)
    #expect(throws: EngineProblem.self) { try desk.engine.finish(first.id, fence: 1, outcome: .done(7)).get() }
    #expect(throws: EngineProblem.self) { try desk.engine.heartbeat(first.id, fence: 1, leaseMilliseconds: 1).get() }
    desk.wait(5000)
    #expect(try claim(desk).isEmpty)
    #expect(desk.state("Task", "t1") == "broken", "its tries are spent")
  }

  @Test func aWorkerSaysThatItFailed() throws {
    let desk = try carving(.memory)
    for fence in 1...2 {
      let job = try #require(try claim(desk).first)
      try desk.engine.finish(job.id, fence: fence, outcome: .failed(code: "LOST", message: "slipped")).get()
      desk.turn()
      desk.wait(1000)
    }
    #expect(desk.state("Task", "t1") == "broken")
  }

  @Test func twoClaimsInOneBatchGetDifferentJobs() throws {
    let desk = try carving(.memory)
    for event in ["Begin", "Go"] { try desk.send(event, ["id": "t2"]) }
    try desk.end(.done("paid"))
    let one = try desk.engine.claim(ClaimRequest(queue: "hands", limit: 1, leaseMilliseconds: 5000)).get()
    let two = try desk.engine.claim(ClaimRequest(queue: "hands", limit: 1, leaseMilliseconds: 5000)).get()
    #expect(one.count == 1 && two.count == 1 && one[0].id != two[0].id)
  }
}

/// Timers: never early, in order, once.
@Suite struct TimerTests {
  @Test(arguments: StoreKind.allCases) func aTimerFiresOnceAndNotEarly(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    desk.wait(3_599_999)
    #expect(desk.state("Task", "t1") == "idle")
    try desk.restart()
    #expect(desk.engine.nextDue == desk.world.now() + 1)
    desk.wait(1)
    #expect(desk.state("Task", "t1") == "expired")
    #expect(try desk.store.dueTimers(at: .max, limit: 9).isEmpty)
  }

  @Test func aTimerOfAStateThatWasLeftIsGone() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    #expect(try desk.memory.timers.isEmpty)
    desk.wait(3_600_000)
    try desk.send("Back", t1)
    desk.wait(3_599_999)
    #expect(desk.state("Task", "t1") == "idle", "the wait begins anew")
  }

  @Test(arguments: StoreKind.allCases) func whatWasMissedCollapses(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Tick", ["id": "b"])
    for _ in 0..<3 { desk.wait(10_000) }
    #expect(try desk.data("Bell", "b")["rings"] == 3)
    desk.world.advance(95_000)
    try desk.restart()
    #expect(try desk.data("Bell", "b")["rings"] == 4)
    desk.wait(4999)
    #expect(try desk.data("Bell", "b")["rings"] == 4)
    desk.wait(1)
    #expect(try desk.data("Bell", "b")["rings"] == 5, "counted from when it was due")
  }

  @Test func manyFireInTheOrderInWhichTheyAreDue() throws {
    let desk = try TestEngine()
    for index in 0..<5 {
      try desk.send("Begin", ["id": .string("t\(index)")])
      desk.world.advance(10)
    }
    desk.wait(3_600_000)
    let fired = desk.kinds(.step).filter { $0.body["timer"] != nil }.map(\.key)
    #expect(fired == ["t0", "t1", "t2", "t3", "t4"])
  }

  @Test func aTimerIsNotLostWithItsCommit() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.memory.nextCommitFails = .unavailable("full")
    desk.wait(3_600_000)
    #expect(desk.state("Task", "t1") == "idle")
    desk.turn()
    #expect(desk.state("Task", "t1") == "expired")
  }
}
