import FlowGenerator
import Testing

@testable import FlowServer

/// The index of subscriptions, next to a list of all of them.
@Suite("LiveIndex") struct LiveIndexTests {
  @Test("an entry visits the subscriptions whose filters select its instance, and no others", arguments: 0..<8)
  func members(seed: Int) throws {
    var random = SplitMix64(seed: seed)
    func name(_ prefix: String) -> String? { random.next(below: 3) == 0 ? nil : "\(prefix)\(random.next(below: 4))" }
    var index = LiveIndex()
    var model: [LiveSubscription] = []
    for turn in 0..<400 {
      if random.next(below: 3) == 0, !model.isEmpty {
        index.remove(model.remove(at: random.next(below: model.count)))
      } else {
        let filter = try LiveFilter(flow: name("F"), key: name("k"))
        let subscription = LiveSubscription(id: Int64(turn), filter, .frames, at: 0)
        let member = LiveIndex.Member(listener: .watcher(UInt64(turn)), subscription: subscription, after: 0)
        index.insert(member)
        index.insert(member)
        model.append(subscription)
      }
      let (flow, key) = ("F\(random.next(below: 4))", "k\(random.next(below: 4))")
      let expected = model.filter { ($0.filter.flow ?? flow) == flow && ($0.filter.key ?? key) == key }
      let found = index.members(flow: flow, key: key).flatMap { $0 }
      #expect(found.map(\.subscription.id).sorted() == expected.map(\.id).sorted())
      #expect(index.all.count == model.count)
    }
    index.remove(LiveSubscription(id: 0, try LiveFilter(), .frames, at: 0))
    #expect(index.all.count == model.count, "one that is no member is ignored")
  }
}
