import CEL
import FlowIR

/// The steps of a flow as Horn clauses over its data, with one predicate for each configuration: the active states,
/// timers, calls and whatever else is not data.
///
/// An interpretation of the predicates under which no clause is violated is an invariant that excludes a mistake.
struct HornClauses {
  static let maximumConfigurations = 200
  static let maximumClauses = 3000

  private let executor: Executor
  private let graph: AbstractGraph
  private let texts = TextNumbers()
  /// The parts of the data that are arguments of the predicates.
  private let leaves: [Int]
  private var configurations: [[Int32]: Int] = [:]
  private(set) var cells: [[Int32]] = []
  private var hulls: [[Int32]: [ValueSet]] = [:]
  private var clauses: [String] = []
  private var isComplete = true

  /// The clauses of a flow; nil when there are too many.
  /// - Parameter isMeant: Whether a way through a step makes the mistake.
  init?(
    _ executor: Executor, _ graph: AbstractGraph, isGivenUp: () -> Bool, isMeant: (PathResult) -> Bool
  ) {
    self.executor = executor
    self.graph = graph
    leaves = executor.layout.leafTypes.indices.filter { leaf in
      let kind = ValueKind(executor.layout.leafTypes[leaf])
      return executor.widening.isRelevant(leaf) && kind != .double && kind != .other
    }
    if graph.limitation == nil { findHulls() }
    _ = configuration(of: executor.initialCells)
    var next = 0
    while next < cells.count {
      guard cells.count <= HornClauses.maximumConfigurations, clauses.count <= HornClauses.maximumClauses, !isGivenUp()
      else { return nil }
      addClauses(from: next, isMeant)
      guard isComplete else { return nil }
      next += 1
    }
  }

  /// The script of the clauses.
  var script: String {
    let sorts = leaves.map { StepFormula.sort(of: kind($0)) }.joined(separator: " ")
    let declarations = cells.indices.map { "(declare-fun P\($0) (\(sorts)) Bool)" }
    return (declarations + clauses).joined(separator: "\n")
  }

  /// The names of the arguments of the predicates, in order.
  var arguments: [Int] { leaves }

  private func kind(_ leaf: Int) -> ValueKind { ValueKind(executor.layout.leafTypes[leaf]) }

  // MARK: - Configurations

  /// The cells that are not data, and which data are set.
  private func key(of cells: [Int32]) -> [Int32] {
    let layout = executor.layout
    return Array(cells[..<layout.data])
      + cells[layout.data..<layout.data + layout.dataCount].map { $0 == SetIndex.unset.rawValue ? 1 : 0 }
  }

  /// For each configuration of the graph, the values that its situations have in common.
  private mutating func findHulls() {
    let layout = executor.layout
    for state in 0..<graph.states.count {
      let row = Array(graph.states[state])
      let sets = (0..<layout.dataCount).map { executor.pool[SetIndex(rawValue: row[layout.data + $0])] }
      let key = key(of: row)
      hulls[key] = hulls[key].map { zip($0, sets).map { $0.hull($1) } } ?? sets
    }
  }

  /// The number of a configuration, with the sets of all data that a run may have in it.
  private mutating func configuration(of given: [Int32]) -> Int {
    let key = key(of: given)
    if let known = configurations[key] { return known }
    let layout = executor.layout
    var row = given
    for leaf in 0..<layout.dataCount where row[layout.data + leaf] != SetIndex.unset.rawValue {
      let set =
        hulls[key].map { executor.pool.index(of: $0[leaf]) }
        ?? executor.widening.whole(of: layout.leafTypes[leaf], &executor.pool)
      row[layout.data + leaf] = set.rawValue
    }
    for position in layout.predicates..<row.count { row[position] = 0 }
    configurations[key] = cells.count
    cells.append(row)
    return cells.count - 1
  }

  // MARK: - Clauses

  private mutating func addClauses(from source: Int, _ isMeant: (PathResult) -> Bool) {
    let state = cells[source]
    for input in executor.inputs(of: state[...]) {
      var ways: [(formula: StepFormula, target: [Int32]?, isMeant: Bool)] = []
      let isWhole = executor.visitWholePaths(input, from: state[...]) { result in
        let isMeant = isMeant(result)
        var target: [Int32]? = result.cells
        if case .refused = result.kind { target = nil }
        guard isMeant || target != nil else { return }
        ways.append(
          (StepFormula(executor, prefix: "", texts: texts, hasDoubles: false, wanted: leaves), target, isMeant))
      }
      guard isWhole else {
        isComplete = false
        return
      }
      for way in ways {
        if way.isMeant { add(way.formula, from: source, to: nil) }
        if let target = way.target { add(way.formula, from: source, to: configuration(of: target)) }
      }
    }
  }

  private mutating func add(_ formula: StepFormula, from source: Int, to target: Int?) {
    var variables = formula.variables
    var known = Set(variables.map(\.name))
    func declare(_ name: String, _ leaf: Int) -> String {
      if known.insert(name).inserted {
        variables.append(PathFormula.Variable(name: name, sort: StepFormula.sort(of: kind(leaf))))
      }
      return name
    }
    let before = leaves.map { declare(StepFormula.name(of: $0, prefix: ""), $0) }
    var conditions = formula.assertions
    // A run begins in the first configuration, with any data.
    if source != 0 { conditions.append(atom(source, before)) }
    var head = "false"
    if let target {
      head = atom(target, leaves.map { leaf in formula.after[leaf] ?? declare("n\(leaf)", leaf) })
    }
    let body = conditions.isEmpty ? "true" : "(and \(conditions.joined(separator: " ")))"
    let declarations = variables.map { "(\($0.name) \($0.sort))" }.joined(separator: " ")
    let implication = "(=> \(body) \(head))"
    clauses.append(
      declarations.isEmpty ? "(assert \(implication))" : "(assert (forall (\(declarations)) \(implication)))")
  }

  private func atom(_ predicate: Int, _ arguments: [String]) -> String {
    arguments.isEmpty ? "P\(predicate)" : "(P\(predicate) \(arguments.joined(separator: " ")))"
  }
}

extension ValueSet {
  /// A set that contains both; nothing between them is excluded.
  func hull(_ other: ValueSet) -> ValueSet {
    if self == other { return self }
    switch (self, other) {
    case (.whole, .whole):
      guard let one = numberBounds, let two = other.numberBounds else { return isEmpty ? other : self }
      return .whole([Swift.min(one.lowerBound, two.lowerBound)...Swift.max(one.upperBound, two.upperBound)])
    case (.doubles, .doubles): return .allDoubles
    case (.texts(let one, false), .texts(let two, false)): return .texts(one.union(two), isComplement: false)
    case (.texts(let one, true), .texts(let two, true)): return .texts(one.intersection(two), isComplement: true)
    case (.texts, .texts): return .allTexts
    default: return .anything
    }
  }
}
