import CEL
import FlowIR

extension Interpreter {
  /// Runs the selected transitions and everything that follows from them.
  mutating func macrostep() throws(StepFailure) {
    try microstep()
    try finishMacrostep()
  }

  /// Runs `always` transitions and internal events, and checks invariants. Then offers deferred events, each in a
  /// macrostep of its own, and starts calls.
  mutating func finishMacrostep() throws(StepFailure) {
    try settle()
    try checkInvariants()
    if flow.hasExtendedState, !extended.deferred.isEmpty { offerDeferred() }
    if status == .running { startWork() }
  }

  /// Executes `always` transitions first, then internal events, each in a microstep, until nothing is enabled.
  mutating func settle() throws(StepFailure) {
    while !(mayHaveEnded && isInTopFinal) {
      if flow.hasAlways {
        try select(flow.alwaysTrigger)
        if !selected.isEmpty {
          try microstep()
          continue
        }
      }
      guard queueHead < queue.count else { break }
      queueHead += 1
      try handle(queue[queueHead - 1])
    }
    if mayHaveEnded, hasEnded { try end() }
  }

  private mutating func handle(_ event: InternalEvent) throws(StepFailure) {
    switch event {
    case .raised(let event, let payload):
      frame[FrameLayout.event] = payload
      try select(flow.trigger(of: event))
      if selected.isEmpty, isDeferred {
        try deferEvent(event, payload: payload)
      } else if selected.isEmpty, !isIgnored {
        throw StepFailure(.raised, event: event)
      }
    case .state(let kind, let state, let payload):
      frame[FrameLayout.event] = payload
      try select(flow.trigger(kind, of: state))
    case .called(let call, let payload):
      guard active.contains(flow.calls[call].state) else { return }
      _ = try finish(call, result: payload)
      return
    }
    if !selected.isEmpty { try microstep() }
  }

  /// Leaves states, performs actions and enters states for all selected transitions.
  mutating func microstep() throws(StepFailure) {
    microsteps += 1
    guard microsteps <= Stepper.maximumMicrosteps else { throw StepFailure(.tooManyMicrosteps) }
    if flow.hasStateFields { try evaluateArguments() }
    if flow.hasHistory { recordHistory() }
    // The most frequent case is a single transition.
    if selected.count == 1 {
      let row = flow.transitions[selected[0]]
      try leave(row)
      try act(selected[0], row)
      if !left.isEmpty { clearFields() }
      return try enter(row)
    }
    let count = selected.count
    // The states that they leave are disjoint, in the order of the transitions; the later ones are left first.
    for position in stride(from: count - 1, through: 0, by: -1) {
      try leave(flow.transitions[selected[position]])
    }
    for position in 0..<count { try act(selected[position], flow.transitions[selected[position]]) }
    if !left.isEmpty { clearFields() }
    for position in 0..<count { try enter(flow.transitions[selected[position]]) }
  }

  @inline(__always)
  private mutating func leave(_ row: TransitionRow) throws(StepFailure) {
    if !row.domain.isNil { try leave(from: row.exitLow, upTo: row.exitHigh) }
  }

  @inline(__always)
  private mutating func act(_ transition: Int32, _ row: TransitionRow) throws(StepFailure) {
    taken.append(transition)
    if !row.statements.isEmpty { try perform(row.statements) }
  }

  @inline(__always)
  private mutating func enter(_ row: TransitionRow) throws(StepFailure) {
    guard let domain = row.domain.wrapped else { return }
    if row.isHistory, let target = row.target.wrapped {
      let (entered, restored) = enteringByHistory(target, from: domain, initially: row.entering)
      for state in entered.sorted() { try enter(state, isRestored: restored.contains(state)) }
    } else {
      for index in row.entering.range { try enter(StateIndex(rawValue: flow.indices[index])) }
    }
  }

  /// Checks every `invariant` that may have changed, and every `never`.
  @inline(__always)
  mutating func checkInvariants() throws(StepFailure) {
    if !flow.dataSchedules.isEmpty, isDataChanged { try refreshSchedules() }
    if !flow.invariants.isEmpty, isDataChanged || flow.checksAlways { try evaluateInvariants() }
    if flow.hasNever { try checkNever() }
  }

  private mutating func checkNever() throws(StepFailure) {
    for (position, property) in flow.flow.properties.enumerated() {
      guard case .never(let states) = property else { continue }
      var areActive = true
      for state in states where !active.contains(state) { areActive = false }
      guard areActive else { continue }
      var failure = StepFailure(.never)
      failure.property = position
      throw failure
    }
  }

  private mutating func evaluateInvariants() throws(StepFailure) {
    for index in flow.invariants.range where try !isTrue(ExpressionIndex(index), at: nil) {
      throw StepFailure(.invariant, expression: ExpressionIndex(index))
    }
  }
}
