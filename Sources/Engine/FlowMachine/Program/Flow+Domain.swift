import FlowIR

// The states that a transition leaves and enters.
extension Flow {
  /// The innermost state that stays active while a transition runs; nil when nothing is left.
  ///
  /// A target inside of the source leaves the source active; any other target leaves it. In a parallel, the region
  /// around the target is left alone, or entered again when the target is the region itself.
  func domain(of transition: Transition) -> StateIndex? {
    guard let target = transition.target else { return nil }
    let source = transition.source
    if !transition.isReenter, target > source, target < states[source].end {
      guard states[source].kind == .parallel else { return source }
      let region = states[source].children.last { $0 <= target }
      return region == target ? source : region ?? source
    }
    var ancestor = states[source].parent
    while !(ancestor < target && target < states[ancestor].end) || states[ancestor].kind == .parallel {
      if ancestor == .root { break }
      ancestor = states[ancestor].parent
    }
    return ancestor
  }

  /// The states that may be left on the way from a domain to a target.
  func exits(from domain: StateIndex, to target: StateIndex) -> Range<StateIndex> {
    // Of a parallel that stays active, only the region that is named is left.
    if states[domain].kind == .parallel { return target..<states[target].end }
    return domain.next..<max(domain.next, states[domain].end)
  }

  /// The states that are entered on the way from a domain to a target, with their initial states, in order.
  func entering(_ target: StateIndex, from domain: StateIndex) -> [StateIndex] {
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
  func addDefaults(of state: StateIndex, to entered: inout Set<StateIndex>) {
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
