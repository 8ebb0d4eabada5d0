import FlowActions
import FlowIR
import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation
import Testing

@testable import FlowMachine

/// Actions against real brokers and databases. `make test-brokers` installs and runs them.
@Suite("Brokers and databases", .serialized, .enabled(if: BrokerServer.isWanted)) struct BrokerTests {
  private func outcome(
    _ kind: Binding.Kind, _ settings: JSON, by runner: BindingRunner, timeout: Int64 = 10_000,
    key: String = "Order/7/2/0"
  ) async -> JobOutcome {
    let request = JobRequest(
      action: .other(kind: kind, settings: settings), timeoutMilliseconds: timeout, idempotencyKey: key, attempt: 2)
    return await withCheckedContinuation { continuation in
      runner.run(request) { continuation.resume(returning: $0) }
    }
  }

  private func runner(_ kind: Binding.Kind, _ url: String) -> BindingRunner {
    BindingRunner(settings: ActionSettings(servers: [kind.rawValue: url]), log: { _ in })
  }

  @Test("a `redis` action sends its arguments unchanged") func redisAction() async throws {
    let server = try BrokerServer()
    try server.startRedis()
    let runner = runner(.redis, "redis://:geheim@127.0.0.1:\(server.port)/3")
    func run(_ words: String..., timeout: Int64 = 10_000) async -> JobOutcome {
      let arguments = JSON.array(words.dropFirst().map { .string($0) })
      return await outcome(
        .redis, ["command": .string(words[0]), "args": arguments], by: runner, timeout: timeout)
    }
    guard case .done(2) = await run("RPUSH", "list", "a b\r\nDEL list", "\0ü") else { return #expect(Bool(false)) }
    guard case .done(let items) = await run("LRANGE", "list", "0", "-1") else { return #expect(Bool(false)) }
    #expect(items == ["a b\r\nDEL list", "\0ü"])
    guard case .done(.null) = await run("GET", "nothing") else { return #expect(Bool(false)) }
    guard case .impossible("REDIS_WRONGTYPE", _) = await run("GET", "list") else { return #expect(Bool(false)) }
    guard case .impossible("BAD_REQUEST", _) = await run("DEL list") else { return #expect(Bool(false)) }
    guard case .unreachable(let late) = await run("BLPOP", "never", "0", timeout: 300) else {
      return #expect(Bool(false))
    }
    #expect(late.contains("in time"))
    server.stop()
    guard case .unreachable(let message) = await run("GET", "x") else { return #expect(Bool(false)) }
    #expect(!message.contains("geheim"))
    try server.startRedis()
    guard case .done(.null) = await run("GET", "list") else { return #expect(Bool(false), "a new connection") }
    let wrong = self.runner(.redis, "redis://:falsch@127.0.0.1:\(server.port)")
    guard case .unreachable(let refused) = await outcome(.redis, ["command": "PING"], by: wrong) else {
      return #expect(Bool(false))
    }
    #expect(refused.contains("AUTH") && !refused.contains("falsch"))
  }

  @Test("a server named by the flow is subject to the network policy") func serverOfFlow() async throws {
    let server = try BrokerServer()
    try server.startRedis()
    let settings: JSON = ["command": "PING", "url": .string("redis://:geheim@127.0.0.1:\(server.port)")]
    let closed = BindingRunner(log: { _ in })
    guard case .impossible("BAD_REQUEST", _) = await outcome(.redis, settings, by: closed) else {
      return #expect(Bool(false))
    }
    let open = BindingRunner(settings: ActionSettings(reach: NetworkPolicy(hosts: ["127.0.0.1"])), log: { _ in })
    guard case .done("PONG") = await outcome(.redis, settings, by: open) else { return #expect(Bool(false)) }
  }

  @Test("a `publish` action completes when the broker has confirmed the message") func publishAction() async throws {
    let server = try BrokerServer()
    try server.startRabbit()
    let runner = runner(.publish, "amqp://guest:guest@127.0.0.1:\(server.port)")
    func publish(_ exchange: String, _ key: String) async -> JobOutcome {
      await outcome(
        .publish,
        [
          "exchange": .string(exchange), "key": .string(key), "headers": ["Shop": "ü"], "body": ["id": "o1"],
        ], by: runner)
    }
    for _ in 0..<2 {
      let result = await publish("orders", "placed")
      guard case .done = result else { return #expect(Bool(false), "\(result)") }
    }
    let first = try server.rabbit("get", "placed")
    #expect(first["body"] == ["id": "o1"] && first["type"] == "application/json" && first["persistent"] == true)
    #expect(first["exchange"] == "orders" && first["key"] == "placed" && first["application"] == "flow")
    #expect(first["headers"]?["Idempotency-Key"] == "Order/7/2/0" && first["headers"]?["Flow-Attempt"] == "2")
    #expect(first["headers"]?["Shop"] == "ü")
    #expect(try server.rabbit("get", "placed")["identifier"] == first["identifier"])
    guard case .impossible("UNROUTABLE", _) = await publish("orders", "nowhere") else { return #expect(Bool(false)) }
    guard case .failed("AMQP_NACK", _) = await publish("orders", "full") else { return #expect(Bool(false)) }
    guard case .impossible("AMQP_404", let why) = await publish("none", "x") else { return #expect(Bool(false)) }
    #expect(why.contains("no exchange"))
    guard case .done = await publish("orders", "placed") else { return #expect(Bool(false), "on a new channel") }
    try server.closeRabbitConnections()
    guard case .done = await publish("orders", "placed") else { return #expect(Bool(false), "on a new connection") }
    guard case .impossible("BAD_REQUEST", _) = await publish("orders", String(repeating: "k", count: 256)) else {
      return #expect(Bool(false))
    }
    let wrong = self.runner(.publish, "amqp://guest:falsch@127.0.0.1:\(server.port)")
    let settings: JSON = ["exchange": "orders", "key": "placed", "body": .null]
    guard case .unreachable(let refused) = await outcome(.publish, settings, by: wrong) else {
      return #expect(Bool(false))
    }
    #expect(!refused.contains("falsch"))
  }

  @Test("a `sql` action runs a statement with bound values") func sqlAction() async throws {
    let server = try BrokerServer()
    try server.startPostgres()
    let runner = runner(.sql, "postgres://flow@127.0.0.1:\(server.port)/postgres")
    func run(_ statement: String, _ arguments: JSON = [], timeout: Int64 = 10_000) async -> JobOutcome {
      await outcome(.sql, ["statement": .string(statement), "args": arguments], by: runner, timeout: timeout)
    }
    let made = await run(
      "create table orders (id text primary key, n int, paid bool, price float8, extra jsonb, key text)")
    guard case .done(.null) = made else { return #expect(Bool(false), "\(made)") }
    let insert = """
      insert into orders values ($1, $2, $3, $4, $5, current_setting('flow.idempotency_key'))
      """
    let evil = "'); drop table orders; --"
    let arguments: JSON = [.string(evil), 7, true, .double(1.5), ["a": [1, .null]]]
    let inserted = await run(insert, arguments)
    guard case .done(1) = inserted else { return #expect(Bool(false), "\(inserted)") }
    guard case .done(let rows) = await run("select * from orders") else { return #expect(Bool(false)) }
    let expected: JSON = [
      [
        "id": .string(evil), "n": 7, "paid": true, "price": .double(1.5), "extra": ["a": [1, .null]],
        "key": "Order/7/2/0",
      ]
    ]
    #expect(rows == expected)
    guard case .impossible("SQL_23505", let twice) = await run(insert, arguments) else { return #expect(Bool(false)) }
    #expect(twice.contains("duplicate key"))
    guard case .done([]) = await run("select 1 where $1::text is not null", [.null]) else {
      return #expect(Bool(false))
    }
    guard case .impossible("SQL_42601", _) = await run("select 1; select 2") else { return #expect(Bool(false)) }
    guard case .impossible("BAD_REQUEST", _) = await run("select $1", ["a\0b"]) else { return #expect(Bool(false)) }
    guard case .failed("SQL_57014", _) = await run("select pg_sleep(60)", timeout: 300) else {
      return #expect(Bool(false))
    }
    let long = await run(
      "insert into orders (id, n) select g::text, g from generate_series(1, 1000000) g returning *")
    guard case .impossible("ANSWER_TOO_LONG", _) = long else { return #expect(Bool(false), "\(long)") }
    guard case .done(let count) = await run("select count(*) as n from orders") else { return #expect(Bool(false)) }
    #expect(count == [["n": 1]], "the statement that timed out was rolled back")
    let other = self.runner(.sql, "postgres://flow@127.0.0.1:\(server.port)/postgres")
    let statement = """
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'flow' and pid <> pg_backend_pid()
      """
    let end: JSON = ["statement": .string(statement)]
    guard case .done = await outcome(.sql, end, by: other) else { return #expect(Bool(false)) }
    usleep(200_000)
    guard case .done = await run("select 1") else { return #expect(Bool(false), "on a new connection") }
    server.stop()
    guard case .unreachable = await run("select 1") else { return #expect(Bool(false)) }
  }
}
