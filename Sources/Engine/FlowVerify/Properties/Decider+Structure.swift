import FlowIR
import FlowMachine
import FlowTesting

// Reactions that never happen and states that are never entered.
extension Decider {
  /// Reactions that no situation enables: proofs that they have no effect.
  func deadTransitions() -> [PropertyResult] {
    guard graph.limitation == nil else { return [] }
    return flow.transitions.indices.filter { !graph.takenTransitions.contains($0) }.map { index in
      let transition = flow.transitions[index]
      return dead(
        .transition,
        text: "`\(transition.text(of: flow, in: model.program))` in `\(name(transition.source))` can happen",
        at: transition.location, message: "it never happens: no situation enables it")
    }
  }

  func unreachableStates() -> [PropertyResult] {
    guard graph.limitation == nil else { return [] }
    var reached: Set<StateIndex> = [.root]
    for state in 0..<graph.states.count {
      for index in flow.states.indices where isActive(index, state) { reached.insert(index) }
    }
    // A state may be entered and left within one step.
    for transition in graph.takenTransitions {
      reached.formUnion(model.transitions[transition].entering)
      if flow.transitions[transition].isHistory { reached.formUnion(flow.states.indices) }
      reached.insert(model.transitions[transition].source)
    }
    for start in graph.usedStarts { reached.formUnion(model.starts[start].entering) }
    return flow.states.indices.filter { !reached.contains($0) }.map { index in
      dead(
        .state, text: "`\(name(index))` can be entered", at: flow.location,
        message: "it is never entered: no run reaches it")
    }
  }

  private func dead(
    _ kind: PropertyResult.Kind, text: String, at location: SourceLocation, message: String
  ) -> PropertyResult {
    PropertyResult(
      kind: kind, text: text, location: location,
      verdict: .refuted(CounterExample(severity: .warning, message: message, moves: [], path: [], test: nil)))
  }

  func name(_ state: StateIndex) -> String { state == .root ? flow.name : flow.states[state].path }

  func isActive(_ index: StateIndex, _ state: Int) -> Bool {
    graph.states.cell(state, model.layout.active + index.position / 32) & (1 << Int32(index.position % 32)) != 0
  }

  func status(_ state: Int) -> Int32 { graph.states.cell(state, model.layout.status) }

  /// True if the instance itself has something outstanding: a timer, or work that has a result.
  func isBusy(_ state: Int) -> Bool {
    executor.inputs(of: graph.states[state]).contains { input in
      if case .event = input { false } else { true }
    }
  }

  func leafNames(_ state: Int) -> String {
    let active = flow.states.indices.filter { isActive($0, state) && $0 != .root }
    let leaves = active.filter { leaf in
      !active.contains { $0 > leaf && $0 < flow.states[leaf].end }
    }
    return leaves.map { flow.states[$0].path }.joined(separator: ", ")
  }
}
