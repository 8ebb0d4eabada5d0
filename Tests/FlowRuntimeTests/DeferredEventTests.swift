import FlowJSON
import FlowMachine
import FlowRuntime
import Testing

@testable import FlowStoreSQLite

/// Deferred events that have no effect are in the history, with the reason.
@Suite struct DeferredEventTests {
  private static let text = """
    event Begin { id: string }
    event Work { id: string  n: int = 0 }
    event Note { id: string }
    event Go { id: string }
    event Stop { id: string }
    flow Desk {
      key id
      data { id: string  total: int = 0 }
      start on Begin -> waiting do id = event.id
      on Stop -> over
      state waiting {
        defer Work, Note
        on Go -> working
      }
      state working {
        on Work when event.n > 0 do total = total + event.n
        on Note do total = 10 / total
      }
      final over
    }
    """

  private let store: any Store
  private let folder: Folder
  private let engine: Engine

  init() throws {
    (store, folder) = try StoreKind.sqlite.make()
    engine = try Engine(machine: TestEngine.make(DeferredEventTests.text).get(), store: store, world: ManualWorld())
    _ = try send("Begin")
  }

  @discardableResult
  private func send(_ event: String, n: Int64? = nil) throws -> [JournalEntry] {
    let members = [JSON.Member("id", "t")] + (n.map { [JSON.Member("n", .int($0))] } ?? [])
    _ = try engine.submit(EventCommand(event: event, payload: .object(members))).get()
    return try engine.commit()
  }

  private func drop(_ event: String? = nil, isDryRun: Bool = false) throws -> OperatorAnswer {
    var command = OperatorCommand(.drop, flow: "Desk", key: "t", reason: "stale", caller: Caller(id: "ann"))
    command.event = event
    command.isDryRun = isDryRun
    return try engine.operate(command).get()
  }

  private var deferred: [String] {
    get throws {
      let row = try #require(try store.instance(flow: "Desk", key: "t"))
      return try JSON(parsing: row.position)["deferred"]?.array?.compactMap { $0["event"]?.string } ?? []
    }
  }

  @Test("a refused one is an entry of its own kind, with the event and the explanation; the step before it stands")
  func refused() throws {
    try send("Work", n: 0)
    try send("Work", n: 5)
    let entries = try send("Go")
    #expect(entries.map(\.kind) == [.step, .refused])
    let refusal = try #require(entries.last?.body)
    #expect(refusal["type"] == "Work" && refusal["data"]?["n"] == 0 && refusal["code"] == "guard-false")
    #expect(refusal["message"]?.string?.contains("no guard holds") == true)
    let verdict = try #require(refusal["explanation"]?.array?.first)
    #expect(verdict["verdict"] == "guard is false" && verdict["guard"]?["expression"] == "event.n > 0")
    let row = try #require(try store.instance(flow: "Desk", key: "t"))
    #expect(try JSON(parsing: row.data)["total"] == 5)
    #expect(try deferred.isEmpty)
  }

  @Test("one that fails is refused alone") func failed() throws {
    try send("Note")
    let entries = try send("Go")
    #expect(entries.map(\.kind) == [.step, .refused])
    #expect(entries.last?.body["code"] == "evaluation-failed")
    #expect(entries.first?.body["to"] == ["working"])
  }

  @Test("the end of the flow leaves an entry for each") func ended() throws {
    try send("Work", n: 1)
    try send("Note")
    let entries = try send("Stop")
    #expect(entries.map(\.kind) == [.step, .refused, .refused])
    #expect(entries.dropFirst().map { $0.body["code"] } == ["ended", "ended"])
    #expect(entries.dropFirst().map { $0.body["type"] } == ["Work", "Note"])
  }

  @Test("the cancellation by an operator leaves an entry for each") func cancelled() throws {
    try send("Work", n: 1)
    _ = try engine.operate(OperatorCommand(.cancel, flow: "Desk", key: "t")).get()
    #expect(try engine.commit().map(\.kind) == [.step, .refused])
  }

  @Test("an operator drops all of them, or those of one name") func dropped() throws {
    for _ in 0..<3 { try send("Work", n: 1) }
    try send("Note")
    #expect(try drop(isDryRun: true).detail == "4 deferred events would be dropped")
    #expect(try engine.commit().isEmpty)
    let answer = try drop("Work")
    #expect(answer.detail == "3 deferred events dropped" && answer.revision == 6)
    let entries = try engine.commit()
    #expect(entries.map(\.kind) == [.step, .refused, .refused, .refused])
    let cause = entries.first?.body["operator"]
    #expect(cause?["action"] == "drop" && cause?["by"] == "ann" && cause?["reason"] == "stale")
    #expect(cause?["event"] == "Work")
    #expect(entries.last?.body["code"] == "dropped" && entries.last?.body["data"]?["n"] == 1)
    #expect(try deferred == ["Note"])
    #expect(throws: EngineProblem.self) { try drop("Work") }
    #expect(throws: EngineProblem.self) { try drop("Wrok") }
    #expect(try drop().detail == "1 deferred event dropped")
    _ = try engine.commit()
    #expect(try deferred.isEmpty)
    #expect(try send("Go").map(\.kind) == [.step])
  }

  @Test("a suspended instance stays suspended") func droppedWhileSuspended() throws {
    try send("Work", n: 1)
    _ = try engine.operate(OperatorCommand(.suspend, flow: "Desk", key: "t")).get()
    #expect(try drop().status == .suspended)
    _ = try engine.commit()
    #expect(try store.instance(flow: "Desk", key: "t")?.status == .suspended)
    #expect(try deferred.isEmpty)
  }

  @Test("the 65th is refused, and the store is sound") func limit() throws {
    for _ in 0..<Stepper.maximumDeferred { try send("Work", n: 1) }
    let result = engine.submit(EventCommand(event: "Work", payload: ["id": "t", "n": 1]))
    guard case .failure(.refused(let refusal, _)) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(refusal.code == "too-many-deferred")
    #expect(try StoreFile.check(folder.path) == [])
  }
}
