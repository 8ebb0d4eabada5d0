/// Configurations of a flow, and the steps between them.
struct StateGraph {
  /// The active states and the pending internal events at one moment.
  struct Node: Hashable {
    /// The innermost active states, in document order.
    var leaves: [Int]
    var queue: [InternalSignal] = []
    /// True if a top-level `final` or `failed` state is active.
    var isEnded = false
  }

  /// An event inside of a step.
  enum InternalSignal: Hashable {
    case event(Int)
    case done(Int)
  }

  struct Edge {
    var from: Int
    var to: Int
    /// The reactions that fire, as indices of the flow's reactions.
    var reactions: [Int]
    /// True if no time passes: the step follows immediately, regardless of outside inputs.
    var isImmediate: Bool
    /// The guards that hold, and those that don't, by the index of their reaction.
    var held: [Int]
    var failed: [Int]
    /// The slots that decide whether the step is taken, in addition to those of the guards.
    var reads: Set<Int> = []
    /// The slots that the step assigns.
    var assigned: Set<Int> = []
  }

  var nodes: [Node] = []
  var edges: [Edge] = []
  /// The nodes from which nothing follows without time, by index.
  var stable: Set<Int> = []
  var outgoing: [[Int]] = []
  /// Completions that some step raises.
  var completions: Set<Int> = []
  /// Pairs of reactions of different regions that both leave their parallel in one step, with the parallel.
  var conflicts: [(first: Int, second: Int, parallel: Int)] = []
  /// States that are active in some node.
  var reached: Set<Int> = []

  private var indices: [Node: Int] = [:]

  /// The index of a node, and whether it is new.
  mutating func add(_ node: Node) -> (index: Int, isNew: Bool) {
    if let known = indices[node] { return (known, false) }
    indices[node] = nodes.count
    nodes.append(node)
    outgoing.append([])
    return (nodes.count - 1, true)
  }

  mutating func add(_ edge: Edge) {
    outgoing[edge.from].append(edges.count)
    edges.append(edge)
  }
}
