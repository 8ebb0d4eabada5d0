import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

private let t1: JSON = ["id": "t1"]

/// What people do to instances: each deed holds once it is committed, and stands in the journal.
@Suite struct OperateTests {
  private func operate(
    _ desk: TestEngine, _ action: OperatorCommand.Action, _ key: String = "t1"
  ) throws(EngineProblem) -> OperatorAnswer {
    var command = OperatorCommand(action, flow: "Task", key: key, reason: "a test")
    command.caller = Caller(id: "ann")
    let result = desk.engine.operate(command)
    desk.turn()
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

  @Test(arguments: StoreKind.allCases) func cancellingEndsItAndWithdrawsItsWork(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    #expect(desk.out.count == 1)
    let answer = try operate(desk, .cancel)
    #expect(answer.status == .cancelled && answer.revision == 3)
    #expect(try desk.row("Task", "t1").status == .cancelled)
    #expect(try desk.store.jobs(instance: 1).isEmpty)
    let entry = try #require(desk.entries.last)
    #expect(entry.body["operator"]?["by"] == "ann" && entry.body["operator"]?["reason"] == "a test")
    #expect(entry.body["status"] == "cancelled")
    try desk.restart()
    #expect(problem { () throws(EngineProblem) in try desk.send("Poke", t1) } == "refused")
    #expect(problem { () throws(EngineProblem) in _ = try operate(desk, .cancel) } == "notPossible")
    #expect(try desk.send("Begin", t1).created, "its key may begin again")
  }

  @Test(arguments: StoreKind.allCases) func aSuspendedInstanceStandsStill(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    #expect(try operate(desk, .suspend).status == .suspended)
    #expect(problem { () throws(EngineProblem) in try desk.send("Go", t1) } == "suspended")
    try desk.restart()
    desk.wait(2 * 3_600_000)
    #expect(desk.state("Task", "t1") == "idle", "its timer waits")
    #expect(desk.engine.nextDue == nil, "and nobody asks for it")
    #expect(try operate(desk, .resume).status == .running)
    desk.turn()
    #expect(desk.state("Task", "t1") == "expired", "what was due while it stood still comes at once")
  }

  @Test(arguments: StoreKind.allCases) func theResultOfASuspendedCallIsKept(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    _ = try operate(desk, .suspend)
    try desk.end(.done("r1"))
    #expect(desk.state("Task", "t1") == "charging")
    try desk.restart()
    #expect(try operate(desk, .resume).detail == "1 job goes out again")
    desk.turn()
    #expect(desk.state("Task", "t1") == "carving")
    #expect(try desk.data("Task", "t1")["receipt"] == "r1")
  }

  @Test func aSuspendedInstanceSendsNothingOut() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    try desk.end(.unreachable("lost"))
    _ = try operate(desk, .suspend)
    desk.wait(60_000)
    #expect(desk.out.isEmpty)
    _ = try operate(desk, .resume)
    #expect(desk.out.count == 1)
  }

  /// Found by the simulation.
  @Test func cancellingASuspendedInstanceLetsItsOtherWorkGoOut() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Close", t1)
    try desk.end(.unreachable("lost"))
    try desk.send("Begin", t1)
    _ = try operate(desk, .suspend)
    desk.wait(60_000)
    #expect(desk.out.isEmpty)
    _ = try operate(desk, .cancel)
    #expect(desk.urls == ["http://note/t1"])
  }

  @Test func retryingDoesNotWaitForTheBackoff() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    try desk.end(.unreachable("lost"))
    #expect(desk.out.isEmpty)
    #expect(try operate(desk, .retry).detail == "1 job goes out again")
    #expect(desk.out.count == 1)
  }

  @Test(arguments: StoreKind.allCases) func aDeadLetterTellsEachTryAndGoesOutAgain(_ kind: StoreKind) throws {
    let desk = try TestEngine(kind)
    try desk.send("Begin", t1)
    try desk.send("Close", t1)
    let first = try desk.end(.status(503, message: "busy", retryAfterMilliseconds: nil))
    desk.wait(1000)
    try desk.end(.unreachable("cut off"))
    let dead = try #require(try desk.store.dead(id: 1))
    let tries = try JSON(parsing: dead.job.failures).array ?? []
    #expect(tries.compactMap { $0["outcome"]?.string } == ["status 503: busy", "cut off"])
    try desk.restart()
    try desk.engine.redrive(1, reason: "the callee is back").get()
    desk.turn()
    #expect(try desk.store.dead(id: 1) == nil)
    #expect(desk.out.map(\.request.idempotencyKey) == [first.idempotencyKey], "the same work, and the callee can tell")
    try desk.end(.done(.null))
    #expect(try desk.store.jobs(instance: 1).isEmpty)
    #expect(throws: EngineProblem.self) { try desk.engine.redrive(1).get() }
  }

  @Test func redrivingWhatASuspendedInstanceWaitsForLosesNothing() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Go", t1)
    _ = try operate(desk, .suspend)
    try desk.end(.status(422, message: "", retryAfterMilliseconds: nil))
    #expect(try desk.store.dead(id: 1) == nil, "a reaction may still take the failure")
    _ = try operate(desk, .resume)
    desk.turn()
    #expect(desk.state("Task", "t1") == "broken")
    #expect(try desk.memory.dead.isEmpty)
  }

  @Test("a dead letter is closed with a reason", arguments: DeadLetterClosing.allCases)
  func closing(_ closing: DeadLetterClosing) throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.send("Close", t1)
    for _ in 0..<2 {
      try desk.end(.unreachable("lost"))
      desk.wait(1000)
    }
    let id = try #require(try desk.memory.dead.keys.first)
    #expect(throws: EngineProblem.self) { try desk.engine.close(id, closing, reason: "").get() }
    try desk.engine.close(id, closing, reason: "by hand").get()
    desk.turn()
    #expect(try desk.memory.dead.isEmpty)
    #expect(desk.entries.last?.body["operator"]?["action"] == nil)
    #expect(desk.entries.last?.body["action"] == .string(closing.rawValue))
    #expect(desk.entries.last?.body["reason"] == "by hand")
    #expect(throws: EngineProblem.self) { try desk.engine.close(id, closing, reason: "again").get() }
  }

  @Test func aWrongRevisionOrADryRunChangesNothing() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    var command = OperatorCommand(.cancel, flow: "Task", key: "t1")
    command.ifMatch = 7
    #expect(problem { () throws(EngineProblem) in _ = try desk.engine.operate(command).get() } == "revisionMismatch")
    command.ifMatch = 1
    command.isDryRun = true
    #expect(try desk.engine.operate(command).get().detail == "would be cancelled")
    desk.turn()
    #expect(try desk.row("Task", "t1").revision == 1)
    #expect(problem { () throws(EngineProblem) in _ = try operate(desk, .cancel, "nobody") } == "notFound")
  }

  @Test func whatDidNotCommitDidNotHappen() throws {
    let desk = try TestEngine()
    try desk.send("Begin", t1)
    try desk.memory.nextCommitFails = .unavailable("no luck")
    _ = try operate(desk, .suspend)
    #expect(try desk.row("Task", "t1").status == .running)
    #expect(try desk.send("Poke", t1).disposition == .applied)
  }
}
