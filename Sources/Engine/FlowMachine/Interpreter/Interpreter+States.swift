import CEL
import FlowIR

// Which states are left and entered, and what happens then.
extension Interpreter {
  /// Leaves the active states of a range, innermost first, later regions before earlier ones.
  mutating func leave(_ low: Int32, _ high: Int32, _ flow: LoadedFlow) throws(StepFailure) {
    var end = Int(high)
    while let state = active.last(before: end), state >= Int(low) {
      let row = flow.states[state]
      if !row.exit.isEmpty { try perform(row.exit, flow) }
      if row.hasWork { endWork(of: state, row, flow) }
      if queueHead < queue.count { forgetDone(of: state) }
      active.remove(state)
      if flow.usesSelf { isSelfStale = true }
      end = state
    }
  }

  /// What happened to a state as a whole does not outlive the stay in it.
  private mutating func forgetDone(of state: Int) {
    queue.removeSubrange(0..<queueHead)
    queueHead = 0
    queue.removeAll { event in
      if case .state(_, state, _) = event { true } else { false }
    }
  }

  private mutating func endWork(of state: Int, _ row: StateRow, _ flow: LoadedFlow) {
    if !row.timers.isEmpty { disarmTimers(of: state, flow) }
    if !row.calls.isEmpty || !row.steps.isEmpty { withdrawCalls(of: state, flow) }
    if !row.steps.isEmpty { forgetSteps(row, state, flow) }
    if row.isRollback { leaveRollback(state) }
  }

  /// Enters a state and begins what belongs to it.
  mutating func enter(_ state: Int, _ flow: LoadedFlow) throws(StepFailure) {
    let row = flow.states[state]
    active.insert(state)
    if flow.usesSelf { isSelfStale = true }
    if !row.entry.isEmpty { try perform(row.entry, flow) }
    if row.hasWork {
      if !row.timers.isEmpty { try armTimers(of: row, flow) }
      for index in row.calls.range { try begin(Int(flow.indices[index]), flow) }
      if !row.steps.isEmpty { try advanceSteps(of: state, flow) }
      if row.isRollback { enterRollback(state) }
    }
    if row.isFinal {
      mayHaveEnded = true
      complete(Int(row.parent), flow)
    }
  }

  // MARK: - History

  /// Keeps where the states were that are about to be left and that somebody goes back to.
  mutating func remember(_ flow: LoadedFlow) {
    for position in 0..<selected.count {
      let row = flow.transitions[selected[position]]
      guard row.domain != none else { continue }
      var next = active.next(from: Int(row.exitLow))
      while let state = next, state < Int(row.exitHigh) {
        if flow.states[state].isRemembered { remember(state, flow) }
        next = active.next(from: state + 1)
      }
    }
  }

  private mutating func remember(_ state: Int, _ flow: LoadedFlow) {
    let end = Int(flow.states[state].end)
    let leaves = active.ascending.filter { $0 > state && $0 < end && flow.isLeaf($0, in: active) }
    ledger.history.removeAll { $0.state == state }
    ledger.history.append(HistoryEntry(state: state, leaves: leaves))
    ledger.history.sort { $0.state < $1.state }
    isLedgerChanged = true
  }

  mutating func enteringByHistory(_ row: TransitionRow, _ flow: LoadedFlow) -> Set<Int> {
    let target = Int(row.target)
    guard let stored = ledger.history.first(where: { $0.state == target }) else {
      return Set(row.entering.range.map { Int(flow.indices[$0]) })
    }
    var entered: Set<Int> = []
    for leaf in stored.leaves + [target] {
      var ancestor = leaf
      while ancestor != Int(row.domain), ancestor != 0 {
        entered.insert(ancestor)
        ancestor = Int(flow.states[ancestor].parent)
      }
    }
    for state in entered.sorted() { flow.flow.addDefaults(of: state, &entered) }
    return entered
  }

  // MARK: - Completion

  /// Raises `done` of a state whose child is final, and of the parallel around it when all regions are.
  private mutating func complete(_ state: Int, _ flow: LoadedFlow) {
    guard state != 0 else { return }
    queue.append(.state(.done, state, .unset))
    guard flow.states[state].isRegion else { return }
    completeParallel(Int(flow.states[state].parent), flow)
  }

  private mutating func completeParallel(_ parallel: Int, _ flow: LoadedFlow) {
    guard isComplete(parallel, flow) else { return }
    queue.append(.state(.done, parallel, .unset))
    let region = Int(flow.states[parallel].parent)
    guard flow.states[region].isRegion else { return }
    completeParallel(Int(flow.states[region].parent), flow)
  }

  /// Whether a state has come to its end: its active child is final, or all its regions are complete.
  private mutating func isComplete(_ state: Int, _ flow: LoadedFlow) -> Bool {
    let row = flow.states[state]
    for index in row.children.range {
      let child = Int(flow.indices[index])
      if row.isParallel {
        if !isComplete(child, flow) { return false }
      } else if active.contains(child) {
        let inner = flow.states[child]
        return inner.isFinal || inner.isParallel && isComplete(child, flow)
      }
    }
    return row.isParallel
  }
}
