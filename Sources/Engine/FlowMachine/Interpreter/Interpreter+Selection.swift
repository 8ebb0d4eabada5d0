import FlowIR

// The selection of transitions.
extension Interpreter {
  /// Evaluates the active states, innermost first; a state only if no state inside it has an enabled reaction.
  ///
  /// Leaves the transitions in ``selected``, in document order.
  mutating func select(_ trigger: Int) throws(StepFailure) {
    selected.removeAll()
    isIgnored = false
    isDeferred = false
    // Rows are in descending order of states, so that the descendants of a state immediately precede it.
    var lowest = StateIndex(rawValue: .max)
    for index in flow.triggers[trigger].range {
      let reactions = flow.reactions[index]
      guard active.contains(reactions.state), lowest >= reactions.end else { continue }
      if try ask(reactions) { lowest = reactions.state }
    }
    if selected.count > 1 { resolveConflicts() }
  }

  private mutating func ask(_ reactions: ReactionRow) throws(StepFailure) -> Bool {
    if try ask(reactions.exact) { return true }
    switch reactions.reply {
    case .ignore: isIgnored = true
    case .defer: isDeferred = true
    case .no: return try reactions.any.isEmpty ? false : ask(reactions.any)
    }
    return true
  }

  private mutating func ask(_ candidates: RowRange) throws(StepFailure) -> Bool {
    for index in candidates.range {
      let transition = flow.indices[index]
      guard try isEnabled(transition) else { continue }
      selected.append(transition)
      return true
    }
    return false
  }

  mutating func isEnabled(_ transition: Int32) throws(StepFailure) -> Bool {
    let row = flow.transitions[transition]
    if row.hasRoles {
      let node = flow.flow.transitions[Int(transition)]
      if !isAdmitted(roles: node.roles, senders: node.senders) { return false }
    }
    guard let condition = row.condition.wrapped else { return true }
    return try isTrue(condition, at: row.location)
  }

  /// True when the caller has one of the roles, or is an instance of one of the flows; and without a caller.
  func isAdmitted(roles: [Int], senders: [FlowIndex]) -> Bool {
    guard hasCaller, !roles.isEmpty || !senders.isEmpty else { return true }
    if roles.contains(where: { caller.roles.contains(machine.program.roles[$0]) }) { return true }
    guard let sender = caller.flow else { return false }
    return senders.contains { machine.program.flows[$0].name == sender }
  }

  /// Sorts the transitions in document order. Of two that would leave a common state, the first is kept (SCXML,
  /// removeConflictingTransitions).
  private mutating func resolveConflicts() {
    selected.sort()
    var kept = 0
    for position in 0..<selected.count {
      let row = flow.transitions[selected[position]]
      let isFree = row.domain.isNil || !(0..<kept).contains { leaveCommonState(row, flow.transitions[selected[$0]]) }
      guard isFree else { continue }
      selected[kept] = selected[position]
      kept += 1
    }
    selected.removeAll(from: kept)
  }

  private func leaveCommonState(_ one: TransitionRow, _ other: TransitionRow) -> Bool {
    guard !other.domain.isNil else { return false }
    guard let first = active.next(from: max(one.exitLow, other.exitLow)) else { return false }
    return first < min(one.exitHigh, other.exitHigh)
  }
}
