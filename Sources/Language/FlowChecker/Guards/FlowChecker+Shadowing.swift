import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// The maximum number of reactions to one trigger that are compared.
  static let maximumGroup = 128

  /// Something with a guard and roles that is tried in text order.
  private struct Entry {
    var rest: CheckedTransitionTail
    var range: SourceRange
    var isFailure = false
  }

  /// F401, F402, F702: a reaction after others that handle all its cases never fires. A reaction to several events is
  /// reported if it never fires for any of them.
  mutating func checkShadowing(_ groups: [ReactionGroup], in state: Int, _ logic: GuardLogic) {
    var copies: [SourceRange: Int] = [:]
    for group in groups { for reaction in group.reactions { copies[reaction.range, default: 0] += 1 } }
    var found: [SourceRange: [Diagnostic]] = [:]
    for group in groups {
      let entries = group.reactions.map { reaction in
        Entry(rest: reaction.rest, range: reaction.range, isFailure: isFailure(reaction.trigger))
      }
      for (index, problem) in shadowed(entries, trigger: group.trigger, what: "reaction", logic) {
        found[entries[index].range, default: []].append(problem)
      }
    }
    for (range, diagnostics) in found.sorted(by: { $0.key.lower < $1.key.lower }) {
      if diagnostics.count == copies[range] { problems.append(diagnostics[0]) }
    }
  }

  /// F401, F402, F404: the same for the starts on one event.
  mutating func checkStartShadowing(_ logic: GuardLogic) {
    var groups: [Int: [CheckedStart]] = [:]
    for start in starts { if case .event(let event, _) = start.trigger { groups[event, default: []].append(start) } }
    for (event, group) in groups.sorted(by: { $0.key < $1.key }) {
      let entries = group.map { Entry(rest: $0.rest, range: $0.range) }
      let name = symbols.events[event].name.text
      problems += shadowed(entries, trigger: name, what: "start", logic).map(\.problem)
      checkStartGaps(event, group: group, logic: logic)
    }
  }

  private func isFailure(_ trigger: CheckedReaction.Trigger) -> Bool {
    switch trigger {
    case .callFailed, .itemFailed: true
    default: false
    }
  }

  private func shadowed(
    _ entries: [Entry], trigger: String, what: String, _ logic: GuardLogic
  ) -> [(index: Int, problem: Diagnostic)] {
    guard entries.count <= FlowChecker.maximumGroup else { return [] }
    return entries.indices.dropFirst().compactMap { index in
      let earlier = entries[..<index].filter { $0.range != entries[index].range }
      guard let winners = winners(over: entries[index], among: earlier, logic) else { return nil }
      return (index, diagnostic(entries[index], by: winners, trigger: trigger, what: what, logic: logic))
    }
  }

  /// The earlier entries that handle every input of an entry, for every caller; nil when they do not.
  private func winners(over entry: Entry, among earlier: [Entry], _ logic: GuardLogic) -> [Entry]? {
    guard !earlier.isEmpty else { return nil }
    // Flows after `by` are distinguished from roles by their sign.
    let callers: [Int?] = entry.rest.isOpen ? [nil] : entry.rest.roles.map { $0 } + entry.rest.senders.map { -1 - $0 }
    var found: Set<SourceRange> = []
    for caller in callers {
      let asked = earlier.filter { other in
        other.rest.isOpen
          || caller.map { other.rest.roles.contains($0) || other.rest.senders.contains(-1 - $0) } ?? false
      }
      let guards = asked.map { $0.rest.guardExpression?.tree }
      guard !asked.isEmpty, logic.isCovered(entry.rest.guardExpression?.tree, by: guards) else { return nil }
      found.formUnion(asked.map(\.range))
    }
    return earlier.filter { found.contains($0.range) }
  }

  private func diagnostic(
    _ entry: Entry, by earlier: [Entry], trigger: String, what: String, logic: GuardLogic
  ) -> Diagnostic {
    let own = entry.rest.guardExpression?.tree
    let twin = earlier.first { other in
      own != nil && other.rest.guardExpression != nil && Set(other.rest.roles) == Set(entry.rest.roles)
        && Set(other.rest.senders) == Set(entry.rest.senders)
        && logic.isCovered(own, by: [other.rest.guardExpression?.tree])
        && logic.isCovered(other.rest.guardExpression?.tree, by: [own])
    }
    if let twin {
      return Diagnostic(
        "F402", "two \(what)s for `\(trigger)` have the same guard", at: entry.range, label: "never tried",
        labels: [.init(twin.range, "takes precedence")], help: "change one of the guards, or remove one \(what)")
    }
    let order = what == "start" ? "the starts of a flow are" : "the reactions of a state are"
    if let open = earlier.first(where: { $0.rest.guardExpression == nil }) {
      let isFailure = entry.isFailure && own != nil
      return Diagnostic(
        isFailure ? "F702" : "F401",
        isFailure
          ? "this failure is never handled here: an earlier `on \(trigger)` handles all failures"
          : "this \(what) never fires: an earlier one for `\(trigger)` always takes precedence",
        at: entry.range, label: "never tried", labels: [.init(open.range, "this one has no guard")],
        notes: ["\(order) tried from top to bottom"], help: "move the one without a guard last, or give it a guard")
    }
    return Diagnostic(
      "F401", "this \(what) never fires: whenever its guard holds, an earlier one for `\(trigger)` takes precedence",
      at: entry.range, label: "never tried", labels: earlier.prefix(3).map { .init($0.range, "tried before") },
      notes: ["\(order) tried from top to bottom"], help: "move it up, or change its guard")
  }

  /// F410: `on any` is the fallback of its state, and has to be last.
  mutating func checkAny(in state: Int) {
    guard
      let any = reactions(of: state).first(where: { reaction in
        if case .any = reaction.trigger {
          reaction.rest.guardExpression == nil && reaction.rest.roles.isEmpty
        } else {
          false
        }
      })
    else { return }
    let later = reactions(of: state).first { reaction in
      guard case .event = reaction.trigger else { return false }
      return reaction.range.lower > any.range.lower
    }
    guard let later else { return }
    problems.append(
      Diagnostic(
        "F410", .warning, "`on any` is tried last, wherever it stands", at: any.range, label: "tried after those below",
        labels: [.init(later.range, "tried first")], help: "move `on any` last"))
  }
}

extension CheckedTransitionTail {
  /// True if every caller may trigger it.
  var isOpen: Bool { roles.isEmpty && senders.isEmpty }
}
