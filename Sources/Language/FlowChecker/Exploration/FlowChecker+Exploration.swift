import CEL
import FlowIR
import FlowSource
import FlowSyntax

// Reachability, ends, completion and endless reactions, derived from the reachable configurations of a flow.
extension FlowChecker {
  /// Explores the flow. A flow that is too large is analysed by its states alone, with fewer findings.
  /// - Parameter certainty: The certainty of the guard of each reaction.
  /// - Returns: The configurations; nil when they are too many.
  mutating func checkStatechart(_ logic: GuardLogic, certainty: [GuardLogic.Certainty]) -> StateGraph? {
    var explorer = Explorer(
      states: states, reactions: reactions, starts: starts, calls: calls,
      reactionsByState: reactionsByState, certainty: certainty, migrated: migratedStates())
    guard let graph = explorer.explore() else {
      problems.append(
        Diagnostic(
          "F317", .info, "the states of `\(node.name.text)` have too many combinations to analyse", at: node.name.range,
          label: "not analysed completely",
          notes: ["endless reactions, completions and conflicts of regions are not checked here"],
          help: "split the flow, or reduce its parallel regions"))
      checkReachability()
      checkRegions(logic)
      return nil
    }
    checkEndless(graph, logic)
    checkCompletions(graph)
    checkEnds(graph)
    checkConflicts(graph, logic)
    checkResults(graph)
    return graph
  }

  /// The states that migrations lead to. Problems with the names are reported elsewhere.
  private func migratedStates() -> [Int] { migrations.flatMap { $0.moves.map(\.to) } }

  // MARK: - F301

  /// Reports the states that are never entered, unless another error prevents reactions from firing.
  mutating func checkReached(_ graph: StateGraph, isExplained: Bool) {
    let reached = isExplained ? graph.reached.union(reachedStates()) : graph.reached
    let missing = states.indices.dropFirst().filter { state in
      !reached.contains(state) && (reached.contains(states[state].parent) || states[state].parent == 0)
    }
    // States that are reachable only from unreachable states are consequences.
    var consequences: Set<Int> = []
    for reaction in reactions where !reached.contains(reaction.source) {
      var state = reaction.rest.target ?? 0
      while state != 0, !(state..<states[state].end).contains(reaction.source) {
        consequences.insert(state)
        state = states[state].parent
      }
    }
    let roots = missing.filter { !consequences.contains($0) }
    for state in roots.isEmpty ? Array(missing.prefix(1)) : roots { reportUnreached(state) }
  }

  private mutating func reportUnreached(_ state: Int) {
    let isEntered = reactions.contains { $0.rest.target == state } || states[states[state].parent].initial == state
    problems.append(
      Diagnostic(
        "F301", "no path leads to `\(states[state].path)`", at: states[state].name.range, label: "never entered",
        notes: isEntered ? ["the reactions that lead here never fire, or other states are entered instead"] : [],
        help: "add a reaction with it as target, or remove it"))
  }

  // MARK: - F302, F303

  private mutating func checkEnds(_ graph: StateGraph) {
    guard node.ongoing == nil else { return }
    guard states.contains(where: { $0.kind == .final || $0.kind == .failed }) else {
      guard !stateNodes.contains(where: { $0?.ongoing != nil }) else { return }
      problems.append(
        Diagnostic(
          "F303", "the flow `\(node.name.text)` has no end", at: node.name.range, label: "no `final` and no `failed`",
          help: "add a `final` state and a reaction with it as target, or write `ongoing`"))
      return
    }
    let alive = nodesThatEnd(graph)
    var dead: Set<Int> = []
    var living: Set<Int> = []
    for index in graph.stable {
      let active = statesAround(graph.nodes[index].leaves)
      if alive.contains(index) { living.formUnion(active) } else { dead.formUnion(active) }
    }
    let stuck = dead.subtracting(living)
    for state in stuck.sorted() where states[state].kind != .final && states[state].kind != .failed && state != 0 {
      // A parallel is reported as a whole.
      let parallels = statesAround([state]).subtracting([state]).filter { states[$0].kind == .parallel }
      guard parallels.isDisjoint(with: stuck), states[state].children.isEmpty || states[state].kind == .parallel else {
        continue
      }
      reportDeadEnd(state)
    }
  }

  private mutating func reportDeadEnd(_ state: Int) {
    problems.append(
      Diagnostic(
        "F302", "no path leads from `\(states[state].path)` to an end", at: states[state].name.range,
        label: "instances stay here indefinitely",
        help: "add a reaction that leaves it, make it `final`, or write `ongoing` in it"))
  }

  /// The nodes from which an end, or a state that is meant to last, can be reached.
  private func nodesThatEnd(_ graph: StateGraph) -> Set<Int> {
    var arriving = [[Int]](repeating: [], count: graph.nodes.count)
    for edge in graph.edges { arriving[edge.to].append(edge.from) }
    var waiting = graph.nodes.indices.filter { isEnd(graph.nodes[$0], graph: graph, index: $0) }
    var alive: Set<Int> = []
    while let index = waiting.popLast() {
      if alive.insert(index).inserted { waiting += arriving[index] }
    }
    return alive
  }

  private func isEnd(_ node: StateGraph.Node, graph: StateGraph, index: Int) -> Bool {
    if node.isEnded || statesAround(node.leaves).contains(where: { stateNodes[$0]?.ongoing != nil }) { return true }
    // Nothing inside can react any more.
    return graph.stable.contains(index) && graph.outgoing[index].isEmpty
      && node.leaves.allSatisfy { states[$0].kind == .final || states[$0].kind == .failed }
  }

  /// The leaves with all states around them.
  func statesAround(_ leaves: [Int]) -> Set<Int> {
    leaves.reduce(into: [0]) { $0.formUnion(states.around($1)) }
  }

  // MARK: - F309

  private mutating func checkCompletions(_ graph: StateGraph) {
    for reaction in reactions {
      guard case .done = reaction.trigger, graph.reached.contains(reaction.source),
        !graph.completions.contains(reaction.source)
      else { continue }
      let state = states[reaction.source]
      let endless = state.children.first { region in
        state.kind == .parallel && !graph.completions.contains(region)
      }
      problems.append(
        Diagnostic(
          "F309", "`\(state.path.isEmpty ? node.name.text : state.path)` never completes", at: reaction.range,
          label: "never happens",
          labels: endless.map { [.init(states[$0].name.range, "this region never ends")] } ?? [],
          help: state.kind == .parallel
            ? "add a `final` state that each region reaches"
            : "add a `final` state inside, and a reaction with it as target"))
    }
  }

  // MARK: - F712

  private mutating func checkConflicts(_ graph: StateGraph, _ logic: GuardLogic) {
    var reported: Set<[SourceRange]> = []
    for conflict in graph.conflicts {
      let (first, second) = (reactions[conflict.first], reactions[conflict.second])
      guard !logic.exclude(first.rest.guardExpression?.tree, second.rest.guardExpression?.tree),
        reported.insert([first.range, second.range]).inserted
      else { continue }
      let event = [first, second].compactMap { triggerName($0.trigger) }.first { $0 != "any" } ?? "any"
      problems.append(
        Diagnostic(
          "F712", "two regions could both leave `\(states[conflict.parallel].path)` on one `\(event)`",
          at: second.range, label: "leaves the parallel", labels: [.init(first.range, "also leaves the parallel")],
          help: "make the guards mutually exclusive, or handle the event in a state that encloses the regions"))
    }
  }

  // MARK: - F510

  /// A flow with a result that ends in states inside of others.
  private mutating func checkResults(_ graph: StateGraph) {
    guard callees[node.name.text]?.result != nil else { return }
    var reported: Set<Int> = []
    for index in graph.stable.sorted()
    where isEnd(graph.nodes[index], graph: graph, index: index) && !graph.nodes[index].isEnded {
      for leaf in graph.nodes[index].leaves where states[leaf].kind == .final && states[leaf].result == nil {
        guard reported.insert(leaf).inserted else { continue }
        problems.append(
          Diagnostic(
            "F510", "`\(states[leaf].path)` ends the flow without a result", at: states[leaf].name.range,
            label: "returns nothing", help: "add `on done -> …` with a top-level `final` state that returns the result")
        )
      }
    }
  }
}
