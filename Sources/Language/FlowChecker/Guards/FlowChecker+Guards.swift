import CEL
import FlowIR
import FlowSource
import FlowSyntax

/// Reactions of one state to one trigger, in text order.
struct ReactionGroup {
  var trigger: String
  var reactions: [CheckedReaction]
}

// Guards that never hold, always hold, overlap or leave a gap. Only proven facts are reported.
extension FlowChecker {
  mutating func checkGuards() {
    let logic = GuardLogic(types: environment.types)
    for state in states.indices {
      let groups = groups(of: state)
      for group in groups {
        checkShadowing(group, logic)
        checkOverlaps(group, logic)
        checkGaps(group, in: state, logic)
      }
      checkAny(in: state)
    }
    for reaction in reactions { checkGuard(of: reaction.rest, logic) }
    for start in starts { checkGuard(of: start.rest, logic) }
    checkRegions(logic)
  }

  private func groups(of state: Int) -> [ReactionGroup] {
    var groups: [ReactionGroup] = []
    for reaction in reactions where reaction.source == state {
      guard let trigger = triggerName(reaction.trigger) else { continue }
      if let index = groups.firstIndex(where: { $0.trigger == trigger }) {
        groups[index].reactions.append(reaction)
      } else {
        groups.append(ReactionGroup(trigger: trigger, reactions: [reaction]))
      }
    }
    return groups
  }

  /// The name of a trigger; nil for timers, which are independent of each other.
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

  // MARK: - One reaction behind others

  /// F401, F402, F702: a reaction behind others that take all that it could take never fires.
  private mutating func checkShadowing(_ group: ReactionGroup, _ logic: GuardLogic) {
    for (index, reaction) in group.reactions.enumerated().dropFirst() {
      let earlier = group.reactions[..<index].filter { $0.range != reaction.range && covers($0.rest, reaction.rest) }
      let guards = earlier.map { $0.rest.guardExpression?.tree }
      guard !earlier.isEmpty, logic.isCovered(reaction.rest.guardExpression?.tree, by: guards) else { continue }
      problems.append(shadowed(reaction, by: earlier, trigger: group.trigger, logic: logic))
    }
  }

  /// Returns whether every caller permitted by the second is permitted by the first.
  private func covers(_ first: CheckedTransitionTail, _ second: CheckedTransitionTail) -> Bool {
    first.roles.isEmpty || !second.roles.isEmpty && Set(second.roles).isSubset(of: first.roles)
  }

  private func shadowed(
    _ reaction: CheckedReaction, by earlier: [CheckedReaction], trigger: String, logic: GuardLogic
  ) -> Diagnostic {
    let own = reaction.rest.guardExpression?.tree
    let twin = earlier.first { other in
      own != nil && other.rest.guardExpression != nil && Set(other.rest.roles) == Set(reaction.rest.roles)
        && logic.isCovered(own, by: [other.rest.guardExpression?.tree])
        && logic.isCovered(other.rest.guardExpression?.tree, by: [own])
    }
    if let twin {
      return Diagnostic(
        "F402", "two reactions to `\(trigger)` have the same guard", at: reaction.range, label: "never tried",
        labels: [.init(twin.range, "takes precedence")], help: "change one of the guards, or remove one reaction")
    }
    if let open = earlier.first(where: { $0.rest.guardExpression == nil }) {
      let isFailure = if case .callFailed = reaction.trigger { own != nil } else { false }
      return Diagnostic(
        isFailure ? "F702" : "F401",
        isFailure
          ? "this failure is never handled here: an earlier `on \(trigger)` handles all failures"
          : "this reaction never fires: an earlier one for `\(trigger)` always takes precedence",
        at: reaction.range, label: "never tried", labels: [.init(open.range, "this one has no guard")],
        notes: ["reactions of a state are tried from top to bottom"],
        help: "move the one without a guard last, or give it a guard")
    }
    return Diagnostic(
      "F401", "this reaction never fires: whenever its guard holds, an earlier one for `\(trigger)` takes precedence",
      at: reaction.range, label: "never tried",
      labels: earlier.prefix(3).map { .init($0.range, "tried before") },
      notes: ["reactions of a state are tried from top to bottom"], help: "move it up, or change its guard")
  }

  /// F410: `on any` is the last resort of its state, and stands last.
  private mutating func checkAny(in state: Int) {
    guard
      let any = reactions.first(where: { reaction in
        if case .any = reaction.trigger {
          reaction.source == state && reaction.rest.guardExpression == nil && reaction.rest.roles.isEmpty
        } else {
          false
        }
      })
    else { return }
    let later = reactions.first { reaction in
      guard case .event = reaction.trigger else { return false }
      return reaction.source == state && reaction.range.lower > any.range.lower
    }
    guard let later else { return }
    problems.append(
      Diagnostic(
        "F410", .warning, "`on any` is tried last, wherever it stands", at: any.range, label: "tried after those below",
        labels: [.init(later.range, "tried first")], help: "move `on any` last"))
  }

  // MARK: - Several that hold, or none

  /// F403: two reactions that may both hold, neither of which is a special case of the other.
  private mutating func checkOverlaps(_ group: ReactionGroup, _ logic: GuardLogic) {
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
  private mutating func checkGaps(_ group: ReactionGroup, in state: Int, _ logic: GuardLogic) {
    guard let first = group.reactions.first, group.reactions.count > 1, !isTakenElsewhere(group, from: state) else {
      return
    }
    let roles = Set(group.reactions.map { Set($0.rest.roles) })
    let guards = group.reactions.compactMap { $0.rest.guardExpression?.tree }
    guard roles.count == 1, guards.count == group.reactions.count, let gap = logic.witness(guards, all: false) else {
      return
    }
    problems.append(
      Diagnostic(
        "F404", .warning, "no reaction handles `\(group.trigger)` when \(gap)", at: first.range,
        label: "the guards leave a gap", labels: group.reactions.dropFirst().prefix(3).map { .init($0.range, "") },
        help: "add a reaction without a guard, or one for the remaining case"))
  }

  /// Returns whether another reaction here or further out handles, ignores or defers what a group leaves. A reaction
  /// that waits for its guard leaves nothing.
  private func isTakenElsewhere(_ group: ReactionGroup, from state: Int) -> Bool {
    guard let trigger = group.reactions.first?.trigger else { return true }
    if case .always = trigger { return true }
    let around = statesAround(state)
    let others = reactions.filter { around.contains($0.source) && !(group.reactions.map(\.range).contains($0.range)) }
    let isTaken = others.contains { triggerName($0.trigger) == group.trigger || triggerName($0.trigger) == "any" }
    guard case .event(let event) = trigger else { return isTaken }
    return isTaken
      || around.contains { outer in
        stateNodes[outer].map { ($0.ignored + $0.deferred).contains { eventIndex($0.text) == event } } ?? false
      }
  }

  private func statesAround(_ state: Int) -> Set<Int> {
    var found: Set<Int> = [0]
    var current = state
    while current != 0 {
      found.insert(current)
      current = states[current].parent
    }
    return found
  }

  // MARK: - One guard by itself

  /// F405, F406, F407, F411.
  private mutating func checkGuard(of rest: CheckedTransitionTail, _ logic: GuardLogic) {
    guard let condition = rest.guardExpression else { return }
    checkSimplicity(of: condition.tree)
    let safe = FrameLayout.event..<(FrameLayout.firstField + fields.count)
    if logic.isNeverTrue(condition.tree) {
      problems.append(
        Diagnostic(
          "F406", .warning, "this guard is never true", at: condition.range, label: "always false",
          help: "remove the reaction, or change its guard"))
    } else if logic.isAlwaysTrue(condition.tree, safeSlots: safe) {
      problems.append(
        Diagnostic(
          "F405", .warning, "this guard is always true", at: condition.range, label: "has no effect",
          help: "remove it"))
    } else if let invariant = contradicted(by: condition.tree, logic) {
      problems.append(
        Diagnostic(
          "F407", .warning, "an invariant contradicts this guard", at: condition.range, label: "never true",
          labels: [.init(invariant.range, "holds before every step")], help: "change one of them"))
    }
  }

  private func contradicted(by tree: TypedExpression, _ logic: GuardLogic) -> Expression? {
    node.invariants.first { invariant in
      guard let checked = environment.check(invariant).expression else { return false }
      return logic.exclude(tree, checked)
    }
  }

  /// F411: a guard that can be written shorter.
  private mutating func checkSimplicity(of tree: TypedExpression) {
    if let problem = simpler(tree) { problems.append(problem) }
    if case .named = tree.kind { return }
    for child in tree.children { checkSimplicity(of: child) }
  }

  private func simpler(_ tree: TypedExpression) -> Diagnostic? {
    switch tree.kind {
    case .call(.equal, _, let sides) where sides.count == 2 && sides[1].constant == .bool(true):
      let rest = SourceRange(sides[0].range.upper, tree.range.upper)
      return simplifiable(
        tree, what: "is equivalent without `== true`", fix: Fix("remove `== true`", .safe, [.init(rest, "")]))
    case .call(.not, _, let inner):
      guard case .call(.not, _, let operand)? = inner.first?.kind, let first = operand.first else { return nil }
      let signs = SourceRange(tree.range.lower, first.range.lower)
      return simplifiable(tree, what: "has `!` twice", fix: Fix("remove both", .maybe, [.init(signs, "")]))
    case .and(let terms), .or(let terms):
      let reader = TermReader(types: environment.types)
      var seen: Set<String> = []
      let isRepeated = terms.contains { !seen.insert(reader.key($0)).inserted }
      return isRepeated ? simplifiable(tree, what: "repeats a condition", fix: nil) : nil
    default: return nil
    }
  }

  private func simplifiable(_ tree: TypedExpression, what: String, fix: Fix?) -> Diagnostic {
    Diagnostic("F411", .info, "this \(what)", at: tree.range, label: "can be simplified", fixes: fix.map { [$0] } ?? [])
  }

  // MARK: - Regions

  /// F712: two regions that could both leave their parallel on one event.
  private mutating func checkRegions(_ logic: GuardLogic) {
    for (index, state) in states.enumerated() where state.kind == .parallel {
      for (position, right) in state.children.enumerated() {
        for left in state.children[..<position] { checkRegions(left, right, of: index, logic: logic) }
      }
    }
  }

  private mutating func checkRegions(_ left: Int, _ right: Int, of parallel: Int, logic: GuardLogic) {
    let inside = parallel..<states[parallel].end
    func leaving(_ region: Int) -> [CheckedReaction] {
      reactions.filter { reaction in
        (region..<states[region].end).contains(reaction.source)
          && reaction.rest.target.map { !inside.contains($0) } ?? false
      }
    }
    for second in leaving(right) {
      guard case .event(let event) = second.trigger else { continue }
      for first in leaving(left) {
        guard case .event(event) = first.trigger,
          !logic.exclude(first.rest.guardExpression?.tree, second.rest.guardExpression?.tree)
        else { continue }
        problems.append(
          Diagnostic(
            "F712",
            "two regions could both leave `\(states[parallel].path)` on one `\(symbols.events[event].name.text)`",
            at: second.range, label: "leaves the parallel", labels: [.init(first.range, "also leaves the parallel")],
            help: "make the guards mutually exclusive, or handle the event in a state that encloses the regions"))
      }
    }
  }
}
