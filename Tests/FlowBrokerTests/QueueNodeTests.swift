import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Two nodes over one database, of which the owner reads a queue.
@Suite("Queues and several nodes", .serialized, .timeLimit(.minutes(5)), .enabled(if: BrokerServer.isWanted))
struct QueueNodeTests {
  private static let flow = """
    event Order from amqp "orders" { id: string  n: int }
    flow Sum {
      key id
      data { id: string  seen: list<int> = [] }
      start on Order -> adding do { id = event.id  seen = [event.n] }
      state adding {
        on Order do seen = seen + [event.n]
        after 1h -> over
      }
      final over
    }
    """

  /// The nodes, each at a port that it keeps.
  private final class Nodes {
    let broker: BrokerServer
    let ports: [Int]
    private let folder: TestFolder
    private let location: String
    private let file: String
    private(set) var processes: [ServerProcess?] = [nil, nil]

    init() throws {
      broker = try BrokerServer()
      try broker.startRabbit()
      try broker.rabbit("declare", "orders", "dead")
      folder = try TestFolder()
      file = try folder.write("sum.flow", QueueNodeTests.flow)
      location = try PostgresServer.shared().newLocation()
      let first = Int.random(in: 29_000..<32_000)
      ports = [first, first + 1]
      for index in 0..<2 { try start(index) }
    }

    func start(_ index: Int) throws {
      processes[index] = try ServerProcess(
        [file, "--store", location],
        environment: ["FLOW_AMQP_URL": "amqp://guest:guest@127.0.0.1:\(broker.port)"],
        address: "127.0.0.1:\(ports[index])")
    }

    /// Waits until a node owns the store.
    func owner(otherThan former: Int? = nil) throws -> Int {
      var found: Int?
      _ = eventually {
        found = (0..<2).first { index in
          index != former
            && (try? HTTPClient(port: ports[index]).send("GET", "/readyz"))?.text == "owner\n"
        }
        return found != nil
      }
      return try #require(found)
    }

    func send(_ numbers: Range<Int>) throws {
      let lines = numbers.map { #"m\#($0) {"id": "s\#($0 % 5)", "n": \#($0)}"# }
      try broker.rabbit("send", "orders", input: lines.joined(separator: "\n"))
    }

    /// The messages that each instance has processed, in order.
    func processed(at node: Int) throws -> [[Int]] {
      let client = HTTPClient(port: ports[node])
      return try (0..<5).map { number in
        let view = try client.send("GET", "/v1/flows/Sum/instances/s\(number)").json
        return view["data"]?["seen"]?.array?.compactMap(\.int) ?? []
      }
    }
  }

  @Test("each message of a queue is processed once, although the owner is killed and another one hands over")
  func failover() throws {
    let nodes = try Nodes()
    var owner = try nodes.owner()
    try nodes.send(0..<300)
    #expect(try eventually { try nodes.processed(at: owner).joined().count > 20 })
    nodes.processes[owner]?.kill()
    try nodes.send(300..<500)
    var next = try nodes.owner(otherThan: owner)
    try nodes.start(owner)
    owner = next
    #expect(try eventually { try nodes.processed(at: owner).joined().count > 300 })
    try nodes.send(500..<700)
    nodes.processes[owner]?.send(SIGTERM)
    next = try nodes.owner(otherThan: owner)
    #expect(nodes.processes[owner]?.wait() == 0)
    owner = next
    try nodes.send(700..<750)
    #expect(try eventually { try nodes.processed(at: owner).joined().count >= 750 })
    #expect(try eventually { try nodes.broker.rabbit("count", "orders") == 0 })
    let processed = try nodes.processed(at: owner)
    for (number, seen) in processed.enumerated() {
      #expect(seen.allSatisfy { $0 % 5 == number })
      #expect(seen.count == 150 && Set(seen).count == 150, "each message of s\(number) once")
    }
    #expect(try nodes.broker.rabbit("count", "dead") == 0)
    let letters = try HTTPClient(port: nodes.ports[owner]).send("GET", "/v1/dead-letters").json["items"]
    #expect(letters == [])
  }
}
