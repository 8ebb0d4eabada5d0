import FlowIR

/// The states in which a migrated instance is.
struct MigratedStates {
  /// The states that correspond to the active ones of the earlier version, with all their ancestors.
  let kept: Set<StateIndex>
  /// The states that are entered to complete the configuration: regions without an active state, and initial states.
  let entered: [StateIndex]

  /// Completes states as an entry does.
  /// - Parameter states: The innermost states, or those around them.
  /// - Throws: `MigrationProblem` for states that exclude each other.
  init(of states: [StateIndex], in flow: Flow) throws(MigrationProblem) {
    let kept = Set(states.flatMap { flow.around($0) })
    if let (first, second) = flow.firstConflict(in: kept) {
      throw MigrationProblem(
        message: "`\(flow.states[first].path)` and `\(flow.states[second].path)` would be active at the same time: "
          + "move both states to one, or to regions of a parallel state")
    }
    var all = kept
    for state in kept.sorted() { flow.addDefaults(of: state, to: &all) }
    self.kept = kept
    entered = all.subtracting(kept).sorted()
  }

  /// The innermost states.
  func leaves(in flow: Flow) -> [StateIndex] {
    let all = kept.union(entered)
    return all.sorted().filter { state in !flow.states[state].children.contains(where: all.contains) }
  }
}

extension Flow {
  /// The first two states of a set that exclude each other: children of a state that is not parallel.
  fileprivate func firstConflict(in active: Set<StateIndex>) -> (StateIndex, StateIndex)? {
    for state in [StateIndex.root] + active.sorted() where states[state].kind != .parallel {
      let children = states[state].children.filter(active.contains)
      if children.count > 1 { return (children[0], children[1]) }
    }
    return nil
  }

  /// The states whose completion has been raised in a configuration: those with an active `final` child, and parallel
  /// states of which all regions are complete. Inner states come first.
  func completed(in active: Set<StateIndex>) -> [StateIndex] {
    active.filter { $0 != .root && isCompleted($0, in: active) }
      .sorted { (states[$0].end, $1) < (states[$1].end, $0) }
  }

  private func isCompleted(_ state: StateIndex, in active: Set<StateIndex>) -> Bool {
    let children = states[state].children
    guard states[state].kind == .parallel else {
      return children.contains { active.contains($0) && states[$0].isFinal }
    }
    return children.allSatisfy { region in
      isCompleted(region, in: active)
        || states[region].children.contains {
          active.contains($0) && states[$0].kind == .parallel && isCompleted($0, in: active)
        }
    }
  }
}
