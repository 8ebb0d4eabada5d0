import CEL
import FlowIR

// Calls, steps and compensations, as `Interpreter` treats them. Only their number is followed up to one.
extension Executor {
  func has(_ bits: Int32, _ call: CallIndex) -> Bool { cells[layout.callBits + call.position] & bits != 0 }
  func mark(_ bits: Int32, of call: CallIndex) { cells[layout.callBits + call.position] |= bits }
  func clear(_ bits: Int32, of call: CallIndex) { cells[layout.callBits + call.position] &= ~bits }

  // MARK: - Start

  func prepareCall(_ call: CallIndex) throws(PathStop) {
    let row = model.calls[call.position]
    if row.list != nil { return try prepareFanOut(call, row) }
    for node in row.arguments + [row.once, row.priority].compactMap({ $0 }) where canFail(node) {
      _ = try evaluate(node, at: row.call.location)
    }
    starting.append(call)
  }

  private func prepareFanOut(_ call: CallIndex, _ row: CallModel) throws(PathStop) {
    guard let list = row.list, let loop = row.call.loop else { return }
    let items = try evaluate(list, at: row.call.location)
    var isEmpty = false
    if case .scalar(let term) = items, terms[term].kind == .sized {
      let sizes = set(of: term)
      if sizes.singleNumber == 0 {
        isEmpty = true
      } else if sizes.contains(.int(0)) {
        undecided.append(list)
        isEmpty = choose(2, isFree: false) == 1
        refine(term, to: isEmpty ? .single(0) : .whole([1...Int128.max]))
      }
    } else {
      let answer = choose(3, isFree: false)
      if answer == 2 { throw .refused(.failed(row.call.location, list)) }
      isEmpty = answer == 1
    }
    if isEmpty { return queue.append(.called(call, isEmpty: true)) }
    locals[loop.slot] = fresh(row.itemType, isFree: false)
    for node in row.arguments + [row.once, row.priority, row.limit].compactMap({ $0 }) where canFail(node) {
      _ = try evaluate(node, at: row.call.location)
    }
    starting.append(call)
  }

  func startWork() {
    for call in starting {
      cells[layout.calls + call.position] = 1
      startedInStep |= 1 << UInt64(call.position % 64)
    }
    starting.removeAll(keepingCapacity: true)
    startUndo()
  }

  // MARK: - Results

  /// The result of a call as the record that expressions read.
  func resultRecord(of call: CallIndex, _ result: TermOperand) -> TermOperand {
    .record(model.calls[call.position].call.resultRecord, [result])
  }

  func setResult(of call: CallIndex) {
    guard let event else { return }
    assign(event, to: model.calls[call.position].call.resultSlot)
  }

  /// Runs the reaction to a call that is done, and starts the steps that wait for it. The result is the event.
  func finish(_ call: CallIndex) throws(PathStop) -> Bool {
    let row = model.calls[call.position].call
    setResult(of: call)
    if row.isStep { mark(StateLayout.CallBits.done, of: call) }
    try select(.callDone(call))
    let isHandled = !selected.isEmpty
    if isHandled { try microstep() }
    if row.isStep { try advanceSteps(of: row.state) }
    return isHandled || row.isStep
  }

  /// Runs the reaction to a call that has failed. The failure is the event.
  func fail(_ call: CallIndex) throws(PathStop) -> Bool {
    let model = model.calls[call.position]
    let row = model.call
    let failure = event
    try select(.callFailed(call))
    let isHandled = !selected.isEmpty
    if isHandled {
      if row.isStep { mark(StateLayout.CallBits.done, of: call) }
      if model.isResultOptional {
        event = resultRecord(of: call, absent(model.resultType))
        setResult(of: call)
        event = failure
      }
      try microstep()
      if row.isStep { try advanceSteps(of: row.state) }
      return true
    }
    guard row.isStep else { return false }
    setBit(row.state, at: layout.stopped, true)
    queue.append(.state(.failed(row.state), row.state, failure))
    return true
  }

  // MARK: - Items

  /// Applies the outcome of an item of a call over a list. After the reaction to it, it may have been the last one.
  func completeItem(of call: CallIndex, _ isDone: Bool) throws(PathStop) {
    event = nil
    if isDone { try armUndo(of: call) }
    let key = isDone ? SignalKey.itemDone(call) : .itemFailed(call)
    guard model.reactions[key] != nil else { return }
    event = itemEvent(of: call, isDone)
    try select(key)
    guard !selected.isEmpty else {
      if isDone { return }
      throw .infeasible
    }
    try microstep()
    guard cells[layout.calls + call.position] == 1, choose(2, isFree: false) == 1 else { return }
    cells[layout.calls + call.position] = 0
    queue.append(.called(call, isEmpty: false))
  }

  /// A call over a list ends immediately only with an item whose outcome no reaction handles.
  func requireUnhandledItem(of call: CallIndex, _ isDone: Bool) throws(PathStop) {
    let key = isDone ? SignalKey.itemDone(call) : .itemFailed(call)
    guard model.reactions[key] != nil else { return }
    event = itemEvent(of: call, isDone)
    try select(key)
    guard selected.isEmpty else { throw .infeasible }
  }

  /// Any `event` of a reaction to an item.
  private func itemEvent(of call: CallIndex, _ isDone: Bool) -> TermOperand {
    let record = isDone ? model.calls[call.position].call.itemRecord : BuiltInTypes.itemFailure
    return fresh(.record(record), isFree: true)
  }

  // MARK: - Steps

  func advanceSteps(of state: StateIndex) throws(PathStop) {
    guard isActive(state), !bit(state, at: layout.stopped) else { return }
    let steps = model.states[state.position].steps
    for call in steps where !has(StateLayout.CallBits.begun, call) {
      let isReady = model.calls[call.position].call.after.allSatisfy { has(StateLayout.CallBits.done, $0) }
      if isReady { try startStep(call) }
    }
    let isDone = steps.allSatisfy { has(StateLayout.CallBits.done, $0) }
    let isRaised = queue.contains { signal in
      if case .state(.done(state), _, _) = signal { true } else { false }
    }
    if isDone, !isRaised { queue.append(.state(.done(state), state, nil)) }
  }

  private func startStep(_ call: CallIndex) throws(PathStop) {
    let row = model.calls[call.position]
    mark(StateLayout.CallBits.begun, of: call)
    if let condition = row.condition, try !isTrue(condition, at: row.call.location) {
      mark(StateLayout.CallBits.done, of: call)
      let saved = event
      let nothing = row.list == nil ? absent(row.resultType) : constant(.list([]), row.resultType)
      event = resultRecord(of: call, nothing)
      setResult(of: call)
      event = saved
      return
    }
    try prepareCall(call)
  }

  // MARK: - Withdrawal

  func withdrawCalls(of state: StateIndex) {
    starting.removeAll { model.calls[$0.position].call.state == state }
    for (position, row) in model.calls.enumerated() where row.call.state == state {
      withdraw(CallIndex(position))
    }
  }

  /// Ends a call. One with an `undo` continues, and its outcome is uncertain.
  func withdraw(_ call: CallIndex) {
    let progress = cells[layout.calls + call.position]
    guard progress != 0 else { return }
    cells[layout.calls + call.position] = 0
    guard model.calls[call.position].undo != nil else { return }
    mark(progress == 1 ? StateLayout.CallBits.uncertain : StateLayout.CallBits.lostUncertain, of: call)
  }

  // MARK: - Compensations

  /// Arms the undo of a call that has succeeded. Its `once` key may have one already.
  func armUndo(of call: CallIndex) throws(PathStop) {
    let row = model.calls[call.position]
    guard let undo = row.undo else { return }
    let saved = environment
    if let loop = row.call.loop {
      locals[loop.slot] = fresh(row.itemType, isFree: false)
      assign(resultRecord(of: call, fresh(row.resultType, isFree: false)), to: row.call.resultSlot)
    }
    for node in undo where canFail(node) { _ = try evaluate(node, at: row.call.location) }
    environment = saved
    mark(StateLayout.CallBits.undo, of: call)
  }

  private var hasUndos: Bool { model.flow.calls.indices.contains { has(StateLayout.CallBits.undo, $0) } }

  private var hasUncertainCalls: Bool {
    model.flow.calls.indices.contains { has(StateLayout.CallBits.uncertain | StateLayout.CallBits.lostUncertain, $0) }
  }

  private var rollingStates: [StateIndex] { model.flow.states.indices.filter { bit($0, at: layout.rolling) } }

  func enterRollback(_ state: StateIndex) {
    if hasUndos || hasUncertainCalls {
      setBit(state, at: layout.rolling, true)
    } else {
      queue.append(.state(.rollbackDone(state), state, nil))
    }
  }

  func leaveRollback(_ state: StateIndex) {
    guard bit(state, at: layout.rolling) else { return }
    setBit(state, at: layout.rolling, false)
    if rollingStates.isEmpty { cells[layout.rollingJob] = 0 }
  }

  private func startUndo() {
    guard !rollingStates.isEmpty, cells[layout.rollingJob] == 0, !hasUncertainCalls, hasUndos else { return }
    cells[layout.rollingJob] = 1
  }

  /// Applies the outcome of an undo: the newest one, which may be of any call that has one armed.
  func completeUndo(_ isDone: Bool) throws(PathStop) {
    cells[layout.rollingJob] = 0
    let armed = model.flow.calls.indices.filter { has(StateLayout.CallBits.undo, $0) }
    guard isDone else {
      event = failure()
      for state in rollingStates { queue.append(.state(.rollbackFailed(state), state, event)) }
      for word in 0..<layout.activeWords { cells[layout.rolling + word] = 0 }
      return
    }
    if !armed.isEmpty {
      // Of the call, this may have been the last undo, or more are armed.
      let choice = choose(armed.count * 2, isFree: false)
      if choice % 2 == 0 { clear(StateLayout.CallBits.undo, of: armed[choice / 2]) }
    }
    finishRollbackIfDone()
  }

  /// Applies the outcome of a call that was left while in flight.
  func resolve(_ call: CallIndex, _ isDone: Bool) throws(PathStop) {
    if choose(2, isFree: false) == 0 { clear(StateLayout.CallBits.uncertain, of: call) }
    if isDone {
      let position = layout.slots[model.calls[call.position].call.resultSlot - FrameLayout.firstField].first
      let count = layout.slots[model.calls[call.position].call.resultSlot - FrameLayout.firstField].shape.leaves.count
      let saved = Array(environment[position..<position + count])
      let wasChanged = isDataChanged
      event = resultRecord(of: call, result(of: call))
      setResult(of: call)
      try armUndo(of: call)
      environment.replaceSubrange(position..<position + count, with: saved)
      isDataChanged = wasChanged
      event = nil
    }
    finishRollbackIfDone()
  }

  private func finishRollbackIfDone() {
    guard !hasUndos, !hasUncertainCalls else { return }
    for state in rollingStates { queue.append(.state(.rollbackDone(state), state, nil)) }
    for word in 0..<layout.activeWords { cells[layout.rolling + word] = 0 }
  }

  /// Any result of a call, as expressions read it.
  func result(of call: CallIndex) -> TermOperand {
    let row = model.calls[call.position]
    guard case .optional(let wrapped) = row.resultType, row.list == nil else {
      return fresh(row.resultType, isFree: true, maximum: row.resultMaximum)
    }
    return .optional(presence: flag(true), fresh(wrapped, isFree: true, maximum: row.resultMaximum))
  }

  /// The `event` of reactions to a failure: any code.
  func failure() -> TermOperand { fresh(.record(BuiltInTypes.failure), isFree: true) }
}
