import CEL
import FlowIR

extension Interpreter {
  /// The selected transitions, then whatever they set off, until nothing is enabled.
  mutating func macrostep(_ flow: LoadedFlow) throws(StepFailure) {
    try microstep(flow)
    try settle(flow)
  }

  /// All that follows from what was done: `always` and internal events, the end, and what was put off.
  mutating func settle(_ flow: LoadedFlow) throws(StepFailure) {
    try drain(flow)
    if flow.hasLedger, !ledger.deferred.isEmpty { try offerDeferred(flow) }
    if status == .running { startWork(flow) }
    if !flow.invariants.isEmpty, isDataChanged || flow.checksAlways { try checkInvariants(flow) }
  }

  /// First `always`, then the queue of internal events, each as one more microstep.
  private mutating func drain(_ flow: LoadedFlow) throws(StepFailure) {
    while !(mayHaveEnded && isInTopFinal(flow)) {
      if flow.hasAlways {
        try select(flow.alwaysTrigger, flow)
        if !selected.isEmpty {
          try microstep(flow)
          continue
        }
      }
      guard queueHead < queue.count else { break }
      queueHead += 1
      try react(to: queue[queueHead - 1], flow)
    }
    if mayHaveEnded, hasEnded(flow) { try end(flow) }
  }

  private mutating func react(to event: InternalEvent, _ flow: LoadedFlow) throws(StepFailure) {
    switch event {
    case .raised(let event, let payload):
      frame[FrameLayout.event] = payload
      try select(event, flow)
      if selected.isEmpty, isDeferred {
        try putOff(event, payload)
      } else if selected.isEmpty, !isIgnored {
        throw StepFailure(.raised, event: Int32(event))
      }
    case .state(let kind, let state, let payload):
      frame[FrameLayout.event] = payload
      try select(flow.trigger(kind, state), flow)
    case .called(let call, let payload):
      guard active.contains(Int(flow.calls[call].state)) else { return }
      _ = try finish(call, payload, flow)
      return
    }
    if !selected.isEmpty { try microstep(flow) }
  }

  /// Leaves, acts and enters for all selected transitions.
  mutating func microstep(_ flow: LoadedFlow) throws(StepFailure) {
    microsteps += 1
    guard microsteps <= Stepper.maximumMicrosteps else { throw StepFailure(.tooManyMicrosteps) }
    if flow.hasHistory { remember(flow) }
    // One alone is what there is most often.
    if selected.count == 1 {
      let row = flow.transitions[selected[0]]
      try leave(row, flow)
      try act(selected[0], row, flow)
      return try enter(row, flow)
    }
    let count = selected.count
    // What they leave lies apart, in the order of the transitions; the later parts are left first.
    for position in stride(from: count - 1, through: 0, by: -1) {
      try leave(flow.transitions[selected[position]], flow)
    }
    for position in 0..<count { try act(selected[position], flow.transitions[selected[position]], flow) }
    for position in 0..<count { try enter(flow.transitions[selected[position]], flow) }
  }

  @inline(__always)
  private mutating func leave(_ row: TransitionRow, _ flow: LoadedFlow) throws(StepFailure) {
    if row.domain != none { try leave(row.exitLow, row.exitHigh, flow) }
  }

  @inline(__always)
  private mutating func act(_ transition: Int32, _ row: TransitionRow, _ flow: LoadedFlow) throws(StepFailure) {
    taken.append(transition)
    if !row.acts.isEmpty { try perform(row.acts, flow) }
  }

  @inline(__always)
  private mutating func enter(_ row: TransitionRow, _ flow: LoadedFlow) throws(StepFailure) {
    guard row.domain != none else { return }
    if row.isHistory {
      for state in enteringByHistory(row, flow).sorted() { try enter(state, flow) }
    } else {
      for index in row.entering.range { try enter(Int(flow.indices[index]), flow) }
    }
  }

  // MARK: - The end

  private mutating func isInTopFinal(_ flow: LoadedFlow) -> Bool {
    guard let top = active.next(from: 1) else { return false }
    return flow.states[top].isFinal
  }

  /// An instance has ended when all that is active is final and nothing waits to react to it.
  private mutating func hasEnded(_ flow: LoadedFlow) -> Bool {
    var state = active.next(from: 1)
    guard state != nil else { return false }
    while let found = state {
      if flow.isLeaf(found, in: active), !flow.states[found].isFinal { return false }
      state = active.next(from: found + 1)
    }
    return true
  }

  mutating func end(_ flow: LoadedFlow) throws(StepFailure) {
    status = .done
    for state in active.ascending where flow.states[state].isFailed { status = .failed }
    if status == .done {
      for state in active.ascending where flow.states[state].result != none {
        result = try value(flow.states[state].result, none, flow)
      }
    }
    for timer in timers { effects.append(.disarm(timer)) }
    for call in calls { effects.append(.withdraw(call.job)) }
    for doubt in ledger.doubts { effects.append(.withdraw(doubt.job)) }
    if let job = ledger.rollingJob { effects.append(.withdraw(job)) }
    timers.removeAll(keepingCapacity: true)
    calls.removeAll(keepingCapacity: true)
    starting.removeAll(keepingCapacity: true)
    ledger = ExtendedState()
    areTimersChanged = flow.hasTimers
    areCallsChanged = flow.hasCalls
    isLedgerChanged = flow.hasLedger
  }

  private mutating func checkInvariants(_ flow: LoadedFlow) throws(StepFailure) {
    for program in flow.invariants.range where try !isTrue(Int32(program), none, flow) {
      throw StepFailure(.invariant, program: Int32(program))
    }
  }

  // MARK: - What was put off

  /// Offers the events that were put off, oldest first, each as a macrostep of its own.
  private mutating func offerDeferred(_ flow: LoadedFlow) throws(StepFailure) {
    var index = 0
    while index < ledger.deferred.count, status == .running {
      let event = ledger.deferred[index]
      frame[FrameLayout.event] = evaluator.slot(
        event.payload, as: .record(machine.program.events[event.event].name))
      // Who sent it counts, whatever this step is made of.
      hasCaller = event.caller != nil
      caller = event.caller ?? Caller()
      if flow.usesCaller { bind(caller) }
      try select(event.event, flow)
      if selected.isEmpty, isDeferred {
        index += 1
        continue
      }
      ledger.deferred.remove(at: index)
      isLedgerChanged = true
      if !selected.isEmpty {
        try microstep(flow)
        try drain(flow)
        index = 0
      } else if !isIgnored {
        let name = machine.program.events[event.event].name
        let states = flow.leafPaths(active).joined(separator: ", ")
        effects.append(.log("`\(name)` was put off and is not handled in \(states)"))
      }
    }
  }
}
