import CEL
import FlowIR

// Explains what was not accepted. Runs only after the fact, so that the good path pays nothing for it.
extension Stepper {
  func refusal(_ reason: Refusal.Reason, _ step: RunningStep) -> Refusal {
    Refusal(
      reason: reason, input: describe(step.input, step.flow.flow), states: leafPaths(step.before, step.flow.flow),
      accepted: machine.acceptedEvents(step.before, step.flow))
  }

  func failed(
    _ expression: LoadedExpression, _ error: EvaluationError, _ place: Place, _ step: RunningStep
  ) -> Refusal {
    var refusal = refusal(.failed(error.message, place), step)
    refusal.explanation = explain(expression)
    return refusal
  }

  func broken(_ invariant: LoadedExpression, _ step: RunningStep) -> Refusal {
    var refusal = refusal(.invariant(invariant.source.text, step.flow.flow.place), step)
    refusal.explanation = explain(invariant)
    return refusal
  }

  /// Asks every reaction to the event again, innermost first, and keeps what each says.
  func refuseEvent(_ event: Int, caller: Caller, _ step: inout RunningStep) -> Refusal {
    let flow = step.flow.flow
    var verdicts: [Verdict] = []
    for state in Array(step.before.ascending).reversed() {
      for transition in step.flow.transitions(in: state, on: event) {
        let node = flow.transitions[transition]
        verdicts.append(
          verdict(
            step.flow.transitions[transition], step, state: flow.states[state].path,
            target: node.target.map { flow.states[$0].path }, place: node.place))
      }
    }
    var refusal = refusal(reason(for: verdicts, otherwise: .notHandled), step)
    refusal.candidates = verdicts
    return refusal
  }

  func refuseStart(_ cause: StartCause, _ step: inout RunningStep) -> Refusal {
    let flow = step.flow.flow
    var verdicts: [Verdict] = []
    for (index, start) in flow.starts.enumerated() where cause.fits(start, at: index) {
      verdicts.append(
        verdict(
          step.flow.starts[index], step, state: "", target: flow.states[start.target].path, place: start.place))
    }
    var refusal = refusal(reason(for: verdicts, otherwise: .notStarted), step)
    refusal.accepted = startEvents(of: flow)
    refusal.candidates = verdicts
    return refusal
  }

  private func reason(for verdicts: [Verdict], otherwise: Refusal.Reason) -> Refusal.Reason {
    if verdicts.isEmpty { return otherwise }
    let isOnlyRoles = verdicts.allSatisfy { if case .roleMissing = $0.answer { true } else { false } }
    return isOnlyRoles ? .roleMissing : .guardsFalse
  }

  func verdict(
    _ reaction: LoadedReaction, _ step: RunningStep, state: String, target: String?, place: Place
  ) -> Verdict {
    var verdict = Verdict(state: state, target: target, place: place, answer: .holds)
    if !reaction.roles.isEmpty, !holdsRole(reaction.roles, step.input) {
      verdict.answer = .roleMissing(reaction.roles.map { machine.program.roles[$0] })
    } else if let condition = reaction.guardExpression {
      let explained = explain(condition)
      do throws(EvaluationError) {
        if try evaluator.isTrue(condition.code, frame: frame) { return verdict }
        verdict.answer = .guardFalse
      } catch {
        verdict.answer = .guardFailed(error.message)
      }
      verdict.guardExplanation = explained
    }
    return verdict
  }

  func explain(_ expression: LoadedExpression) -> ExplainedExpression {
    ExplainedExpression(
      source: expression.source, explanation: evaluator.explain(expression.code, frame: frame))
  }

  func startEvents(of flow: Flow) -> [String] {
    var seen: Set<Int> = []
    return flow.starts.compactMap(\.event).filter { seen.insert($0).inserted }.map { machine.program.events[$0].name }
  }

  private func describe(_ input: Input, _ flow: Flow) -> String {
    switch input {
    case .event(let event, _, _): machine.program.events[event].name
    case .timer(let transition, _): "the timer at \(flow.transitions[transition].place)"
    case .call: "the call of `\(flow.name)`"
    case .schedule(let start): "the schedule at \(flow.starts[start].place)"
    case .result(let job, _): "the result of job \(job.revision)/\(job.number)"
    }
  }
}
