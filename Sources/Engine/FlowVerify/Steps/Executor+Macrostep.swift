import CEL
import FlowIR

// One macrostep, as `Interpreter` makes it.
extension Executor {
  func macrostep() throws(PathStop) {
    try microstep()
    try finishMacrostep()
  }

  func finishMacrostep() throws(PathStop) {
    try settle()
    try checkInvariants()
    try finishOffers()
  }

  /// Offers deferred events, and starts calls.
  func finishOffers() throws(PathStop) {
    if layout.deferredCount > 0 { try offerDeferred() }
    if cells[layout.status] == 0 { startWork() }
  }

  func settle() throws(PathStop) {
    while !(mayHaveEnded && isInTopFinal) {
      if model.hasAlways {
        try select(.always)
        if !selected.isEmpty {
          try pause(in: .settling)
          try microstep()
          continue
        }
      }
      guard !queue.isEmpty else { break }
      try pause(in: .settling)
      try handle(queue.removeFirst())
    }
    if mayHaveEnded, hasEnded { try end() }
  }

  func handle(_ signal: QueuedSignal) throws(PathStop) {
    switch signal {
    case .repeated(let one):
      if choose(2, isFree: false) == 1 { queue.insert(signal, at: 0) }
      return try handle(restored(one))
    case .raised(let raised, let payload):
      event = payload
      try select(.event(raised))
      if selected.isEmpty, isDeferred {
        try deferEvent(raised)
      } else if selected.isEmpty, !isIgnored {
        throw .refused(.raised(raised))
      }
    case .state(let key, _, let payload):
      event = payload
      try select(key)
    case .called(let call, let isEmpty):
      let row = model.calls[call.position]
      guard isActive(row.call.state) else { return }
      let results = isEmpty ? constant(.list([]), row.resultType) : fresh(row.resultType, isFree: false)
      event = resultRecord(of: call, results)
      setResult(of: call)
      _ = try finish(call)
      return
    }
    if !selected.isEmpty { try microstep() }
  }

  func microstep() throws(PathStop) {
    try checkTime()
    microsteps += 1
    segmentSteps += 1
    if !isSegmented, microsteps > Executor.maximumWholeLength {
      wantsSegments = true
      throw .givenUp
    }
    guard microsteps <= Executor.maximumMicrosteps else { throw .refused(.endless) }
    let transitions = selected
    given.removeAll()
    left.removeAll()
    for transition in transitions {
      let row = model.transitions[transition]
      try evaluate(row.arguments, at: row.location)
    }
    if !model.remembered.isEmpty { recordHistory() }
    for transition in transitions.reversed() {
      let row = model.transitions[transition]
      if row.domain != nil { try leave(row.exits) }
    }
    for transition in transitions {
      taken.append(transition)
      try perform(model.transitions[transition].statements)
    }
    clearFields()
    for transition in transitions {
      let row = model.transitions[transition]
      guard row.domain != nil else { continue }
      let (entered, restored) = row.isHistory ? enteringByHistory(row) : (row.entering, [])
      for state in entered { try enter(state, isRestored: restored.contains(state)) }
    }
  }

  /// Checks the invariants that a step may have changed, and every `never`.
  func checkInvariants() throws(PathStop) {
    for (position, invariant) in model.invariants.enumerated() where isDataChanged || !invariant.isOfData {
      guard try isTrue(invariant.node, at: model.flow.location) else { throw .refused(.invariant(position)) }
    }
    for (position, property) in model.flow.properties.enumerated() {
      guard case .never(let states) = property, states.allSatisfy({ isActive($0) }) else { continue }
      throw .refused(.never(position))
    }
  }

  // MARK: - Selection

  func select(_ key: SignalKey) throws(PathStop) {
    selected.removeAll(keepingCapacity: true)
    isIgnored = false
    isDeferred = false
    var lowest = StateIndex(rawValue: .max)
    for reaction in model.reactions[key] ?? [] {
      guard isActive(reaction.state), lowest >= model.states[reaction.state.position].state.end else { continue }
      if try ask(reaction) { lowest = reaction.state }
    }
    if selected.count > 1 { resolveConflicts() }
  }

  private func ask(_ reaction: ReactionModel) throws(PathStop) -> Bool {
    if try ask(reaction.exact) { return true }
    switch reaction.reply {
    case .ignore: isIgnored = true
    case .defer: isDeferred = true
    case .no: return try ask(reaction.any)
    }
    return true
  }

  private func ask(_ candidates: [Int]) throws(PathStop) -> Bool {
    for transition in candidates where try isEnabled(transition) {
      selected.append(transition)
      return true
    }
    return false
  }

  func isEnabled(_ transition: Int) throws(PathStop) -> Bool {
    let row = model.transitions[transition]
    if row.hasCallers {
      let node = model.flow.transitions[transition]
      guard isAdmitted(roles: node.roles, senders: node.senders) else { return false }
    }
    guard let condition = row.condition else { return true }
    return try isTrue(condition, at: row.location)
  }

  /// Any caller may send the event, so that admission is a choice; the same one for the same roles.
  func isAdmitted(roles: [Int], senders: [FlowIndex]) -> Bool {
    guard hasCaller, !roles.isEmpty || !senders.isEmpty else { return true }
    if let sender { return senders.contains(sender) }
    // From outside of the group comes no event in the name of one of its flows.
    if let group, !isOffering, roles.isEmpty, group.isSuperset(of: senders) { return false }
    let key = Admission(roles: roles, senders: senders)
    if let known = admissions[key] { return known }
    let answer = choose(2, isFree: true) == 0
    admissions[key] = answer
    return answer
  }

  private func resolveConflicts() {
    selected.sort()
    var kept: [Int] = []
    for transition in selected {
      let row = model.transitions[transition]
      let isFree = row.domain == nil || !kept.contains { leaveCommonState(row, model.transitions[$0]) }
      if isFree { kept.append(transition) }
    }
    selected = kept
  }

  private func leaveCommonState(_ one: TransitionModel, _ other: TransitionModel) -> Bool {
    guard other.domain != nil else { return false }
    let low = Swift.max(one.exits.lowerBound, other.exits.lowerBound)
    let high = Swift.min(one.exits.upperBound, other.exits.upperBound)
    guard low < high else { return false }
    return (low..<high).contains { isActive($0) }
  }
}
