import FlowIR
import FlowJSON
import FlowRuntime
import FlowStoreSQLite
import Testing

/// Messages of brokers at the engine.
@Suite("Messages of queues") struct MessageTests {
  private static let text = """
    event Order from amqp "orders" { id: string  n: int }
    event Close { id: string }

    flow Sum {
      key id
      data { id: string  last: int = 0  count: int = 0  who: string }
      start on Order -> open do { id = event.id  last = event.n  count = 1  who = caller.id }
      state open {
        on Order when event.n > last do { last = event.n  count = count + 1 }
        on Close -> closed
      }
      final closed
    }
    """

  private static let queue = BrokerQueue(broker: .amqp, name: "orders")

  private func message(_ body: String, id: String?) -> BrokerMessage {
    BrokerMessage(queue: MessageTests.queue, event: "Order", identifier: id, body: Array(body.utf8))
  }

  private func receive(_ engine: TestEngine, _ messages: [BrokerMessage]) -> [MessageOutcome] {
    let outcomes = engine.engine.receive(messages) { ($0.name, "\($0.name)") }
    engine.turn()
    return outcomes
  }

  @Test("messages are applied in their order, and each once", arguments: StoreKind.allCases)
  func order(_ kind: StoreKind) throws {
    let engine = try TestEngine(kind, text: MessageTests.text)
    let messages = (1...5).map { message(#"{"id": "a", "n": \#($0), "extra": [1]}"#, id: "m\($0)") }
    #expect(receive(engine, Array(messages.prefix(3))) == Array(repeating: .accepted(isReplayed: false), count: 3))
    try engine.restart()
    let again = receive(engine, messages)
    #expect(again.map { $0 == .accepted(isReplayed: true) } == [true, true, true, false, false])
    #expect(try engine.data("Sum", "a")["count"] == 5)
    #expect(try engine.data("Sum", "a")["last"] == 5)
  }

  @Test("the sender of a message is its broker, without a role") func caller() throws {
    let engine = try TestEngine(text: MessageTests.text)
    _ = receive(engine, [message(#"{"id": "a", "n": 1}"#, id: "m1")])
    #expect(try engine.data("Sum", "a")["who"] == "amqp")
    var command = EventCommand(event: "Order", payload: ["id": "b", "n": 1])
    command.idempotencyKey = "m1"
    #expect(try engine.engine.submit(command).get().replayed == false, "keys of a queue are its own")
  }

  @Test("a refused message is a dead letter, and the rest continues", arguments: StoreKind.allCases)
  func deadLetters(_ kind: StoreKind) throws {
    let engine = try TestEngine(kind, text: MessageTests.text)
    let outcomes = receive(
      engine,
      [
        message(#"{"id": "a", "n": 5}"#, id: "m1"), message("{", id: "m2"), message(#"{"id": "a", "n": 4}"#, id: "m3"),
        message(#"{"id": "a"}"#, id: nil), message(#"{"id": "a", "n": 6}"#, id: "m4"),
      ])
    let codes = outcomes.map { if case .refused(let code, _) = $0 { code } else { "" } }
    #expect(codes == ["", "invalid-json", "refused", "invalidPayload", ""])
    let invalid = try #require(try engine.store.dead(id: 1))
    #expect(invalid.job.messageQueue == MessageTests.queue && invalid.job.once == "m2")
    #expect(String(decoding: invalid.job.arguments, as: UTF8.self) == #"{"text":"{"}"#)
    let early = try #require(try engine.store.dead(id: 2))
    #expect(early.code == "refused" && early.job.action == "Order")
    #expect(try JSON(parsing: early.job.arguments) == ["id": "a", "n": 4])
    #expect(try engine.data("Sum", "a")["last"] == 6)
  }

  @Test("the message of a dead letter is delivered again", arguments: StoreKind.allCases)
  func redrive(_ kind: StoreKind) throws {
    let engine = try TestEngine(kind, text: MessageTests.text)
    _ = receive(engine, [message("no", id: "m1"), message(#"{"id": "a", "n": 5}"#, id: "m2")])
    _ = receive(engine, [message(#"{"id": "a", "n": 4}"#, id: "m3")])
    #expect(throws: EngineProblem.self) { try engine.engine.redrive(1).get() }
    #expect(throws: EngineProblem.self) { try engine.engine.redrive(2).get() }
    #expect(try engine.store.dead(id: 2) != nil, "it is refused again")
    try engine.send("Close", ["id": "a"])
    try engine.engine.close(1, .dismiss, reason: "no payload").get()
    engine.turn()
    #expect(try engine.store.dead(id: 1) == nil)
    #expect(try engine.store.dead(id: 2) != nil)
  }

  @Test("a message that is redriven when its instance accepts it has its effect") func redriveLater() throws {
    let engine = try TestEngine(text: MessageTests.text)
    _ = receive(engine, [message(#"{"id": "a", "n": 1}"#, id: "m1")])
    _ = try engine.engine.operate(OperatorCommand(.suspend, flow: "Sum", key: "a")).get()
    engine.turn()
    let outcomes = receive(engine, [message(#"{"id": "a", "n": 2}"#, id: "m2")])
    #expect(outcomes == [.refused(code: "suspended", message: "suspended")])
    _ = try engine.engine.operate(OperatorCommand(.resume, flow: "Sum", key: "a")).get()
    engine.turn()
    let id = try #require(try engine.memory.dead.keys.first)
    try engine.engine.redrive(id).get()
    engine.turn()
    #expect(try engine.memory.dead.isEmpty)
    #expect(try engine.data("Sum", "a")["last"] == 2)
    #expect(receive(engine, [message(#"{"id": "a", "n": 2}"#, id: "m2")]) == [.accepted(isReplayed: true)])
  }

  /// A dead letter of a message, and positions of publications.
  static var outsideOfInstances: StoreBatch {
    var batch = StoreBatch()
    let job = JobRow(
      id: 901, instance: 0, revision: 0, number: 0, action: "Order", queue: "redis orders", call: nil, once: "m7",
      due: .at(1), origin: 901, arguments: Array(#"{"id":"a"}"#.utf8))
    batch.dead = [DeadRow(job: job, at: 1, code: "gone", message: "it has ended")]
    batch.lastJob = 901
    batch.cursors = ["screens": 3, "the buffer*": 4]
    return batch
  }

  @Test("the file keeps dead letters of messages and positions of publications") func rows() throws {
    let folder = try Folder()
    var store: SQLiteStore? = try SQLiteStore(path: folder.path)
    try store?.commit(MessageTests.outsideOfInstances)
    store = nil
    let queries = try SQLiteQueries(path: folder.path)
    #expect(try queries.cursors() == ["screens": 3, "the buffer*": 4])
    let letter = try #require(try queries.deadLetters(flow: nil, after: 0, limit: 9).first)
    #expect(letter.flow.isEmpty && letter.key.isEmpty && letter.row.code == "gone")
    #expect(letter.row.job.messageQueue == BrokerQueue(broker: .redis, name: "orders"))
    #expect(try queries.deadLetters(flow: "Sum", after: 0, limit: 9).isEmpty)
    let ofQueue = try queries.deadLetters(flow: "Sum", queues: ["amqp x", "redis orders"], after: 0, limit: 9)
    #expect(ofQueue.map(\.row.job.id) == [901])
    #expect(try queries.deadLetters(flow: "Sum", queues: ["amqp orders"], after: 0, limit: 9).isEmpty)
    #expect(try StoreFile.check(folder.path) == [])
  }

  @Test("of the refused messages the newest are kept", arguments: StoreKind.allCases)
  func limit(_ kind: StoreKind) throws {
    let engine = try TestEngine(kind, text: MessageTests.text)
    let size = 500
    for page in 0...(Engine.maximumDeadMessages / size) {
      _ = receive(engine, (0..<size).map { message("no JSON", id: "m\(page * size + $0)") })
    }
    try engine.restart()
    var kept = try engine.store.deadMessages()
    #expect(kept == Array(Int64(size + 1)...Int64(size + Engine.maximumDeadMessages)))
    try engine.engine.close(kept[0], .dismiss, reason: "seen").get()
    engine.turn()
    _ = receive(engine, [message("no JSON", id: "one more")])
    kept = try engine.store.deadMessages()
    #expect(kept.count == Engine.maximumDeadMessages && kept.first == Int64(size + 2), "a closed one has made room")
  }

  @Test("a message that is too long is refused with its start") func longBody() throws {
    let engine = try TestEngine(text: MessageTests.text)
    let body = #"{"id": ""# + String(repeating: "x", count: BrokerMessage.maximumBody) + #""}"#
    guard case .refused("payload-too-large", _)? = receive(engine, [message(body, id: "m1")]).first else {
      return #expect(Bool(false))
    }
    #expect(try #require(try engine.store.dead(id: 1)).job.arguments.count < 5000)
  }
}
