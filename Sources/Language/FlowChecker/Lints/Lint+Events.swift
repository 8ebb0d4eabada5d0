import FlowSource
import FlowSyntax

/// F508: an event that is raised is handled somewhere in the flow.
func checkRaisedEvents(of flow: CheckedFlow, _ context: LintContext, into problems: inout [Diagnostic]) {
  let handled = handledEvents(flow)
  let hasAny = flow.reactions.contains { reaction in
    if case .any = reaction.trigger { true } else { false }
  }
  guard !hasAny else { return }
  for act in allActs(flow) {
    guard case .raise(let event, _) = act.kind, !handled.contains(event) else { continue }
    let name = context.symbols.events[event].name.text
    problems.append(
      Diagnostic(
        "F508", .warning, "nothing in this flow reacts to `\(name)`", at: act.range, label: "not handled in this flow",
        help: "add `on \(name)`, or `emit` it to reach other flows and subscribers"))
  }
}

/// F507: an event that the flow handles elsewhere and that a waiting state neither handles, ignores nor defers.
func checkUnhandledEvents(of flow: CheckedFlow, _ context: LintContext, into problems: inout [Diagnostic]) {
  let outside = handledEvents(flow).subtracting(ownEvents(flow))
  for (index, state) in flow.states.enumerated() where state.kind == .plain && state.children.isEmpty {
    let taken = eventsTaken(in: flow.states.around(index), flow)
    guard !taken.isEmpty, taken.count < outside.count else { continue }
    let names = outside.subtracting(taken).sorted().map { "`\(context.symbols.events[$0].name.text)`" }
    guard !names.isEmpty else { continue }
    problems.append(
      Diagnostic(
        "F507", .info, "`\(state.path)` refuses \(names.joined(separator: ", "))", at: state.name.range,
        label: "not handled here", help: "add `ignore` or `defer` if they may arrive in this state"))
  }
}

private func handledEvents(_ flow: CheckedFlow) -> Set<Int> {
  var found = Set(flow.states.flatMap { $0.ignored + $0.deferred })
  for reaction in flow.reactions {
    if case .event(let event) = reaction.trigger { found.insert(event) }
  }
  return found
}

/// Events that the flow raises itself; they have no other source.
private func ownEvents(_ flow: CheckedFlow) -> Set<Int> {
  Set(
    allActs(flow).compactMap { act in
      if case .raise(let event, _) = act.kind { event } else { nil }
    })
}

private func eventsTaken(in states: [Int], _ flow: CheckedFlow) -> Set<Int> {
  var found = Set(states.flatMap { flow.states[$0].ignored + flow.states[$0].deferred })
  for index in states.flatMap({ flow.reactionsByState[$0] }) {
    if case .event(let event) = flow.reactions[index].trigger { found.insert(event) }
  }
  return found
}

/// Every action statement of a flow.
func allActs(_ flow: CheckedFlow) -> [CheckedActionStatement] {
  flow.states.flatMap { $0.entry + $0.exit } + flow.reactions.flatMap(\.rest.statements)
    + flow.starts.flatMap(\.rest.statements)
}

/// F713: flows that start each other through emitted events never end.
func checkEmitCycles(_ flows: [FlowSummary], into problems: inout [Diagnostic]) {
  var starters: [Int: [String]] = [:]
  for flow in flows {
    for event in flow.startsOn { starters[event, default: []].append(flow.name.text) }
  }
  let nodes = flows.map { flow in
    DependencyNode(
      name: flow.name.text, range: flow.name.range,
      needs: flow.emits.flatMap { emitted in (starters[emitted.event] ?? []).map { ($0, emitted.range) } })
  }
  var found: [Diagnostic] = []
  _ = ordered(
    nodes, code: "F713", message: { "flows start each other in a cycle: \($0)" },
    help: "give one of the starts a guard, or emit a different event", into: &found)
  problems += found.map { problem in
    var warning = problem
    warning.severity = .warning
    return warning
  }
}
