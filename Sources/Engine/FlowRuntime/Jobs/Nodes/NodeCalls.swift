/// The calls that other nodes of the store run, as the owner knows them. Their leases are in the store, so that a call
/// survives the end of the owner; which nodes are alive is known in memory only.
struct NodeCalls {
  /// The time after the last sign of life of a node at which its calls are run again, in milliseconds.
  static let lostMilliseconds: Int64 = 5000

  private struct Node {
    /// The last sign of life.
    var seenAt: Int64
    /// The jobs with the instants of their claims.
    var calls: [Int64: Int64] = [:]
  }

  private var nodes: [String: Node] = [:]
  /// True if the leases of an earlier owner have been read.
  private(set) var isRestored = false

  /// The number of calls that each node runs.
  var counts: [String: Int] { nodes.mapValues(\.calls.count) }

  /// The instant at which a node counts as lost if it gives no sign of life; nil without nodes.
  var nextLoss: Int64? { nodes.values.lazy.map { $0.seenAt + NodeCalls.lostMilliseconds }.min() }

  /// Records the leases that an earlier owner has granted.
  mutating func restore(_ leased: [JobRow], at now: Int64) {
    isRestored = true
    for row in leased {
      if let node = row.worker, row.queue == nil { add(row.id, to: node, at: now) }
    }
  }

  mutating func see(_ node: String, at now: Int64) { nodes[node, default: Node(seenAt: now)].seenAt = now }

  mutating func add(_ job: Int64, to node: String, at now: Int64) {
    nodes[node, default: Node(seenAt: now)].calls[job] = now
  }

  mutating func end(_ job: Int64, of node: String) { nodes[node]?.calls[job] = nil }

  /// The calls that a node has been granted, and does not run: the response with the claim was lost.
  func missing(in running: [Int64], of node: String, at now: Int64) -> [Int64] {
    guard let calls = nodes[node]?.calls, !calls.isEmpty else { return [] }
    let running = Set(running)
    return calls.filter { !running.contains($0.key) && $0.value + NodeCalls.lostMilliseconds <= now }.keys.sorted()
  }

  /// Removes the nodes without a sign of life.
  /// - Returns: Their calls.
  mutating func removeLost(at now: Int64) -> [(node: String, job: Int64)] {
    let lost = nodes.filter { $0.value.seenAt + NodeCalls.lostMilliseconds <= now }
    for name in lost.keys { nodes[name] = nil }
    return lost.flatMap { node in node.value.calls.keys.sorted().map { (node.key, $0) } }
  }
}
