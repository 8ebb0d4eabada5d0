import CEL
import FlowIR

/// What the active states say to an input.
struct Selection {
  var transitions: [Int] = []
  var isIgnored = false
  var isDeferred = false
}

/// What transitions are looked for.
enum Occasion {
  case event(Int)
  case callDone(Int)
  case callFailed(Int)
  case done(Int)
  case failed(Int)
  case rollbackDone(Int)
  case rollbackFailed(Int)
  case error
  case always
}

extension Stepper {
  /// Takes in what the input brings beside an event: the result of a call, the end of a timer.
  /// - Returns: False when nobody waits for it any more.
  func take(_ step: inout RunningStep) throws(Refusal) -> Bool {
    switch step.input {
    case .event, .call, .schedule: return true
    case .timer(let transition, let armed):
      guard let index = step.instance.timers.firstIndex(where: { $0.transition == transition && $0.armed == armed })
      else { return false }
      rearm(index, &step)
      return true
    case .result(let job, _):
      return takeResult(job, &step)
    }
  }

  func select(_ step: inout RunningStep) throws(Refusal) -> Selection {
    switch step.input {
    case .event(let event, _, _): return try select(.event(event), &step)
    case .timer(let transition, _): return try selectTimer(transition, &step)
    case .result, .call, .schedule: return Selection()
    }
  }

  private func selectTimer(_ transition: Int, _ step: inout RunningStep) throws(Refusal) -> Selection {
    let holds = try isEnabled(step.flow.transitions[transition], step.flow.flow.transitions[transition].place, step)
    return holds ? Selection(transitions: [transition]) : Selection(isIgnored: true)
  }

  /// Asks the active states, innermost first.
  func select(_ occasion: Occasion, _ step: inout RunningStep) throws(Refusal) -> Selection {
    var selection = Selection()
    switch occasion {
    case .done(let state), .failed(let state), .rollbackDone(let state), .rollbackFailed(let state):
      try askState(state, candidates(occasion, in: state, step.flow), &selection, step)
    default: _ = try ask(0, occasion, &selection, step)
    }
    if selection.transitions.count > 1 { removeConflicts(&selection.transitions, step) }
    return selection
  }

  /// Asks a state's active children, and the state itself only when none of them took it.
  private func ask(
    _ state: Int, _ occasion: Occasion, _ selection: inout Selection, _ step: RunningStep
  ) throws(Refusal) -> Bool {
    let node = step.flow.flow.states[state]
    var isTaken = false
    for child in node.children where step.instance.active.contains(child) {
      if try ask(child, occasion, &selection, step) { isTaken = true }
    }
    if isTaken { return true }
    if try askState(state, candidates(occasion, in: state, step.flow), &selection, step) { return true }
    guard case .event(let event) = occasion else { return false }
    if node.ignored.contains(event) {
      selection.isIgnored = true
      return true
    }
    if node.deferred.contains(event) {
      selection.isDeferred = true
      return true
    }
    return false
  }

  @discardableResult
  private func askState(
    _ state: Int, _ candidates: [Int], _ selection: inout Selection, _ step: RunningStep
  ) throws(Refusal) -> Bool {
    for index in candidates {
      guard try isEnabled(step.flow.transitions[index], step.flow.flow.transitions[index].place, step) else { continue }
      selection.transitions.append(index)
      return true
    }
    return false
  }

  func candidates(_ occasion: Occasion, in state: Int, _ flow: LoadedFlow) -> [Int] {
    switch occasion {
    case .event(let event): flow.transitions(in: state, on: event)
    case .callDone(let call): flow.transitions(in: state, onDoneOf: call)
    case .callFailed(let call): flow.transitions(in: state, onFailureOf: call)
    case .always: flow.always[state]
    case .done(let state): flow.done[state]
    case .failed(let state): flow.failed[state]
    case .rollbackDone(let state): flow.rollbackDone[state]
    case .rollbackFailed(let state): flow.rollbackFailed[state]
    case .error: flow.errors[state]
    }
  }

  func isEnabled(_ reaction: LoadedReaction, _ place: Place, _ step: RunningStep) throws(Refusal) -> Bool {
    if !reaction.roles.isEmpty, !holdsRole(reaction.roles, step.input) { return false }
    guard let condition = reaction.guardExpression else { return true }
    return try isTrue(condition, place, step)
  }

  func holdsRole(_ roles: [Int], _ input: Input) -> Bool {
    guard case .event(_, _, let caller) = input else { return true }
    return roles.contains { caller.roles.contains(machine.program.roles[$0]) }
  }

  /// Where two would leave a common state, the first in document order stays (SCXML, removeConflictingTransitions).
  private func removeConflicts(_ transitions: inout [Int], _ step: RunningStep) {
    var kept: [Int] = []
    var left = StateSet()
    for transition in transitions.sorted() {
      let exits = exitSet(of: transition, step)
      guard exits.isDisjoint(with: left) else { continue }
      left.formUnion(exits)
      kept.append(transition)
    }
    transitions = kept
  }
}

// MARK: - Starts

extension Stepper {
  /// The first start of that kind whose roles and guard agree.
  func selectStart(_ cause: StartCause, _ step: inout RunningStep) throws(Refusal) -> Int {
    for (index, start) in step.flow.flow.starts.enumerated() where cause.fits(start, at: index) {
      if try isEnabled(step.flow.starts[index], start.place, step) { return index }
    }
    throw refuseStart(cause, &step)
  }
}
