import CEL
import FlowIR
import FlowSource
import FlowSyntax

// F503 for results: `call.result` is read only where the call has succeeded on every path, or as `call.?result`.
extension FlowChecker {
  /// - Parameter always: Expressions that are evaluated in every state, such as invariants.
  mutating func checkResultReads(_ graph: StateGraph, always: [CheckedExpression]) {
    guard !calls.isEmpty else { return }
    let present = presentResults(graph)
    for state in states.indices {
      guard let known = present[state] else { continue }
      checkReads(in: states[state].fields.map { fields[$0].defaultValue }, known)
      checkReads(in: states[state].entry + states[state].exit, known)
      checkReads(in: [states[state].result], known)
    }
    for index in calls.indices { if let known = present[calls[index].state] { checkReads(ofCall: index, known) } }
    for reaction in reactions {
      guard let known = present[reaction.source] else { continue }
      checkReads(of: reaction, known)
    }
    for start in starts {
      checkReads(in: [start.rest.guardExpression], [])
      checkReads(in: start.rest.arguments.map(\.value), [])
      checkReads(in: start.rest.statements, [])
    }
    checkReads(in: always, present[0] ?? [])
  }

  // MARK: - Presence

  /// The slots of the results that are present whenever a state is active; nil for states that are never entered.
  private func presentResults(_ graph: StateGraph) -> [Set<Int>?] {
    let atNodes = presentAtNodes(graph)
    var found = [Set<Int>?](repeating: nil, count: states.count)
    for (index, node) in graph.nodes.enumerated() {
      guard let known = atNodes[index] else { continue }
      for leaf in node.leaves {
        var state = leaf
        while true {
          found[state] = found[state]?.intersection(known) ?? known
          if state == 0 { break }
          state = states[state].parent
        }
      }
    }
    return found
  }

  /// A forward analysis over the configurations: a result is present where it is on every path.
  private func presentAtNodes(_ graph: StateGraph) -> [Set<Int>?] {
    var known = [Set<Int>?](repeating: nil, count: graph.nodes.count)
    var waiting: [Int] = []
    for (entry, isMigrated) in graph.entries {
      known[entry] = known[entry]?.intersection(isMigrated ? resultSlots : []) ?? (isMigrated ? resultSlots : [])
      waiting.append(entry)
    }
    while let index = waiting.popLast() {
      guard let here = known[index] else { continue }
      for edge in graph.outgoing[index].map({ graph.edges[$0] }) {
        let after = edge.reactions.reduce(into: here) { $0.formUnion(results(before: reactions[$1])) }
        let joined = known[edge.to]?.intersection(after) ?? after
        guard known[edge.to] != joined else { continue }
        known[edge.to] = joined
        waiting.append(edge.to)
      }
    }
    return known
  }

  /// The results that are present when the trigger of a reaction fires.
  private func results(before reaction: CheckedReaction) -> Set<Int> {
    switch reaction.trigger {
    case .callDone(let call): slots(of: stepsBefore(call)).union([calls[call].resultSlot])
    case .callFailed(let call), .itemDone(let call), .itemFailed(let call): slots(of: stepsBefore(call))
    case .done: slots(of: calls.indices.filter { calls[$0].isStep && calls[$0].state == reaction.source })
    default: []
    }
  }

  /// The results of completed steps. A step for a list whose failure is handled has none.
  private func slots(of steps: some Sequence<Int>) -> Set<Int> {
    Set(steps.filter { calls[$0].loop == nil || uncertainSteps[calls[$0].name] == nil }.map { calls[$0].resultSlot })
  }

  // MARK: - Reads

  private mutating func checkReads(of reaction: CheckedReaction, _ known: Set<Int>) {
    let known = known.union(results(before: reaction))
    checkReads(in: [reaction.rest.guardExpression], known)
    let proved = reaction.rest.guardExpression.map { testedResults($0.tree) } ?? []
    checkReads(in: reaction.rest.arguments.map(\.value), known.union(proved))
    checkReads(in: reaction.rest.statements, known.union(proved))
    switch reaction.trigger {
    case .after(let value), .every(let value), .at(let value): checkReads(in: [value], known)
    case .cron(let cron): checkReads(in: [cron.spec, cron.zone], known)
    default: break
    }
  }

  private mutating func checkReads(ofCall index: Int, _ known: Set<Int>) {
    let call = calls[index]
    let known = known.union(slots(of: call.after))
    checkReads(
      in: [call.condition, call.limit, call.loop?.list, call.once, call.priority] + call.arguments, known, of: index)
    checkReads(in: call.undo?.arguments ?? [], known.union([call.resultSlot]), of: index)
  }

  private mutating func checkReads(in statements: [CheckedActionStatement], _ known: Set<Int>) {
    for act in statements {
      checkReads(in: [act.loop?.list, act.condition], known)
      let proved = act.condition.map { testedResults($0.tree) } ?? []
      checkReads(in: act.ownExpressions, known.union(proved))
    }
  }

  /// - Parameter call: The call whose expressions they are; the results of the steps before it are known as well.
  private mutating func checkReads(in expressions: [CheckedExpression?], _ known: Set<Int>, of call: Int? = nil) {
    for case .some(let expression) in expressions {
      let unknown = resultReads(expression.tree).filter { !known.contains($0.slot) }
      guard !unknown.isEmpty else { continue }
      // Few steps of a long chain read more than the results of those just before them.
      let earlier = call.map { slots(of: stepsBefore($0)) } ?? []
      let tested = testedResults(expression.tree).union(earlier)
      for (slot, name, range) in unknown where !tested.contains(slot) {
        reportMissing(name, slot: slot, at: range ?? expression.range)
      }
    }
  }

  private mutating func reportMissing(_ name: String, slot: Int, at range: SourceRange) {
    guard let call = calls.first(where: { $0.resultSlot == slot }),
      !problems.contains(where: { $0.code == "F503" && $0.range == range })
    else { return }
    problems.append(
      Diagnostic(
        "F503", "`\(name)` may have no result here", at: range, label: "may have no result",
        labels: [.init(call.node.action.range, "not completed on every path")],
        help: "read it in `on \(name).done` or in a state behind it, or as the optional `\(name).?result`"))
  }

  /// The slots of the results that an expression reads as present, outside of `.?`, with the ranges of their names. A
  /// read through a `let` has no range of its own.
  private func resultReads(
    _ tree: TypedExpression
  ) -> [(slot: Int, name: String, range: SourceRange?)] {
    var found: [(slot: Int, name: String, range: SourceRange?)] = []
    var seen: Set<ObjectIdentifier> = []
    collectReads(tree, isDirect: true, into: &found, seen: &seen)
    return found
  }

  /// - Parameters:
  ///   - isDirect: False inside of a definition.
  ///   - seen: The definitions that were read before.
  private func collectReads(
    _ tree: TypedExpression, isDirect: Bool,
    into found: inout [(slot: Int, name: String, range: SourceRange?)], seen: inout Set<ObjectIdentifier>
  ) {
    switch tree.kind {
    case .variable(let name, let slot):
      if resultSlots.contains(slot) { found.append((slot, name, isDirect ? tree.range : nil)) }
    case .select(let operand, _, .optional), .select(let operand, _, .test):
      if case .variable = operand.kind { return }
      collectReads(operand, isDirect: isDirect, into: &found, seen: &seen)
    case .named(let definition):
      guard seen.insert(ObjectIdentifier(definition)).inserted else { return }
      collectReads(definition.body, isDirect: false, into: &found, seen: &seen)
    case .function(_, let arguments):
      for argument in arguments { collectReads(argument, isDirect: isDirect, into: &found, seen: &seen) }
    default: tree.forEachChild { collectReads($0, isDirect: isDirect, into: &found, seen: &seen) }
    }
  }

  /// The slots of the results whose presence an expression tests with `has(call.result)`.
  private func testedResults(_ tree: TypedExpression) -> Set<Int> {
    var found: Set<Int> = []
    var seen: Set<ObjectIdentifier> = []
    var open = [tree]
    while let next = open.popLast() {
      if case .select(let operand, _, .test) = next.kind, case .variable(_, let slot) = operand.kind {
        found.insert(slot)
      } else if case .named(let definition) = next.kind, !seen.insert(ObjectIdentifier(definition)).inserted {
        continue
      } else {
        next.forEachChild { open.append($0) }
      }
    }
    return found
  }
}

extension CheckedActionStatement {
  /// The expressions of the statement itself, without its loop and its condition.
  fileprivate var ownExpressions: [CheckedExpression] {
    switch kind {
    case .assign(_, let part, let value):
      part.compactMap(\.expression) + [value]
    case .perform(_, let arguments): arguments
    case .emit(_, let value, to: _), .raise(_, let value), .log(let value): [value]
    }
  }
}
