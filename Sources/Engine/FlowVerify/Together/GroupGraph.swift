import FlowIR

/// The situations that a group of flows may reach, and the steps between them.
struct GroupGraph {
  struct Edge {
    var target: Int
    /// The input of the step; nil when a message is not delivered.
    var input: FlowGroup.Input?
    var outcome: GroupMember.Outcome?
  }

  struct Occurrence {
    var situation: Int
    var input: FlowGroup.Input
  }

  /// A mistake of one member.
  struct Mistake: Hashable {
    var member: Int
    var mistake: AbstractGraph.Mistake
  }

  let group: FlowGroup
  private(set) var situations: [FlowGroup.Situation] = []
  private(set) var edges: [[Edge]] = []
  private(set) var mistakes: [Mistake: [Occurrence]] = [:]
  private(set) var taken: [Set<Int>]
  private(set) var usedStarts: [Set<Int>]
  /// The reason that the graph is incomplete; nil when it holds every run.
  private(set) var limitation: String?
  private var numbers: [FlowGroup.Situation: Int] = [:]

  /// The number of consequences that may wait at the same time.
  private static let maximumPending = 12

  /// Explores a group, breadth first.
  init(_ group: FlowGroup, maximumSituations: Int, isGivenUp: () -> Bool) {
    self.group = group
    taken = group.members.map { _ in [] }
    usedStarts = group.members.map { _ in [] }
    limitation = GroupGraph.unfollowed(group)
    _ = insert(group.initial)
    var next = 0
    while next < situations.count, limitation == nil {
      if isGivenUp() { limitation = "the time is up after \(situations.count) situations" }
      if situations.count > maximumSituations { limitation = "more than \(maximumSituations) situations" }
      if limitation == nil { expand(next) }
      next += 1
    }
    noteEndlessTimers()
  }

  private mutating func noteEndlessTimers() {
    for (number, member) in group.members.enumerated() {
      let timers = member.executor.endlessTimers
      let mistake = Mistake(
        member: number, mistake: AbstractGraph.Mistake(refusal: .endlessTimers, isIncident: true))
      for (situation, edges) in edges.enumerated() where !timers.isEmpty {
        for edge in edges {
          guard let input = edge.input, input.member == number, case .timer(let timer) = input.input,
            timers.contains(timer)
          else { continue }
          mistakes[mistake, default: []].append(Occurrence(situation: situation, input: input))
        }
      }
    }
  }

  /// The reason that a group can't be followed.
  private static func unfollowed(_ group: FlowGroup) -> String? {
    for member in group.members where member.flow.starts.contains(where: { $0.trigger == .called }) {
      let emits = member.model.states.flatMap(\.exit).contains { statement in
        if case .emit = statement.kind { true } else { false }
      }
      if emits { return "`emit` in an `exit` of `\(member.flow.name)`, which another flow may cancel, is not followed" }
    }
    return nil
  }

  private mutating func insert(_ situation: FlowGroup.Situation) -> Int {
    if let known = numbers[situation] { return known }
    numbers[situation] = situations.count
    situations.append(situation)
    edges.append([])
    return situations.count - 1
  }

  private mutating func expand(_ number: Int) {
    let situation = situations[number]
    if !situation.pending.isEmpty, mayBeDropped(situation) {
      var next = situation
      next.pending.removeFirst()
      add(Edge(target: insert(next), input: nil, outcome: nil), to: number)
    }
    for input in group.inputs(of: situation) {
      let member = group.members[input.member]
      let state = state(for: input, in: situation)
      for outcome in member.outcomes(of: input.input, from: state) {
        for mistake in outcome.mistakes {
          mistakes[Mistake(member: input.member, mistake: mistake), default: []]
            .append(Occurrence(situation: number, input: input))
        }
        taken[input.member].formUnion(outcome.taken)
        if let start = outcome.start { usedStarts[input.member].insert(start) }
        let next = group.next(situation, after: input, outcome)
        if next.pending.count > GroupGraph.maximumPending {
          limitation = "more than \(GroupGraph.maximumPending) events that wait for their delivery"
          return
        }
        if outcome.isRefused, next == situation { continue }
        add(Edge(target: insert(next), input: input, outcome: outcome), to: number)
        if case .message(_, to: _, isRepeated: true)? = situation.pending.first {
          var again = next
          again.pending.insert(situation.pending[0], at: 0)
          add(Edge(target: insert(again), input: input, outcome: outcome), to: number)
        }
      }
      if let reason = member.executor.limitation {
        limitation =
          member.executor.isTimeUp
          ? "the time is up after \(situations.count) situations" : "\(reason) is not followed"
        return
      }
    }
  }

  /// The situation of a member before an input: a start begins from nothing.
  func state(for input: FlowGroup.Input, in situation: FlowGroup.Situation) -> Int {
    switch input.input {
    case .start: return GroupMember.notStarted
    case .message(_, start: let start) where start != nil: return GroupMember.notStarted
    default: return situation.states[input.member]
    }
  }

  /// True if an event may reach no one: it is addressed to another member, or no start accepts it.
  private func mayBeDropped(_ situation: FlowGroup.Situation) -> Bool {
    switch situation.pending[0] {
    case .event: true
    case .message(_, to: let member, isRepeated: let isRepeated):
      isRepeated || !group.members[member].isRunning(situation.states[member])
    }
  }

  private mutating func add(_ edge: Edge, to number: Int) {
    let isKnown = edges[number].contains {
      $0.target == edge.target && $0.input == edge.input && $0.outcome?.entersFirst == edge.outcome?.entersFirst
        && $0.outcome?.entersSecond == edge.outcome?.entersSecond && $0.outcome?.armed == edge.outcome?.armed
        && $0.outcome?.started == edge.outcome?.started && $0.outcome?.isIncident == edge.outcome?.isIncident
    }
    if !isKnown { edges[number].append(edge) }
  }
}
