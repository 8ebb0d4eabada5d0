import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// What was acknowledged is there after a crash, once, and nothing is there twice.
///
/// Clients keep a ledger of every answer. The server is killed again and again in the middle of the load; a request
/// that got no answer is sent again with its idempotency key, as a careful client does.
@Suite(.serialized) struct CrashTests {
  static let kills = number("FLOW_KILLS") ?? 10
  static let fullDisks = number("FLOW_FULL_DISKS") ?? 3

  /// How often clients were told that something can't be kept now.
  fileprivate static let told = Atomic(0)

  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  static let instances = 1000
  static let connections = 64

  private struct Ledger {
    var acknowledged: Set<Int> = []
    /// Answers that were neither 2xx nor a broken connection.
    var strange: [String] = []
    /// Answers that nothing can be kept for now.
    var refusals = 0
    var nextEvent = 0
    /// Sent, and not answered before the server was gone.
    var unanswered: [Int] = []
  }

  private static let counter = """
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

  @Test("Nothing acknowledged is lost and nothing is applied twice")
  func nothingAcknowledgedIsLostAndNothingIsAppliedTwice() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", CrashTests.counter)
    try storm(file, store: folder.store, kills: CrashTests.kills) { _ in }
  }

  /// The disk fills up under load: what can't be kept is not acknowledged, and is taken when there is room again.
  @Test(
    "A full disk loses nothing", .enabled(if: SmallDisk.isPossible, "a file system of its own takes the right to mount")
  )
  func aFullDiskLosesNothing() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", CrashTests.counter)
    let disk = try SmallDisk(at: folder.url.appending(path: "disk"))
    let refusals = try storm(file, store: disk.url.appending(path: "x.db").path, kills: CrashTests.fullDisks) { round in
      let before = CrashTests.told.load(ordering: .relaxed)
      try disk.fill()
      for _ in 0..<500 where CrashTests.told.load(ordering: .relaxed) == before { usleep(20_000) }
      usleep(UInt32(round % 5 * 50_000))
      // Every other time there is room again before the process is killed.
      if round % 2 == 0 { disk.empty() }
    } afterwards: {
      disk.empty()
    }
    #expect(refusals > 0, "the disk was never full")
  }

  /// Kills the server again and again under load, and compares what it has with what clients were told.
  /// - Returns: How often a client was told that it could not be kept.
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

  /// Loads the server from many connections and kills it in the middle.
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

  /// The journal holds each event that the data shows, once, without a hole in its numbers.
  private func expectJournalAgrees(_ client: HTTPClient, _ seen: [Int: Int]) throws {
    let view = try client.send("GET", "/v1/flows/Counter/instances/c7").json
    let history = try client.send("GET", "/v1/flows/Counter/instances/c7/history?limit=500").json
    let numbers = (history["items"]?.array ?? []).compactMap { $0["data"]?["event"]?["data"]?["n"]?.int }
    #expect(numbers == view["data"]?["seen"]?.array?.compactMap(\.int))
  }
}

/// One connection that sends event after event until the server is gone.
private final class LoadThread: @unchecked Sendable {
  // Unchecked because the fields change: on the thread only, and they are read only after `join()`.
  let port: Int
  var next = 0
  var stride = 1
  /// An event of the round before that got no answer; it is sent again first.
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

  /// - Returns: False when the connection broke; then it is not known whether the event was taken.
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
        CrashTests.told.add(1, ordering: .relaxed)
        usleep(5000)
        continue
      default: strange.append("\(answer.status) \(answer.text)")
      }
      return true
    }
  }
}

/// A file system of a few megabytes, so that a disk can be full without filling the real one.
private final class SmallDisk {
  let url: URL

  /// Whether this process may mount one.
  static var isPossible: Bool {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-mount-\(UUID().uuidString)")
    return (try? SmallDisk(at: folder)) != nil
  }

  init(at url: URL) throws {
    self.url = url
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    guard mount("tmpfs", url.path, "tmpfs", 0, "size=64m") == 0 else { throw CocoaError(.fileWriteNoPermission) }
  }

  deinit {
    umount2(url.path, Int32(MNT_DETACH))
    try? FileManager.default.removeItem(at: url)
  }

  /// Takes all the room that is left.
  func fill() throws {
    let file = open(url.appending(path: "filler").path, O_CREAT | O_WRONLY | O_APPEND, 0o600)
    defer { close(file) }
    let chunk = [UInt8](repeating: 0, count: 4096)
    while write(file, chunk, chunk.count) > 0 {}
  }

  func empty() { try? FileManager.default.removeItem(at: url.appending(path: "filler")) }
}
