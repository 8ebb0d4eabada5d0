import Dispatch
import FlowJSON
import Synchronization

/// The other nodes of a store that follow the live stream of its owner: each has one request, which is answered when
/// there is news. They read the entries themselves, and send them to their own subscribers.
struct LiveFollowers {
  /// The number of changes of flows that are kept for followers between two of their requests.
  static let maximumChanges = 64

  /// A request that waits for news.
  struct Waiting {
    var number: UInt64
    /// The last entry that the node knows of.
    var position: Int64
    /// The last change of a flow that it knows of.
    var change: ChangeNumber
    var answer: @Sendable (News) -> Void
  }

  /// Identifies a change of a flow: numbers of another owner are unrelated.
  struct ChangeNumber: Hashable {
    var owner: String
    var number: Int

    /// The text `1f2e3d:4`.
    var text: String { "\(owner):\(number)" }

    init(owner: String, number: Int) {
      self.owner = owner
      self.number = number
    }

    init(_ text: String) {
      let parts = text.split(separator: ":")
      owner = parts.first.map { String($0) } ?? ""
      number = parts.last.flatMap { Int($0) } ?? 0
    }
  }

  /// The news for a node.
  struct News: Sendable {
    /// The newest entry.
    var last: Int64
    /// The mark of the served flows (``Catalogue/mark``).
    var flows: String
    /// The changes of flows since the last request.
    var changes: [FlowChange]
    /// Identifies the last change.
    var change: String

    var json: JSON {
      [
        "last": .int(last), "flows": .string(flows), "changes": .array(changes.map(\.json)),
        "change": .string(change),
      ]
    }

    /// Reads ``json``; nil for any other document.
    init?(_ json: JSON) {
      guard let last = json["last"]?.int, let flows = json["flows"]?.string, let change = json["change"]?.string else {
        return nil
      }
      self.init(
        last: Int64(last), flows: flows, changes: (json["changes"]?.array ?? []).compactMap(FlowChange.init),
        change: change)
    }

    init(last: Int64, flows: String, changes: [FlowChange], change: String) {
      self.last = last
      self.flows = flows
      self.changes = changes
      self.change = change
    }
  }

  private(set) var waiting: [Waiting] = []
  private var changes: [FlowChange] = []
  private var lastChange = ChangeNumber(owner: String(UInt64.random(in: 0...UInt64.max), radix: 16), number: 0)
  private var lastNumber: UInt64 = 0

  mutating func record(_ change: FlowChange) {
    changes.append(change)
    if changes.count > LiveFollowers.maximumChanges { changes.removeFirst() }
    lastChange.number += 1
  }

  /// - Returns: The number of the request.
  mutating func add(
    after position: Int64, change: ChangeNumber, answer: @escaping @Sendable (News) -> Void
  ) -> UInt64 {
    lastNumber += 1
    waiting.append(Waiting(number: lastNumber, position: position, change: change, answer: answer))
    return lastNumber
  }

  /// Removes and returns the matching requests.
  mutating func remove(where isDue: (Waiting) -> Bool) -> [Waiting] {
    let due = waiting.filter(isDue)
    if !due.isEmpty { waiting.removeAll(where: isDue) }
    return due
  }

  /// Returns true if a request does not know of the last change.
  func hasChange(for request: Waiting) -> Bool { request.change != lastChange && lastChange.number > 0 }

  /// The news for a request.
  func news(for request: Waiting, last: Int64, flows: String) -> News {
    let isOurs = request.change.owner == lastChange.owner
    let missed = isOurs ? min(max(lastChange.number - request.change.number, 0), changes.count) : 0
    return News(last: last, flows: flows, changes: Array(changes.suffix(missed)), change: lastChange.text)
  }
}

extension LiveHub {
  /// Calls back when there are entries after `position` or a change of a flow after `change`, or at the timeout.
  /// - Parameter change: The `change` of the last news; an empty text at first.
  func follow(
    after position: Int64, change: String, milliseconds: Int, answer: @escaping @Sendable (LiveFollowers.News) -> Void
  ) {
    queue.async { [self] in
      let number = state.withLock {
        $0.followers.add(after: position, change: LiveFollowers.ChangeNumber(change), answer: answer)
      }
      answerFollowers()
      queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { self.answerFollowers { $0.number == number } }
    }
  }

  /// Answers all nodes that wait, because this one is about to end.
  func endFollowers() { queue.async { self.answerFollowers { _ in true } } }

  /// Answers the nodes for which there is news. Runs on the queue.
  func answerFollowers(orWhere isOver: (LiveFollowers.Waiting) -> Bool = { _ in false }) {
    // In this order, so that the mark is not older than the entries.
    let last = awaitPublication()
    let flows = servedFlows
    let due = state.withLock { state in
      let followers = state.followers
      return state.followers.remove { $0.position < last || followers.hasChange(for: $0) || isOver($0) }.map {
        ($0, followers.news(for: $0, last: last, flows: flows))
      }
    }
    for (request, news) in due { request.answer(news) }
  }
}
