import CEL
import FlowIR
import FlowMachine

// Leaving, entering and completing states, as `Interpreter` does.
extension Executor {
  // MARK: - Sets of states in cells

  func bit(_ state: StateIndex, at offset: Int) -> Bool {
    cells[offset + state.position / 32] & (1 << Int32(state.position % 32)) != 0
  }

  func setBit(_ state: StateIndex, at offset: Int, _ value: Bool) {
    let mask = Int32(bitPattern: 1 << UInt32(state.position % 32))
    if value { cells[offset + state.position / 32] |= mask } else { cells[offset + state.position / 32] &= ~mask }
  }

  func isActive(_ state: StateIndex) -> Bool { bit(state, at: layout.active) }

  var activeStates: [StateIndex] { model.flow.states.indices.filter { isActive($0) } }

  func isLeaf(_ state: StateIndex) -> Bool {
    guard state != .root else { return false }
    return !(state.next..<model.states[state.position].state.end).contains { isActive($0) }
  }

  // MARK: - Leaving and entering

  func leave(_ range: Range<StateIndex>) throws(PathStop) {
    for state in range.reversed() where isActive(state) {
      let row = model.states[state.position]
      try perform(row.exit)
      if row.hasWork { endWork(of: state, row) }
      if !row.fields.isEmpty { left.append(state) }
      queue.removeAll { signal in
        switch signal {
        case .state(_, let other, _), .repeated(.state(_, let other, _)): other == state
        case .called(let call, _), .repeated(.called(let call, _)): model.calls[call.position].call.state == state
        case .raised, .repeated: false
        }
      }
      setBit(state, at: layout.active, false)
    }
  }

  private func endWork(of state: StateIndex, _ row: StateModel) {
    for timer in row.timers { disarm(timer) }
    if !row.calls.isEmpty || !row.steps.isEmpty { withdrawCalls(of: state) }
    for step in row.steps { clear(StateLayout.CallBits.begun | StateLayout.CallBits.done, of: step) }
    if !row.steps.isEmpty { setBit(state, at: layout.stopped, false) }
    if row.state.isRollback { leaveRollback(state) }
  }

  func enter(_ state: StateIndex, isRestored: Bool = false) throws(PathStop) {
    let row = model.states[state.position]
    setBit(state, at: layout.active, true)
    noteProperties(state)
    try initializeFields(row.fields, isRestored: isRestored)
    try perform(row.entry)
    if row.hasWork {
      for timer in row.timers { try arm(timer) }
      for call in row.calls { try prepareCall(call) }
      if !row.steps.isEmpty { try advanceSteps(of: state) }
      if row.state.isRollback { enterRollback(state) }
    }
    if row.state.isFinal {
      mayHaveEnded = true
      complete(row.state.parent)
    }
  }

  private func noteProperties(_ state: StateIndex) {
    for (position, property) in model.flow.properties.enumerated() {
      guard case .leadsTo(let first, let second) = property else { continue }
      let bit: UInt64 = 1 << UInt64(position)
      if state == first {
        entersFirst |= bit
        entersSecond &= ~bit
      }
      if state == second { entersSecond |= bit }
    }
  }

  // MARK: - History

  func recordHistory() {
    for transition in selected {
      let row = model.transitions[transition]
      guard row.domain != nil else { continue }
      for (position, state) in model.remembered.enumerated() where row.exits.contains(state) && isActive(state) {
        let offset = layout.history + position * layout.activeWords
        for word in 0..<layout.activeWords { cells[offset + word] = 0 }
        // The state itself marks a history that is recorded.
        setBit(state, at: offset, true)
        for inner in state.next..<model.states[state.position].state.end where isActive(inner) && isLeaf(inner) {
          setBit(inner, at: offset, true)
        }
      }
    }
  }

  /// The states that are entered, and those among them that the history restores.
  func enteringByHistory(_ row: TransitionModel) -> (entered: [StateIndex], restored: Set<StateIndex>) {
    guard let target = row.target, let domain = row.domain,
      let position = model.remembered.firstIndex(of: target)
    else { return (row.entering, []) }
    let offset = layout.history + position * layout.activeWords
    guard bit(target, at: offset) else { return (row.entering, []) }
    var entered: Set<StateIndex> = []
    let leaves = model.flow.states.indices.filter { $0 != target && bit($0, at: offset) }
    for leaf in leaves + [target] {
      var ancestor = leaf
      while ancestor != domain, ancestor != .root {
        entered.insert(ancestor)
        ancestor = model.states[ancestor.position].state.parent
      }
    }
    let restored = entered.filter { $0 >= target }
    for state in entered.sorted() { model.flow.addDefaults(of: state, to: &entered) }
    return (entered.sorted(), restored)
  }

  // MARK: - Completion

  private func complete(_ state: StateIndex) {
    guard state != .root else { return }
    queue.append(.state(.done(state), state, nil))
    guard model.states[state.position].state.kind == .region else { return }
    completeParallel(model.states[state.position].state.parent)
  }

  private func completeParallel(_ parallel: StateIndex) {
    guard isComplete(parallel) else { return }
    queue.append(.state(.done(parallel), parallel, nil))
    let region = model.states[parallel.position].state.parent
    guard model.states[region.position].state.kind == .region else { return }
    completeParallel(model.states[region.position].state.parent)
  }

  private func isComplete(_ state: StateIndex) -> Bool {
    let row = model.states[state.position].state
    for child in row.children {
      if row.kind == .parallel {
        if !isComplete(child) { return false }
      } else if isActive(child) {
        let inner = model.states[child.position].state
        return inner.isFinal || inner.kind == .parallel && isComplete(child)
      }
    }
    return row.kind == .parallel
  }

  // MARK: - The end

  var isInTopFinal: Bool {
    guard let top = activeStates.first(where: { $0 != .root }) else { return false }
    return model.states[top.position].state.isFinal
  }

  var hasEnded: Bool {
    if isInTopFinal { return true }
    let active = activeStates.filter { $0 != .root }
    guard !active.isEmpty else { return false }
    for state in active where isLeaf(state) && !model.states[state.position].state.isFinal { return false }
    return !canReact
  }

  private var canReact: Bool {
    if (0..<layout.timerCount).contains(where: { isArmed($0) }) { return true }
    if (0..<layout.activeWords).contains(where: { cells[layout.rolling + $0] != 0 }) { return true }
    for state in activeStates where model.states[state.position].reactsToEvents { return true }
    for call in model.flow.calls.indices where cells[layout.calls + call.position] != 0 || starting.contains(call) {
      if model.calls[call.position].call.isStep { return true }
      for key in [SignalKey.callDone(call), .callFailed(call), .itemDone(call), .itemFailed(call)] {
        if (model.reactions[key] ?? []).contains(where: { isActive($0.state) }) { return true }
      }
    }
    return false
  }

  /// Ends the instance. The last states stay visible.
  func end() throws(PathStop) {
    let last = Array(cells[layout.active..<layout.active + layout.activeWords])
    try leave(StateIndex(rawValue: 1)..<model.flow.states.endIndex)
    for (word, states) in last.enumerated() { cells[layout.active + word] = states }
    let active = activeStates
    let isFailed = active.contains { model.states[$0.position].state.kind == .failed }
    cells[layout.status] = isFailed ? 2 : 1
    if !isFailed {
      for state in active {
        if let result = model.states[state.position].result { _ = try evaluate(result, at: model.flow.location) }
      }
    }
    queue.removeAll()
    starting.removeAll()
    for cell in layout.history..<layout.data { cells[cell] = 0 }
  }
}
