import FlowRuntime

/// The subscriptions that have caught up, by the instances that they select: an entry costs those that may want it, and
/// not all.
struct LiveIndex {
  /// A subscription that receives entries as they are published.
  struct Member {
    let listener: LiveListener
    let subscription: LiveSubscription
    /// The last entry that it has received from the journal.
    let after: Int64
  }

  /// The instances of a filter; nil for any flow or key.
  private struct Topic: Hashable {
    var flow: String?
    var key: String?
  }

  private var topics: [Topic: [Member]] = [:]
  private var places: [ObjectIdentifier: (topic: Topic, index: Int)] = [:]

  /// All members.
  var all: [Member] { topics.values.flatMap { $0 } }

  /// Adds a subscription; one that is a member stays as it is.
  mutating func insert(_ member: Member) {
    guard places[ObjectIdentifier(member.subscription)] == nil else { return }
    let topic = Topic(flow: member.subscription.filter.flow, key: member.subscription.filter.key)
    places[ObjectIdentifier(member.subscription)] = (topic, topics[topic]?.count ?? 0)
    topics[topic, default: []].append(member)
  }

  /// Removes a subscription if it is a member.
  mutating func remove(_ subscription: LiveSubscription) {
    guard let (topic, index) = places.removeValue(forKey: ObjectIdentifier(subscription)),
      let last = topics[topic]?.popLast()
    else { return }
    if last.subscription !== subscription {
      topics[topic]?[index] = last
      places[ObjectIdentifier(last.subscription)] = (topic, index)
    } else if topics[topic]?.isEmpty == true {
      topics[topic] = nil
    }
  }

  /// The members whose filters select an instance, in up to four groups.
  func members(flow: String, key: String) -> [[Member]] {
    [
      Topic(flow: flow, key: key), Topic(flow: flow, key: nil), Topic(flow: nil, key: key), Topic(flow: nil, key: nil),
    ].compactMap { topics[$0] }
  }
}
