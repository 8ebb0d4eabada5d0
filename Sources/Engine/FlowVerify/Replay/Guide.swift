/// The way that a search for a run follows: the part of the abstract graph that leads to a goal.
struct Guide {
  struct Edge {
    var target: Int
    var input: AbstractInput
  }

  /// The abstract state of each node.
  var states: [Int]
  var edges: [[Edge]]
  /// The inputs that reach the goal at a node; nil where the node itself is the goal.
  var finalInputs: [Int: [AbstractInput]]
  var goals: Set<Int>

  /// The number of steps from each node to the goal; nil where there is no way.
  func distances() -> [Int?] {
    var found: [Int?] = Array(repeating: nil, count: states.count)
    var before: [[Int]] = Array(repeating: [], count: states.count)
    for (node, edges) in edges.enumerated() { for edge in edges { before[edge.target].append(node) } }
    var open = Array(Set(finalInputs.keys).union(goals)).sorted()
    for node in open { found[node] = 0 }
    var next = 0
    while next < open.count {
      let node = open[next]
      next += 1
      for previous in before[node] where found[previous] == nil {
        found[previous] = (found[node] ?? 0) + 1
        open.append(previous)
      }
    }
    return found
  }

  /// The whole graph, toward inputs that reach a goal in some of its states.
  init(_ graph: AbstractGraph, occurrences: [AbstractGraph.Occurrence]) {
    self.init(graph)
    for occurrence in occurrences { finalInputs[occurrence.state, default: []].append(occurrence.input) }
  }

  /// The whole graph, toward some of its states.
  init(_ graph: AbstractGraph, goals: Set<Int>) {
    self.init(graph)
    self.goals = goals
  }

  private init(_ graph: AbstractGraph) {
    states = Array(0..<graph.states.count)
    edges = states.map { state in graph.edges(of: state).map { Edge(target: $0.target, input: $0.input) } }
    finalInputs = [:]
    goals = []
  }

  /// A graph made for one property.
  init(states: [Int], edges: [[Edge]], goals: Set<Int>) {
    self.states = states
    self.edges = edges
    self.goals = goals
    finalInputs = [:]
  }
}
