import CEL
import FlowIR
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F306: reactions that wait for nothing and lead back to where they began run for ever.
  ///
  /// Such are `always` without a guard, `at` for an instant that may be past, and what follows a call whose `once` has
  /// been answered: when its key never changes, the second entry gets the recorded result at once.
  mutating func checkEndlessCycles() {
    let nodes = states.indices.map { state in
      DependencyNode(
        name: states[state].path, range: states[state].name.range, needs: endlessTargets(of: state))
    }
    _ = ordered(
      nodes, code: "F306", message: { "these states follow each other without ever waiting: \($0)" },
      help: "give one of the reactions a guard that can be false, or let it wait for an event or a timer",
      into: &problems)
  }

  private func endlessTargets(of state: Int) -> [(name: String, range: SourceRange)] {
    reactions.filter { $0.source == state && $0.rest.guardExpression == nil && mayBeAtOnce($0.trigger) }
      .compactMap { reaction in
        reaction.rest.target.map { (states[innermost($0)].path, reaction.range) }
      }
  }

  private func mayBeAtOnce(_ trigger: CheckedReaction.Trigger) -> Bool {
    switch trigger {
    case .always: true
    case .at(let instant): !instant.tree.usedSlots.contains(FrameLayout.now)
    case .callDone(let call): isAnsweredAgain(call)
    default: false
    }
  }

  /// Returns whether the key of `once` never changes: nothing that it reads is assigned after the start.
  private func isAnsweredAgain(_ call: Int) -> Bool {
    guard let key = calls[call].once else { return false }
    let read = key.tree.usedSlots
    let assigned = (states.flatMap { $0.entry + $0.exit } + reactions.flatMap(\.rest.acts)).compactMap { act in
      if case .assign(let slot, _, _) = act.kind { slot } else { nil }
    }
    return !read.contains(FrameLayout.now) && !read.contains(FrameLayout.event) && read.isDisjoint(with: assigned)
      && read.isDisjoint(with: calls.map(\.resultSlot))
  }

  /// The innermost state that entering a state activates by its initial states.
  private func innermost(_ state: Int) -> Int {
    var state = state
    while let initial = states[state].initial { state = initial }
    return state
  }

  /// F112: going from one region into another leaves the parallel with all its regions, and enters it again.
  mutating func checkRegionTargets() {
    for reaction in reactions {
      guard let target = reaction.rest.target, !reaction.rest.isReenter,
        let region = regionAround(target), !around(reaction.source).contains(region),
        around(reaction.source).contains(states[region].parent), reaction.source != states[region].parent
      else { continue }
      problems.append(
        Diagnostic(
          "F112", .warning, "this leaves `\(states[states[region].parent].path)` with all its regions",
          at: reaction.range, label: "enters the region `\(states[region].name.text)`",
          labels: [.init(states[region].name.range, "another region")],
          help: "`raise` an event for the other region; or write `reenter` if all regions should restart"))
    }
  }

  private func around(_ state: Int) -> Set<Int> {
    var found: Set<Int> = [0]
    var current = state
    while current != 0 {
      found.insert(current)
      current = states[current].parent
    }
    return found
  }

  private func regionAround(_ state: Int) -> Int? {
    var current = state
    while current != 0 {
      if states[current].kind == .region { return current }
      current = states[current].parent
    }
    return nil
  }
}
