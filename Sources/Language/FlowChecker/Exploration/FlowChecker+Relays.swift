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
}

/// The relays of a flow, each once: the statements of equal ones may differ.
private struct RelayCollector {
  private struct Key: Hashable {
    let taken: Int
    let emitted: Int
    let senders: Set<Int>?
    let isStart: Bool
  }

  private(set) var found: [EventRelay] = []
  private var keys: Set<Key> = []

  mutating func add(_ relay: EventRelay) {
    let key = Key(taken: relay.taken, emitted: relay.emitted, senders: relay.senders, isStart: relay.isStart)
    if keys.insert(key).inserted { found.append(relay) }
  }
}

extension FlowChecker {
  /// The relays of a flow: circles of configurations that only unguarded reactions to events lead through, and starts.
  func relays(in graph: StateGraph) -> [EventRelay] {
    var search = ComponentSearch(graph) { isCertainReply($0) }
    for node in graph.nodes.indices where search.numbers[node] == 0 { search.visit(node) }
    var collector = RelayCollector()
    for component in search.found {
      // Steps to the same node are followed by the same ones.
      var following: [Int: [CheckedActionStatement]] = [:]
      for edge in component.sorted().flatMap({ graph.outgoing[$0] }).map({ graph.edges[$0] })
      where component.contains(edge.to) && isCertainReply(edge) {
        let taking = edge.reactions.filter { event(of: reactions[$0].trigger) != nil }
        guard let event = taking.first.flatMap({ event(of: reactions[$0].trigger) }) else { continue }
        let next = following[edge.to] ?? immediateEmissions(from: edge.to, within: component, graph)
        following[edge.to] = next
        add(
          event, from: senders(taking.map { reactions[$0].rest }), emissions: emissions(of: edge, graph) + next,
          to: &collector)
      }
    }
    for start in starts where start.rest.guardExpression == nil {
      guard case .event(let event, _) = start.trigger, let target = start.rest.target else { continue }
      let emissions = certainEmissions(start.rest.statements + entryActs(target))
      add(event, from: senders([start.rest]), emissions: emissions, isStart: true, to: &collector)
    }
    return collector.found
  }

  /// The flows whose events reactions accept; nil for any.
  private func senders(_ rests: [CheckedTransitionTail]) -> Set<Int>? {
    rests.contains { $0.senders.isEmpty } ? nil : Set(rests.flatMap(\.senders))
  }

  /// The emissions of the steps that follow immediately from a node: only they, and the step to the node, reply to its
  /// event.
  private func immediateEmissions(
    from node: Int, within component: Set<Int>, _ graph: StateGraph
  ) -> [CheckedActionStatement] {
    var found: [CheckedActionStatement] = []
    var visited: Set<Int> = []
    var waiting = [node]
    while let node = waiting.popLast() {
      guard visited.insert(node).inserted else { continue }
      for index in graph.outgoing[node] where graph.edges[index].isImmediate {
        let next = graph.edges[index]
        guard isCertainReply(next), component.contains(next.to) else { continue }
        found += emissions(of: next, graph)
        waiting.append(next.to)
      }
    }
    return found
  }

  private func add(
    _ event: Int, from senders: Set<Int>?, emissions: [CheckedActionStatement], isStart: Bool = false,
    to collector: inout RelayCollector
  ) {
    for act in emissions {
      guard case .emit(let emitted, let value, to: _) = act.kind else { continue }
      let isOwn = key.map { hasKey(value, slot: FrameLayout.firstField + $0, field: fields[$0].name) } ?? false
      collector.add(
        EventRelay(taken: event, emitted: emitted, senders: senders, range: act.range, isOwn: isOwn, isStart: isStart))
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
    // The functions refer to the states alone, and copy no checker.
    let entered = after.filter { [states] state in
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
