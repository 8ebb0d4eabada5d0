import Dispatch
import Testing

@testable import FlowServer

@Suite("CatchUpQueue") struct CatchUpQueueTests {
  @Test("subscriptions catch up in order, and closed ones are skipped") func order() throws {
    var line = CatchUpQueue()
    let filter = try LiveFilter()
    func comes(_ number: Int64) -> Bool {
      line.append(LiveSubscription(id: number, filter, .frames, at: 0), of: .watcher(UInt64(number)))
    }
    func next() -> Int64? { line.next { _, subscription in subscription.id % 3 != 0 }?.subscription.id }
    #expect(comes(0))
    for number in 1..<3_000 { #expect(!comes(Int64(number)), "the line is moving already") }
    for number in 1..<2_000 where number % 3 != 0 { #expect(next() == Int64(number)) }
    #expect(!comes(3_001))
    for number in 2_000..<3_000 where number % 3 != 0 { #expect(next() == Int64(number)) }
    #expect(next() == 3_001)
    #expect(next() == nil)
    #expect(comes(3_002), "the queue does not move")
    #expect(next() == 3_002)
  }

  /// A request in progress may subscribe after the node has ended its streams: it would wait for entries that go to
  /// another hub.
  @Test("a closed hub accepts no subscription", arguments: [true, false]) func closed(_ isClosed: Bool) {
    let hub = LiveHub()
    if isClosed { hub.close() }
    _ = hub.watch(flow: "F", key: "k", after: 0) { _ in }
    hub.queue.sync {}
    #expect(hub.hasListeners != isClosed)
  }
}
