import CEL
import FlowIR

// Which states are left and entered, and what happens then.
extension Stepper {
  /// The innermost state that stays active while a transition runs; nil when nothing is left.
  ///
  /// A target inside of the source leaves the source active; anything else leaves it.
  func domain(of transition: Int, _ flow: Flow) -> Int? {
    let node = flow.transitions[transition]
    guard let target = node.target else { return nil }
    if !node.isReenter, target > node.source, target < flow.states[node.source].end {
      guard flow.states[node.source].kind == .parallel else { return node.source }
      return flow.states[node.source].children.last { $0 <= target } ?? node.source
    }
    var ancestor = flow.states[node.source].parent
    while !(ancestor < target && target < flow.states[ancestor].end) || flow.states[ancestor].kind == .parallel {
      if ancestor == 0 { break }
      ancestor = flow.states[ancestor].parent
    }
    return ancestor
  }

  /// The active states that a transition leaves.
  func exitSet(of transition: Int, _ step: RunningStep) -> StateSet {
    guard let domain = domain(of: transition, step.flow.flow) else { return StateSet() }
    let inside = (domain + 1)..<max(domain + 1, step.flow.flow.states[domain].end)
    return StateSet(step.instance.active.ascending.lazy.filter(inside.contains))
  }

  /// The states that are entered on the way from a domain to a target, with all that belongs to them.
  func entrySet(target: Int, domain: Int, isHistory: Bool, _ step: RunningStep) -> StateSet {
    let flow = step.flow.flow
    var entered = StateSet()
    let stored = isHistory ? step.instance.history.first { $0.state == target }?.leaves : nil
    for leaf in stored ?? [target] {
      var ancestor = leaf
      while ancestor != domain, ancestor != 0 {
        entered.insert(ancestor)
        ancestor = flow.states[ancestor].parent
      }
    }
    for state in entered.ascending { addDefaults(of: state, flow, &entered) }
    return entered
  }

  /// Adds the children that have to be entered with a state: its initial one, or every region.
  private func addDefaults(of state: Int, _ flow: Flow, _ entered: inout StateSet) {
    let node = flow.states[state]
    if node.kind == .parallel {
      for region in node.children where !entered.contains(region) {
        entered.insert(region)
        addDefaults(of: region, flow, &entered)
      }
    } else if let initial = node.initial, !node.children.contains(where: entered.contains) {
      entered.insert(initial)
      addDefaults(of: initial, flow, &entered)
    }
  }

  // MARK: - Leaving

  /// Leaves states, innermost first, later regions before earlier ones.
  func exit(_ states: StateSet, _ step: inout RunningStep) throws(Refusal) {
    guard !states.isEmpty else { return }
    remember(states, &step)
    for state in Array(states.ascending).reversed() {
      try perform(step.flow.exits[state], &step)
      leaveCalls(of: state, &step)
      disarmTimers(of: state, &step)
      step.instance.active.remove(state)
    }
  }

  private func remember(_ states: StateSet, _ step: inout RunningStep) {
    let flow = step.flow.flow
    for state in states.ascending where step.flow.remembered.contains(state) {
      let inside = (state + 1)..<max(state + 1, flow.states[state].end)
      let active = step.instance.active
      let leaves = active.ascending.filter { inside.contains($0) && flow.isLeaf($0, in: active) }
      step.instance.history.removeAll { $0.state == state }
      step.instance.history.append(HistoryEntry(state: state, leaves: leaves))
      step.instance.history.sort { $0.state < $1.state }
    }
  }

  // MARK: - Entering

  /// Enters states, outermost first, in document order.
  func enter(_ states: StateSet, _ step: inout RunningStep) throws(Refusal) {
    for state in states.ascending {
      step.instance.active.insert(state)
      try armTimers(of: state, &step)
      try perform(step.flow.entries[state], &step)
      try beginCalls(of: state, &step)
      if step.flow.flow.states[state].isFinal { complete(step.flow.flow.states[state].parent, &step) }
    }
  }

  /// Raises `done` of a state whose child is final, and of the parallel around it when all regions are.
  private func complete(_ state: Int, _ step: inout RunningStep) {
    let flow = step.flow.flow
    guard state != 0 else { return }
    step.queue.append(.done(state))
    guard flow.states[state].kind == .region else { return }
    let parallel = flow.states[state].parent
    if flow.states[parallel].children.allSatisfy({ isComplete($0, step) }) { complete(around: parallel, &step) }
  }

  private func complete(around parallel: Int, _ step: inout RunningStep) {
    step.queue.append(.done(parallel))
    let flow = step.flow.flow
    let region = flow.states[parallel].parent
    guard flow.states[region].kind == .region else { return }
    let outer = flow.states[region].parent
    if flow.states[outer].children.allSatisfy({ isComplete($0, step) }) { complete(around: outer, &step) }
  }

  /// Whether a state has come to its end: its active child is final, or all its regions are complete.
  private func isComplete(_ state: Int, _ step: RunningStep) -> Bool {
    let flow = step.flow.flow
    let node = flow.states[state]
    if node.kind == .parallel { return node.children.allSatisfy { isComplete($0, step) } }
    return node.children.contains { child in
      step.instance.active.contains(child)
        && (flow.states[child].isFinal || flow.states[child].kind == .parallel && isComplete(child, step))
    }
  }
}
