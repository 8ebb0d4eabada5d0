import FlowSource
import FlowSyntax

/// F713: instances that answer each other's events without end.
func checkRelays(_ flows: [FlowSummary], _ context: LintContext, into problems: inout [Diagnostic]) {
  var search = RelaySearch(flows, context.symbols.flowIndices)
  for cycle in search.cycles() {
    let names = cycle.map { context.symbols.events[$0.relay.taken].name.text }
    let first = cycle[0]
    let list = names.map { "`\($0)`" }.joined(separator: " → ") + " → `\(names[0])`"
    problems.append(
      Diagnostic(
        "F713", .warning, "these events are emitted in reply to each other without end: \(list)", at: first.relay.range,
        label: "`\(first.flow)` replies to `\(names[0])`",
        labels: zip(cycle, names).dropFirst().map { .init($0.relay.range, "`\($0.flow)` replies to `\($1)`") },
        help: "give one of the reactions a guard, or let it lead to a state that does not react again"))
  }
}

/// Circles of events through the relays of several flows.
private struct RelaySearch {
  typealias Step = (flow: String, index: Int?, relay: EventRelay)
  /// The number of steps that are followed in total.
  private static let budget = 20_000

  private var byEvent: [Int: [Step]] = [:]
  private var remaining = RelaySearch.budget

  init(_ flows: [FlowSummary], _ indices: [String: Int]) {
    for flow in flows {
      for relay in flow.relays {
        byEvent[relay.taken, default: []].append((flow.name.text, indices[flow.name.text], relay))
      }
    }
  }

  /// Returns true if a step accepts the event that another one emits.
  private func accepts(_ step: Step, from sender: Step) -> Bool {
    step.relay.senders.map { senders in sender.index.map(senders.contains) ?? false } ?? true
  }

  /// The shortest circle of each set of events, from its first event on.
  mutating func cycles() -> [[Step]] {
    var found: [[Step]] = []
    var reported: Set<Set<Int>> = []
    for event in byEvent.keys.sorted() {
      var path: [Step] = []
      guard let cycle = extend(&path, from: event, to: event), reported.insert(Set(cycle.map(\.relay.taken))).inserted
      else { continue }
      found.append(cycle)
    }
    return found
  }

  /// A circle through events that are not before its first one, so that each is found once.
  private mutating func extend(_ path: inout [Step], from event: Int, to start: Int) -> [Step]? {
    for step in byEvent[event] ?? [] {
      guard remaining > 0 else { return nil }
      remaining -= 1
      if let last = path.last, !accepts(step, from: last) { continue }
      let next = step.relay.emitted
      path.append(step)
      defer { path.removeLast() }
      if next == start, accepts(path[0], from: step), isEndless(path) { return path }
      guard next > start, !path.contains(where: { $0.relay.taken == next }) else { continue }
      if let found = extend(&path, from: next, to: start) { return found }
    }
    return nil
  }

  /// Starts that start each other, and an event that an instance sends to itself, have messages of their own.
  private func isEndless(_ cycle: [Step]) -> Bool {
    guard !cycle.allSatisfy(\.relay.isStart) else { return false }
    return Set(cycle.map(\.flow)).count > 1 || cycle.count > 1 && cycle.allSatisfy(\.relay.isOwn)
  }
}
