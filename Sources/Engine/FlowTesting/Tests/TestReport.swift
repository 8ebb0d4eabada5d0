public import FlowIR
public import FlowMachine

/// The result of one `test`.
public struct TestReport: Sendable {
  /// The statement at which a test failed.
  public struct Failure: Sendable {
    /// The source line.
    public var statement: String
    public var location: SourceLocation
    public var message: String
    /// The reason: values, guards, the actual calls. May be empty; may have several lines.
    public var details: String
  }

  public var name: String
  public var flow: String
  public var location: SourceLocation
  public var failure: Failure?
  /// The steps, each in one or more lines, in the format of `flow run`; empty if they were not asked for.
  public var trace: [String]
  public var steps: Int

  public var hasPassed: Bool { failure == nil }
}

/// The parts of a program that the tests have executed.
public struct Coverage: Sendable {
  /// By flow: the states that were active, and the transitions that were executed.
  public internal(set) var states: IndexedList<FlowIndex, StateSet>
  public internal(set) var transitions: IndexedList<FlowIndex, TransitionSet>
  /// By flow: the transitions whose guard was true, and those whose guard was false.
  public internal(set) var held: IndexedList<FlowIndex, TransitionSet>
  public internal(set) var refused: IndexedList<FlowIndex, TransitionSet>

  public init(flowCount: Int) {
    states = IndexedList(Array(repeating: StateSet(), count: flowCount))
    transitions = IndexedList(Array(repeating: TransitionSet(), count: flowCount))
    held = transitions
    refused = transitions
  }

  /// Adds the transitions of a step, and all states that it entered.
  mutating func add(_ step: Step, of flow: FlowIndex, in declaration: Flow) {
    states[flow].formUnion(step.next.active)
    for index in step.transitions where transitions[flow].insert(index) {
      addStates(of: index, flow, in: declaration)
    }
  }

  /// Adds the last step of a stepper, which has changed an instance in place.
  mutating func add(_ stepper: Stepper, active: borrowing StateSet, of flow: FlowIndex) {
    states[flow].formUnion(active)
    guard stepper.insertTaken(into: &transitions[flow]) else { return }
    for index in stepper.taken { addStates(of: index, flow, in: stepper.machine.program.flows[flow]) }
  }

  /// Adds the states around the source and the target of an executed transition, and that its guard was true.
  private mutating func addStates(of index: Int, _ flow: FlowIndex, in declaration: Flow) {
    held[flow].insert(index)
    let transition = declaration.transitions[index]
    addAncestors(of: transition.source, flow, in: declaration)
    if let target = transition.target { addAncestors(of: target, flow, in: declaration) }
  }

  /// Adds a state and its ancestors, without the flow itself. The ancestors of a known state are known.
  private mutating func addAncestors(of state: StateIndex, _ flow: FlowIndex, in declaration: Flow) {
    var current = state
    while current != .root, !states[flow].contains(current) {
      states[flow].insert(current)
      current = declaration.states[current].parent
    }
  }

  mutating func add(_ other: Coverage) {
    for flow in states.indices {
      states[flow].formUnion(other.states[flow])
      transitions[flow].formUnion(other.transitions[flow])
      held[flow].formUnion(other.held[flow])
      refused[flow].formUnion(other.refused[flow])
    }
  }
}
