import CEL
import FlowIR

// Explains what was not accepted. Runs only after the fact, so that the good path pays nothing for it.
extension Interpreter {
  /// What a halt means to people.
  func refusal(_ halt: StepFailure, _ flow: LoadedFlow) -> Refusal {
    switch halt.kind {
    case .notHandled:
      guard case .event(let event) = occasion else { return refusal(.notHandled, flow) }
      return refuseEvent(event, flow)
    case .raised:
      let name = machine.program.events[Int(halt.event)].name
      return refusal(.raised(name, flow.leafPaths(active)), flow)
    case .notStarted: return refuseStart(flow)
    case .ended: return refusal(.ended, flow)
    case .tooManyMicrosteps: return refusal(.tooManyMicrosteps, flow)
    case .tooManyDeferred: return refusal(.tooManyDeferred, flow)
    case .failed:
      var refusal = refusal(.failed(problem?.message ?? "", flow.place(halt.place)), flow)
      if halt.program != none { refusal.explanation = explain(halt.program, flow) }
      return refusal
    case .invariant:
      var refusal = refusal(.invariant(flow.sources[Int(halt.program)].text, flow.flow.place), flow)
      refusal.explanation = explain(halt.program, flow)
      return refusal
    }
  }

  private func refusal(_ reason: Refusal.Reason, _ flow: LoadedFlow) -> Refusal {
    Refusal(
      reason: reason, input: describe(occasion, flow.flow), states: flow.leafPaths(before),
      accepted: machine.acceptedEvents(before, flow))
  }

  /// What every reaction to an event says about it.
  mutating func explain(
    _ instance: Instance, _ event: Int, _ payload: Value, _ caller: Caller, _ now: Int64
  ) -> [CandidateResult] {
    let flow = machine.flows[instance.flow]
    begin(instance, flow, .event(event), now)
    self.caller = caller
    if flow.usesCaller { bind(caller) }
    frame[FrameLayout.event] = evaluator.slot(payload, as: .record(machine.program.events[event].name))
    return refuseEvent(event, flow).candidates
  }

  /// Asks every reaction to the event again, innermost first, and keeps what each says.
  func refuseEvent(_ event: Int, _ flow: LoadedFlow) -> Refusal {
    guard machine.program.events.indices.contains(event) else { return refusal(.notHandled, flow) }
    var verdicts: [CandidateResult] = []
    for index in flow.triggers[event].range where before.contains(Int(flow.answers[index].state)) {
      let answer = flow.answers[index]
      for candidate in Array(answer.exact.range) + Array(answer.any.range) {
        let transition = Int(flow.indices[candidate])
        let node = flow.flow.transitions[transition]
        verdicts.append(
          verdict(
            flow.transitions[transition].condition, node.roles, flow, state: flow.flow.states[Int(answer.state)].path,
            target: node.target.map { flow.flow.states[$0].path }, place: node.place))
      }
    }
    var refusal = refusal(reason(for: verdicts, otherwise: .notHandled), flow)
    refusal.candidates = verdicts
    return refusal
  }

  private func refuseStart(_ flow: LoadedFlow) -> Refusal {
    var verdicts: [CandidateResult] = []
    for (index, start) in flow.flow.starts.enumerated() where isMeant(start, index) {
      verdicts.append(
        verdict(
          flow.starts[index].condition, start.roles, flow, state: "", target: flow.flow.states[start.target].path,
          place: start.place))
    }
    var refusal = refusal(reason(for: verdicts, otherwise: .notStarted), flow)
    refusal.accepted = startEvents(of: flow.flow)
    refusal.candidates = verdicts
    return refusal
  }

  func isMeant(_ start: Start, _ index: Int) -> Bool {
    switch occasion {
    case .event(let event): start.event == event
    case .called: start.trigger == .called
    case .schedule(let schedule): index == schedule
    case .timer, .result: false
    }
  }

  private func reason(for verdicts: [CandidateResult], otherwise: Refusal.Reason) -> Refusal.Reason {
    if verdicts.isEmpty { return otherwise }
    let isOnlyRoles = verdicts.allSatisfy { if case .roleMissing = $0.answer { true } else { false } }
    return isOnlyRoles ? .roleMissing : .guardsFalse
  }

  private func verdict(
    _ condition: Int32, _ roles: [Int], _ flow: LoadedFlow, state: String, target: String?, place: SourceLocation
  ) -> CandidateResult {
    var verdict = CandidateResult(state: state, target: target, place: place, answer: .holds)
    if !holdsRole(roles) {
      verdict.answer = .roleMissing(roles.map { machine.program.roles[$0] })
    } else if condition != none {
      let explained = explain(condition, flow)
      do throws(EvaluationError) {
        if try evaluator.isTrue(flow.programs, Int(condition), frame: frame) { return verdict }
        verdict.answer = .guardFalse
      } catch {
        verdict.answer = .guardFailed(error.message)
      }
      verdict.guardExplanation = explained
    }
    return verdict
  }

  private func explain(_ program: Int32, _ flow: LoadedFlow) -> ExplainedExpression {
    ExplainedExpression(
      source: flow.sources[Int(program)],
      explanation: evaluator.explain(flow.programs[Int(program)], frame: frame))
  }

  private func startEvents(of flow: Flow) -> [String] {
    var seen: Set<Int> = []
    return flow.starts.compactMap(\.event).filter { seen.insert($0).inserted }.map { machine.program.events[$0].name }
  }

  private func describe(_ occasion: StepTrigger, _ flow: Flow) -> String {
    switch occasion {
    case .event(let event):
      machine.program.events.indices.contains(event) ? machine.program.events[event].name : "the event"
    case .timer(let transition):
      flow.transitions.indices.contains(transition)
        ? "the timer at \(flow.transitions[transition].place)" : "the timer"
    case .result(let job): "the result of job \(job.revision)/\(job.number)"
    case .called: "the call"
    case .schedule(let start):
      flow.starts.indices.contains(start) ? "the schedule at \(flow.starts[start].place)" : "the schedule"
    }
  }
}
