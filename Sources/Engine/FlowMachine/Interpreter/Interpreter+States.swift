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
      if !row.fields.isEmpty { left.append(state) }
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
    queue.removeAll { [flow] event in
      switch event {
      case .state(_, let other, _): other == state
      case .called(let call, _): flow.calls[call].state == state
      case .raised: false
      }
    }
  }

  private mutating func endWork(of state: StateIndex, _ row: StateRow) {
    if !row.timers.isEmpty { disarmTimers(of: state) }
    if !row.calls.isEmpty || !row.steps.isEmpty { withdrawCalls(of: state) }
    if !row.steps.isEmpty { removeSteps(of: state, row) }
    if row.isRollback { leaveRollback(state) }
  }

  /// Enters a state: its fields, its `entry`, its timers and its calls.
  /// - Parameter isRestored: True if a history restores the state with the values of its fields.
  mutating func enter(_ state: StateIndex, isRestored: Bool = false) throws(StepFailure) {
    let row = flow.states[state]
    active.insert(state)
    if flow.usesSelf { isSelfStale = true }
    if !row.fields.isEmpty { try initializeFields(row.fields, isRestored: isRestored) }
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

  /// The states that are entered to restore the last configuration of a target, and those among them that were active.
  mutating func enteringByHistory(
    _ target: StateIndex, from domain: StateIndex, initially: RowRange
  ) -> (entered: Set<StateIndex>, restored: Set<StateIndex>) {
    guard let stored = extended.history.first(where: { $0.state == target }) else {
      return (Set(initially.range.map { StateIndex(rawValue: flow.indices[$0]) }), [])
    }
    var entered: Set<StateIndex> = []
    for leaf in stored.leaves + [target] {
      var ancestor = leaf
      while ancestor != domain, ancestor != .root {
        entered.insert(ancestor)
        ancestor = flow.states[ancestor].parent
      }
    }
    let restored = entered.filter { $0 >= target }
    for state in entered.sorted() { flow.flow.addDefaults(of: state, to: &entered) }
    return (entered, restored)
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

// MARK: - Fields

/// The value of a field of a state that is about to be entered.
struct GivenValue: BitwiseCopyable {
  let field: Int32
  let value: Slot
}

// The fields of states: set when a state is entered, and without a value after it was left.
extension Interpreter {
  /// Evaluates the arguments of the selected transitions, before any state is left.
  mutating func evaluateArguments() throws(StepFailure) {
    given.removeAll()
    left.removeAll()
    for position in 0..<selected.count {
      let row = flow.transitions[selected[position]]
      try evaluate(row.arguments, at: row.location)
    }
  }

  mutating func evaluate(_ arguments: ArgumentRows, at location: LocationIndex) throws(StepFailure) {
    for offset in 0..<arguments.fields.range.count {
      let value = try evaluate(ExpressionIndex(arguments.values.range.lowerBound + offset), at: location)
      given.append(GivenValue(field: flow.indices[arguments.fields.range.lowerBound + offset], value: value))
    }
  }

  /// Sets the fields of a state that is entered: to the arguments, to the values that a history restores, or to the
  /// defaults.
  mutating func initializeFields(_ fields: RowRange, isRestored: Bool) throws(StepFailure) {
    for position in fields.range {
      let field = flow.indices[position]
      let slot = FrameLayout.firstField + Int(field)
      if let value = given(field) {
        frame[slot] = value
      } else if isRestored, frame[slot].tag != .unset {
        continue
      } else if let expression = flow.defaults[Int(field)].wrapped {
        let value = try evaluate(expression, at: nil)
        frame[slot] = value
      }
      changed.insert(Int(field))
      isDataChanged = true
    }
  }

  private func given(_ field: Int32) -> Slot? {
    for position in 0..<given.count where given[position].field == field { return given[position].value }
    return nil
  }

  /// Clears the fields of the states that were left, after the actions, which still read them. A history keeps them.
  mutating func clearFields() {
    for position in 0..<left.count where !isKept(left[position]) {
      for index in flow.states[left[position]].fields.range {
        let field = Int(flow.indices[index])
        frame[FrameLayout.firstField + field] = .unset
        changed.insert(field)
      }
      isDataChanged = true
    }
    left.removeAll()
  }

  /// True if a state to which a history returns was left together with the state.
  private func isKept(_ state: StateIndex) -> Bool {
    guard flow.hasHistory else { return false }
    var around = state
    while around != .root {
      let row = flow.states[around]
      if row.isRemembered, !active.contains(around) { return true }
      around = row.parent
    }
    return false
  }
}
