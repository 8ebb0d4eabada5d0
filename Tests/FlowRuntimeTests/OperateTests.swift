import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

private let t1: JSON = ["id": "t1"]

/// Operator actions are durable once committed, and recorded in the journal.
@Suite("Operator actions") struct OperateTests {
  private func operate(
    _ fixture: TestEngine, _ action: OperatorCommand.Action, _ key: String = "t1"
  ) throws(EngineProblem) -> OperatorAnswer {
    var command = OperatorCommand(action, flow: "Task", key: key, reason: "a test")
    command.caller = Caller(id: "ann")
    let result = fixture.engine.operate(command)
    fixture.turn()
    return try result.get()
  }

  private func problem(_ body: () throws(EngineProblem) -> Void) -> String {
    do throws(EngineProblem) {
      try body()
      return "none"
    } catch {
      return error.name
    }
  }

  @Test(
    "cancelling ends the instance, withdraws its jobs and is recorded in the journal",
    arguments: StoreKind.allCases) func cancel(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    #expect(fixture.out.count == 1)
    let answer = try operate(fixture, .cancel)
    #expect(answer.status == .cancelled && answer.revision == 3)
    #expect(try fixture.row("Task", "t1").status == .cancelled)
    #expect(try fixture.store.jobs(instance: 1).isEmpty)
    let entry = try #require(fixture.entries.last)
    #expect(entry.body["operator"]?["by"] == "ann" && entry.body["operator"]?["reason"] == "a test")
    #expect(entry.body["status"] == "cancelled")
    try fixture.restart()
    #expect(problem { () throws(EngineProblem) in try fixture.send("Poke", t1) } == "refused")
    #expect(problem { () throws(EngineProblem) in _ = try operate(fixture, .cancel) } == "notPossible")
    #expect(try fixture.send("Begin", t1).created, "its key can be used again")
  }

  @Test(
    "a suspended instance rejects events and fires no timers until it is resumed",
    arguments: StoreKind.allCases) func suspend(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    #expect(try operate(fixture, .suspend).status == .suspended)
    #expect(problem { () throws(EngineProblem) in try fixture.send("Go", t1) } == "suspended")
    try fixture.restart()
    fixture.wait(2 * 3_600_000)
    #expect(fixture.state("Task", "t1") == "idle", "its timer waits")
    #expect(fixture.engine.nextDue == nil, "it is not scheduled")
    #expect(try operate(fixture, .resume).status == .running)
    fixture.turn()
    #expect(fixture.state("Task", "t1") == "expired", "a timer that was due while it was suspended fires")
  }

  @Test(
    "a result that arrives while the instance is suspended is applied after it is resumed",
    arguments: StoreKind.allCases) func resultWhileSuspended(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    _ = try operate(fixture, .suspend)
    try fixture.end(.done("r1"))
    #expect(fixture.state("Task", "t1") == "charging")
    try fixture.restart()
    #expect(try operate(fixture, .resume).detail == "1 job goes out again")
    fixture.turn()
    #expect(fixture.state("Task", "t1") == "carving")
    #expect(try fixture.data("Task", "t1")["receipt"] == "r1")
  }

  @Test("a suspended instance does not retry its jobs") func retryWhileSuspended() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    try fixture.end(.unreachable("lost"))
    _ = try operate(fixture, .suspend)
    fixture.wait(60_000)
    #expect(fixture.out.isEmpty)
    _ = try operate(fixture, .resume)
    #expect(fixture.out.count == 1)
  }

  /// A regression found by the simulation.
  @Test("cancelling a suspended instance releases the jobs of its earlier runs") func cancelWhileSuspended() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Close", t1)
    try fixture.end(.unreachable("lost"))
    try fixture.send("Begin", t1)
    _ = try operate(fixture, .suspend)
    fixture.wait(60_000)
    #expect(fixture.out.isEmpty)
    _ = try operate(fixture, .cancel)
    #expect(fixture.urls == ["http://note/t1"])
  }

  @Test("retry skips the backoff") func retry() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    try fixture.end(.unreachable("lost"))
    #expect(fixture.out.isEmpty)
    #expect(try operate(fixture, .retry).detail == "1 job goes out again")
    #expect(fixture.out.count == 1)
  }

  @Test(
    "a dead letter lists its attempts and is redriven with the same idempotency key",
    arguments: StoreKind.allCases) func deadLetter(_ kind: StoreKind) throws
  {
    let fixture = try TestEngine(kind)
    try fixture.send("Begin", t1)
    try fixture.send("Close", t1)
    let first = try fixture.end(.status(503, message: "busy", retryAfterMilliseconds: nil))
    fixture.wait(1000)
    try fixture.end(.unreachable("cut off"))
    let dead = try #require(try fixture.store.dead(id: 1))
    let tries = try JSON(parsing: dead.job.failures).array ?? []
    #expect(tries.compactMap { $0["outcome"]?.string } == ["status 503: busy", "cut off"])
    try fixture.restart()
    try fixture.engine.redrive(1, reason: "the callee is back").get()
    fixture.turn()
    #expect(try fixture.store.dead(id: 1) == nil)
    #expect(
      fixture.out.map(\.request.idempotencyKey) == [first.idempotencyKey], "the same work has the same idempotency key")
    try fixture.end(.done(.null))
    #expect(try fixture.store.jobs(instance: 1).isEmpty)
    #expect(throws: EngineProblem.self) { try fixture.engine.redrive(1).get() }
  }

  @Test("a final failure while the instance is suspended reaches its reaction, not the dead letters")
  func finalFailureWhileSuspended() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Go", t1)
    _ = try operate(fixture, .suspend)
    try fixture.end(.status(422, message: "", retryAfterMilliseconds: nil))
    #expect(try fixture.store.dead(id: 1) == nil, "a reaction may still handle the failure")
    _ = try operate(fixture, .resume)
    fixture.turn()
    #expect(fixture.state("Task", "t1") == "broken")
    #expect(try fixture.memory.dead.isEmpty)
  }

  @Test("a dead letter is closed with a reason", arguments: DeadLetterClosing.allCases)
  func closing(_ closing: DeadLetterClosing) throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.send("Close", t1)
    for _ in 0..<2 {
      try fixture.end(.unreachable("lost"))
      fixture.wait(1000)
    }
    let id = try #require(try fixture.memory.dead.keys.first)
    #expect(throws: EngineProblem.self) { try fixture.engine.close(id, closing, reason: "").get() }
    try fixture.engine.close(id, closing, reason: "by hand").get()
    fixture.turn()
    #expect(try fixture.memory.dead.isEmpty)
    #expect(fixture.entries.last?.body["operator"]?["action"] == nil)
    #expect(fixture.entries.last?.body["action"] == .string(closing.rawValue))
    #expect(fixture.entries.last?.body["reason"] == "by hand")
    #expect(throws: EngineProblem.self) { try fixture.engine.close(id, closing, reason: "again").get() }
  }

  @Test("a wrong revision or a dry run changes nothing") func preconditionsAndDryRun() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    var command = OperatorCommand(.cancel, flow: "Task", key: "t1")
    command.ifMatch = 7
    #expect(problem { () throws(EngineProblem) in _ = try fixture.engine.operate(command).get() } == "revisionMismatch")
    command.ifMatch = 1
    command.isDryRun = true
    #expect(try fixture.engine.operate(command).get().detail == "would be cancelled")
    fixture.turn()
    #expect(try fixture.row("Task", "t1").revision == 1)
    #expect(problem { () throws(EngineProblem) in _ = try operate(fixture, .cancel, "nobody") } == "notFound")
  }

  @Test("an action whose commit fails has no effect") func failedCommit() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", t1)
    try fixture.memory.nextCommitFails = .unavailable("no luck")
    _ = try operate(fixture, .suspend)
    #expect(try fixture.row("Task", "t1").status == .running)
    #expect(try fixture.send("Poke", t1).disposition == .applied)
  }
}
