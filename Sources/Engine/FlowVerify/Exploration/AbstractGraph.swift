import FlowIR

/// The abstract states that a flow may reach, and the steps between them.
///
/// Every run of the flow is a path of the graph; not every path is a run.
struct AbstractGraph {
  /// A step from one state to another.
  struct Edge {
    var target: Int
    var input: AbstractInput
    /// True if every run in the state has a step of the input to the target.
    var isCertain: Bool
    /// As in ``PathResult``.
    var entersFirst: UInt64
    var entersSecond: UInt64
    /// The timers that the step arms, and the calls that it starts, by position.
    var armed: UInt64
    var started: UInt64
    /// True if the step has failed, and the instance waits for an operator.
    var isIncident: Bool
  }

  /// A step that is refused or becomes an incident because of a mistake.
  struct Mistake: Hashable {
    var refusal: AbstractRefusal
    var isIncident: Bool
  }

  /// The location of a mistake.
  struct Occurrence {
    var state: Int
    var input: AbstractInput
  }

  var states: StateTable
  /// The edges of a state are those from its start to that of the next one.
  var edges: [Edge] = []
  var edgeStarts: [Int] = []
  var mistakes: [Mistake: [Occurrence]] = [:]
  var takenTransitions: Set<Int> = []
  var usedStarts: Set<Int> = []
  /// The events and timers that are accepted without a reaction, by state: only for explanations.
  var undecided: [NodeIndex: Int] = [:]
  /// The reason that the graph is incomplete; nil when it holds every run.
  var limitation: String?

  func edges(of state: Int) -> ArraySlice<Edge> {
    guard state < edgeStarts.count else { return [] }
    let end = state + 1 < edgeStarts.count ? edgeStarts[state + 1] : edges.count
    return edges[edgeStarts[state]..<end]
  }

  /// The states that are reached without an incident.
  func statesWithoutIncident() -> Set<Int> {
    var found: Set<Int> = [0]
    var open = [0]
    while let state = open.popLast() {
      for edge in edges(of: state) where !edge.isIncident && found.insert(edge.target).inserted {
        open.append(edge.target)
      }
    }
    return found
  }

  /// For each state, the states with a step to it.
  func predecessors() -> [[Int32]] {
    var found: [[Int32]] = Array(repeating: [], count: states.count)
    for state in 0..<edgeStarts.count {
      for edge in edges(of: state) { found[edge.target].append(Int32(state)) }
    }
    return found
  }
}

extension AbstractGraph {
  /// Situations without steps.
  init(states: StateTable) { self.states = states }

  /// The number of occurrences of one mistake that are recorded.
  static let maximumOccurrences = 64

  /// Explores a flow, breadth first.
  /// - Parameters:
  ///   - maximumStates: The number of states after which the exploration ends.
  ///   - maximumMicrosteps: The number of microsteps of all ways after which the exploration ends.
  ///   - isGivenUp: Asked before each state.
  init(_ executor: Executor, maximumStates: Int, maximumMicrosteps: Int = .max, isGivenUp: () -> Bool) {
    states = StateTable(width: executor.width)
    _ = states.insert(executor.initialCells)
    explore(executor, maximumStates: maximumStates, maximumMicrosteps: maximumMicrosteps, isGivenUp: isGivenUp)
    noteEndlessTimers(executor)
  }

  private mutating func explore(
    _ executor: Executor, maximumStates: Int, maximumMicrosteps: Int, isGivenUp: () -> Bool
  ) {
    var next = 0
    while next < states.count {
      if isGivenUp() {
        limitation = "the time is up after \(states.count) situations"
        return
      }
      guard states.count <= maximumStates, executor.allMicrosteps <= maximumMicrosteps else {
        limitation = "more than \(maximumStates) situations"
        return
      }
      edgeStarts.append(edges.count)
      let state = states[next]
      for input in executor.inputs(of: state) {
        executor.execute(input, from: state) { note($0, input, from: next) }
      }
      if let reason = executor.limitation {
        limitation = executor.isTimeUp ? "the time is up after \(states.count) situations" : "\(reason) is not followed"
        return
      }
      next += 1
    }
  }

  private mutating func note(_ result: PathResult, _ input: AbstractInput, from state: Int) {
    for node in result.undecided { undecided[node, default: 0] += 1 }
    takenTransitions.formUnion(result.taken)
    for refusal in result.refusedOffers { add(Mistake(refusal: refusal, isIncident: false), in: state, on: input) }
    switch result.kind {
    case .refused(let refusal):
      if refusal.isMistake { add(Mistake(refusal: refusal, isIncident: false), in: state, on: input) }
      return
    case .incident(let refusal): add(Mistake(refusal: refusal, isIncident: true), in: state, on: input)
    case .applied, .ignored, .deferred: break
    }
    if case .start(let start) = input { usedStarts.insert(start) }
    let (target, _) = states.insert(result.cells)
    let isIncident = if case .incident = result.kind { true } else { false }
    let edge = Edge(
      target: target, input: input, isCertain: result.isCertain && !isIncident, entersFirst: result.entersFirst,
      entersSecond: result.entersSecond, armed: result.armed, started: result.started,
      isIncident: isIncident)
    let isKnown = edges[edgeStarts[state]...].contains {
      $0.target == target && $0.input == input && $0.entersFirst == edge.entersFirst
        && $0.entersSecond == edge.entersSecond && $0.armed == edge.armed && $0.started == edge.started
        && $0.isIncident == edge.isIncident
        && ($0.isCertain || !edge.isCertain)
    }
    if !isKnown { edges.append(edge) }
  }

  /// Each firing of timers that set each other off may be the one that is refused.
  private mutating func noteEndlessTimers(_ executor: Executor) {
    let timers = executor.endlessTimers
    guard !timers.isEmpty else { return }
    for state in 0..<edgeStarts.count {
      for edge in edges(of: state) {
        guard case .timer(let timer) = edge.input, timers.contains(timer) else { continue }
        add(Mistake(refusal: .endlessTimers, isIncident: true), in: state, on: edge.input)
      }
    }
  }

  private mutating func add(_ mistake: Mistake, in state: Int, on input: AbstractInput) {
    guard mistakes[mistake, default: []].count < AbstractGraph.maximumOccurrences else { return }
    mistakes[mistake, default: []].append(Occurrence(state: state, input: input))
  }
}
