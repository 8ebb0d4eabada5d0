import FlowSource
import FlowSyntax

// Every state is reachable, and an end is reachable from every state.
extension FlowChecker {
  mutating func checkReachability() {
    let reached = reachedStates()
    for state in states.indices.dropFirst() where !reached.contains(state) {
      guard reached.contains(states[state].parent) || states[state].parent == 0 else { continue }
      problems.append(
        Diagnostic(
          "F301", "no path leads to `\(states[state].path)`", at: states[state].name.range,
          label: "never entered", help: "add a reaction with it as target, or remove it"))
    }
    checkEnds(reached)
  }

  /// The states that some path from a start enters. The flow's own reactions apply once it has started.
  func reachedStates() -> Set<Int> {
    var reached: Set<Int> = [0]
    let outgoing = Dictionary(grouping: reactions, by: \.source).mapValues { $0.compactMap(\.rest.target) }
    var waiting = starts.compactMap(\.rest.target) + (outgoing[0] ?? [])
    while let state = waiting.popLast() {
      var entered = state
      while reached.insert(entered).inserted {
        waiting += (outgoing[entered] ?? []) + enteredWith(entered)
        entered = states[entered].parent
      }
    }
    return reached
  }

  /// The children that are entered together with a state.
  private func enteredWith(_ state: Int) -> [Int] {
    if states[state].kind == .parallel { return states[state].children }
    return states[state].initial.map { [$0] } ?? []
  }

  /// F303: a flow has an end. F302: from every state a path leads to one.
  private mutating func checkEnds(_ reached: Set<Int>) {
    let ends = states.indices.filter { states[$0].kind == .final || states[$0].kind == .failed }
    guard node.ongoing == nil else { return }
    guard !ends.isEmpty else {
      guard !stateNodes.contains(where: { $0?.ongoing != nil }) else { return }
      problems.append(
        Diagnostic(
          "F303", "the flow `\(node.name.text)` has no end", at: node.name.range, label: "no `final` and no `failed`",
          help: "add a `final` state and a reaction with it as target, or write `ongoing`"))
      return
    }
    let alive = statesThatEnd(ends + states.indices.filter { stateNodes[$0]?.ongoing != nil })
    for state in states.indices.dropFirst() where reached.contains(state) && !alive.contains(state) {
      guard states[state].children.isEmpty else { continue }
      problems.append(
        Diagnostic(
          "F302", "no path leads from `\(states[state].path)` to an end", at: states[state].name.range,
          label: "instances stay here indefinitely",
          help: "add a reaction that leaves it, make it `final`, or write `ongoing` in it"))
    }
  }

  /// Backwards from the ends: a state is alive if it, or an enclosing state, has a reaction to one that is alive; a
  /// compound state is alive if one of its children is.
  private func statesThatEnd(_ ends: [Int]) -> Set<Int> {
    let arriving = Dictionary(grouping: reactions.filter { $0.rest.target != nil }) { $0.rest.target ?? 0 }
    var alive: Set<Int> = []
    var rest = ends
    while let state = rest.popLast() {
      guard alive.insert(state).inserted else { continue }
      rest.append(states[state].parent)
      for reaction in arriving[state] ?? [] { rest += reaction.source..<states[reaction.source].end }
    }
    return alive
  }
}
