import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// Numbers the states in document order; the flow itself is the first.
  mutating func flattenStates() {
    states = [
      CheckedState(name: node.name, path: "", kind: .root, parent: 0, depth: 0, children: [], initial: nil, end: 0)
    ]
    stateNodes = [nil]
    for child in node.states { flatten(child, into: 0) }
    states[0].end = states.count
    if node.states.isEmpty {
      problems.append(
        Diagnostic("F110", "the flow `\(node.name.text)` has no states", at: node.name.range, help: "add a `state`"))
    }
  }

  private mutating func flatten(_ child: StateNode, into parent: Int) {
    let index = states.count
    checkName(of: child, in: parent)
    checkKind(of: child, in: parent)
    let path = parent == 0 ? child.name.text : states[parent].path + "." + child.name.text
    states.append(
      CheckedState(
        name: child.name, path: path, kind: kind(of: child), parent: parent, depth: states[parent].depth + 1,
        children: [], initial: nil, end: 0))
    stateNodes.append(child)
    states[parent].children.append(index)
    noteInitial(child, index, in: parent)
    for grandchild in child.children { flatten(grandchild, into: index) }
    states[index].end = states.count
  }

  private func kind(of node: StateNode) -> CheckedState.Kind {
    switch node.kind {
    case .plain: .plain
    case .parallel: .parallel
    case .region: .region
    case .final: .final
    case .failed: .failed
    }
  }

  /// F103: siblings have names of their own.
  private mutating func checkName(of child: StateNode, in parent: Int) {
    guard !child.name.isMissing,
      let twin = states[parent].children.first(where: { states[$0].name.text == child.name.text })
    else { return }
    problems.append(
      Diagnostic(
        "F103", "there are two states named `\(child.name.text)`", at: child.name.range, label: "declared again",
        labels: [.init(states[twin].name.range, "first declared here")]))
  }

  /// F307, F305: each kind of state has its permitted parents and members.
  private mutating func checkKind(of child: StateNode, in parent: Int) {
    let isInParallel = states[parent].kind == .parallel
    if isInParallel != (child.kind == .region) {
      problems.append(
        Diagnostic(
          "F307", isInParallel ? "a `parallel` may contain only regions" : "a `region` is only allowed in a `parallel`",
          at: child.name.range, label: isInParallel ? "not a region" : "not in a `parallel`",
          help: isInParallel ? "write `region \(child.name.text)`" : "write `state \(child.name.text)`"))
    }
    guard child.kind == .final || child.kind == .failed else { return }
    for reaction in child.reactions {
      problems.append(
        Diagnostic(
          "F305", "`\(child.name.text)` is final and can't have reactions", at: reaction.range, label: "never happens",
          help: "make it a `state`, or remove the reaction"))
    }
    for event in child.ignored + child.deferred {
      problems.append(
        Diagnostic(
          "F305", "`\(child.name.text)` is final and receives no events", at: event.range, label: "never received",
          help: "remove `\(child.ignored.contains(event) ? "ignore" : "defer")`"))
    }
    if let call = child.calls.first ?? child.steps.first?.steps.first {
      problems.append(
        Diagnostic(
          "F305", "`\(child.name.text)` is final and can't wait for a call", at: call.range,
          label: "its result is never received",
          help: "make it a `state`, or call the action in `entry`"))
    }
    if let inner = child.children.first {
      problems.append(
        Diagnostic("F305", "`\(child.name.text)` is final and can't contain states", at: inner.name.range))
    }
  }

  /// F111: one child at most is `initial`, and the flow has none.
  private mutating func noteInitial(_ child: StateNode, _ index: Int, in parent: Int) {
    guard child.isInitial else { return }
    if parent == 0 || states[parent].kind == .parallel {
      problems.append(
        Diagnostic(
          "F111", "`initial` is not allowed here", at: child.name.range,
          label: parent == 0 ? "`start` names the first state" : "all regions run", help: "remove `initial`"))
    } else if let first = states[parent].initial {
      problems.append(
        Diagnostic(
          "F111", "`\(states[parent].path)` has two initial states", at: child.name.range, label: "a second one",
          labels: [.init(states[first].name.range, "the first one")]))
    } else {
      states[parent].initial = index
    }
  }

  // MARK: - Targets

  /// The state to which a path refers in `source`: the nearest of that name, searched among the children of the source
  /// and of each enclosing state, then anywhere, if the name is unique.
  mutating func target(_ path: PathNode, from source: Int) -> (state: Int, isHistory: Bool)? {
    guard !path.isMissing else { return nil }
    var names = path.names
    let isHistory = names.count > 1 && names.last?.text == "history"
    if isHistory { names.removeLast() }
    guard var state = nearest(names[0], from: source) else { return nil }
    for name in names.dropFirst() {
      guard let child = child(named: name.text, of: state) else {
        problems.append(
          unknown(
            "state", named: name.text, code: "F104", at: name.range,
            candidates: states[state].children.map { states[$0].name.text },
            location: " in `\(states[state].path)`"))
        return nil
      }
      state = child
    }
    return (state, isHistory)
  }

  private func child(named name: String, of state: Int) -> Int? {
    states[state].children.first { states[$0].name.text == name }
  }

  private mutating func nearest(_ name: NameNode, from source: Int) -> Int? {
    var scope = source
    while true {
      if let found = child(named: name.text, of: scope) { return found }
      if scope == 0 { break }
      scope = states[scope].parent
    }
    let everywhere = states.indices.dropFirst().filter { states[$0].name.text == name.text }
    if everywhere.count == 1 { return everywhere[0] }
    if everywhere.isEmpty {
      problems.append(
        unknown(
          "state", named: name.text, code: "F104", at: name.range, candidates: states.dropFirst().map(\.name.text),
          others: [("an event", symbols.events.map(\.name.text)), ("an action", symbols.actions.map(\.name.text))]))
    } else {
      problems.append(
        Diagnostic(
          "F104", "`\(name.text)` is ambiguous", at: name.range, label: "ambiguous",
          help: "write " + everywhere.map { "`\(states[$0].path)`" }.joined(separator: " or ")))
    }
    return nil
  }

  // MARK: - Bodies

  mutating func checkStateBodies() {
    checkReactions(node.reactions, in: 0)
    for (index, node) in stateNodes.enumerated() {
      guard let node else { continue }
      currentState = index
      checkResult(of: index, node)
      states[index].isRollback = node.rollback != nil
      states[index].isOngoing = node.ongoing != nil
      states[index].entry = statements(node.entry, environment(of: index))
      states[index].exit = statements(node.exit, environment(of: index))
      states[index].ignored = node.ignored.compactMap { event($0) }
      states[index].deferred = node.deferred.compactMap { event($0) }
      checkReactions(node.reactions, in: index)
    }
    currentState = 0
  }
}
