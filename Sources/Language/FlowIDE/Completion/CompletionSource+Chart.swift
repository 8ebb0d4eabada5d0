import FlowSource
import FlowSyntax

// States, events, callers and callees.
extension CompletionSource {
  func afterArrow() -> [CompletionItem] {
    switch context.block?.kind {
    case nil: types()
    case .action: failureCodes()
    default: states(from: state).map(withArguments)
    }
  }

  /// The state with its required fields, for a target.
  private func withArguments(_ item: CompletionItem) -> CompletionItem {
    guard let chart, let target = chart.resolve(item.label.split(separator: ".").map(String.init), from: state)?.last
    else { return item }
    return inserting(chart.states[target].node?.fields ?? [], brackets: ("(", ")"), after: item)
  }

  /// The item with the required ones of some fields in brackets; the same item when none is required.
  private func inserting(
    _ fields: [FieldNode], brackets: (open: String, close: String), after item: CompletionItem
  ) -> CompletionItem {
    let required = fields.filter { $0.defaultValue == nil && !$0.type.isOptional }
    guard !required.isEmpty else { return item }
    var made = item
    let parts = required.enumerated().map { "\($1.name.text): ${\($0 + 1):\($1.name.text)}" }
    made.insertion = item.label + brackets.open + parts.joined(separator: ", ") + brackets.close
    made.isSnippet = true
    return made
  }

  /// The states that a reaction in a state may lead to: those that nothing leads to yet, then its neighbors, then the
  /// others; states of other regions are left out, because no reaction may lead there.
  func states(from source: Int) -> [CompletionItem] {
    guard let chart else { return [] }
    let around = chart.ancestors(of: source)
    return chart.states.indices.dropFirst().compactMap { target -> CompletionItem? in
      guard chart.states[target].node?.kind != .region, !isInOtherRegion(target, from: source, chart) else {
        return nil
      }
      let isNear = around.contains(chart.states[target].parent)
      let isReached = !chart.incoming(to: target).isEmpty
      var rank = (isReached ? 1 : 0) + (isNear ? 0 : 2)
      if target == source { rank = 8 } else if around.contains(target) { rank = 7 }
      return CompletionItem(
        chart.shortestPath(to: target, from: source), .state, detail: title(chart.states[target]),
        documentation: chart.states[target].node?.documentation ?? "", rank: rank)
    }
  }

  private func title(_ state: Chart.State) -> String {
    switch state.node?.kind {
    case .final: "final state"
    case .failed: "failed state"
    case .parallel: "parallel state"
    default: "state"
    }
  }

  private func isInOtherRegion(_ target: Int, from source: Int, _ chart: Chart) -> Bool {
    let outer = Set(chart.ancestors(of: source))
    let path = chart.ancestors(of: target)
    return path.contains { chart.states[$0].node?.kind == .region && !outer.contains($0) }
      && path.contains { chart.states[$0].node?.kind == .parallel && outer.contains($0) }
  }

  // MARK: - Events

  /// The triggers that the state does not answer yet: events, then the completion of its calls.
  func triggers() -> [CompletionItem] {
    guard let chart else { return events(rank: 0, isFiltered: false) }
    var found = events(rank: 0, isFiltered: true)
    let node = chart.states[state].node
    for call in (node?.calls ?? []) + (node?.steps.flatMap(\.steps) ?? []) {
      guard let name = (call.name ?? call.action.names.last)?.text, !name.isEmpty else { continue }
      let items = call.loop == nil ? [] : ["\(name).item.done", "\(name).item.failed"]
      found += (["\(name).done", "\(name).failed"] + items).filter { !isAnswered($0, chart) }
        .map { CompletionItem($0, .event, detail: "call of \(call.action.text)", rank: 0) }
    }
    if !chart.states[state].children.isEmpty || node?.steps.isEmpty == false { found.append(general("done", rank: 1)) }
    if node?.steps.isEmpty == false { found.append(general("failed", rank: 1)) }
    return found + [general("error", rank: 4), general("any", rank: 4)]
  }

  private func general(_ name: String, rank: Int) -> CompletionItem {
    let details = [
      "done": "the states or steps inside are complete", "failed": "a step has failed",
      "error": "a step of the engine failed",
      "any": "every other event",
    ]
    return CompletionItem(name, .keyword, detail: details[name] ?? "", rank: rank)
  }

  /// True if the state answers a trigger in every case.
  private func isAnswered(_ trigger: String, _ chart: Chart) -> Bool {
    chart.ownAnswers(to: trigger, in: state).contains {
      $0.isUnconditional && !isAtCursor($0)
    }
  }

  /// True for the reaction that is being written.
  private func isAtCursor(_ answer: Chart.Answer) -> Bool {
    guard case .reaction(let node) = answer.treatment else { return false }
    return node.range.lower <= context.word.lower && context.word.lower <= node.range.upper
  }

  /// The events of the program.
  /// - Parameter isFiltered: True to leave out those that the state answers in every case, and to put inherited ones
  ///   last.
  func events(rank: Int, isFiltered: Bool) -> [CompletionItem] {
    let all = names.order.compactMap { entity -> (label: String, name: String)? in
      guard case .event(let name) = entity else { return nil }
      guard let dot = name.firstIndex(of: ".") else { return (name, name) }
      guard String(name[..<dot]) == flow else { return nil }
      return (String(name[name.index(after: dot)...]), name)
    }
    return all.compactMap { label, name in
      var location = rank
      if isFiltered, let chart {
        if isAnswered(label, chart) { return nil }
        let found = chart.answers(to: label, in: state).filter { !isAtCursor($0) }
        if found.contains(where: { $0.state == state }) { location += 1 } else if !found.isEmpty { location += 2 }
      }
      let definition = names.definitions[.event(name)]
      return CompletionItem(
        label, .event, detail: fieldList(name), documentation: definition?.documentation ?? "", rank: location)
    }
  }

  /// The events that start no instance yet.
  func startEvents() -> [CompletionItem] {
    let used = Set(
      (chart?.flow.starts ?? []).flatMap { start -> [String] in
        guard case .on(let events, _) = start.trigger else { return [] }
        return events.filter { $0.range != context.word }.map(\.text)
      })
    return events(rank: 0, isFiltered: false).filter { !used.contains($0.label) }
  }

  private func fieldList(_ event: String) -> String {
    guard let fields = names.events[event]?.fields, !fields.isEmpty else { return "event" }
    return "{ " + fields.map { "\($0.name.text): \(names.type(of: $0.type))" }.joined(separator: ", ") + " }"
  }

  /// Events with their required fields.
  func payloads() -> [CompletionItem] {
    events(rank: 0, isFiltered: false).map { item in
      let name = names.event(item.label, flow: flow) ?? item.label
      return inserting(names.events[name]?.fields ?? [], brackets: ("{", "}"), after: item)
    }
  }

  // MARK: - Callers and callees

  func callers() -> [CompletionItem] {
    names.roles.map { CompletionItem($0, .role, detail: "role") }
      + names.flows.filter { $0 != flow }.map { CompletionItem($0, .flow, detail: "flow", rank: 1) }
  }

  /// The flows with a place for the key of an instance.
  func instances() -> [CompletionItem] {
    names.flows.map { name in
      let hasKey = names.charts[name]?.flow.key != nil
      return CompletionItem(
        name, .flow, detail: "instance of a flow", insertion: hasKey ? "\(name)[\"${1:key}\"]" : name,
        isSnippet: hasKey)
    }
  }

  func flows() -> [CompletionItem] { names.flows.map { CompletionItem($0, .flow, detail: "flow") } }

  /// - Parameter isCall: True to insert the arguments.
  func callees(isCall: Bool) -> [CompletionItem] {
    names.order.compactMap { entity in
      let name: String
      let kind: CompletionItem.Kind
      switch entity {
      case .action(let action): (name, kind) = (action, .action)
      case .flow(let flow) where names.charts[flow]?.flow.parameters != nil: (name, kind) = (flow, .flow)
      default: return nil
      }
      return callee(name, kind, isCall: isCall)
    }
  }

  func callee(_ name: String, _ kind: CompletionItem.Kind, isCall: Bool, rank: Int = 0) -> CompletionItem {
    let definition = names.definitions[kind == .action ? .action(name) : .flow(name)]
    let required = (names.parameters(ofCallee: name) ?? []).filter { $0.defaultValue == nil && !$0.type.isOptional }
    let arguments = required.enumerated().map { "\($1.name.text): ${\($0 + 1):\($1.name.text)}" }
    return CompletionItem(
      name, kind, detail: definition?.signature ?? "", documentation: definition?.documentation ?? "",
      insertion: isCall ? "\(name)(\(arguments.joined(separator: ", ")))" : name,
      isSnippet: isCall && !arguments.isEmpty, rank: rank)
  }

  func failureCodes() -> [CompletionItem] {
    let callee = context.name(of: .action)
    return names.order.compactMap { entity in
      guard case .failure(let code, let action) = entity, callee == nil || callee == action else { return nil }
      return CompletionItem(code, .code, detail: "failure of \(action)")
    }
  }
}
