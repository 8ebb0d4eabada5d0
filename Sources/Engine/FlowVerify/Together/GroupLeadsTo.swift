import FlowIR
import FlowMachine
import FlowTesting

/// Decides `A leads to B` for one flow of a group, as ``LeadsTo`` does for a single flow.
struct GroupLeadsTo {
  let decider: GroupDecider
  let position: Int
  let second: StateIndex

  /// A timer or work of a member.
  private enum Own: Hashable {
    case timer(Int, Int)
    case work(Int, CallIndex)
    case undo(Int)
  }

  private var graph: GroupGraph { decider.graph }
  private var bit: UInt64 { 1 << UInt64(position) }
  private var name: String { decider.flow.states[second].path }

  func verdict() -> Verdict {
    let waiting = situationsThatWait()
    let ends = waiting.filter { situation in
      graph.situations[situation].pending.isEmpty && hasEnded(situation)
    }
    if !ends.isEmpty, let example = example(ends, "ends before it enters") { return .refuted(example) }
    let idle = waiting.filter { !hasEnded($0) && !graph.edges[$0].contains { isOwn($0) } }
    if !idle.isEmpty, let example = example(idle, "waits for an event that may never come, before it enters") {
      return .refuted(example)
    }
    let cycles = StrongComponents.find(waiting) { situation in
      graph.edges[situation].filter { continues($0) && waiting.contains($0.target) }.map(\.target)
    }
    if let limitation = graph.limitation { return .unknown(reason: limitation) }
    let isOpen = !ends.isEmpty || !idle.isEmpty || cycles.contains { isFair(Set($0)) }
    return isOpen ? .unknown(reason: "a run that never enters `\(name)` was not found") : .proved(.together)
  }

  private func hasEnded(_ situation: Int) -> Bool {
    let member = graph.group.members[decider.member]
    let state = graph.situations[situation].states[decider.member]
    return state == GroupMember.notStarted || !member.isRunning(state)
  }

  // MARK: - Waiting

  private func situationsThatWait() -> Set<Int> {
    var found: Set<Int> = []
    var open: [Int] = []
    for edges in graph.edges {
      for edge in edges where begins(edge) && found.insert(edge.target).inserted { open.append(edge.target) }
    }
    while let situation = open.popLast() {
      // A run that has ended does not wait any more.
      if hasEnded(situation), graph.situations[situation].pending.isEmpty { continue }
      for edge in graph.edges[situation] where continues(edge) && found.insert(edge.target).inserted {
        open.append(edge.target)
      }
    }
    return found
  }

  private func begins(_ edge: GroupGraph.Edge) -> Bool {
    guard edge.input?.member == decider.member, let outcome = edge.outcome else { return false }
    return outcome.entersFirst & bit != 0 && continues(edge)
  }

  private func continues(_ edge: GroupGraph.Edge) -> Bool {
    guard let outcome = edge.outcome else { return true }
    // Incidents are a property of their own.
    if outcome.isIncident { return false }
    return edge.input?.member != decider.member || outcome.entersSecond & bit == 0
  }

  // MARK: - Fairness

  private func isOwn(_ edge: GroupGraph.Edge) -> Bool {
    guard let input = edge.input else { return true }
    return input.isConsequence || own(input) != nil
  }

  private func own(_ input: FlowGroup.Input) -> Own? {
    switch input.input {
    case .timer(let timer): return .timer(input.member, timer)
    case .result(let call, _), .item(let call, _), .uncertain(let call, _):
      let row = graph.group.members[input.member].flow.calls[call]
      return row.policy.retries == nil ? nil : .work(input.member, call)
    case .undo: return .undo(input.member)
    case .start, .event, .message: return nil
    }
  }

  private func isFair(_ part: Set<Int>) -> Bool {
    var throughout: Set<Own>?
    var ending: Set<Own> = []
    for situation in part {
      var outstanding = Set(graph.edges[situation].compactMap { $0.input.flatMap(own) })
      for (index, member) in graph.group.members.enumerated() {
        let state = graph.situations[situation].states[index]
        outstanding.formUnion(member.executor.armed(in: member.states[state]).map { .timer(index, $0) })
      }
      // What follows a step does not hold up anything: only situations at rest count.
      if graph.situations[situation].pending.isEmpty {
        throughout = throughout?.intersection(outstanding) ?? outstanding
      }
      for edge in graph.edges[situation] where continues(edge) && part.contains(edge.target) {
        if let own = edge.input.flatMap(own) { ending.insert(own) }
        ending.formUnion(restarted(edge))
      }
    }
    return throughout.map { $0.isSubset(of: ending) } ?? true
  }

  private func restarted(_ edge: GroupGraph.Edge) -> Set<Own> {
    guard let input = edge.input, let outcome = edge.outcome else { return [] }
    let member = graph.group.members[input.member]
    var found = Set(
      (0..<member.model.layout.timerCount).filter { outcome.armed & (1 << UInt64($0 % 64)) != 0 }
        .map { Own.timer(input.member, $0) })
    for call in member.flow.calls.indices where outcome.started & (1 << UInt64(call.position % 64)) != 0 {
      found.insert(.work(input.member, call))
    }
    return found
  }

  // MARK: - Runs

  private func example(_ goals: Set<Int>, _ message: String) -> CounterExample? {
    var states: [String] = []
    let moves = decider.replay.run(toward: goals, isGivenUp: decider.isGivenUp) { system, first in
      let flow = decider.model.index
      guard let instance = system.names(of: flow).last, let value = system[instance], !value.active.contains(second),
        hasEntered(system, instance),
        value.status != .running || system.nextDue == nil && !system.work.contains(where: \.isOpen),
        !system.occurrences[first...].contains(where: { if case .refused = $0.outcome { true } else { false } })
      else { return false }
      states = system.leafPaths(of: instance)
      return true
    }
    guard let moves else { return nil }
    let shown = states.map { "`\($0)`" }.joined(separator: " and ")
    return CounterExample(
      severity: .error, message: "a run in \(shown) \(message) `\(name)`", moves: [],
      path: decider.path(of: moves),
      test: decider.simulation.test(
        of: moves, first: decider.flow.name,
        ending: "expect state \(states.joined(separator: ", "))"))
  }

  /// True if an instance has been in the first state, and not in the second one since.
  private func hasEntered(_ system: VirtualSystem, _ name: VirtualSystem.Name) -> Bool {
    guard case .leadsTo(let first, _) = decider.flow.properties[position] else { return false }
    var isWaiting = false
    for occurrence in system.occurrences where occurrence.name == name {
      guard case .accepted(let step) = occurrence.outcome else { continue }
      for transition in step.transitions {
        let entering = decider.model.transitions[transition].entering
        if entering.contains(first) { isWaiting = true }
        if entering.contains(second) { isWaiting = false }
      }
      if step.next.active.contains(first) { isWaiting = true }
      if step.next.active.contains(second) { isWaiting = false }
    }
    return isWaiting
  }
}
