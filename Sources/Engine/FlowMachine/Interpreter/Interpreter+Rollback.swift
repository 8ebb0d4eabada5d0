import CEL
import FlowIR
import FlowSource

// Compensations: armed when a call succeeds, carried out newest first by a state with `rollback`.
extension Interpreter {
  /// Arms the undo of a call that has succeeded, with its arguments as they are now.
  ///
  /// For an item of a list, `name.result` is then the list of its result alone.
  mutating func armUndo(of call: Int, item: (value: Value, result: Value)?, _ flow: LoadedFlow) throws(StepFailure) {
    let row = flow.calls[call]
    guard row.undo != none else { return }
    guard ledger.undos.count < Stepper.maximumUndos else {
      problem = EvaluationError("more than \(Stepper.maximumUndos) undos are armed", at: .init(0, 0))
      throw StepFailure(.failed, place: row.place)
    }
    let old = frame[Int(row.resultSlot)]
    if let item {
      let element = flow.flow.calls[call].loop.map(\.list.tree.type)
      let type: ValueType = if case .list(let element) = element { element } else { .dyn }
      frame[Int(row.loopSlot)] = evaluator.slot(item.value, as: type)
      let result = try resultSlot(of: call, .list([item.result]), flow)
      frame[Int(row.resultSlot)] = result
    }
    let arguments = record(of: .action(Int(row.undo)), try values(row.undoArguments, row.place, flow))
    if item != nil { frame[Int(row.resultSlot)] = old }
    ledger.undos.append(ArmedUndo(action: Int(row.undo), arguments: arguments, call: call))
    isLedgerChanged = true
  }

  /// Takes the outcome of a call that was left in flight: what has succeeded can be undone, nothing else comes of it.
  mutating func settle(_ doubt: UncertainCall, _ outcome: CallOutcome, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    isLedgerChanged = true
    if case .done(let value) = outcome {
      let slot = Int(flow.calls[doubt.call].resultSlot)
      let old = frame[slot]
      if doubt.item == nil {
        let result = try resultSlot(of: doubt.call, value, flow)
        frame[slot] = result
      }
      try armUndo(of: doubt.call, item: doubt.item.map { ($0, value) }, flow)
      frame[slot] = old
    }
    finishRollbackIfDone()
    return true
  }

  // MARK: - Rollback

  mutating func enterRollback(_ state: Int) {
    if ledger.undos.isEmpty, ledger.doubts.isEmpty {
      queue.append(.state(.rollbackDone, state, .unset))
    } else {
      ledger.rolling.insert(state)
      isLedgerChanged = true
    }
  }

  /// An undo that is under way counts as not carried out.
  mutating func leaveRollback(_ state: Int) {
    guard ledger.rolling.contains(state) else { return }
    ledger.rolling.remove(state)
    isLedgerChanged = true
    guard ledger.rolling.isEmpty, let job = ledger.rollingJob else { return }
    effects.append(.withdraw(job))
    ledger.rollingJob = nil
  }

  /// Asks for the newest undo, once nothing is in doubt any more.
  mutating func startUndo() {
    guard !ledger.rolling.isEmpty, ledger.rollingJob == nil, ledger.doubts.isEmpty, let undo = ledger.undos.last
    else { return }
    let reference = nextJob()
    ledger.rollingJob = reference
    isLedgerChanged = true
    effects.append(
      .job(Job(reference: reference, target: .action(undo.action), arguments: undo.arguments, call: undo.call)))
  }

  /// Takes the outcome of an undo.
  mutating func endUndo(_ outcome: CallOutcome, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    isLedgerChanged = true
    ledger.rollingJob = nil
    guard case .failed(let code, let message, let attempts) = outcome else {
      if !ledger.undos.isEmpty { ledger.undos.removeLast() }
      finishRollbackIfDone()
      return true
    }
    let name = ledger.undos.last.map { flow.flow.calls[$0.call].name } ?? ""
    let failure = failure(code: code, message: message, attempts: attempts, call: name)
    for state in ledger.rolling.ascending { queue.append(.state(.rollbackFailed, state, failure)) }
    ledger.rolling = StateSet()
    return true
  }

  private mutating func finishRollbackIfDone() {
    guard ledger.undos.isEmpty, ledger.doubts.isEmpty, !ledger.rolling.isEmpty else { return }
    for state in ledger.rolling.ascending { queue.append(.state(.rollbackDone, state, .unset)) }
    ledger.rolling = StateSet()
    isLedgerChanged = true
  }
}
