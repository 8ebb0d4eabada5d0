import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The sample systems with the brokers and databases that they replace or stand beside.
@Suite("Sample systems with brokers", .serialized, .timeLimit(.minutes(5)), .enabled(if: BrokerServer.isWanted))
struct BrokerSystemTests {
  private static func sample(_ name: String) throws -> String {
    try String(contentsOf: packageRoot.appending(path: "samples/\(name).flow"), encoding: .utf8)
  }

  /// `samples/board.flow`: every change goes to a fan-out exchange with two screens and to a buffer in Redis, although
  /// the server is killed and the broker restarts.
  @Test("each change of the board reaches all screens and the buffer, in order") func board() throws {
    let (rabbit, redis, folder) = (try BrokerServer(), try BrokerServer(), try TestFolder())
    try rabbit.startRabbit()
    try redis.startRedis(isDurable: true)
    for screen in ["hall", "office"] { try rabbit.rabbit("fan", "cards", screen) }
    _ = try folder.write(
      "flow.toml",
      """
      [serve.publish.screens]
      amqp = "cards"
      flow = "Card"
      type = "step"

      [serve.publish.buffer]
      redis = "cards"
      filter = 'type == "step" && event != "Take"'
      """)
    let file = try folder.write("board.flow", BrokerSystemTests.sample("board"))
    let environment = [
      "FLOW_AMQP_URL": "amqp://guest:guest@127.0.0.1:\(rabbit.port)",
      "FLOW_REDIS_URL": "redis://:geheim@127.0.0.1:\(redis.port)",
    ]
    func serve() throws -> ServerProcess {
      try ServerProcess([file, "--store", folder.store], environment: environment)
    }
    func send(_ event: String, _ data: JSON, _ path: String, _ server: ServerProcess) throws {
      let body: JSON = ["event": .string(event), "data": data]
      let answer = try HTTPClient(port: server.port).send("POST", path, body, headers: ["Flow-Caller": "ann"])
      #expect(answer.status < 300, "\(answer.text)")
    }
    var server = try serve()
    #expect(eventually { server.log.components(separatedBy: "publication connected").count == 3 })
    for card in 0..<20 {
      let id = "c\(card)"
      try send("Add", ["id": .string(id), "board": "b1", "title": "paint"], "/v1/events", server)
      try send("Take", [:], "/v1/flows/Card/instances/\(id)/events", server)
      for title in 0..<3 {
        try send("Rename", ["title": .string("t\(title)")], "/v1/flows/Card/instances/\(id)/events", server)
      }
      if card == 7 {
        server.kill()
        server = try serve()
      }
      if card == 12 {
        rabbit.stop()
        try rabbit.startRabbit()
      }
    }
    let journal = try HTTPClient(port: server.port).send("GET", "/metrics").text
    #expect(journal.contains("flow_publication_connected"))
    for screen in ["hall", "office"] {
      #expect(try eventually(within: 60) { try rabbit.rabbit("count", screen).int ?? 0 >= 100 })
      let messages = try rabbit.rabbit("drain", screen).array ?? []
      let ids = BrokerSystemTests.firsts(messages.compactMap { $0["body"]?["id"]?.string.flatMap { Int($0) } })
      #expect(ids.count == 100 && ids == ids.sorted(), "each change once or more, in order")
      #expect(messages.allSatisfy { $0["body"]?["specversion"] == "1.0" && $0["body"]?["type"] == "flow.step.v1" })
      #expect(messages.first?["key"] == "Card.step.Add")
      #expect(Set(messages.compactMap { $0["identifier"]?.string }).count == 100)
    }
    #expect(try eventually(within: 60) { Int(try redis.redis("XLEN", "cards")) ?? 0 >= 80 })
    let buffer = try redis.redis("XRANGE", "cards", "-", "+").split(separator: "\n").map(String.init)
    let events = buffer.compactMap { try? JSON(parsing: Array($0.utf8)) }.compactMap { $0["id"]?.string }
    #expect(Set(events).count == 80)
    #expect(server.stop() == 0)
    let check = try FlowProcess.run("store", "check", folder.store)
    #expect(check.code == 0, "\(check.errors)")
  }

  /// The values in the order in which each was first seen.
  private static func firsts(_ values: [Int]) -> [Int] {
    var seen: Set<Int> = []
    return values.filter { seen.insert($0).inserted }
  }

  /// `samples/pipeline.flow`: readings come from a queue, and results are rows of a table, although the server is
  /// killed.
  @Test("each reading of a queue is a row of a table, once") func pipeline() throws {
    let (rabbit, database, services) = (try BrokerServer(), try BrokerServer(), try BrokerServer())
    let folder = try TestFolder()
    try rabbit.startRabbit()
    try database.startPostgres()
    try services.startServices()
    try rabbit.rabbit("declare", "readings", "set-aside")
    try database.sql("create table ratings (key text primary key, sensor text, celsius float8, score float8)")
    let text = try BrokerSystemTests.sample("pipeline")
      .replacing("event Reading {", with: "event Reading from amqp \"readings\" {")
    let table = """

      action store(sensor: string, celsius: double, score: double) {
        sql "insert into ratings values (current_setting('flow.idempotency_key'), $1, $2, $3) on conflict do nothing" {
          args: [sensor, celsius, score]
        }
        retry 20 backoff 100ms..1s
      }

      /// The third stage: a row for each result.
      flow Store {
        data { sensor: string  celsius: double  score: double }
        start on Rated -> storing do take sensor, celsius, score
        state storing {
          call store(sensor: sensor, celsius: celsius, score: score) as row
          on row.done -> stored
          on row.failed -> lost do log event.message
        }
        final stored
        failed lost
      }
      """
    let file = try folder.write("pipeline.flow", text + table)
    let url = "http://127.0.0.1:\(services.port)"
    let environment = [
      "FLOW_AMQP_URL": "amqp://guest:guest@127.0.0.1:\(rabbit.port)",
      "FLOW_SQL_URL": "postgres://flow@127.0.0.1:\(database.port)/postgres", "DEVICES_URL": url, "MODEL_URL": url,
    ]
    func serve() throws -> ServerProcess {
      try ServerProcess([file, "--store", folder.store, "--allow-private"], environment: environment)
    }
    var lines: [String] = []
    for number in 0..<200 { lines.append(#"r\#(number) {"sensor": "s\#(number % 5)", "value": \#(number)}"#) }
    lines.append(#"bad {"sensor": 5}"#)
    try rabbit.rabbit("send", "readings", input: lines.joined(separator: "\n"))
    var server = try serve()
    usleep(300_000)
    server.kill()
    server = try serve()
    let isStored = try eventually(within: 90) {
      try database.sql("select count(*) from ratings where sensor <> 'cellar'") == "200"
    }
    #expect(isStored)
    let sums = try database.sql("select count(distinct celsius), sum(celsius) from ratings where sensor <> 'cellar'")
    #expect(sums == "200|19900")
    let letters = try HTTPClient(port: server.port).send("GET", "/v1/dead-letters").json["items"]?.array ?? []
    #expect(letters.map { $0["messageId"] } == ["bad"] && letters.first?["code"] == "validation-failed")
    #expect(try eventually { try rabbit.rabbit("count", "set-aside") == 1 })
    let counts = try (0..<5).map { number in
      try HTTPClient(port: server.port).send("GET", "/v1/flows/Sensor/instances/s\(number)").json["data"]?["count"]?.int
    }
    #expect(counts == [40, 40, 40, 40, 40])
  }
}
