import CEL
import FlowIR

// Proofs by a solver of what the exploration leaves open.
extension Decider {
  /// A proof that a kind of mistake never happens, with the invariant behind it.
  struct SolverProof {
    var proof: Proof
    var facts: [String] = []
  }

  /// A proof that none of some mistakes happens; nil without a solver, or when it finds none.
  func provedBySolver(_ mistakes: [AbstractGraph.Mistake: [AbstractGraph.Occurrence]]) -> SolverProof? {
    guard let solver = executor.solver, !isGivenUp() else { return nil }
    // No single step shows that timers set each other off.
    guard !mistakes.keys.contains(where: { $0.refusal == .endlessTimers }) else { return nil }
    let meant = Set(mistakes.keys)
    let isMeant = { (result: PathResult) -> Bool in
      switch result.kind {
      case .refused(let refusal) where meant.contains(.init(refusal: refusal, isIncident: false)): true
      case .incident(let refusal) where meant.contains(.init(refusal: refusal, isIncident: true)): true
      default: result.refusedOffers.contains { meant.contains(.init(refusal: $0, isIncident: false)) }
      }
    }
    if graph.limitation == nil, mistakes.values.allSatisfy({ $0.count < AbstractGraph.maximumOccurrences }) {
      var induction = Induction(executor, graph, solver: solver, isGivenUp: isGivenUp)
      if induction.excludes(mistakes.values.flatMap { $0 }, isMeant: isMeant) { return SolverProof(proof: .induction) }
    }
    guard let clauses = HornClauses(executor, graph, isGivenUp: isGivenUp, isMeant: isMeant), !isGivenUp(),
      let interpretation = solver.interpretation(of: clauses.script)
    else { return nil }
    return SolverProof(proof: .invariant, facts: facts(of: clauses, interpretation))
  }

  // MARK: - Text

  private static let maximumFacts = 6
  private static let maximumLength = 100

  /// The conditions of an interpretation that have a short form, by state.
  private func facts(of clauses: HornClauses, _ interpretation: String) -> [String] {
    var found: [String] = []
    for definition in definitions(in: SolverExpression.parse(interpretation)) {
      guard case .list(let parts) = definition, parts.count == 5, case .symbol(let name) = parts[1],
        let index = Int(name.dropFirst()), clauses.cells.indices.contains(index), case .list(let parameters) = parts[2],
        let text = ConditionWriter(names: names(of: parameters, clauses.arguments)).text(parts[4]),
        text != "true", text != "false", text.count <= Decider.maximumLength
      else { continue }
      let states = leafNames(in: clauses.cells[index])
      let fact = states.isEmpty ? text : "\(states): \(text)"
      if !found.contains(fact) { found.append(fact) }
    }
    return Array(found.prefix(Decider.maximumFacts))
  }

  private func definitions(in expressions: [SolverExpression]) -> [SolverExpression] {
    expressions.flatMap { expression -> [SolverExpression] in
      guard case .list(let parts) = expression else { return [] }
      return parts.first == .symbol("define-fun") ? [expression] : definitions(in: parts)
    }
  }

  private func names(of parameters: [SolverExpression], _ leaves: [Int]) -> [String: String] {
    var found: [String: String] = [:]
    for (parameter, leaf) in zip(parameters, leaves) {
      guard case .list(let parts) = parameter, case .symbol(let name)? = parts.first else { continue }
      found[name] = fieldName(of: leaf)
    }
    return found
  }

  /// The expression of a part of the data whose numbers mean the same in Flow; nil for others.
  private func fieldName(of leaf: Int) -> String? {
    let kind = ValueKind(model.layout.leafTypes[leaf])
    for (field, declaration) in flow.fields.enumerated() where model.layout.slots[field].first == leaf {
      guard case .scalar = model.layout.slots[field].shape else { return nil }
      switch kind {
      case .int, .uint, .bool: return declaration.name
      case .sized: return "\(declaration.name).size()"
      default: return nil
      }
    }
    return nil
  }

  private func leafNames(in cells: [Int32]) -> String {
    let active = flow.states.indices.filter { index in
      index != .root && cells[model.layout.active + index.position / 32] & (1 << Int32(index.position % 32)) != 0
    }
    let leaves = active.filter { leaf in !active.contains { $0 > leaf && $0 < flow.states[leaf].end } }
    return leaves.map { "`\(flow.states[$0].path)`" }.joined(separator: " and ")
  }
}
