import Dispatch
import FlowCompiler
import FlowGenerator
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStoreSQLite
import FlowTestSupport
import Foundation
import Synchronization
import Testing

@testable import FlowServer

/// The hub next to the list of all committed entries.
@Suite("LiveHub") struct LiveHubTests {
  private struct FixedWorld: World {
    func now() -> Int64 { 1_700_000_000_000 }
    func random(below bound: Int64) -> Int64 { 0 }
    func newID() -> String { UUID().uuidString }
    func variable(_ name: String) -> String? { nil }
  }

  /// A subscription and what it has received.
  private final class Subscriber: Sendable {
    let flow: String?
    let key: String?
    let after: Int64
    private let received = Mutex<[Int64]>([])

    init(flow: String?, key: String?, after: Int64) {
      self.flow = flow
      self.key = key
      self.after = after
    }

    var sequences: [Int64] { received.withLock { $0 } }

    func add(to hub: LiveHub, number: UInt64) {
      hub.queue.async { [self] in
        guard let filter = try? LiveFilter(flow: flow, key: key) else { return }
        let form = LiveForm.call { entry in self.received.withLock { $0.append(entry.sequence) } }
        hub.add(LiveSubscription(id: 0, filter, form, at: after), for: .watcher(number))
      }
    }

    func selects(_ entry: JournalEntry) -> Bool {
      entry.sequence > after && (flow ?? entry.flow) == entry.flow && (key ?? entry.key) == entry.key
    }
  }

  @Test("whatever is published, each subscription receives each of its entries once, in order", arguments: 0..<6)
  func entries(seed: Int) throws {
    var random = SplitMix64(seed: seed)
    let folder = try TestFolder()
    let store = try SQLiteStore(path: folder.store)
    let program = try #require(compile("counter.flow", load: { _ in Array(Counter.source.utf8) }).program)
    let engine = try Engine(machine: try Machine(program), store: store, world: FixedWorld())
    var entries: [JournalEntry] = []
    func commit() throws -> [JournalEntry] {
      let committed = try engine.commit()
      entries += committed
      return committed
    }
    for key in 0..<4 { _ = engine.submit(EventCommand(event: "Begin", payload: ["id": .string("k\(key)")])) }
    _ = try commit()
    let hub = LiveHub()
    try hub.begin(try SQLiteQueries(path: folder.store))
    var subscribers: [Subscriber] = []
    for turn in 0..<300 {
      switch random.next(below: 8) {
      case 0:
        let key = random.next(below: 3) == 0 ? nil : "k\(random.next(below: 4))"
        let flow = random.next(below: 3) == 0 ? nil : "Counter"
        let subscriber = Subscriber(flow: flow, key: key, after: Int64(random.next(below: entries.count + 1)))
        subscriber.add(to: hub, number: UInt64(turn))
        subscribers.append(subscriber)
      case 1: hub.advance(to: entries.last?.sequence ?? 0)
      default:
        for _ in 0...random.next(below: 3) {
          let command = EventCommand(
            flow: "Counter", key: "k\(random.next(below: 4))", event: "Add", payload: ["n": .int(Int64(turn))])
          _ = engine.submit(command)
        }
        let committed = try commit()
        // Others do not fit into the backlog, or come from another node.
        if random.next(below: 4) > 0 { hub.publish(committed) }
      }
      if random.next(below: 10) == 0 { hub.queue.sync {} }
    }
    hub.advance(to: entries.last?.sequence ?? 0)
    let end = DispatchTime.now() + .seconds(30)
    for subscriber in subscribers {
      let expected = entries.filter(subscriber.selects).map(\.sequence)
      while subscriber.sequences.count < expected.count, DispatchTime.now() < end { usleep(1000) }
      #expect(subscriber.sequences == expected)
    }
    hub.queue.sync {}
    #expect(subscribers.allSatisfy { $0.sequences == entries.filter($0.selects).map(\.sequence) }, "and none twice")
  }
}
