import CEL
import FlowIR
import FlowSource

// Compensations: armed when a call succeeds, performed newest first by a state with `rollback`.
extension Interpreter {
  /// Arms the undo of a call that has succeeded, with its arguments evaluated now.
  ///
  /// For an item of a list, `name.result` is the list of its result alone. Work with a `once` key is done once, so it
  /// arms one undo.
  mutating func armUndo(
    of call: CallIndex, once: String?, item: (value: Value, result: Value)?
  ) throws(StepFailure) {
    let row = flow.calls[call]
    guard row.hasUndo, let undo = flow.flow.calls[call].undo else { return }
    if let once {
      let target = flow.flow.calls[call].target
      for armed in extended.undos where armed.once == once && flow.flow.calls[armed.call].target == target { return }
    }
    guard extended.undos.count < Stepper.maximumUndos else {
      problem = EvaluationError("more than \(Stepper.maximumUndos) undos are armed", at: .init(0, 0))
      throw StepFailure(.failed, location: row.location)
    }
    let old = frame[Int(row.resultSlot)]
    if let item {
      frame[Int(row.loopSlot)] = evaluator.slot(item.value, as: flow.flow.calls[call].itemType)
      let element = row.hasAbsentItems ? item.result.asOptional : item.result
      let result = try resultSlot(of: call, .list([element]))
      frame[Int(row.resultSlot)] = result
    }
    let arguments = record(of: .action(undo.action), try values(row.undoArguments, at: row.location))
    if item != nil { frame[Int(row.resultSlot)] = old }
    extended.undos.append(ArmedUndo(action: undo.action, arguments: arguments, call: call, once: once))
    isExtendedStateChanged = true
  }

  /// Applies the outcome of a call that was left while in flight: an undo is armed if it has succeeded.
  mutating func resolve(_ uncertain: UncertainCall, _ outcome: CallOutcome) throws(StepFailure) -> Bool {
    isExtendedStateChanged = true
    if case .done(let value) = outcome {
      let slot = Int(flow.calls[uncertain.call].resultSlot)
      let old = frame[slot]
      if uncertain.item == nil {
        let result = try resultSlot(of: uncertain.call, value)
        frame[slot] = result
      }
      try armUndo(of: uncertain.call, once: uncertain.once, item: uncertain.item.map { ($0, value) })
      frame[slot] = old
    }
    finishRollbackIfDone()
    return true
  }

  // MARK: - Rollback

  mutating func enterRollback(_ state: StateIndex) {
    if extended.undos.isEmpty, extended.uncertainCalls.isEmpty {
      queue.append(.state(.rollbackDone, state, .unset))
    } else {
      extended.rolling.insert(state)
      isExtendedStateChanged = true
    }
  }

  /// An undo in progress counts as not performed.
  mutating func leaveRollback(_ state: StateIndex) {
    guard extended.rolling.contains(state) else { return }
    extended.rolling.remove(state)
    isExtendedStateChanged = true
    guard extended.rolling.isEmpty, let job = extended.rollingJob else { return }
    effects.append(.withdraw(job))
    extended.rollingJob = nil
  }

  /// Requests the newest undo, once no call is uncertain.
  mutating func startUndo() {
    guard !extended.rolling.isEmpty, extended.rollingJob == nil, extended.uncertainCalls.isEmpty,
      let undo = extended.undos.last
    else { return }
    let reference = nextJob()
    extended.rollingJob = reference
    isExtendedStateChanged = true
    effects.append(
      .job(Job(reference: reference, target: .action(undo.action), arguments: undo.arguments, call: undo.call)))
  }

  /// Applies the outcome of an undo.
  mutating func completeUndo(_ outcome: CallOutcome) throws(StepFailure) -> Bool {
    isExtendedStateChanged = true
    extended.rollingJob = nil
    guard case .failed(let code, let message, let attempts) = outcome else {
      // The recorded result describes work that has been undone.
      if let undone = extended.undos.popLast(), let once = undone.once {
        effects.append(.forget(once: once, of: flow.flow.calls[undone.call].target))
      }
      finishRollbackIfDone()
      return true
    }
    let name = extended.undos.last.map { flow.flow.calls[$0.call].name } ?? ""
    let failure = failure(code: code, message: message, attempts: attempts, call: name)
    for state in extended.rolling.ascending { queue.append(.state(.rollbackFailed, state, failure)) }
    extended.rolling = StateSet()
    return true
  }

  private mutating func finishRollbackIfDone() {
    guard extended.undos.isEmpty, extended.uncertainCalls.isEmpty, !extended.rolling.isEmpty else { return }
    for state in extended.rolling.ascending { queue.append(.state(.rollbackDone, state, .unset)) }
    extended.rolling = StateSet()
    isExtendedStateChanged = true
  }
}
