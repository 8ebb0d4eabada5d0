import FlowSource
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// What was acknowledged is there after a crash, once, and nothing is there twice.
///
/// Clients keep a ledger of every answer. The server is killed again and again in the middle of the load; a request
/// that got no answer is sent again with its idempotency key, as a careful client does.
@Suite(.serialized) struct CrashTests {
  static let kills = 10
  static let instances = 1000
  static let connections = 64

  private struct Ledger {
    var acknowledged: Set<Int> = []
    /// Answers that were neither 2xx nor a broken connection.
    var strange: [String] = []
    var nextEvent = 0
    /// Sent, and not answered before the server was gone.
    var unanswered: [Int] = []
  }

  @Test func nothingAcknowledgedIsLostAndNothingIsAppliedTwice() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "counter.flow",
      """
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
      """)
    var server = try ServerProcess([file, "--store", folder.store])
    let starter = HTTPClient(port: server.port)
    for index in 0..<CrashTests.instances {
      let body: JSON = ["event": "Begin", "data": ["id": .string("c\(index)")]]
      try #require(try starter.send("POST", "/v1/flows/Counter/instances", body).status == 201)
    }
    let ledger = Mutex(Ledger())
    for round in 0..<CrashTests.kills {
      let milliseconds = 150 + round * 40
      run(against: server, ledger, for: milliseconds)
      server = try ServerProcess([file, "--store", folder.store])
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
    let (acknowledged, strange) = ledger.withLock { ($0.acknowledged, $0.strange) }
    #expect(strange == [])
    #expect(acknowledged.count > 1000, "the load was too small to prove anything")
    #expect(acknowledged.filter { seen[$0] == nil } == [], "acknowledged and lost")
    #expect(seen.filter { $0.value > 1 } == [:], "applied twice")
    try expectJournalAgrees(client, seen)
  }

  /// Loads the server from many connections and kills it in the middle.
  private func run(against server: ServerProcess, _ ledger: borrowing Mutex<Ledger>, for milliseconds: Int) {
    let threads = (0..<CrashTests.connections).map { _ in LoadThread(port: server.port) }
    let (first, unanswered) = ledger.withLock { ($0.nextEvent, $0.unanswered) }
    for (index, thread) in threads.enumerated() {
      thread.next = first + index
      thread.again = index < unanswered.count ? unanswered[index] : nil
      thread.stride = CrashTests.connections
      thread.start()
    }
    usleep(UInt32(milliseconds) * 1000)
    server.kill()
    for thread in threads { thread.join() }
    ledger.withLock { ledger in
      ledger.unanswered = threads.compactMap(\.unanswered)
      for thread in threads {
        ledger.acknowledged.formUnion(thread.acknowledged)
        ledger.strange += thread.strange
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
    guard let answer = try? client.send("POST", path, body, headers: ["Idempotency-Key": "add-\(number)"]) else {
      unanswered = number
      return false
    }
    if answer.status == 200 {
      acknowledged.append(number)
    } else {
      strange.append("\(answer.status) \(answer.text)")
    }
    return true
  }
}
