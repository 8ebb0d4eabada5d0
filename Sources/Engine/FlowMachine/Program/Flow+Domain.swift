public import FlowIR

// The states that a transition leaves and enters.
extension Flow {
  /// The innermost state that stays active while a transition runs; nil when nothing is left.
  ///
  /// A target inside the source leaves the source active; any other target leaves it. A parallel stays active while a
  /// transition of its own, or of the region around the target, does not leave that region.
  public func domain(of transition: Transition) -> StateIndex? {
    guard let target = transition.target else { return nil }
    let source = transition.source
    if !transition.isReenter, target > source, target < states[source].end {
      guard states[source].kind == .parallel else { return source }
      let region = states[source].children.last { $0 <= target }
      return region == target ? source : region ?? source
    }
    var ancestor = states[source].parent
    while ancestor != .root {
      let isAround = ancestor < target && target < states[ancestor].end
      // A region that is its own target is left and entered alone.
      if isAround, states[ancestor].kind != .parallel || region(of: ancestor, around: target)?.contains(source) == true
      {
        break
      }
      ancestor = states[ancestor].parent
    }
    return ancestor
  }

  /// The states of the region of a parallel that contains a state.
  private func region(of parallel: StateIndex, around state: StateIndex) -> Range<StateIndex>? {
    states[parallel].children.last { $0 <= state }.map { $0..<states[$0].end }
  }

  /// The states that may be left on the way from a domain to a target.
  public func exits(from domain: StateIndex, to target: StateIndex) -> Range<StateIndex> {
    // Of a parallel that stays active, only the region around the target is left.
    if states[domain].kind == .parallel, let region = region(of: domain, around: target) { return region }
    return domain.next..<max(domain.next, states[domain].end)
  }

  /// The states that are entered on the way from a domain to a target, with their initial states, in order.
  public func entering(_ target: StateIndex, from domain: StateIndex) -> [StateIndex] {
    var entered: Set<StateIndex> = []
    var ancestor = target
    while ancestor != domain, ancestor != .root {
      entered.insert(ancestor)
      ancestor = states[ancestor].parent
    }
    for state in entered.sorted() { addDefaults(of: state, to: &entered) }
    return entered.sorted()
  }

  /// Adds the children that are entered together with a state: its initial one, or every region.
  public func addDefaults(of state: StateIndex, to entered: inout Set<StateIndex>) {
    let node = states[state]
    if node.kind == .parallel {
      for region in node.children where !entered.contains(region) {
        entered.insert(region)
        addDefaults(of: region, to: &entered)
      }
    } else if let initial = node.initial, !node.children.contains(where: entered.contains) {
      entered.insert(initial)
      addDefaults(of: initial, to: &entered)
    }
  }
}

extension Flow {
  /// The source text of a `never` or `leads to`.
  public func text(ofProperty position: Int) -> String {
    switch properties[position] {
    case .never(let together): "never " + together.map { states[$0].path }.joined(separator: " and ")
    case .leadsTo(let from, let to): "\(states[from].path) leads to \(states[to].path)"
    }
  }
}
