import FlowIR

/// Induction over two and three steps: what no run of that length into a situation can bring about never happens.
///
/// The situations of the graph hold at the beginning of the run, and so do the invariants of the flow, as they are
/// enforced.
struct Induction {
  /// The longest run: the step that breaks the property, and those before it.
  static let maximumLength = 3
  static let maximumQuestions = 1500

  let executor: Executor
  let graph: AbstractGraph
  let solver: any PathSolver
  let isGivenUp: () -> Bool
  private var questions = 0
  private let sources: [[(state: Int, input: AbstractInput)]]

  /// The end of a run, from some situation on.
  private struct Suffix {
    var state: Int
    var variables: [PathFormula.Variable]
    var assertions: [String]
    var leaves: Set<Int>
    var length: Int

    var script: String {
      (variables.map { "(declare-const \($0.name) \($0.sort))" } + assertions.map { "(assert \($0))" })
        .joined(separator: "\n")
    }
  }

  /// - Parameter graph: The graph of all situations.
  init(
    _ executor: Executor, _ graph: AbstractGraph, solver: any PathSolver, isGivenUp: @escaping () -> Bool
  ) {
    self.executor = executor
    self.graph = graph
    self.solver = solver
    self.isGivenUp = isGivenUp
    var sources: [[(state: Int, input: AbstractInput)]] = Array(repeating: [], count: graph.states.count)
    for state in 0..<graph.edgeStarts.count {
      for edge in graph.edges(of: state)
      where !sources[edge.target].contains(where: { $0.state == state && $0.input == edge.input }) {
        sources[edge.target].append((state, edge.input))
      }
    }
    self.sources = sources
  }

  /// True if no run makes any of the steps with a mistake.
  mutating func excludes(
    _ occurrences: [AbstractGraph.Occurrence], isMeant: (PathResult) -> Bool
  ) -> Bool {
    let texts = TextNumbers()
    for occurrence in occurrences {
      guard let ends = ends(of: occurrence, texts, isMeant) else { return false }
      for end in ends where !isExcluded(end, texts) { return false }
    }
    return true
  }

  /// The ways of a step that make the mistake; nil when they can't be enumerated.
  private func ends(
    of occurrence: AbstractGraph.Occurrence, _ texts: TextNumbers, _ isMeant: (PathResult) -> Bool
  ) -> [Suffix]? {
    // The situations of steps in segments are not those of whole steps.
    guard !executor.segmentedInputs.contains(occurrence.input) else { return nil }
    var found: [Suffix] = []
    let isComplete = executor.visitWholePaths(occurrence.input, from: graph.states[occurrence.state]) { result in
      guard isMeant(result) else { return }
      let formula = StepFormula(executor, prefix: "a", texts: texts, wanted: [])
      found.append(
        Suffix(
          state: occurrence.state, variables: formula.variables, assertions: formula.assertions,
          leaves: formula.leaves, length: 1))
    }
    return isComplete ? found : nil
  }

  private mutating func isExcluded(_ suffix: Suffix, _ texts: TextNumbers) -> Bool {
    questions += 1
    if questions > Induction.maximumQuestions || isGivenUp() { return false }
    if case .unsatisfiable = solver.check(suffix.script) { return true }
    guard suffix.length < Induction.maximumLength, suffix.state != 0 else { return false }
    for (state, input) in sources[suffix.state] {
      guard let longer = longer(suffix, from: state, by: input, texts: texts) else { return false }
      for next in longer where !isExcluded(next, texts) { return false }
    }
    return true
  }

  /// The end of a run with one more step before it.
  private func longer(
    _ suffix: Suffix, from state: Int, by input: AbstractInput, texts: TextNumbers
  ) -> [Suffix]? {
    guard !executor.segmentedInputs.contains(input) else { return nil }
    var found: [Suffix] = []
    let prefix = ["a", "b", "c", "d"][suffix.length]
    let last = ["a", "b", "c", "d"][suffix.length - 1]
    let isComplete = executor.visitWholePaths(input, from: graph.states[state]) { result in
      if case .refused = result.kind { return }
      guard graph.states[suffix.state].elementsEqual(result.cells) else { return }
      let formula = StepFormula(executor, prefix: prefix, texts: texts, wanted: suffix.leaves)
      let links = suffix.leaves.sorted().compactMap { leaf in
        formula.after[leaf].map { "(= \(StepFormula.name(of: leaf, prefix: last)) \($0))" }
      }
      found.append(
        Suffix(
          state: state, variables: suffix.variables + formula.variables,
          assertions: suffix.assertions + formula.assertions + links, leaves: formula.leaves,
          length: suffix.length + 1))
    }
    return isComplete ? found : nil
  }
}
