public import FlowIR

/// What sets a transition off and what it does, as pictures write it.
public func transitionLabel(_ program: Program, flow index: Int, transition: Int) -> String {
  DiagramModel(program, index).label(program.flows[index].transitions[transition])
}

/// How a start is written in pictures.
public func startLabel(_ program: Program, flow index: Int, start: Int) -> String {
  DiagramModel(program, index).label(program.flows[index].starts[start])
}
