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
}
