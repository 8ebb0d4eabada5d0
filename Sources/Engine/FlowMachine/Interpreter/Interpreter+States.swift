import CEL
import FlowIR

// Leaving, entering and completing states.
extension Interpreter {
  /// Leaves the active states of a range, innermost first, later regions before earlier ones.
  mutating func leave(from low: StateIndex, upTo high: StateIndex) throws(StepFailure) {
    var end = high
    while let state = active.last(before: end), state >= low {
      let row = flow.states[state]
      if !row.exit.isEmpty { try perform(row.exit) }
      if row.hasWork { endWork(of: state, row) }
      if queueHead < queue.count { removeInternalEvents(of: state) }
      active.remove(state)
      if flow.usesSelf { isSelfStale = true }
      end = state
    }
  }

  /// Internal events that concern a state as a whole are discarded when it is left.
  private mutating func removeInternalEvents(of state: StateIndex) {
    queue.removeSubrange(0..<queueHead)
    queueHead = 0
    queue.removeAll { event in
      if case .state(_, state, _) = event { true } else { false }
    }
  }

  private mutating func endWork(of state: StateIndex, _ row: StateRow) {
    if !row.timers.isEmpty { disarmTimers(of: state) }
    if !row.calls.isEmpty || !row.steps.isEmpty { withdrawCalls(of: state) }
    if !row.steps.isEmpty { removeSteps(of: state, row) }
    if row.isRollback { leaveRollback(state) }
  }

  /// Enters a state: its `entry`, its timers and its calls.
  mutating func enter(_ state: StateIndex) throws(StepFailure) {
    let row = flow.states[state]
    active.insert(state)
    if flow.usesSelf { isSelfStale = true }
    if !row.entry.isEmpty { try perform(row.entry) }
    if row.hasWork {
      if !row.timers.isEmpty { try armTimers(of: row) }
      for index in row.calls.range { try prepareCall(CallIndex(rawValue: flow.indices[index])) }
      if !row.steps.isEmpty { try advanceSteps(of: state) }
      if row.isRollback { enterRollback(state) }
    }
    if row.isFinal {
      mayHaveEnded = true
      complete(row.parent)
    }
  }

  // MARK: - History

  /// Records the configuration of states that are about to be left and that a transition returns to.
  mutating func recordHistory() {
    for position in 0..<selected.count {
      let row = flow.transitions[selected[position]]
      guard !row.domain.isNil else { continue }
      var next = active.next(from: row.exitLow)
      while let state = next, state < row.exitHigh {
        if flow.states[state].isRemembered { recordHistory(of: state) }
        next = active.next(from: state.next)
      }
    }
  }

  private mutating func recordHistory(of state: StateIndex) {
    let end = flow.states[state].end
    let leaves = active.ascending.filter { [flow] in $0 > state && $0 < end && flow.isLeaf($0, in: active) }
    extended.history.removeAll { $0.state == state }
    extended.history.append(HistoryEntry(state: state, leaves: leaves))
    extended.history.sort { $0.state < $1.state }
    isExtendedStateChanged = true
  }

  /// The states that are entered to restore the last configuration of a target.
  mutating func enteringByHistory(
    _ target: StateIndex, from domain: StateIndex, initially: RowRange
  ) -> Set<StateIndex> {
    guard let stored = extended.history.first(where: { $0.state == target }) else {
      return Set(initially.range.map { StateIndex(rawValue: flow.indices[$0]) })
    }
    var entered: Set<StateIndex> = []
    for leaf in stored.leaves + [target] {
      var ancestor = leaf
      while ancestor != domain, ancestor != .root {
        entered.insert(ancestor)
        ancestor = flow.states[ancestor].parent
      }
    }
    for state in entered.sorted() { flow.flow.addDefaults(of: state, to: &entered) }
    return entered
  }

  // MARK: - Completion

  /// Raises `done` of a state whose child is final, and of the enclosing parallel when all its regions are complete.
  private mutating func complete(_ state: StateIndex) {
    guard state != .root else { return }
    queue.append(.state(.done, state, .unset))
    guard flow.states[state].isRegion else { return }
    completeParallel(flow.states[state].parent)
  }

  private mutating func completeParallel(_ parallel: StateIndex) {
    guard isComplete(parallel) else { return }
    queue.append(.state(.done, parallel, .unset))
    let region = flow.states[parallel].parent
    guard flow.states[region].isRegion else { return }
    completeParallel(flow.states[region].parent)
  }

  /// Returns true if a state is complete: its active child is final, or all its regions are complete.
  private func isComplete(_ state: StateIndex) -> Bool {
    let row = flow.states[state]
    for index in row.children.range {
      let child = StateIndex(rawValue: flow.indices[index])
      if row.isParallel {
        if !isComplete(child) { return false }
      } else if active.contains(child) {
        let inner = flow.states[child]
        return inner.isFinal || inner.isParallel && isComplete(child)
      }
    }
    return row.isParallel
  }
}
