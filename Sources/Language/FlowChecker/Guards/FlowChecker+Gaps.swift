import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  // MARK: - Overlaps and gaps

  /// F403: two reactions that may both be enabled, neither of which is a special case of the other.
  mutating func checkOverlaps(_ group: ReactionGroup, _ logic: GuardLogic) {
    guard group.reactions.count <= 16 else { return }
    for (index, second) in group.reactions.enumerated() {
      guard let right = second.rest.guardExpression?.tree else { continue }
      for first in group.reactions[..<index] where first.range != second.range {
        guard let left = first.rest.guardExpression?.tree, first.rest.roles == second.rest.roles,
          first.rest.target != second.rest.target,
          !logic.isCovered(left, by: [right]), !logic.isCovered(right, by: [left]),
          let witness = logic.witness([left, right], all: true)
        else { continue }
        problems.append(
          Diagnostic(
            "F403", .info, "both guards hold when \(witness)", at: second.range, label: "tried second",
            labels: [.init(first.range, "tried first, takes precedence")],
            help: "make the guards mutually exclusive if the order should not decide"))
      }
    }
  }

  /// F404: several guards for one event that leave some data unhandled.
  mutating func checkGaps(_ group: ReactionGroup, in state: Int, _ logic: GuardLogic) {
    guard let first = group.reactions.first, group.reactions.count > 1, !isTakenElsewhere(group, from: state) else {
      return
    }
    let roles = Set(group.reactions.map { Set($0.rest.roles + $0.rest.senders.map { -1 - $0 }) })
    let guards = group.reactions.compactMap { $0.rest.guardExpression?.tree }
    guard roles.count == 1, guards.count == group.reactions.count,
      let gap = logic.witness(guards, all: false, given: invariants(of: group, guards))
    else {
      return
    }
    problems.append(
      Diagnostic(
        "F404", .warning, "no reaction handles `\(group.trigger)` when \(gap)", at: first.range,
        label: "the guards leave a gap", labels: group.reactions.dropFirst().prefix(3).map { .init($0.range, "") },
        help: "add a reaction without a guard, or one for the remaining case"))
  }

  /// Returns whether another reaction of this or an enclosing state handles, ignores or defers the remaining cases of a
  /// group. A reaction that waits for its guard has no remaining cases.
  private func isTakenElsewhere(_ group: ReactionGroup, from state: Int) -> Bool {
    guard let trigger = group.reactions.first?.trigger else { return true }
    switch trigger {
    case .always: return !isChoice(state)
    // A result without a reaction is recorded, and a failure is one of the call.
    case .itemDone, .itemFailed: return true
    default: break
    }
    let others = states.around(state) + statesBeside(state)
    let own = Set(group.reactions.map(\.range))
    let isTaken = others.contains { state in
      reactionsByState[state].contains { index in
        guard !own.contains(reactions[index].range), let name = triggerName(reactions[index].trigger) else {
          return false
        }
        return name == group.trigger || name == "any"
      }
    }
    guard case .event(let event) = trigger else { return isTaken }
    return isTaken
      || others.contains { other in
        stateNodes[other].map { ($0.ignored + $0.deferred).contains { eventIndex($0.text) == event } } ?? false
      }
  }

  /// The states of the regions that are active together with the region of a state.
  private func statesBeside(_ state: Int) -> [Int] {
    states.around(state).dropLast().flatMap { region -> [Int] in
      let parent = states[region].parent
      guard states[parent].kind == .parallel else { return [] }
      return Array(parent + 1..<region) + Array(states[region].end..<states[parent].end)
    }
  }

  /// A state that is left by `always` alone: a case that no guard covers gets stuck.
  private func isChoice(_ state: Int) -> Bool {
    guard states[state].kind == .plain, states[state].children.isEmpty,
      !states.around(state).contains(where: { states[$0].kind == .parallel }),
      !calls.contains(where: { $0.state == state })
    else { return false }
    return states.around(state).lazy.flatMap { reactions(of: $0) }.allSatisfy { reaction in
      if case .always = reaction.trigger { return reaction.source == state }
      return reaction.source != state
    }
  }

  /// The invariants that are relevant for some guards, as far as they hold when the guards are evaluated.
  private func invariants(of group: ReactionGroup, _ guards: [TypedExpression]) -> [TypedExpression] {
    guard let trigger = group.reactions.first?.trigger else { return [] }
    if case .always = trigger { return [] }
    let slots = guards.reduce(into: Set<Int>()) { $0.formUnion($1.usedSlots) }
    return invariants.map(\.tree).filter { !$0.usedSlots.isDisjoint(with: slots) }
  }

  /// F404: several guarded starts for one event that leave some data unhandled.
  mutating func checkStartGaps(_ event: Int, group: [CheckedStart], logic: GuardLogic) {
    let guards = group.compactMap { $0.rest.guardExpression?.tree }
    let roles = Set(group.map { Set($0.rest.roles + $0.rest.senders.map { -1 - $0 }) })
    let name = symbols.events[event].name.text
    let isTaken = reactions.contains { triggerName($0.trigger) == name || triggerName($0.trigger) == "any" }
    guard group.count > 1, guards.count == group.count, roles.count == 1, !isTaken,
      let gap = logic.witness(guards, all: false, given: [])
    else { return }
    problems.append(
      Diagnostic(
        "F404", .warning, "no start handles `\(name)` when \(gap)", at: group[0].range, label: "the guards leave a gap",
        labels: group.dropFirst().prefix(3).map { .init($0.range, "") },
        help: "add a start without a guard, or one for the remaining case"))
  }
}
