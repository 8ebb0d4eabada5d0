import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// Acknowledged events survive a crash and are applied exactly once.
///
/// Clients record every response. The server is killed repeatedly under load. A request without a response is repeated
/// with its idempotency key, as a correct client does.
@Suite("Crashes under load", .serialized) struct CrashTests {
  static let kills = number("FLOW_KILLS") ?? 10
  static let fullDisks = number("FLOW_FULL_DISKS") ?? 3

  /// The number of responses that reported an unavailable store.
  fileprivate static let unavailableResponses = Atomic(0)

  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  static let instances = 1000
  static let connections = 64

  private struct Ledger {
    var acknowledged: Set<Int> = []
    /// Responses that were neither 2xx nor a broken connection.
    var strange: [String] = []
    /// Responses that reported an unavailable store.
    var refusals = 0
    var nextEvent = 0
    /// Events without a response when the server was killed.
    var unanswered: [Int] = []
  }

  /// A flow whose instances list the events that they have processed.
  static let counter = """
    event Begin { id: string }
    event Add { n: int }
    event Stop
    flow Counter {
      key id
      data { id: string  seen: list<int> = [] }
      start on Begin -> counting do id = event.id
      state counting { on Add do seen = seen + [event.n]  on Stop -> end }
      final end
    }
    """

  @Test("a server killed under load loses no acknowledged event and applies none twice")
  func killedServer() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", CrashTests.counter)
    try storm(file, store: folder.store, kills: CrashTests.kills) { _ in }
  }

  /// The disk fills up under load. Events are refused until there is space again, and then accepted.
  @Test(
    "a full disk loses no acknowledged event",
    .enabled(if: SmallDisk.isPossible, "a file system of its own takes the right to mount")
  )
  func fullDisk() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", CrashTests.counter)
    let disk = try SmallDisk(at: folder.url.appending(path: "disk"))
    let refusals = try storm(file, store: disk.url.appending(path: "x.db").path, kills: CrashTests.fullDisks) { round in
      let before = CrashTests.unavailableResponses.load(ordering: .relaxed)
      try disk.fill()
      for _ in 0..<500 where CrashTests.unavailableResponses.load(ordering: .relaxed) == before { usleep(20_000) }
      usleep(UInt32(round % 5 * 50_000))
      // In every other round there is space again before the process is killed.
      if round % 2 == 0 { disk.empty() }
    } afterwards: {
      disk.empty()
    }
    #expect(refusals > 0, "the disk was never full")
  }

  @Test("nothing is lost or doubled while workers die, and webhooks, deployments, batches and the archive are at work")
  func nothingIsLostOrDoubledAmongOtherMoves() throws {
    let moves = try CrashMoves()
    try moves.storm(kills: CrashTests.kills)
    try moves.settle()
    print("\(CrashTests.kills) kills: \(try moves.verify())")
  }

  /// Kills the server repeatedly under load, and compares its data with the responses of the clients.
  /// - Returns: The number of responses that reported an unavailable store.
  @discardableResult
  private func storm(
    _ file: String, store: String, kills: Int, disturb: (Int) throws -> Void, afterwards: () throws -> Void = {}
  ) throws -> Int {
    var server = try ServerProcess([file, "--store", store])
    let starter = HTTPClient(port: server.port)
    for index in 0..<CrashTests.instances {
      let body: JSON = ["event": "Begin", "data": ["id": .string("c\(index)")]]
      try #require(try starter.send("POST", "/v1/flows/Counter/instances", body).status == 201)
    }
    let ledger = Mutex(Ledger())
    for round in 0..<kills {
      try run(against: server, ledger) {
        usleep(UInt32(150 + round % 20 * 20) * 1000)
        try disturb(round)
      }
      try afterwards()
      server = try ServerProcess([file, "--store", store])
    }
    let client = HTTPClient(port: server.port)
    var seen: [Int: Int] = [:]
    for index in 0..<CrashTests.instances {
      let view = try client.send("GET", "/v1/flows/Counter/instances/c\(index)").json
      for number in view["data"]?["seen"]?.array?.compactMap(\.int) ?? [] {
        seen[number, default: 0] += 1
        #expect(number % CrashTests.instances == index, "event \(number) reached another instance")
      }
    }
    let (acknowledged, strange, refusals) = ledger.withLock { ($0.acknowledged, $0.strange, $0.refusals) }
    #expect(strange == [])
    #expect(acknowledged.count > 50 * kills, "the load was too small to prove anything")
    #expect(acknowledged.filter { seen[$0] == nil } == [], "acknowledged and lost")
    #expect(seen.filter { $0.value > 1 } == [:], "applied twice")
    try expectJournalAgrees(client, seen)
    _ = server.stop()
    #expect(try FlowProcess.run("store", "check", store).output.contains("is sound"))
    print("\(kills) kills: \(acknowledged.count) acknowledged, \(seen.count) applied, \(refusals) refused")
    return refusals
  }

  /// Loads the server over many connections and kills it.
  private func run(
    against server: ServerProcess, _ ledger: borrowing Mutex<Ledger>, during storm: () throws -> Void
  ) rethrows {
    let threads = (0..<CrashTests.connections).map { _ in LoadThread(port: server.port) }
    let (first, unanswered) = ledger.withLock { ($0.nextEvent, $0.unanswered) }
    for (index, thread) in threads.enumerated() {
      thread.next = first + index
      thread.again = index < unanswered.count ? unanswered[index] : nil
      thread.stride = CrashTests.connections
      thread.start()
    }
    defer {
      server.kill()
      collect(threads, ledger)
    }
    try storm()
  }

  private func collect(_ threads: [LoadThread], _ ledger: borrowing Mutex<Ledger>) {
    for thread in threads { thread.join() }
    ledger.withLock { ledger in
      ledger.unanswered = threads.compactMap(\.unanswered)
      for thread in threads {
        ledger.acknowledged.formUnion(thread.acknowledged)
        ledger.strange += thread.strange
        ledger.refusals += thread.refusals
        ledger.nextEvent = max(ledger.nextEvent, thread.next + CrashTests.connections)
      }
    }
  }

  /// The journal contains each event of the data once, with consecutive offsets.
  private func expectJournalAgrees(_ client: HTTPClient, _ seen: [Int: Int]) throws {
    let view = try client.send("GET", "/v1/flows/Counter/instances/c7").json
    let history = try client.send("GET", "/v1/flows/Counter/instances/c7/history?limit=500").json
    let numbers = (history["items"]?.array ?? []).compactMap { $0["data"]?["event"]?["data"]?["n"]?.int }
    #expect(numbers == view["data"]?["seen"]?.array?.compactMap(\.int))
  }
}

/// A connection that sends events until the server is killed.
private final class LoadThread: @unchecked Sendable {
  // Unchecked because only the thread changes the fields, and they are read after `join()`.
  let port: Int
  var next = 0
  var stride = 1
  /// An event of the previous round without a response; it is repeated first.
  var again: Int?
  var unanswered: Int?
  var acknowledged: [Int] = []
  var strange: [String] = []
  var refusals = 0
  private let ended = DispatchSemaphore(value: 0)

  init(port: Int) { self.port = port }

  func start() { Thread { [self] in main() }.start() }

  func join() { ended.wait() }

  private func main() {
    defer { ended.signal() }
    let client = HTTPClient(port: port)
    if let again, !send(again, client) { return }
    while send(next, client) { next += stride }
    next += stride
  }

  /// - Returns: False when the connection broke; the event may have been applied or not.
  private func send(_ number: Int, _ client: HTTPClient) -> Bool {
    let body: JSON = ["event": "Add", "data": ["n": .int(Int64(number))]]
    let path = "/v1/flows/Counter/instances/c\(number % CrashTests.instances)/events"
    while true {
      guard let answer = try? client.send("POST", path, body, headers: ["Idempotency-Key": "add-\(number)"]) else {
        unanswered = number
        return false
      }
      switch answer.status {
      case 200: acknowledged.append(number)
      case 503:
        refusals += 1
        CrashTests.unavailableResponses.add(1, ordering: .relaxed)
        usleep(5000)
        continue
      default: strange.append("\(answer.status) \(answer.text)")
      }
      return true
    }
  }
}
