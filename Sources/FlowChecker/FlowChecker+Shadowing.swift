import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F401: a reaction behind one for the same trigger that always takes it never fires.
  mutating func checkShadowing() {
    var winners: [String: CheckedReaction] = [:]
    for reaction in reactions {
      guard let trigger = triggerName(reaction.trigger) else { continue }
      let key = "\(reaction.source) \(trigger)"
      if let winner = winners[key], winner.range != reaction.range,
        winner.rest.roles.isEmpty || winner.rest.roles == reaction.rest.roles
      {
        problems.append(
          Diagnostic(
            "F401", "this reaction can never fire: an earlier one for `\(trigger)` always wins", at: reaction.range,
            label: "never tried", labels: [.init(winner.range, "this one has no guard")],
            notes: ["the reactions of a state are tried top to bottom"],
            help: "move the one without a guard last, or give it a guard"))
      } else if reaction.rest.guardExpression == nil {
        winners[key] = winners[key] ?? reaction
      }
    }
  }

  func triggerName(_ trigger: CheckedReaction.Trigger) -> String? {
    switch trigger {
    case .event(let event): symbols.events[event].name.text
    case .callDone(let call): "\(calls[call].name).done"
    case .callFailed(let call): "\(calls[call].name).failed"
    case .always: "always"
    case .any: "any"
    case .done: "done"
    case .failed: "failed"
    case .rollbackDone: "rollback.done"
    case .rollbackFailed: "rollback.failed"
    case .error: "error"
    case .after, .every, .at, .cron: nil
    }
  }

  /// F306: `always` reactions without a guard that lead back to where they began run for ever.
  mutating func checkAlwaysCycles() {
    let nodes = states.indices.map { state in
      DependencyNode(
        name: states[state].path, range: states[state].name.range, needs: endlessTargets(of: state))
    }
    _ = ordered(
      nodes, code: "F306", message: { "these states lead to each other without ever waiting: \($0)" },
      help: "give one of the `always` reactions a guard that can be false", into: &problems)
  }

  private func endlessTargets(of state: Int) -> [(name: String, range: SourceRange)] {
    reactions.filter { $0.source == state && $0.rest.guardExpression == nil }.compactMap { reaction in
      guard case .always = reaction.trigger, let target = reaction.rest.target else { return nil }
      return (states[innermost(target)].path, reaction.range)
    }
  }

  /// Where entering a state leads by its initial states.
  private func innermost(_ state: Int) -> Int {
    var state = state
    while let initial = states[state].initial { state = initial }
    return state
  }
}
