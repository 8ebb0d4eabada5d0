import FlowJSON
import Testing

@testable import FlowRuntime

/// Calls that other nodes of a store run for its owner.
@Suite("Calls of other nodes") struct NodeCallTests {
  private static let text = """
    event Begin { id: string }
    action work(id: string) -> string { http POST "http://work/" + id { body: {"id": id} } timeout 30s retry 2 }
    flow Task {
      key id
      data { id: string  result: string = ""  code: string = "" }
      start on Begin -> going do id = event.id
      state going {
        call work(id: id) as it
        on it.done -> done do result = event.result
        on it.failed -> lost do code = event.code
      }
      final done
      failed lost
    }
    """

  private static let own = 2

  private func start(_ count: Int, _ kind: StoreKind) throws -> TestEngine {
    let fixture = try TestEngine(kind, text: NodeCallTests.text)
    for index in 0..<count {
      _ = fixture.engine.submit(EventCommand(event: "Begin", payload: ["id": .string("t\(index)")]))
    }
    fixture.commit()
    var hasPage = false
    fixture.out += fixture.engine.dispatch(atMost: NodeCallTests.own, hasPage: &hasPage)
    fixture.commit()
    return fixture
  }

  private func claim(
    _ fixture: TestEngine, _ node: String, atMost limit: Int = 10, mayRun: Bool = true
  ) -> [ClaimedCall] {
    let claim = CallClaim(node: node, limit: limit, waitMilliseconds: 0) { _, _ in mayRun }
    let calls = fixture.engine.claimCalls(claim, atMost: limit)
    fixture.commit()
    return calls
  }

  private func report(
    _ fixture: TestEngine, _ node: String, running: [ClaimedCall] = [], done: [ClaimedCall] = [],
    outcome: JobOutcome = .done("from afar")
  ) {
    let results = done.map { CallReport.Result(id: $0.id, fence: $0.fence, outcome: outcome) }
    fixture.engine.accept(CallReport(node: node, running: running.map(\.id), results: results))
    fixture.turn()
  }

  /// One turn as at an owner with nodes.
  private func wait(_ fixture: TestEngine, _ milliseconds: Int64) {
    fixture.world.advance(milliseconds)
    fixture.engine.endLostCalls()
    fixture.turn()
  }

  @Test("a node gets the calls beyond the owner's own, and its results end them", arguments: StoreKind.allCases)
  func results(_ kind: StoreKind) throws {
    let fixture = try start(5, kind)
    #expect(fixture.out.count == NodeCallTests.own)
    let calls = claim(fixture, "n1", atMost: 2)
    #expect(calls.map(\.arguments) == [["id": "t2"], ["id": "t3"]] && calls.map(\.attempt) == [1, 1])
    #expect(fixture.engine.callsOfNodes == ["n1": 2])
    fixture.turn()
    #expect(fixture.out.count == 3, "the owner runs the rest, and no call of a node")
    report(fixture, "n1", running: [calls[1]], done: [calls[0]])
    #expect(try fixture.data("Task", "t2")["result"] == "from afar" && fixture.engine.callsOfNodes == ["n1": 1])
    report(fixture, "n1", done: [calls[1]], outcome: .status(503, message: "", retryAfterMilliseconds: nil))
    #expect(fixture.state("Task", "t3") == "going")
    wait(fixture, 120_000)
    let again = try #require(fixture.out.last?.request)
    #expect(again.attempt == 2 && again.idempotencyKey == calls[1].idempotencyKey)
  }

  @Test("a node without the settings of an action gets none", arguments: StoreKind.allCases)
  func settings(_ kind: StoreKind) throws {
    let fixture = try start(4, kind)
    #expect(claim(fixture, "n1", mayRun: false).isEmpty)
    fixture.turn()
    #expect(fixture.out.map(\.request.attempt) == [1, 1, 1, 1])
  }

  @Test("the calls of a lost node run again under their keys, without counting", arguments: StoreKind.allCases)
  func lostNode(_ kind: StoreKind) throws {
    let fixture = try start(4, kind)
    let calls = claim(fixture, "n1")
    #expect(calls.count == 2)
    wait(fixture, NodeCalls.lostMilliseconds - 1)
    #expect(fixture.out.count == NodeCallTests.own)
    report(fixture, "n1", running: calls)
    wait(fixture, NodeCalls.lostMilliseconds - 1)
    #expect(fixture.out.count == NodeCallTests.own, "it has given a sign of life")
    wait(fixture, 1)
    let again = fixture.out.suffix(2)
    #expect(again.map(\.request.idempotencyKey) == calls.map(\.idempotencyKey))
    #expect(again.map(\.request.attempt) == [1, 1])
    report(fixture, "n1", done: calls)
    #expect(fixture.state("Task", "t2") == "going", "a late result has no effect")
    while !fixture.out.isEmpty { try fixture.end(.done("own")) }
    #expect(try fixture.data("Task", "t3")["result"] == "own")
  }

  @Test("the calls of a node survive the owner; one that no node runs is due again", arguments: StoreKind.allCases)
  func nextOwner(_ kind: StoreKind) throws {
    let fixture = try start(5, kind)
    let calls = claim(fixture, "n1", atMost: 2)
    let others = claim(fixture, "n2", atMost: 1)
    #expect(others.count == 1)
    try fixture.restart()
    #expect(fixture.out.count == NodeCallTests.own, "only those of the former owner run again")
    report(fixture, "n1", running: [calls[1]], done: [calls[0]])
    #expect(try fixture.data("Task", "t2")["result"] == "from afar")
    for _ in 0..<5 {
      wait(fixture, 1000)
      report(fixture, "n1", running: [calls[1]])
    }
    #expect(fixture.out.last?.request.idempotencyKey == others[0].idempotencyKey, "n2 has ended with the owner")
    report(fixture, "n1", done: [calls[1]])
    #expect(try fixture.data("Task", "t3")["result"] == "from afar")
  }

  @Test("a call whose claim was not received is due again", arguments: StoreKind.allCases)
  func lostClaim(_ kind: StoreKind) throws {
    let fixture = try start(3, kind)
    let calls = claim(fixture, "n1")
    report(fixture, "n1")
    #expect(fixture.out.count == NodeCallTests.own, "it may be on its way")
    for _ in 0..<5 {
      wait(fixture, 1000)
      report(fixture, "n1")
    }
    #expect(fixture.out.last?.request.idempotencyKey == calls[0].idempotencyKey)
  }

  @Test("a withdrawn call of a node has no effect, and an operator can't start it twice", arguments: StoreKind.allCases)
  func operators(_ kind: StoreKind) throws {
    let fixture = try start(4, kind)
    let calls = claim(fixture, "n1")
    _ = try fixture.engine.operate(OperatorCommand(.retry, flow: "Task", key: "t2")).get()
    fixture.turn()
    #expect(fixture.out.count == NodeCallTests.own)
    _ = try fixture.engine.operate(OperatorCommand(.cancel, flow: "Task", key: "t3")).get()
    fixture.turn()
    report(fixture, "n1", done: calls)
    #expect(try fixture.data("Task", "t2")["result"] == "from afar")
    #expect(try fixture.data("Task", "t3")["result"] == "")
  }

  @Test("results between nodes are read as they were written")
  func documents() throws {
    let outcomes: [JobOutcome] = [
      .done(["a": 1]), .status(503, message: "m", retryAfterMilliseconds: 5),
      .status(404, message: "", retryAfterMilliseconds: nil),
      .reply(450, of: .mail, isTransient: true, message: "later"), .unreachable("refused"),
      .failed(code: "C", message: "m"), .impossible(code: "C", message: "m"), .postponed(7),
    ]
    let results = outcomes.map { CallReport.Result(id: 1, fence: 2, outcome: $0) }
    let report = CallReport(node: "n", running: [3], results: results)
    let read = try #require(CallReport(JSON(parsing: report.json.bytes())))
    #expect(read.node == "n" && read.running == [3])
    #expect(read.results.map { "\($0)" } == results.map { "\($0)" })
  }
}
