import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// Several nodes over one PostgreSQL database, each at a port that it keeps.
final class NodeCluster {
  struct NoOwner: Error {}

  static let instances = 16
  let ports: [Int]
  private let folder: TestFolder
  private let file: String
  let location: String
  private let options: [String]
  private let environment: [[String: String]]
  private var binaries: [URL?]
  private(set) var nodes: [ServerProcess?]

  /// - Parameters:
  ///   - options: Of every node.
  ///   - key: For servers with keys.
  ///   - flow: A program with the flow `Counter`, unless another is needed.
  ///   - settings: The contents of `flow.toml`; nil for none.
  ///   - location: Of the store; a new schema of the server without it.
  ///   - environment: Variables of each node.
  ///   - binaries: The binary of each node; nil for the one in the build of the tests.
  ///   - started: The number of nodes to start; all of them without it.
  init(
    count: Int, options: [String] = [], key: String? = nil, flow: String = CrashTests.counter,
    settings: String? = nil, server: PostgresServer? = nil, location: String? = nil,
    environment: [[String: String]] = [], binaries: [URL?] = [], starting started: Int? = nil
  ) throws {
    self.environment = environment
    self.binaries = binaries
    self.options = options
    folder = try TestFolder()
    file = try folder.write("counter.flow", flow)
    if let settings { _ = try folder.write("flow.toml", settings) }
    self.location = try location ?? (server ?? PostgresServer.shared()).newLocation()
    let first = Int.random(in: 20_000..<29_000)
    ports = (0..<count).map { first + $0 }
    nodes = Array(repeating: nil, count: count)
    for index in 0..<(started ?? count) { try start(index) }
    let owner = try waitForOwner()
    let client = HTTPClient(port: ports[owner])
    guard flow.contains("flow Counter") else { return }
    for index in 0..<NodeCluster.instances {
      let body: JSON = ["event": "Begin", "data": ["id": .string("c\(index)")]]
      let headers = key.map(bearer) ?? [:]
      let response = try client.send("POST", "/v1/flows/Counter/instances", body, headers: headers)
      guard response.status == 201 else { throw NoOwner() }
    }
  }

  func start(_ index: Int) throws {
    nodes[index] = try ServerProcess(
      [file, "--store", location] + options,
      environment: environment.indices.contains(index) ? environment[index] : [:], address: "127.0.0.1:\(ports[index])",
      binary: binaries.indices.contains(index) ? binaries[index] : nil)
  }

  /// All nodes that start from now on have the binary in the build of the tests.
  func replaceBinaries() { binaries = [] }

  func readiness(_ index: Int) -> HTTPClient.Response? { try? HTTPClient(port: ports[index]).send("GET", "/readyz") }

  /// Waits until a node says that it is the owner.
  /// - Parameter former: A node that does not count.
  func waitForOwner(otherThan former: Int? = nil) throws -> Int {
    for _ in 0..<3000 {
      for index in nodes.indices where index != former {
        if let response = readiness(index), response.status == 200, response.text == "owner\n" { return index }
      }
      usleep(10_000)
    }
    throw NoOwner()
  }

  /// The schema of the store.
  var schema: Substring { location.split(separator: "=").last ?? "" }

  /// Compares the data and the journal with the acknowledgements of the clients.
  func expectExactlyOnce(_ load: NodeLoad, owner: Int, atLeast count: Int) throws {
    #expect(load.unexpected == [])
    let processed = try processedEvents(at: owner)
    let all = processed.flatMap { $0 }
    let acknowledged = load.acknowledged
    #expect(acknowledged.count >= count, "the load was too small to prove anything")
    #expect(Set(acknowledged).subtracting(all) == [], "acknowledged and lost")
    #expect(all.count == Set(all).count, "applied twice")
    #expect(Set(acknowledged).count == acknowledged.count)
    for (index, events) in processed.enumerated() {
      #expect(events.allSatisfy { $0 % NodeCluster.instances == index }, "an event reached another instance")
      #expect(try journaledEvents(of: index, at: owner) == events, "journal and data agree")
    }
  }

  /// Waits until both of two nodes are ready.
  /// - Returns: The index of the owner.
  func waitForOwnerAndStandby() throws -> Int {
    let owner = try waitForOwner()
    try waitForStandby(1 - owner)
    return owner
  }

  /// Waits until a node forwards requests.
  func waitForStandby(_ index: Int) throws {
    for _ in 0..<3000 {
      if let response = readiness(index), response.status == 200, response.text.hasPrefix("standby of ") { return }
      usleep(10_000)
    }
    throw NoOwner()
  }

  /// The events that each instance has processed, in order.
  func processedEvents(at owner: Int) throws -> [[Int]] {
    let client = HTTPClient(port: ports[owner])
    return try (0..<NodeCluster.instances).map { index in
      let view = try client.send("GET", "/v1/flows/Counter/instances/c\(index)").json
      return view["data"]?["seen"]?.array?.compactMap(\.int) ?? []
    }
  }

  /// The number of the newest entry of the journal, from the position `epoch:offset`.
  func newestOffset(at node: Int) throws -> Int {
    let list = try HTTPClient(port: ports[node]).send("GET", "/v1/instances?limit=1").json
    return try #require(list["asOf"]?.string?.split(separator: ":").last.flatMap { Int($0) })
  }

  /// The events in the journal of an instance.
  func journaledEvents(of instance: Int, at owner: Int) throws -> [Int] {
    let client = HTTPClient(port: ports[owner])
    var (found, after): ([Int], Int64) = ([], 0)
    while true {
      let page = try client.send("GET", "/v1/flows/Counter/instances/c\(instance)/history?limit=500&after=\(after)")
        .json
      let items = page["items"]?.array ?? []
      found += items.compactMap { $0["data"]?["event"]?["data"]?["n"]?.int }
      guard items.count == 500, let last = items.last?["offset"]?.int else { return found }
      after = Int64(last)
    }
  }
}

/// Clients that send events to whichever node accepts them, and record every acknowledgement. An event without an
/// acknowledgement is repeated with its idempotency key.
final class NodeLoad: Sendable {
  private struct Ledger {
    var next = 0
    var acknowledged: [(event: Int, at: ContinuousClock.Instant, duration: Duration)] = []
    var unexpected: [String] = []
    var refusals = 0
  }

  private let ports: [Int]
  private let ledger = Mutex(Ledger())
  private let isStopped = Atomic(false)
  private let ended = DispatchSemaphore(value: 0)
  private let width: Int

  init(_ ports: [Int], width: Int = 6) {
    self.ports = ports
    self.width = width
    for _ in 0..<width {
      Thread { [self] in
        run()
        ended.signal()
      }.start()
    }
  }

  /// Ends the load when each client has its acknowledgement.
  func stop() {
    guard !isStopped.exchange(true, ordering: .relaxed) else { return }
    for _ in 0..<width { ended.wait() }
  }

  var acknowledged: [Int] { ledger.withLock { $0.acknowledged.map(\.event) } }
  var unexpected: [String] { ledger.withLock { $0.unexpected } }
  /// The number of requests without an acknowledgement that were repeated.
  var refusals: Int { ledger.withLock { $0.refusals } }
  /// The duration of acknowledged requests, in order.
  var latencies: [Duration] { ledger.withLock { $0.acknowledged.map(\.duration) }.sorted() }
  /// The duration of requests that were acknowledged in an interval, in order.
  func latencies(in interval: Range<ContinuousClock.Instant>) -> [Duration] {
    ledger.withLock { $0.acknowledged.filter { interval.contains($0.at) }.map(\.duration) }.sorted()
  }

  /// The longest time without an acknowledgement.
  var longestGap: Duration {
    let instants = ledger.withLock { $0.acknowledged.map(\.at) }.sorted()
    return zip(instants, instants.dropFirst()).map { $1 - $0 }.max() ?? .zero
  }

  private func run() {
    var current = 0
    var client = HTTPClient(port: ports[0])
    while !isStopped.load(ordering: .relaxed) {
      let event = ledger.withLock { ledger in
        defer { ledger.next += 1 }
        return ledger.next
      }
      var start = ContinuousClock.now
      while true {
        start = .now
        let response = try? NodeLoad.send(event, client)
        if response?.status == 200 { break }
        ledger.withLock { $0.refusals += 1 }
        if let response, response.status != 503 {
          ledger.withLock { $0.unexpected.append("\(response.status) \(response.text)") }
          return
        }
        current = (current + 1) % ports.count
        client = HTTPClient(port: ports[current])
        usleep(20_000)
      }
      let end = ContinuousClock.now
      ledger.withLock { $0.acknowledged.append((event, end, end - start)) }
    }
  }

  private static func send(_ event: Int, _ client: HTTPClient) throws -> HTTPClient.Response {
    try client.send(
      "POST", "/v1/flows/Counter/instances/c\(event % NodeCluster.instances)/events",
      ["event": "Add", "data": ["n": .int(Int64(event))]], headers: ["Idempotency-Key": "add-\(event)"])
  }
}

/// The clients of a test: a load on all nodes, and a subscriber of the whole live stream at each node.
final class NodeClients {
  let load: NodeLoad
  private let cluster: NodeCluster
  private let subscribers: [NodeSubscriber]

  init(of cluster: NodeCluster, width: Int = 4) {
    self.cluster = cluster
    subscribers = cluster.ports.map { NodeSubscriber(port: $0) }
    load = NodeLoad(cluster.ports, width: width)
  }

  /// Ends the clients. Nothing acknowledged may be lost, nothing applied twice, and each subscriber has every entry of
  /// the journal once.
  func expectExactlyOnce(owner: Int, atLeast count: Int) throws {
    load.stop()
    try cluster.expectExactlyOnce(load, owner: owner, atLeast: count)
    let expected = try cluster.newestOffset(at: owner)
    for (index, subscriber) in subscribers.enumerated() {
      _ = eventually { subscriber.offsets.count >= expected }
      subscriber.stop()
      let offsets = subscriber.offsets
      #expect(offsets.count == expected, "entries at node \(index)")
      #expect(offsets == Array(1...Int64(max(offsets.count, 1))), "a gap, or an entry that was sent twice")
    }
  }
}
