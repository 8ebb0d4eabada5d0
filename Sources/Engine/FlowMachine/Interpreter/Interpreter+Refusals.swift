import CEL
import FlowIR

// Explanations of refusals. They are computed after the refusal, so that accepted inputs do not pay for them.
extension Interpreter {
  /// The refusal of a step that has failed.
  func refusal(_ failure: StepFailure) -> Refusal {
    switch failure.kind {
    case .notHandled:
      guard case .event(let event) = trigger else { return refusal(.notHandled) }
      return refuseEvent(event)
    case .raised:
      guard let event = failure.event.wrapped else { return refusal(.notHandled) }
      return refusal(.raised(machine.program.events[event].name, flow.leafPaths(active)))
    case .internalEvent: return refusal(.internalEvent)
    case .notStarted: return refuseStart()
    case .ended: return refusal(.ended)
    case .tooManyMicrosteps: return refusal(.tooManyMicrosteps)
    case .tooManyDeferred: return refusal(.tooManyDeferred)
    case .failed:
      var refusal = refusal(.failed(problem?.message ?? "", flow.location(failure.location.wrapped)))
      if let expression = failure.expression.wrapped { refusal.explanation = explain(expression) }
      return refusal
    case .never:
      return refusal(.invariant(flow.flow.text(ofProperty: failure.property), flow.flow.location))
    case .invariant:
      guard let expression = failure.expression.wrapped else { return refusal(.invariant("", flow.flow.location)) }
      var refusal = refusal(.invariant(flow.sources[expression.position].text, flow.flow.location))
      refusal.explanation = explain(expression)
      return refusal
    }
  }

  private func refusal(_ reason: Refusal.Reason) -> Refusal {
    Refusal(
      reason: reason, input: inputName, states: flow.leafPaths(before),
      accepted: machine.acceptedEvents(in: before, of: flow))
  }

  /// The result of every reaction to an event.
  mutating func explain(
    _ instance: Instance, event: EventIndex, payload: Value, caller: Caller, now: Int64
  ) -> [CandidateResult] {
    prepare(instance, event: event, payload: payload, caller: caller, now: now)
    return refuseEvent(event).candidates
  }

  /// Those of `transitions` whose guard is false for an event of an admitted caller.
  mutating func falseGuards(
    _ transitions: [Int], _ instance: Instance, event: EventIndex, payload: Value, caller: Caller, now: Int64
  ) -> [Int] {
    prepare(instance, event: event, payload: payload, caller: caller, now: now)
    return transitions.filter { isGuardFalse(of: $0) }
  }

  /// Records the false guards of an event, also those that the selection has not evaluated.
  mutating func recordFalseGuards(of event: EventIndex) {
    for index in flow.triggers[flow.trigger(of: event)].range {
      let reactions = flow.reactions[index]
      guard active.contains(reactions.state) else { continue }
      recordFalseGuards(among: reactions.exact)
      recordFalseGuards(among: reactions.any)
    }
  }

  private mutating func recordFalseGuards(among candidates: RowRange) {
    for index in candidates.range {
      let transition = flow.indices[index]
      guard !flow.transitions[transition].condition.isNil, !falseGuards.contains(Int(transition)),
        // The guards of selected transitions are true.
        !isSelected(transition), isGuardFalse(of: Int(transition))
      else { continue }
      falseGuards.insert(Int(transition))
    }
  }

  private func isSelected(_ transition: Int32) -> Bool {
    for position in 0..<selected.count where selected[position] == transition { return true }
    return false
  }

  /// Returns true if the guard of a transition is false for an admitted caller.
  private mutating func isGuardFalse(of index: Int) -> Bool {
    let row = flow.transitions[index]
    guard let condition = row.condition.wrapped else { return false }
    if row.hasRoles {
      let node = flow.flow.transitions[index]
      guard isAdmitted(roles: node.roles, senders: node.senders) else { return false }
    }
    do throws(StepFailure) {
      return try !isTrue(condition, at: row.location)
    } catch {
      problem = nil
      return false
    }
  }

  private mutating func prepare(
    _ instance: Instance, event: EventIndex, payload: Value, caller: Caller, now: Int64
  ) {
    prepare(instance, .event(event), now: now)
    self.caller = caller
    if flow.usesCaller { bind(caller) }
    frame[FrameLayout.event] = evaluator.slot(payload, as: .record(machine.program.events[event].name))
  }

  /// Evaluates every reaction to the event again, innermost first, for the explanation.
  func refuseEvent(_ event: EventIndex) -> Refusal {
    guard machine.program.events.indices.contains(event) else { return refusal(.notHandled) }
    var candidates: [CandidateResult] = []
    for (state, transition) in flow.reactions(to: event, in: before) {
      let node = flow.flow.transitions[transition]
      let candidate = CandidateResult(
        state: flow.flow.states[state].path, target: node.target.map { flow.flow.states[$0].path },
        location: node.location, answer: .holds)
      candidates.append(
        evaluated(
          candidate, condition: flow.transitions[transition].condition, roles: node.roles, senders: node.senders))
    }
    var refusal = refusal(reason(for: candidates, otherwise: .notHandled))
    refusal.candidates = candidates
    return refusal
  }

  private func refuseStart() -> Refusal {
    var candidates: [CandidateResult] = []
    for (index, start) in flow.flow.starts.enumerated() where isMeant(start, index) {
      let candidate = CandidateResult(
        state: "", target: flow.flow.states[start.target].path, location: start.location, answer: .holds)
      candidates.append(
        evaluated(
          candidate, condition: flow.starts[index].condition, roles: start.roles,
          senders: start.senders))
    }
    var refusal = refusal(reason(for: candidates, otherwise: .notStarted))
    refusal.accepted = startEvents(of: flow.flow)
    refusal.candidates = candidates
    return refusal
  }

  func isMeant(_ start: Start, _ index: Int) -> Bool {
    switch trigger {
    case .event(let event): start.event == event
    case .called: start.trigger == .called
    case .schedule(let schedule): index == schedule
    case .timer, .result: false
    }
  }

  private func reason(for candidates: [CandidateResult], otherwise: Refusal.Reason) -> Refusal.Reason {
    if candidates.isEmpty { return otherwise }
    let isOnlyRoles = candidates.allSatisfy { if case .roleMissing = $0.answer { true } else { false } }
    return isOnlyRoles ? .roleMissing : .guardsFalse
  }

  /// The candidate with the result of its roles, its senders and its guard.
  private func evaluated(
    _ candidate: CandidateResult, condition: OptionalIndex<ExpressionIndex>, roles: [Int], senders: [FlowIndex]
  ) -> CandidateResult {
    var candidate = candidate
    if !isAdmitted(roles: roles, senders: senders) {
      candidate.answer = .roleMissing(
        roles.map { "role \(machine.program.roles[$0])" } + senders.map { "flow \(machine.program.flows[$0].name)" })
    } else if let condition = condition.wrapped {
      do throws(EvaluationError) {
        if try evaluator.isTrue(flow.programs, condition.position, frame: frame) { return candidate }
        candidate.answer = .guardFalse
      } catch {
        candidate.answer = .guardFailed(error.message)
      }
      candidate.guardExplanation = explain(condition)
    }
    return candidate
  }

  private func explain(_ expression: ExpressionIndex) -> ExplainedExpression {
    ExplainedExpression(
      source: flow.sources[expression.position],
      explanation: evaluator.explain(flow.programs[expression.position], frame: frame))
  }

  private func startEvents(of flow: Flow) -> [String] {
    var seen: Set<EventIndex> = []
    return flow.starts.compactMap(\.event).filter { seen.insert($0).inserted }.map { machine.program.events[$0].name }
  }

  /// The name of the input in progress.
  private var inputName: String {
    let flow = flow.flow
    return switch trigger {
    case .event(let event):
      machine.program.events.indices.contains(event) ? machine.program.events[event].name : "the event"
    case .timer(let transition):
      flow.transitions.indices.contains(transition)
        ? "the timer at \(flow.transitions[transition].location)" : "the timer"
    case .result(let job): "the result of job \(job.revision)/\(job.number)"
    case .called: "the call"
    case .schedule(let start):
      flow.starts.indices.contains(start) ? "the schedule at \(flow.starts[start].location)" : "the schedule"
    }
  }
}
