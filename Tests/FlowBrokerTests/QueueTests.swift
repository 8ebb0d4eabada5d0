import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Events from the queues of real brokers.
@Suite("Events from queues", .serialized, .timeLimit(.minutes(5)), .enabled(if: BrokerServer.isWanted))
struct QueueTests {
  /// A broker as the tests use it.
  enum Kind: String, CaseIterable, Sendable {
    case amqp, redis
  }

  /// A broker with the queue `orders`, and a server that reads it.
  private final class System {
    let kind: Kind
    let broker: BrokerServer
    private let folder: TestFolder
    private let flow: String
    private(set) var server: ServerProcess?

    init(_ kind: Kind, dead: Bool = true) throws {
      self.kind = kind
      broker = try BrokerServer()
      folder = try TestFolder()
      flow = try folder.write("sum.flow", System.text(kind))
      switch kind {
      case .amqp:
        try broker.startRabbit()
        if dead { try broker.rabbit("declare", "orders", "dead") } else { try broker.rabbit("declare", "orders") }
      case .redis: try broker.startRedis(isDurable: true)
      }
    }

    /// Each message of an instance has a higher number than the one before it; any other is refused.
    private static func text(_ kind: Kind) -> String {
      """
      event Order from \(kind.rawValue) "orders" { id: string  n: int }
      event Close { id: string }

      flow Sum {
        key id
        data { id: string  last: int = -1  count: int = 0  who: string = "" }
        start on Order -> open do { id = event.id  last = event.n  count = 1  who = caller.id }
        state open {
          on Order when event.n > last do { last = event.n  count = count + 1 }
          on Close -> closed
        }
        final closed
      }
      """
    }

    private var environment: [String: String] {
      switch kind {
      case .amqp: ["FLOW_AMQP_URL": "amqp://guest:guest@127.0.0.1:\(broker.port)"]
      case .redis: ["FLOW_REDIS_URL": "redis://:geheim@127.0.0.1:\(broker.port)"]
      }
    }

    func serve() throws {
      server = try ServerProcess([flow, "--store", folder.store, "--drain", "0s"], environment: environment)
    }

    func kill() { server?.kill() }

    func restartBroker() throws {
      broker.stop()
      usleep(300_000)
      switch kind {
      case .amqp: try broker.startRabbit()
      case .redis: try broker.startRedis(isDurable: true)
      }
    }

    /// Sends numbered messages for ten instances.
    func send(_ numbers: Range<Int>) throws {
      switch kind {
      case .amqp:
        let lines = numbers.map { #"m\#($0) {"id": "o\#($0 % 10)", "n": \#($0), "more": true}"# }
        try broker.rabbit("send", "orders", input: lines.joined(separator: "\n"))
      case .redis:
        let script = """
          for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
            redis.call('XADD', KEYS[1], '*', 'data', cjson.encode({id = 'o' .. (i % 10), n = i, more = true}))
          end
          """
        try broker.redis("EVAL", script, "1", "orders", String(numbers.lowerBound), String(numbers.upperBound - 1))
      }
    }

    func send(body: String) throws {
      switch kind {
      case .amqp: try broker.rabbit("send", "orders", input: "p\(Int.random(in: 0..<1_000_000)) \(body)")
      case .redis: try broker.redis("XADD", "orders", "*", "data", body)
      }
    }

    func get(_ path: String) throws -> JSON {
      guard let server else { return .null }
      return try HTTPClient(port: server.port).send("GET", path).json
    }

    /// The number of messages that had an effect.
    func count() throws -> Int {
      try (0..<10).reduce(0) { $0 + (try get("/v1/flows/Sum/instances/o\($1)")["data"]?["count"]?.int ?? 0) }
    }

    /// The number of messages that the broker keeps: ready ones, or not acknowledged ones.
    func waiting() throws -> Int {
      switch kind {
      case .amqp: try broker.rabbit("count", "orders").int ?? -1
      case .redis: Int(try broker.redis("XPENDING", "orders", "flow").split(separator: "\n").first ?? "0") ?? -1
      }
    }

    var metrics: String {
      get throws {
        guard let server else { return "" }
        return try HTTPClient(port: server.port).send("GET", "/metrics").text
      }
    }
  }

  @Test(
    "messages of a queue are applied once, in their order, although the server is killed", arguments: Kind.allCases)
  func crash(_ kind: Kind) throws {
    let system = try System(kind)
    for round in 0..<5 {
      try system.send(round * 200..<(round + 1) * 200)
      try system.serve()
      // The server is killed at any moment of its work.
      usleep(UInt32.random(in: 0..<150_000))
      system.kill()
    }
    try system.serve()
    #expect(try eventually(within: 60) { try system.count() == 1000 })
    #expect(try system.count() == 1000)
    for number in 0..<10 {
      let data = try system.get("/v1/flows/Sum/instances/o\(number)")["data"]
      #expect(data?["count"] == 100 && data?["last"] == .int(Int64(990 + number)))
      #expect(data?["who"] == .string(kind.rawValue))
    }
    #expect(try system.get("/v1/dead-letters")["items"]?.array?.isEmpty == true)
    #expect(try eventually { try system.waiting() == 0 }, "all messages are acknowledged")
  }

  @Test("reading resumes when the broker is back", arguments: Kind.allCases) func restartedBroker(_ kind: Kind) throws {
    let system = try System(kind)
    try system.serve()
    try system.send(0..<100)
    #expect(try eventually(within: 30) { try system.count() == 100 })
    system.broker.stop()
    #expect(eventually(within: 30) { system.server?.log.contains("queue disconnected") == true })
    let ready = try HTTPClient(port: try #require(system.server).port).send("GET", "/readyz")
    #expect(ready.status == 200, "readiness does not depend on the broker")
    try system.restartBroker()
    try system.send(100..<200)
    #expect(try eventually(within: 90) { try system.count() == 200 })
    #expect(try system.get("/v1/dead-letters")["items"]?.array?.isEmpty == true)
  }

  @Test(
    "a message that is refused does not hold up the queue, and its dead letter has the reason", arguments: Kind.allCases
  )
  func poison(_ kind: Kind) throws {
    let system = try System(kind)
    try system.serve()
    try system.send(0..<10)
    try system.send(body: "{not json")
    try system.send(body: #"{"id":"o1","n":"many"}"#)
    try system.send(body: #"{"id":"o1","n":0}"#)
    try system.send(10..<20)
    #expect(try eventually(within: 30) { try system.count() == 20 })
    let letters = try system.get("/v1/dead-letters")["items"]?.array ?? []
    #expect(letters.map { $0["code"] } == ["invalid-json", "validation-failed", "event-not-accepted"])
    #expect(letters.allSatisfy { $0["queue"] == .string("\(kind.rawValue) orders") && $0["event"] == "Order" })
    #expect(letters.last?["arguments"] == ["id": "o1", "n": 0])
    #expect(letters.allSatisfy { $0["message"]?.string?.isEmpty == false })
    if kind == .amqp {
      #expect(
        try eventually { try system.broker.rabbit("count", "dead") == 3 }, "the dead-letter exchange has them too")
    }
    #expect(try eventually { try system.waiting() == 0 })
    let metrics = try system.metrics
    let labels = #"{broker="\#(kind.rawValue)",queue="orders",result="#
    #expect(metrics.contains("flow_queue_messages_total\(labels)\"accepted\"} 20"))
    #expect(metrics.contains("flow_queue_messages_total\(labels)\"refused\"} 3"))
    #expect(metrics.contains(#"flow_queue_connected{broker="\#(kind.rawValue)",queue="orders"} 1"#))
  }

  @Test("a server that is asked to end settles what it has committed", arguments: Kind.allCases)
  func shutdown(_ kind: Kind) throws {
    let system = try System(kind, dead: false)
    try system.send(0..<1000)
    try system.serve()
    usleep(100_000)
    #expect(system.server?.stop() == 0)
    try system.serve()
    #expect(try eventually(within: 60) { try system.count() == 1000 })
    let metrics = try system.metrics
    #expect(!metrics.contains(#"result="repeated""#), "nothing was committed and not acknowledged")
    #expect(system.server?.stop() == 0)
    #expect(system.server?.log.contains("queue disconnected") == true)
  }

  @Test("the server does not start without the address of a broker") func missingBroker() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "a.flow",
      """
      event Order from redis "orders" { id: string }
      flow Sum {
        key id
        data { id: string }
        start on Order -> done do id = event.id
        final done
      }
      """)
    do {
      _ = try ServerProcess([file, "--store", folder.store])
      #expect(Bool(false))
    } catch let error as ServerProcess.NotStarted {
      #expect(error.description.contains("no broker is configured for `redis`"))
      #expect(error.description.contains("FLOW_REDIS_URL"))
    }
  }
}
