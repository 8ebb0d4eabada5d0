public import FlowIR
import FlowMachine

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
  public internal(set) var states: IndexedList<FlowIndex, Set<StateIndex>>
  public internal(set) var transitions: IndexedList<FlowIndex, Set<Int>>
  /// By flow: the transitions whose guard was true, and those whose guard was false.
  public internal(set) var held: IndexedList<FlowIndex, Set<Int>>
  public internal(set) var refused: IndexedList<FlowIndex, Set<Int>>

  public init(flowCount: Int) {
    states = IndexedList(Array(repeating: [], count: flowCount))
    transitions = IndexedList(Array(repeating: [], count: flowCount))
    held = transitions
    refused = transitions
  }

  /// Adds the transitions of a step, and all states that it entered.
  mutating func add(_ step: Step, of flow: FlowIndex, in declaration: Flow) {
    transitions[flow].formUnion(step.transitions)
    held[flow].formUnion(step.transitions)
    states[flow].formUnion(step.next.active.ascending)
    for index in step.transitions {
      let transition = declaration.transitions[index]
      addAncestors(of: transition.source, flow, in: declaration)
      if let target = transition.target { addAncestors(of: target, flow, in: declaration) }
    }
  }

  /// Adds a state and its ancestors, without the flow itself. The ancestors of a known state are known.
  private mutating func addAncestors(of state: StateIndex, _ flow: FlowIndex, in declaration: Flow) {
    var current = state
    while current != .root, states[flow].insert(current).inserted { current = declaration.states[current].parent }
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
