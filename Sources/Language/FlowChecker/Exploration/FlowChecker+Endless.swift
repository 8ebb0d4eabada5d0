import CEL
import FlowIR
import FlowSource
import FlowSyntax

// F306: steps that follow each other without time and return to their start never end.
//
// Such are `always`, internal events, completions, `at` for a past instant, `on rollback.done` with nothing to undo,
// and calls and steps whose result is already known. A guard ends the cycle if the cycle changes its inputs.
extension FlowChecker {
  mutating func checkEndless(_ graph: StateGraph, _ logic: GuardLogic) {
    var reported: Set<Set<Int>> = []
    for component in components(graph) {
      let edges = circleEdges(component, graph)
      guard let circle = circle(among: edges, graph, logic), !circle.isEmpty,
        reported.insert(Set(circle.flatMap { graph.edges[$0].reactions })).inserted
      else { continue }
      problems.append(endless(circle.map { graph.edges[$0] }))
    }
  }

  /// The edges of a component whose conditions cannot be changed within the component.
  private func circleEdges(_ component: Set<Int>, _ graph: StateGraph) -> [Int] {
    let inner = component.sorted().flatMap { graph.outgoing[$0] }.filter {
      graph.edges[$0].isImmediate && component.contains(graph.edges[$0].to)
    }
    let assigned = inner.reduce(into: Set<Int>()) { $0.formUnion(graph.edges[$1].assigned) }
    return inner.filter { edge in
      let guards = (graph.edges[edge].held + graph.edges[edge].failed).map { reactions[$0].rest.guardExpression }
      let reads = guards.reduce(into: graph.edges[edge].reads) { $0.formUnion($1?.tree.usedSlots ?? []) }
      return reads.isDisjoint(with: assigned)
    }
  }

  /// A cycle of edges whose guards can be true together.
  private func circle(among edges: [Int], _ graph: StateGraph, _ logic: GuardLogic) -> [Int]? {
    var outgoing: [Int: [Int]] = [:]
    for edge in edges { outgoing[graph.edges[edge].from, default: []].append(edge) }
    var budget = 2000
    for start in outgoing.keys.sorted() {
      var path: [Int] = []
      if let found = extend(
        &path, from: start, to: start, outgoing: outgoing, graph: graph, logic: logic, budget: &budget)
      {
        return found
      }
    }
    return nil
  }

  private func extend(
    _ path: inout [Int], from node: Int, to start: Int, outgoing: [Int: [Int]], graph: StateGraph,
    logic: GuardLogic, budget: inout Int
  ) -> [Int]? {
    for edge in outgoing[node] ?? [] {
      guard budget > 0 else { return nil }
      budget -= 1
      let next = graph.edges[edge].to
      path.append(edge)
      defer { path.removeLast() }
      if next == start {
        if isPossible(path.map { graph.edges[$0] }, logic) { return path }
      } else if next > start, !path.contains(where: { graph.edges[$0].from == next }) {
        if let found = extend(
          &path, from: next, to: start, outgoing: outgoing, graph: graph, logic: logic, budget: &budget)
        {
          return found
        }
      }
    }
    return nil
  }

  /// Returns whether all guards of a cycle can be true at the same time.
  private func isPossible(_ edges: [StateGraph.Edge], _ logic: GuardLogic) -> Bool {
    let held = Set(edges.flatMap(\.held)).compactMap { reactions[$0].rest.guardExpression?.tree }
    let failed = Set(edges.flatMap(\.failed)).compactMap { reactions[$0].rest.guardExpression?.tree }
    return logic.canHold(held, without: failed)
  }

  /// The strongly connected components of the steps without time that contain a cycle (Tarjan 1972).
  private func components(_ graph: StateGraph) -> [Set<Int>] {
    var search = ComponentSearch(graph, follows: \.isImmediate)
    for node in graph.nodes.indices where search.numbers[node] == 0 { search.visit(node) }
    return search.found
  }

  // MARK: - The message

  private func endless(_ edges: [StateGraph.Edge]) -> Diagnostic {
    let fired = edges.flatMap(\.reactions)
    let ranges = fired.map { reactions[$0].range }
    let targets = fired.compactMap { index in reactions[index].rest.target.map { states[innermost($0)].path } }
    let first = fired.first.map { states[reactions[$0].source].path } ?? ""
    var names = targets
    if let last = names.last, last != first || names.count == 1 {
      names.insert(last, at: 0)
    } else {
      names.insert(first, at: 0)
    }
    let isRepeated = Set(fired).count == 1
    let message =
      isRepeated || targets.isEmpty
      ? "this reaction repeats without ever waiting"
      : "these states follow each other without ever waiting: \(names.map { "`\($0)`" }.joined(separator: " → "))"
    var seen: Set<SourceRange> = ranges.first.map { [$0] } ?? []
    let labels = ranges.dropFirst().filter { seen.insert($0).inserted }.map { Diagnostic.Label($0, "then this one") }
    let isGuarded = fired.allSatisfy { reactions[$0].rest.guardExpression != nil }
    let help =
      isGuarded
      ? "exclude one of the guards from the other, as in `when b && !a`, or wait for an event or a timer"
      : "give one of the reactions a guard that can be false, or let it wait for an event or a timer"
    return Diagnostic(
      "F306", message, at: ranges.first ?? node.name.range, label: "fires again immediately", labels: labels,
      help: help)
  }

  /// The innermost state that entering a state activates by its initial states.
  private func innermost(_ state: Int) -> Int {
    var state = state
    while let initial = states[state].initial { state = initial }
    return state
  }
}

/// Tarjan's search for the strongly connected components that hold a circle, along the edges that `follows` accepts. It
/// has a stack of its own, so that a long chain does not overflow the thread's.
struct ComponentSearch {
  let graph: StateGraph
  let follows: (StateGraph.Edge) -> Bool
  var numbers: [Int]
  var found: [Set<Int>] = []
  private var lows: [Int]
  private var stack: [Int] = []
  private var isOnStack: [Bool]
  private var count = 0

  init(_ graph: StateGraph, follows: @escaping (StateGraph.Edge) -> Bool) {
    self.graph = graph
    self.follows = follows
    numbers = [Int](repeating: 0, count: graph.nodes.count)
    lows = numbers
    isOnStack = [Bool](repeating: false, count: graph.nodes.count)
  }

  mutating func visit(_ root: Int) {
    var work: [(node: Int, next: Int)] = []
    open(root, &work)
    while let (node, next) = work.last {
      if next < graph.outgoing[node].count {
        work[work.count - 1].next += 1
        let edge = graph.edges[graph.outgoing[node][next]]
        guard follows(edge) else { continue }
        if numbers[edge.to] == 0 {
          open(edge.to, &work)
        } else if isOnStack[edge.to] {
          lows[node] = min(lows[node], numbers[edge.to])
        }
      } else {
        work.removeLast()
        if let parent = work.last?.node { lows[parent] = min(lows[parent], lows[node]) }
        if lows[node] == numbers[node] { close(node) }
      }
    }
  }

  private mutating func open(_ node: Int, _ work: inout [(node: Int, next: Int)]) {
    count += 1
    numbers[node] = count
    lows[node] = count
    stack.append(node)
    isOnStack[node] = true
    work.append((node, 0))
  }

  private mutating func close(_ root: Int) {
    var component: Set<Int> = []
    while let node = stack.popLast() {
      isOnStack[node] = false
      component.insert(node)
      if node == root { break }
    }
    let hasCircle =
      component.count > 1
      || graph.outgoing[root].contains { follows(graph.edges[$0]) && graph.edges[$0].to == root }
    if hasCircle { found.append(component) }
  }
}
