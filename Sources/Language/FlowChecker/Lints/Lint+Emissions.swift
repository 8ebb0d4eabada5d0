import CEL
import FlowIR
import FlowSource
import FlowSyntax

/// F804: an event that a flow emits and another flow accepts from any caller.
func checkForgeableEvents(_ flows: [FlowSummary], _ context: LintContext, into problems: inout [Diagnostic]) {
  // The first emission of each flow that emits an event.
  var emissions: [Int: [(flow: NameNode, range: SourceRange)]] = [:]
  for flow in flows {
    for (event, range) in flow.emits where emissions[event]?.last?.flow != flow.name {
      emissions[event, default: []].append((flow.name, range))
    }
  }
  for flow in flows {
    var reported: Set<Int> = []
    for (event, range) in flow.open where !context.symbols.events[event].isInternal {
      guard context.symbols.events[event].webhook == nil, context.symbols.events[event].queue == nil,
        let emission = emissions[event]?.first(where: { $0.flow != flow.name }), reported.insert(event).inserted
      else { continue }
      let name = context.symbols.events[event].name.text
      problems.append(
        Diagnostic(
          "F804", .warning, "any caller can send `\(name)`, which `\(emission.flow.text)` emits", at: range,
          label: "accepts it from any caller", labels: [.init(emission.range, "emitted here")],
          help: "declare it as `internal event \(name)`, or restrict the caller with `by`"))
    }
  }
}

/// F713: an instance that emits an event with its own key and handles that event itself.
func checkOwnEmissions(of flow: CheckedFlow, _ context: LintContext, into problems: inout [Diagnostic]) {
  guard let key = flow.key else { return }
  let slot = FrameLayout.firstField + key
  let name = flow.fields[key].name
  for act in allActs(flow) {
    guard case .emit(let event, let value, to: nil) = act.kind, hasKey(value, slot: slot, field: name),
      let reaction = flow.reactions.first(where: { if case .event(event) = $0.trigger { true } else { false } })
    else { continue }
    let text = context.symbols.events[event].name.text
    problems.append(
      Diagnostic(
        "F713", .warning, "`\(flow.node.name.text)` emits `\(text)` to itself", at: act.range,
        label: "has the key of this instance", labels: [.init(reaction.range, "taken here")],
        help: "use `raise` for an event inside of the instance, or emit another event"))
  }
}

/// F516: an internal event that a flow takes, and that no flow of the program emits or raises.
///
/// Events of a file without flows may be emitted by programs that are not seen here.
func checkUnsentEvents(
  _ flows: [FlowSummary], _ context: LintContext, using uses: ProgramUses, into problems: inout [Diagnostic]
) {
  let sent = flows.reduce(into: Set<Int>()) { $0.formUnion($1.raises.union($1.emits.map(\.event))) }
  let files = context.files.filter { $0.flowCount > 0 }.map(\.source.range)
  for (index, event) in context.symbols.events.enumerated() {
    let location = event.name.range
    let text = event.name.text
    let isOwn = text.contains(".")
    guard event.isInternal || isOwn, !sent.contains(index), !event.name.isMissing,
      uses.names.contains(isOwn ? String(text.split(separator: ".").last ?? "") : text),
      files.contains(where: { $0.lower <= location.lower && location.upper <= $0.upper })
    else { continue }
    problems.append(
      Diagnostic(
        "F516", .warning, "no flow \(isOwn ? "raises" : "emits or raises") `\(text)`", at: location,
        label: "never arrives", help: "\(isOwn ? "raise" : "emit") it in a flow, or remove it with its reactions"))
  }
}
