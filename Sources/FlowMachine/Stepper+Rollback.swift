import CEL
import FlowIR

// Compensation (Garcia-Molina and Salem, "Sagas", 1987): what succeeded is undone, newest first, one at a time.
extension Stepper {
  /// A call has succeeded: what undoes it is noted, with its arguments as they are now.
  func arm(_ call: Int, _ step: inout RunningStep) throws(Refusal) {
    guard let undo = step.flow.flow.calls[call].undo else { return }
    let loaded = step.flow.calls[call]
    let arguments = try record(of: .action(undo.action), loaded.undo, loaded.place, step)
    step.instance.undos.append(ArmedUndo(call: call, action: undo.action, arguments: arguments))
  }

  func beginRollback(in state: Int, _ step: inout RunningStep) {
    if step.flow.flow.states[state].isRollback { step.instance.rollback = Rollback(state: state) }
  }

  /// Whoever leaves while an undo is being carried out can't know its end: it is armed again.
  func leaveRollback(of state: Int, _ step: inout RunningStep) {
    guard let rollback = step.instance.rollback, rollback.state == state else { return }
    if let job = rollback.job { step.effects.append(.withdraw(job)) }
    if let undo = rollback.undo { step.instance.undos.append(undo) }
    step.instance.rollback = nil
  }

  /// Asks for the next undo once nothing is in doubt any more; says so when there is none left.
  /// - Returns: Whether something has been raised that has to be reacted to.
  func continueRollback(_ step: inout RunningStep) -> Bool {
    guard var rollback = step.instance.rollback, rollback.job == nil, step.instance.doubts.isEmpty else { return false }
    guard let undo = step.instance.undos.popLast() else {
      step.instance.rollback = nil
      step.queue.append(.rollbackDone(rollback.state))
      return true
    }
    let reference = nextJob(&step)
    rollback.job = reference
    rollback.undo = undo
    step.instance.rollback = rollback
    step.effects.append(
      .job(Job(reference: reference, target: .action(undo.action), arguments: undo.arguments, call: undo.call)))
    return false
  }

  func takeUndo(_ outcome: CallOutcome, _ step: inout RunningStep) {
    guard let rollback = step.instance.rollback else { return }
    guard case .failed(let code, let message, let attempts) = outcome, let undo = rollback.undo else {
      step.instance.rollback = Rollback(state: rollback.state)
      return
    }
    // What could not be undone stays to be undone, by the next rollback.
    step.instance.undos.append(undo)
    step.instance.rollback = nil
    let name = machine.name(of: .action(undo.action))
    step.queue.append(.rollbackFailed(rollback.state, failure(code, message, attempts, of: name)))
  }
}
