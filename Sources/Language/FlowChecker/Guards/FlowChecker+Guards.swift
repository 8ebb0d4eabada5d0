import CEL
import FlowIR
import FlowSource
import FlowSyntax

/// Reactions of one state to one trigger, in text order.
struct ReactionGroup {
  var trigger: String
  var reactions: [CheckedReaction]
}

// Guards that are never true, always true, overlap or leave a gap. Only proven facts are reported.
extension FlowChecker {
  /// - Parameters:
  ///   - certainty: The certainty of the guard of each reaction.
  ///   - reached: The states that some path enters; nil when that is not known.
  mutating func checkGuards(_ logic: GuardLogic, certainty: [GuardLogic.Certainty], reached: Set<Int>?) {
    let raised = raisedEvents
    // With contradictory invariants there is no instance that a gap could be about.
    let canExist = logic.canHold(invariants.map(\.tree), without: [])
    for state in states.indices {
      let groups = groups(of: state)
      checkShadowing(groups, in: state, logic)
      for group in groups where group.reactions.count <= FlowChecker.maximumGroup {
        checkOverlaps(group, logic)
        if canExist, reached?.contains(state) ?? true { checkGaps(group, in: state, logic) }
      }
      checkAny(in: state)
    }
    checkStartShadowing(logic)
    for (reaction, certainty) in zip(reactions, certainty) {
      checkGuard(of: reaction.rest, certainty, isMidStep: isMidStep(reaction.trigger, raised), logic)
    }
    for start in starts { checkGuard(of: start.rest, self.certainty(of: start.rest, logic), isMidStep: true, logic) }
    reportUnanalysed(logic)
  }

  func reactions(of state: Int) -> [CheckedReaction] { reactionsByState[state].map { reactions[$0] } }

  private func groups(of state: Int) -> [ReactionGroup] {
    var groups: [ReactionGroup] = []
    var indices: [String: Int] = [:]
    for reaction in reactions(of: state) {
      guard let trigger = triggerName(reaction.trigger) else { continue }
      if let index = indices[trigger] {
        groups[index].reactions.append(reaction)
      } else {
        indices[trigger] = groups.count
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
    case .itemDone(let call): "\(calls[call].name).item.done"
    case .itemFailed(let call): "\(calls[call].name).item.failed"
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

  // MARK: - Single guards

  /// The certainty that a guard is true; an omitted one always is.
  func certainty(of rest: CheckedTransitionTail, _ logic: GuardLogic) -> GuardLogic.Certainty {
    let safe = FrameLayout.event..<(FrameLayout.firstField + fields.count)
    return rest.guardExpression.map { logic.certainty(of: $0.tree, safeSlots: safe) } ?? .always
  }

  /// F405, F406, F407, F411.
  private mutating func checkGuard(
    of rest: CheckedTransitionTail, _ certainty: GuardLogic.Certainty, isMidStep: Bool, _ logic: GuardLogic
  ) {
    guard let condition = rest.guardExpression else { return }
    checkSimplicity(of: condition.tree)
    if certainty == .never {
      problems.append(
        Diagnostic(
          "F406", .warning, "this guard is never true", at: condition.range, label: "always false",
          help: "remove the reaction, or change its guard"))
    } else if certainty == .always {
      problems.append(
        Diagnostic(
          "F405", .warning, "this guard is always true", at: condition.range, label: "has no effect",
          help: "remove it"))
    } else if !isMidStep, let invariant = contradicted(by: condition.tree, logic) {
      problems.append(
        Diagnostic(
          "F407", .warning, "an invariant contradicts this guard", at: condition.range, label: "never true",
          labels: [.init(invariant.range, "holds before every step")], help: "change one of them"))
    }
  }

  private func contradicted(by tree: TypedExpression, _ logic: GuardLogic) -> CheckedExpression? {
    invariants.first { logic.exclude(tree, $0.tree) }
  }

  /// Returns whether a trigger may fire within a step, where invariants need not hold.
  private func isMidStep(_ trigger: CheckedReaction.Trigger, _ raised: Set<Int>) -> Bool {
    switch trigger {
    case .always, .done: true
    case .event(let event): raised.contains(event)
    case .any: !raised.isEmpty
    default: false
    }
  }

  /// The events that the flow raises.
  private var raisedEvents: Set<Int> {
    let statements =
      states.flatMap { $0.entry + $0.exit } + reactions.flatMap(\.rest.statements) + starts.flatMap(\.rest.statements)
    return Set(statements.compactMap { if case .raise(let event, _) = $0.kind { event } else { nil } })
  }

  /// F412: guards that were too many to compare.
  private mutating func reportUnanalysed(_ logic: GuardLogic) {
    let group = states.indices.flatMap { groups(of: $0) }.first { $0.reactions.count > FlowChecker.maximumGroup }
    guard group != nil || logic.isExhausted else { return }
    problems.append(
      Diagnostic(
        "F412", .info, "the guards of `\(node.name.text)` are too many to compare",
        at: group?.reactions[0].range ?? node.name.range,
        label: "not analysed completely", notes: ["overlaps, gaps and unreachable reactions may go unreported"],
        help: "split the state, or keep the cases in a map"))
  }

  /// F411: a guard that can be written shorter.
  private mutating func checkSimplicity(of tree: TypedExpression) {
    if let problem = simpler(tree) { problems.append(problem) }
    if case .named = tree.kind { return }
    tree.forEachChild { checkSimplicity(of: $0) }
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
      return hasRepetition(terms) ? simplifiable(tree, what: "repeats a condition", fix: nil) : nil
    default: return nil
    }
  }

  private func hasRepetition(_ terms: [TypedExpression]) -> Bool {
    let reader = TermReader(types: environment.types)
    // Most terms differ in their operation, so that no text of them is needed.
    let alike = Dictionary(grouping: terms.indices) { terms[$0].operation }
    return alike.values.contains { group in
      var seen: Set<String> = []
      return group.count > 1 && group.contains { !seen.insert(reader.key(terms[$0])).inserted }
    }
  }

  private func simplifiable(_ tree: TypedExpression, what: String, fix: Fix?) -> Diagnostic {
    Diagnostic("F411", .info, "this \(what)", at: tree.range, label: "can be simplified", fixes: fix.map { [$0] } ?? [])
  }

  // MARK: - Regions

  /// F712: two regions that could both leave their parallel on one event.
  mutating func checkRegions(_ logic: GuardLogic) {
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

extension TypedExpression {
  /// The function at the root of the tree, also behind definitions; nil for all other expressions.
  fileprivate var operation: Builtin? {
    switch kind {
    case .call(let builtin, _, _): builtin
    case .named(let definition): definition.body.operation
    default: nil
    }
  }
}
