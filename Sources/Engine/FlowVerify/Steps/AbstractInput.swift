import CEL
import FlowIR

/// An input of an abstract step.
enum AbstractInput: Hashable {
  case start(Int)
  case event(EventIndex)
  /// The position of the timer among those of the flow.
  case timer(Int)
  case result(CallIndex, isDone: Bool)
  /// An item of a call over a list that is done and is not the last one, or that a reaction handles.
  case item(CallIndex, isDone: Bool)
  /// The undo in progress has ended.
  case undo(isDone: Bool)
  /// An event of another flow of the group, by number; the start that it makes, if any.
  case message(Int, start: Int?)
  /// A call that was left while in flight has ended.
  case uncertain(CallIndex, isDone: Bool)

  /// True if a refusal has someone to answer to. A refusal of the others is an incident.
  var isAnswered: Bool {
    switch self {
    case .start, .event, .message: true
    case .timer, .result, .item, .undo, .uncertain: false
    }
  }
}

/// One way in which a step may go.
struct PathResult {
  enum Kind: Equatable {
    case applied, ignored, deferred
    case refused(AbstractRefusal)
    case incident(AbstractRefusal)
  }

  var kind: Kind
  /// The next state; for a refusal the state as it was, for an incident the state without the timer or the call.
  var cells: [Int32]
  /// True if the sender can bring about this way, whatever the data are.
  var isCertain: Bool
  var taken: [Int]
  var undecided: [NodeIndex]
  var refusedOffers: [AbstractRefusal]
  /// The inputs of the ways to the result, where they are recorded.
  var inputs: [Replay.InputSet] = []
  /// The events for other flows, in order.
  var emissions: [SentEvent] = []
  /// The properties `A leads to B` whose first state was entered, by position, as a bit set.
  var entersFirst: UInt64 = 0
  /// Those whose second state was entered at that time or later, or is active.
  var entersSecond: UInt64 = 0
  /// The timers that were armed and the calls that were started, by position.
  var armed: UInt64 = 0
  var started: UInt64 = 0
}

extension Executor {
  /// The inputs that a state may get.
  func inputs(of state: ArraySlice<Int32>) -> [AbstractInput] {
    cells = Array(state)
    if cells[layout.status] == 3 {
      return model.starts.indices.filter { isPossible(model.starts[$0].start) }.map { .start($0) }
    }
    guard cells[layout.status] == 0 else { return [] }
    return runningInputs()
  }

  private func runningInputs() -> [AbstractInput] {
    var found: [AbstractInput] = []
    for event in model.program.events.indices where isSent(event) {
      if (model.reactions[.event(event)] ?? []).contains(where: { isActive($0.state) }) { found.append(.event(event)) }
    }
    for call in model.flow.calls.indices {
      if cells[layout.calls + call.position] == 1 {
        found += [.result(call, isDone: true), .result(call, isDone: false)]
        if model.calls[call.position].list != nil { found.append(.item(call, isDone: true)) }
        if model.reactions[.itemFailed(call)] != nil { found.append(.item(call, isDone: false)) }
      }
      if has(StateLayout.CallBits.uncertain, call) {
        found += [.uncertain(call, isDone: true), .uncertain(call, isDone: false)]
      }
    }
    if cells[layout.rollingJob] == 1 { found += [.undo(isDone: true), .undo(isDone: false)] }
    for timer in 0..<layout.timerCount where isArmed(timer) && mayBeFirst(timer) { found.append(.timer(timer)) }
    return found
  }

  /// True unless a start waits for an event without a sender. Not inlined: the optimizer of Swift 6.3 fails on the
  /// event within the loop over the starts when there is no debug information.
  @inline(never)
  private func isPossible(_ start: Start) -> Bool {
    guard let event = start.event else { return true }
    return isSent(event)
  }

  /// True if an event may come from outside of the instance, or of the group of flows.
  private func isSent(_ event: EventIndex) -> Bool {
    guard let group else { return model.isSent(event) }
    if !model.program.events[event].isInternal { return true }
    return model.emitted[event]?.contains { !group.contains($0) } ?? false
  }

  /// True if no timer that is armed is certainly due before another.
  func mayBeFirst(_ timer: Int) -> Bool {
    guard layout.timerCount <= 32 else { return true }
    return UInt32(bitPattern: cells[layout.earlier + timer] & cells[layout.armed]) == 0
  }

  /// The way that the choices of the trail select; nil when no values take it.
  func path(_ input: AbstractInput, from state: ArraySlice<Int32>) -> PathEnd? {
    do throws(PathStop) {
      try prepare(state)
    } catch {
      return nil
    }
    do throws(PathStop) {
      let kind = try accept(input)
      return isRefuted() ? nil : .result(result(kind))
    } catch {
      if isRefuted() { return nil }
      switch error {
      case .infeasible, .givenUp: return nil
      case .paused(let phase): return paused(in: phase)
      case .refused(let refusal):
        return input.isAnswered ? .result(refused(refusal, state)) : recover(from: refusal, input, state)
      }
    }
  }

  /// The result of an input that is refused: the state as it was.
  func refused(_ refusal: AbstractRefusal, _ state: ArraySlice<Int32>) -> PathResult {
    PathResult(
      kind: .refused(refusal), cells: Array(state), isCertain: isCertain, taken: taken, undecided: undecided,
      refusedOffers: [], inputs: recordedInputs)
  }

  private var recordedInputs: [Replay.InputSet] { recordsInputs && !isContinuation ? [inputSet()] : [] }

  func result(_ kind: PathResult.Kind) -> PathResult {
    let inputs = recordedInputs
    commit()
    for (position, property) in model.flow.properties.enumerated() {
      if case .leadsTo(_, let second) = property, isActive(second) { entersSecond |= 1 << UInt64(position) }
    }
    return PathResult(
      kind: kind, cells: cells, isCertain: isCertain, taken: taken, undecided: undecided,
      refusedOffers: refusedOffers, inputs: inputs, emissions: emissions, entersFirst: entersFirst,
      entersSecond: entersSecond,
      armed: armedInStep, started: startedInStep)
  }

  /// Writes the sets of the data and the known answers to the cells.
  func commit() {
    for leaf in 0..<layout.dataCount {
      let set = widening.widened(setIndex(of: environment[leaf]), leaf: leaf, &pool)
      cells[layout.data + leaf] = set.rawValue
    }
    for (position, node) in predicates.enumerated() {
      let answer = cells[layout.status] == 0 ? peek(node) : nil
      cells[layout.predicates + position] = answer.map { $0 ? 1 : 2 } ?? 0
    }
  }

  // MARK: - Kinds of input

  private func accept(_ input: AbstractInput) throws(PathStop) -> PathResult.Kind {
    switch input {
    case .start(let start): try begin(start)
    case .event(let event): return try accept(event)
    case .message(let number, start: let start):
      if let start {
        try begin(start, by: messages[number])
      } else {
        return try accept(messages[number].event, from: messages[number])
      }
    case .timer(let timer):
      try rearm(timer)
      let transition = model.timers[timer]
      guard try isEnabled(transition) else { return try ignore() }
      selected = [transition]
      mayHaveEnded = true
      try macrostep()
    case .result(let call, let isDone):
      cells[layout.calls + call.position] = 0
      guard try complete(call, isDone) else { return try ignore() }
      try finishResult()
    case .item(let call, let isDone):
      try completeItem(of: call, isDone)
      try finishResult()
    case .undo(let isDone):
      try completeUndo(isDone)
      try finishResult()
    case .uncertain(let call, let isDone):
      try resolve(call, isDone)
      try finishResult()
    }
    return .applied
  }

  private func accept(_ received: EventIndex, from message: GroupMessage? = nil) throws(PathStop) -> PathResult.Kind {
    event =
      message.map { restored($0.payload) } ?? fresh(.record(model.program.events[received].name), isFree: true)
    sender = message?.sender
    hasCaller = true
    try select(.event(received))
    if !selected.isEmpty {
      try macrostep()
      return .applied
    }
    if isDeferred {
      try deferEvent(received)
      return .deferred
    }
    guard isIgnored else { throw .refused(.notHandled) }
    return .ignored
  }

  private func complete(_ call: CallIndex, _ isDone: Bool) throws(PathStop) -> Bool {
    try requireUnhandledItem(of: call, isDone)
    guard isDone else {
      event = failure()
      return try fail(call)
    }
    event = resultRecord(of: call, result(of: call))
    let saved = event
    setResult(of: call)
    try armUndo(of: call)
    event = saved
    return try finish(call)
  }

  private func finishResult() throws(PathStop) {
    mayHaveEnded = true
    try finishMacrostep()
  }

  /// Commits a timer or a result that no reaction handles.
  private func ignore() throws(PathStop) -> PathResult.Kind {
    if hasEnded {
      try end()
      try checkInvariants()
    }
    return .ignored
  }

  private func begin(_ index: Int, by message: GroupMessage? = nil) throws(PathStop) {
    let start = model.starts[index].start
    cells[layout.status] = 0
    hasCaller = true
    switch start.trigger {
    case .event(let trigger, _):
      event =
        message.map { restored($0.payload) } ?? fresh(.record(model.program.events[trigger].name), isFree: true)
      sender = message?.sender
    case .called:
      hasCaller = false
      for parameter in 0..<model.flow.parameterCount {
        let field = model.flow.fields[parameter]
        assign(fresh(field.type, isFree: true, maximum: field.maximum), to: FrameLayout.firstField + parameter)
      }
    case .every, .cron: hasCaller = false
    }
    let given = start.trigger == .called ? model.flow.parameterCount : 0
    for field in given..<model.flow.ownFields.count {
      guard let node = model.defaults[field] else { continue }
      assign(try evaluate(node, at: model.flow.location), to: FrameLayout.firstField + field)
    }
    isDataChanged = true
    guard try isSelected(index) else { throw .infeasible }
    try evaluate(model.starts[index].arguments, at: start.location)
    setBit(.root, at: layout.active, true)
    try perform(model.starts[index].statements)
    for timer in model.states[0].timers { try arm(timer) }
    for state in model.starts[index].entering { try enter(state) }
    try finishMacrostep()
  }

  /// True if a start is the first one for its trigger whose roles and guard hold.
  private func isSelected(_ index: Int) throws(PathStop) -> Bool {
    let trigger = model.starts[index].start
    for (other, row) in model.starts.enumerated().prefix(index + 1)
    where isSame(row.start, at: other, as: trigger, at: index) {
      guard isAdmitted(roles: row.start.roles, senders: row.start.senders) else { continue }
      guard let condition = row.condition else { return other == index }
      if try isTrue(condition, at: row.start.location) { return other == index }
    }
    return false
  }

  private func isSame(_ one: Start, at first: Int, as two: Start, at second: Int) -> Bool {
    switch (one.trigger, two.trigger) {
    case (.event(let left, _), .event(let right, _)): left == right
    case (.called, .called): true
    default: first == second
    }
  }

  // MARK: - Errors

  /// Gives a timer or a result whose step failed to `on error`, with the state as it was before.
  func recover(
    from refusal: AbstractRefusal, _ input: AbstractInput, _ state: ArraySlice<Int32>
  ) -> PathEnd? {
    if model.hasErrors {
      restart(state)
      recovered = refusal
      do throws(PathStop) {
        try discard(input)
        event = failure()
        try select(.error)
        if !selected.isEmpty {
          try macrostep()
          return .result(result(.applied))
        }
      } catch {
        switch error {
        case .refused: break
        case .paused(let phase): return isRefuted() ? nil : paused(in: phase)
        case .infeasible, .givenUp: return nil
        }
      }
    }
    return .result(incident(refusal, of: input, from: state))
  }

  /// The result of a timer or a result whose mistake nothing reacts to.
  func incident(
    _ refusal: AbstractRefusal, of input: AbstractInput, from state: ArraySlice<Int32>
  ) -> PathResult {
    restart(state)
    lose(input)
    return result(.incident(refusal))
  }

  /// Takes back what the path has done. What it has learned of the values at the beginning stays true.
  private func restart(_ state: ArraySlice<Int32>) {
    cells = Array(state)
    for (leaf, type) in layout.leafTypes.enumerated() {
      environment[leaf] = terms.symbol(leaf, kind: ValueKind(type))
    }
    locals.removeAll()
    clearStep()
  }

  /// Removes the timer or the call of an input.
  private func discard(_ input: AbstractInput) throws(PathStop) {
    switch input {
    case .timer(let timer): try rearm(timer)
    case .result(let call, _), .item(let call, _): cells[layout.calls + call.position] = 0
    case .undo: cells[layout.rollingJob] = 0
    case .uncertain(let call, _):
      if choose(2, isFree: false) == 0 { clear(StateLayout.CallBits.uncertain, of: call) }
    case .start, .event, .message: break
    }
  }

  /// Marks the timer or the call of an input as one that does not come again unless someone acts.
  private func lose(_ input: AbstractInput) {
    switch input {
    case .timer(let timer): disarm(timer)
    case .result(let call, _), .item(let call, _): cells[layout.calls + call.position] = 2
    case .undo: cells[layout.rollingJob] = 2
    case .uncertain(let call, _):
      clear(StateLayout.CallBits.uncertain, of: call)
      mark(StateLayout.CallBits.lostUncertain, of: call)
    case .start, .event, .message: break
    }
  }
}
