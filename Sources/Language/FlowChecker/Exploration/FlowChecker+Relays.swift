import CEL
import FlowIR
import FlowSource

/// A flow emits an event whenever it receives another, and afterwards is able to do the same again.
struct EventRelay {
  var taken: Int
  var emitted: Int
  /// The flows from which the event is accepted; nil for any sender.
  var senders: Set<Int>?
  /// The statement that emits.
  var range: SourceRange
  /// True if the emitted event has the key of the instance that emits it.
  var isOwn: Bool
  /// True if each event starts another instance.
  var isStart = false

  /// True if both relay the same event of the same senders; the statements may differ.
  fileprivate func isSame(as other: EventRelay) -> Bool {
    taken == other.taken && emitted == other.emitted && senders == other.senders && isStart == other.isStart
  }
}

extension FlowChecker {
  /// The relays of a flow: circles of configurations that only unguarded reactions to events lead through, and starts.
  func relays(in graph: StateGraph) -> [EventRelay] {
    var search = ComponentSearch(graph) { isCertainReply($0) }
    for node in graph.nodes.indices where search.numbers[node] == 0 { search.visit(node) }
    var found: [EventRelay] = []
    for component in search.found {
      let edges = component.sorted().flatMap { graph.outgoing[$0] }.map { graph.edges[$0] }
        .filter { isCertainReply($0) && component.contains($0.to) }
      for edge in edges {
        let taking = edge.reactions.filter { event(of: reactions[$0].trigger) != nil }
        guard let event = taking.first.flatMap({ event(of: reactions[$0].trigger) }) else { continue }
        add(
          event, from: senders(taking.map { reactions[$0].rest }),
          emissions: macrostep(from: edge, within: component, graph).flatMap { emissions(of: $0, graph) }, to: &found)
      }
    }
    for start in starts where start.rest.guardExpression == nil {
      guard case .event(let event, _) = start.trigger, let target = start.rest.target else { continue }
      add(
        event, from: senders([start.rest]), emissions: certainEmissions(start.rest.statements + entryActs(target)),
        isStart: true, to: &found)
    }
    return found
  }

  /// The flows whose events reactions accept; nil for any.
  private func senders(_ rests: [CheckedTransitionTail]) -> Set<Int>? {
    rests.contains { $0.senders.isEmpty } ? nil : Set(rests.flatMap(\.senders))
  }

  /// A step, and those that follow it immediately: only they emit in reply to its event.
  private func macrostep(
    from edge: StateGraph.Edge, within component: Set<Int>, _ graph: StateGraph
  ) -> [StateGraph.Edge] {
    var found = [edge]
    var visited: Set<Int> = []
    var waiting = [edge.to]
    while let node = waiting.popLast() {
      guard visited.insert(node).inserted else { continue }
      for next in graph.outgoing[node].map({ graph.edges[$0] })
      where next.isImmediate && isCertainReply(next) && component.contains(next.to) {
        found.append(next)
        waiting.append(next.to)
      }
    }
    return found
  }

  private func add(
    _ event: Int, from senders: Set<Int>?, emissions: [CheckedActionStatement], isStart: Bool = false,
    to found: inout [EventRelay]
  ) {
    for act in emissions {
      guard case .emit(let emitted, let value, to: _) = act.kind else { continue }
      let isOwn = key.map { hasKey(value, slot: FrameLayout.firstField + $0, field: fields[$0].name) } ?? false
      let relay = EventRelay(
        taken: event, emitted: emitted, senders: senders, range: act.range, isOwn: isOwn, isStart: isStart)
      guard !found.contains(where: { $0.isSame(as: relay) }) else { continue }
      found.append(relay)
    }
  }

  /// Returns whether a step follows an event for certain, without calls and timers.
  private func isCertainReply(_ edge: StateGraph.Edge) -> Bool {
    (edge.held + edge.failed).map { reactions[$0].rest }.allSatisfy { $0.guardExpression == nil && $0.roles.isEmpty }
      && edge.reactions.allSatisfy { index in
        switch reactions[index].trigger {
        case .event, .always: true
        case .done: !calls.contains { $0.isStep && $0.state == reactions[index].source }
        default: false
        }
      }
  }

  private func event(of trigger: CheckedReaction.Trigger) -> Int? {
    if case .event(let event) = trigger { event } else { nil }
  }

  /// The statements that a step performs without a condition and that emit.
  private func emissions(of edge: StateGraph.Edge, _ graph: StateGraph) -> [CheckedActionStatement] {
    let before = statesAround(graph.nodes[edge.from].leaves)
    let after = statesAround(graph.nodes[edge.to].leaves)
    let targets = edge.reactions.compactMap { reactions[$0].rest.target }
    let entered = after.filter { state in
      !before.contains(state) || targets.contains { ($0..<states[$0].end).contains(state) }
    }
    return certainEmissions(
      edge.reactions.flatMap { reactions[$0].rest.statements } + entered.flatMap { states[$0].entry })
  }

  /// The entry actions of a state, of those around it, and of its initial states.
  private func entryActs(_ target: Int) -> [CheckedActionStatement] {
    var inner = target
    while let initial = states[inner].initial { inner = initial }
    return statesAround([inner]).sorted().flatMap { states[$0].entry }
  }

  private func certainEmissions(_ statements: [CheckedActionStatement]) -> [CheckedActionStatement] {
    statements.filter { act in
      guard case .emit = act.kind else { return false }
      return act.condition == nil && act.loop == nil
    }
  }
}

/// Returns whether an event is built with the value of a data field as the member of that name.
func hasKey(_ value: CheckedExpression, slot: Int, field name: String) -> Bool {
  guard case .record(_, let members) = value.tree.kind, let member = members.first(where: { $0.field == name }) else {
    return false
  }
  return isVariable(member.value, slot)
}

private func isVariable(_ tree: TypedExpression, _ slot: Int) -> Bool {
  switch tree.kind {
  case .variable(_, slot): true
  case .named(let definition): isVariable(definition.body, slot)
  default: false
  }
}
