public import FlowIR

/// The label of a transition in diagrams.
public func transitionLabel(_ program: Program, flow index: FlowIndex, transition: Int) -> String {
  DiagramModel(program, flow: index).label(program.flows[index].transitions[transition])
}

/// The label of a start in diagrams.
public func startLabel(_ program: Program, flow index: FlowIndex, start: Int) -> String {
  DiagramModel(program, flow: index).label(program.flows[index].starts[start])
}
