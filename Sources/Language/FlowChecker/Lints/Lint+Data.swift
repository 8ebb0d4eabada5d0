import CEL
import FlowIR
import FlowSource
import FlowSyntax

/// F509: a value that is overwritten before it could be read.
func checkDeadAssignments(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  let blocks =
    flow.states.flatMap { [$0.entry, $0.exit] } + flow.reactions.map(\.rest.statements)
    + flow.starts.map(\.rest.statements)
  for block in blocks { checkDeadAssignments(in: block, flow, into: &problems) }
}

private func checkDeadAssignments(
  in statements: [CheckedActionStatement], _ flow: CheckedFlow, into problems: inout [Diagnostic]
) {
  var pending: [Int: SourceRange] = [:]
  for act in statements {
    for slot in act.usedSlots { pending[slot] = nil }
    guard case .assign(let slot, let part, _) = act.kind, part.isEmpty, act.loop == nil, act.condition == nil else {
      continue
    }
    if let first = pending[slot], first != act.range {
      let name = flow.fields[slot - FrameLayout.firstField].plainName
      problems.append(
        Diagnostic(
          "F509", .warning, "`\(name)` is assigned twice; the first value is never read", at: first,
          label: "never read", labels: [.init(act.range, "overwritten here")], help: "remove the first assignment"))
    }
    pending[slot] = act.range
  }
}

extension CheckedActionStatement {
  /// The slots that it reads; a change of a part of a field reads the field.
  fileprivate var usedSlots: Set<Int> {
    var found: Set<Int> = []
    for tree in expressions.map(\.tree) { found.formUnion(tree.usedSlots) }
    if case .assign(let slot, let part, _) = kind, !part.isEmpty { found.insert(slot) }
    return found
  }

  /// All its expressions.
  var expressions: [CheckedExpression] {
    let suffixes = [loop?.list, condition].compactMap { $0 }
    switch kind {
    case .assign(_, let part, let value):
      return suffixes + part.compactMap(\.expression) + [value]
    case .perform(_, let arguments): return suffixes + arguments
    case .emit(_, let value, to: _), .raise(_, let value), .log(let value): return suffixes + [value]
    }
  }
}

/// F211: doubles are compared for equality, although computed doubles are rarely exactly equal.
func checkDoubles(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  for reaction in flow.reactions {
    if let condition = reaction.rest.guardExpression { checkEquality(condition.tree, into: &problems) }
  }
}

private func checkEquality(_ tree: TypedExpression, into problems: inout [Diagnostic]) {
  if case .call(let builtin, _, let arguments) = tree.kind, builtin == .equal || builtin == .notEqual,
    arguments.count == 2, arguments.allSatisfy({ $0.type == .double }),
    !arguments.contains(where: { $0.constant == .double(0) })
  {
    problems.append(
      Diagnostic(
        "F211", .info, "two doubles are rarely exactly equal", at: tree.range, label: "exact comparison",
        help: "compare with `<` and `>`, or use integers such as cents"))
  }
  if case .named = tree.kind { return }
  tree.forEachChild { checkEquality($0, into: &problems) }
}

/// F310: the first entry of `-> x.history` also has a target.
func checkHistory(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  for reaction in flow.reactions where reaction.rest.isHistory {
    guard let target = reaction.rest.target, flow.states[target].children.isEmpty else { continue }
    problems.append(
      Diagnostic(
        "F310", .warning, "`\(flow.states[target].path)` contains no states, so it has no history",
        at: reaction.range, label: "the same as `-> \(flow.states[target].name.text)`",
        help: "remove `.history`"))
  }
}

/// F707: armed undos are rolled back where the flow fails.
func checkRollbacks(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  guard let armed = flow.calls.first(where: { $0.undo != nil }),
    !flow.states.contains(where: { $0.isRollback })
  else { return }
  problems.append(
    Diagnostic(
      "F707", .warning, "the flow `\(flow.node.name.text)` never rolls back",
      at: armed.node.undo?.range ?? armed.node.range, label: "an undo is armed, but no state has `rollback`",
      help: "add `state undoing { rollback on rollback.done -> … }`"))
}
