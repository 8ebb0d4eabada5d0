import FlowIR

extension Explorer {
  /// A step in progress.
  struct Step {
    var node: StateGraph.Node
    var assigned: Set<Int> = []
    /// Internal events that a condition or a loop decides on.
    var perhaps: [StateGraph.InternalSignal] = []
  }

  /// The steps that selected reactions make together; a history has several.
  mutating func steps(_ selected: [Int], from node: StateGraph.Node) -> [Step] {
    var found = [Step(node: node)]
    for index in selected {
      found = found.flatMap { apply(index, to: $0) }
      if found.count > Explorer.maximumChoices {
        isOverBudget = true
        return []
      }
    }
    return found
  }

  /// The outcomes of a step: with the uncertain internal events, and without.
  mutating func finish(_ step: Step) -> [StateGraph.Node] {
    var plain = step.node
    plain.leaves.sort()
    plain.isEnded = plain.leaves.contains { states[$0].parent == 0 && isEnd($0) }
    if plain.isEnded { plain.queue = [] }
    guard !step.perhaps.isEmpty, !plain.isEnded else { return [limited(plain)] }
    var eventful = plain
    eventful.queue += step.perhaps
    return [limited(plain), limited(eventful)]
  }

  private func limited(_ node: StateGraph.Node) -> StateGraph.Node {
    var node = node
    if node.queue.count > Explorer.maximumQueue { node.queue.removeLast(node.queue.count - Explorer.maximumQueue) }
    return node
  }

  func isEnd(_ state: Int) -> Bool { states[state].kind == .final || states[state].kind == .failed }

  private mutating func apply(_ index: Int, to step: Step) -> [Step] {
    let reaction = reactions[index]
    var step = step
    let active = active(step.node.leaves.sorted())
    // Another reaction of the same step has left it.
    guard active.contains(reaction.source) else { return [step] }
    guard let target = reaction.rest.target else {
      perform(reaction.rest.statements, &step)
      return [step]
    }
    let domain = domain(of: reaction, target)
    exit(below: domain, within: reaction, target: target, active: active, step: &step)
    perform(reaction.rest.statements, &step)
    guard reaction.rest.isHistory else {
      enterPath(to: target, below: domain, &step)
      return [step]
    }
    return historySteps(target, below: domain, step)
  }

  /// The innermost state that stays active: around source and target, or the source itself for a target inside.
  private func domain(of reaction: CheckedReaction, _ target: Int) -> Int {
    let source = reaction.source
    let isInside = target != source && (source..<states[source].end).contains(target)
    var domain = isInside && !reaction.rest.isReenter ? source : states[source].parent
    if source == 0 { domain = 0 }
    while domain != 0, !(domain + 1..<states[domain].end).contains(target) { domain = states[domain].parent }
    // A region that is its own target is left alone; any other target leaves a parallel with its regions.
    while domain != 0, states[domain].kind == .parallel, !isOneRegion(domain, source: source, target: target) {
      domain = states[domain].parent
    }
    return domain
  }

  private func isOneRegion(_ parallel: Int, source: Int, target: Int) -> Bool {
    states[parallel].children.contains { region in
      let inside = region..<states[region].end
      return inside.contains(source) && inside.contains(target)
    } || source == parallel
  }

  private mutating func exit(
    below domain: Int, within reaction: CheckedReaction, target: Int, active: [Int], step: inout Step
  ) {
    var inside = domain + 1..<states[domain].end
    if states[domain].kind == .parallel,
      let region = states[domain].children.first(where: { region in
        (region..<states[region].end).contains(target)
      })
    {
      inside = region..<states[region].end
    }
    let left = active.reversed().filter { inside.contains($0) }
    for state in left {
      if !states[state].children.isEmpty {
        remembered[state, default: []].insert(step.node.leaves.filter { (state..<states[state].end).contains($0) })
      }
      perform(states[state].exit, &step)
    }
    step.node.leaves.removeAll { inside.contains($0) }
  }

  // MARK: - Entering

  /// Enters the states from `domain` to `target`, with the other regions on the way and the initial states inside.
  mutating func enterPath(to target: Int, below domain: Int, _ step: inout Step) {
    var path: [Int] = []
    var state = target
    while state != domain, state != 0 {
      path.append(state)
      state = states[state].parent
    }
    for state in path.reversed() {
      performEntry(of: state, &step)
      guard state != target, states[state].kind == .parallel else { continue }
      for region in states[state].children where !path.contains(region) { enter(region, &step) }
    }
    enterInside(target, &step)
  }

  private mutating func enter(_ state: Int, _ step: inout Step) {
    performEntry(of: state, &step)
    enterInside(state, &step)
  }

  private mutating func enterInside(_ state: Int, _ step: inout Step) {
    if states[state].kind == .parallel {
      for region in states[state].children { enter(region, &step) }
    } else if let initial = states[state].initial {
      enter(initial, &step)
    } else {
      step.node.leaves.append(state)
      if isEnd(state) { complete(states[state].parent, &step) }
    }
  }

  /// Raises the completion of a state whose child is final, and of a parallel around it whose regions all are.
  private mutating func complete(_ state: Int, _ step: inout Step) {
    guard state != 0 else { return }
    step.node.queue.append(.done(state))
    graph.completions.insert(state)
    let parallel = states[state].parent
    guard states[state].kind == .region, states[parallel].kind == .parallel else { return }
    let isComplete = states[parallel].children.allSatisfy { region in
      let inside = step.node.leaves.filter { (region..<states[region].end).contains($0) }
      return !inside.isEmpty && inside.allSatisfy { isEnd($0) }
    }
    guard isComplete else { return }
    complete(parallel, &step)
    if states[states[parallel].parent].kind == .region { complete(states[parallel].parent, &step) }
  }

  /// History enters what was active, or the initial states.
  private mutating func historySteps(_ target: Int, below domain: Int, _ step: Step) -> [Step] {
    var fresh = step
    enterPath(to: target, below: domain, &fresh)
    var found = [fresh]
    for leaves in (remembered[target] ?? []).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      var back = step
      enterAround(target, below: domain, &back)
      back.node.leaves += leaves
      found.append(back)
    }
    return found
  }

  private mutating func enterAround(_ target: Int, below domain: Int, _ step: inout Step) {
    var path: [Int] = []
    var state = target
    while state != domain, state != 0 {
      path.append(state)
      state = states[state].parent
    }
    for state in path.reversed() {
      performEntry(of: state, &step)
      guard state != target, states[state].kind == .parallel else { continue }
      for region in states[state].children where !path.contains(region) { enter(region, &step) }
    }
  }

  // MARK: - Actions

  /// The fields of the state get their values before its `entry`.
  private func performEntry(of state: Int, _ step: inout Step) {
    step.assigned.formUnion(states[state].fields.map { FrameLayout.firstField + $0 })
    perform(states[state].entry, &step)
  }

  func perform(_ statements: [CheckedActionStatement], _ step: inout Step) {
    for act in statements {
      if let slot = act.assignedSlot { step.assigned.insert(slot) }
      guard case .raise(let event, _) = act.kind else { continue }
      if act.condition == nil, act.loop == nil {
        step.node.queue.append(.event(event))
      } else if !step.perhaps.contains(.event(event)) {
        step.perhaps.append(.event(event))
      }
    }
  }
}
