import FlowGenerator
import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// Subscribers that are disconnected at random resume under load and receive each offset once, in order.
///
/// `make test-resume` runs 200 of them for ten minutes.
@Suite("Resumption under load", .serialized) struct ResumeTests {
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  static let subscribers = number("FLOW_SUBSCRIBERS") ?? 24
  static let seconds = number("FLOW_SECONDS") ?? 5
  /// The pause between two events of a sender in microseconds; every event goes to every subscriber.
  static var pause: UInt32 { UInt32(max(20_000, 800 * subscribers)) }

  @Test("subscribers that are disconnected at random receive each entry once and in order")
  func disconnectedSubscribers() throws {
    let counter = try CounterServer()
    let port = counter.port
    for key in ["a", "b", "c", "d"] { try Counter.begin(key, counter.client) }
    let isOver = Atomic(false)
    let end = Atomic(0)
    let results = Mutex<[Subscriber.Result]>([])
    let group = DispatchGroup()
    for index in 0..<ResumeTests.subscribers {
      inBackground(group) {
        let subscriber = Subscriber(port: port, seed: index)
        let result = subscriber.follow { isOver.load(ordering: .acquiring) ? end.load(ordering: .acquiring) : nil }
        results.withLock { $0.append(result) }
      }
    }
    let sent = load(port)
    end.store(4 + sent, ordering: .releasing)
    isOver.store(true, ordering: .releasing)
    // One more event wakes subscribers that wait for an entry; the first connection has been idle for too long.
    try Counter.add(1, to: "a", HTTPClient(port: port))
    group.wait()
    let all = results.withLock { $0 }
    #expect(all.count == ResumeTests.subscribers)
    #expect(all.compactMap(\.problem) == [])
    #expect(all.allSatisfy { $0.last >= 4 + sent }, "\(4 + sent) entries, seen up to \(all.map(\.last).min() ?? 0)")
    let cuts = all.reduce(0) { $0 + $1.connections }
    #expect(cuts > ResumeTests.subscribers, "no subscriber was disconnected")
    print("\(all.count) subscribers, \(cuts) connections, \(4 + sent) entries each")
  }

  /// Sends events over a few connections.
  /// - Returns: The number of events.
  private func load(_ port: Int) -> Int {
    let count = Atomic(0)
    let group = DispatchGroup()
    let end = Date().addingTimeInterval(Double(ResumeTests.seconds))
    for key in ["a", "b", "c", "d"] {
      inBackground(group) {
        let client = HTTPClient(port: port)
        while Date() < end {
          if (try? Counter.add(1, to: key, client)) != nil { count.add(1, ordering: .relaxed) }
          usleep(ResumeTests.pause)
        }
      }
    }
    group.wait()
    return count.load(ordering: .relaxed)
  }

  /// Runs on a separate thread: hundreds of blocked tasks are too many for a thread pool.
  private func inBackground(_ group: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
    group.enter()
    let thread = Thread {
      body()
      group.leave()
    }
    thread.stackSize = 1 << 20
    thread.start()
  }
}

/// A subscriber to all entries that disconnects at random.
private struct Subscriber {
  struct Result: Sendable {
    var last = 0
    var connections = 0
    /// The first violation; nil if there is none.
    var problem: String?
  }

  let port: Int
  private var random: SplitMix64

  init(port: Int, seed: Int) {
    self.port = port
    random = SplitMix64(seed: seed)
  }

  private mutating func roll(_ sides: Int) -> Int { random.next(below: sides) }

  /// - Parameter end: Returns the last expected offset, once it is known.
  func follow(until end: () -> Int?) -> Result {
    var listener = self
    var result = Result()
    while result.problem == nil, end().map({ result.last < $0 }) ?? true { listener.listen(&result, until: end) }
    return result
  }

  /// Receives some entries over one connection.
  private mutating func listen(_ result: inout Result, until end: () -> Int?) {
    result.connections += 1
    var patience = 1 + roll(120)
    do {
      let socket = try WebSocketClient(port: port, path: "/v1/live?since=\(result.last)")
      while patience > 0, end().map({ result.last < $0 }) ?? true {
        let message = try socket.receive()
        if let answer = message["ok"], answer["recovered"] != true { result.problem = "not recovered" }
        guard let offset = message["offset"]?.int else { continue }
        if offset != result.last + 1 { result.problem = "\(offset) came after \(result.last)" }
        result.last = offset
        patience -= 1
      }
    } catch {
      // The next connection resumes after the last received entry.
      usleep(10_000)
    }
  }
}
