import FlowIR
import FlowMachine
import FlowTesting

/// Decides `A leads to B`: every run that enters A enters B at that time or later.
///
/// Assumed is that time passes, so that a timer that stays armed fires, and that requested work ends. Nothing is
/// assumed of events from outside: they may never come, or come without end.
struct LeadsTo {
  let decider: Decider
  let position: Int
  let first: StateIndex
  let second: StateIndex

  private var graph: AbstractGraph { decider.graph }
  private var bit: UInt64 { 1 << UInt64(position) }

  func verdict() -> Verdict {
    let waiting = statesThatWait()
    var isUndecided = false
    let ends = waiting.filter { decider.status($0) == 1 || decider.status($0) == 2 }
    if !ends.isEmpty {
      if let example = example(ends, "ends before it enters") { return .refuted(example) }
      isUndecided = true
    }
    let idle = waiting.filter { decider.status($0) == 0 && !isBusy($0) }
    if !idle.isEmpty {
      if let example = example(idle, "waits for an event that may never come, before it enters") {
        return .refuted(example)
      }
      isUndecided = true
    }
    for cycle in fairCycles(in: waiting) {
      if let example = lasso(cycle) { return .refuted(example) }
      isUndecided = true
    }
    if isUndecided { return .unknown(reason: "a run that never enters `\(decider.name(second))` was not found") }
    return graph.limitation.map { .unknown(reason: $0) } ?? .proved(decider.proof)
  }

  /// The situations of runs that have entered the first state and not the second one since.
  private func statesThatWait() -> Set<Int> {
    var found: Set<Int> = []
    var open: [Int] = []
    for state in 0..<graph.edgeStarts.count {
      for edge in graph.edges(of: state) where begins(edge) && found.insert(edge.target).inserted {
        open.append(edge.target)
      }
    }
    while let state = open.popLast() {
      for edge in graph.edges(of: state) where continues(edge) && found.insert(edge.target).inserted {
        open.append(edge.target)
      }
    }
    return found
  }

  private func begins(_ edge: AbstractGraph.Edge) -> Bool { edge.entersFirst & bit != 0 && continues(edge) }

  /// True if a run still waits after the step. Incidents are a property of their own.
  private func continues(_ edge: AbstractGraph.Edge) -> Bool { edge.entersSecond & bit == 0 && !edge.isIncident }

  private func isBusy(_ state: Int) -> Bool { graph.edges(of: state).contains { isOwn($0.input) } }

  /// True if an input comes by itself, without an event from outside.
  private func isOwn(_ input: AbstractInput) -> Bool {
    switch input {
    case .timer: true
    case .result(let call, _), .item(let call, _), .uncertain(let call, _):
      decider.flow.calls[call].policy.retries != nil
    case .undo: true
    case .start, .event, .message: false
    }
  }

  // MARK: - Runs

  /// The graph with two nodes for each state: the second one for runs that wait.
  private func guide(goals: Set<Int>) -> Guide {
    let count = graph.states.count
    var edges: [[Guide.Edge]] = Array(repeating: [], count: 2 * count)
    for state in 0..<count {
      for edge in graph.edges(of: state) {
        let target = begins(edge) ? count + edge.target : edge.target
        edges[state].append(Guide.Edge(target: target, input: edge.input))
        if edge.entersSecond & bit == 0 {
          edges[count + state].append(Guide.Edge(target: count + edge.target, input: edge.input))
        }
      }
    }
    return Guide(
      states: Array(0..<count) + Array(0..<count), edges: edges, goals: Set(goals.map { count + $0 }))
  }

  private func example(_ goals: Set<Int>, _ what: String) -> CounterExample? {
    let isGoal = { (run: VirtualRun, events: [VirtualRun.RunEvent]) -> Bool in
      !events.contains { if case .refused = $0.outcome { true } else { false } } && self.isLost(run)
    }
    guard let moves = decider.replay.run(along: guide(goals: goals), isGivenUp: decider.isGivenUp, isGoal: isGoal)
    else { return nil }
    var run = VirtualRun(stepper: decider.stepper, flow: decider.model.index, now: TestRunner.start)
    for move in moves { _ = run.make(move) }
    return counterExample(of: run, after: moves, saying: "\(what) `\(decider.name(second))`")
  }

  /// True if a run has ended, or has nothing left that happens by itself.
  private func isLost(_ run: VirtualRun) -> Bool {
    guard let instance = run.instance, !instance.active.contains(second) else { return false }
    return instance.status != .running || run.nextTimer == nil && !run.outstanding.contains(where: \.isAwaited)
  }

  private func counterExample(of run: VirtualRun, after moves: [RunInput], saying what: String) -> CounterExample {
    let names = run.leafPaths.map { "`\($0)`" }.joined(separator: " and ")
    let title = "\(decider.name(first)) does not lead to \(decider.name(second))"
    return CounterExample(
      severity: .error, message: "a run in \(names) \(what)", moves: moves, path: decider.path(of: moves),
      test: decider.test(title, moves, expectation: "expect state \(run.leafPaths.joined(separator: ", "))"))
  }

  // MARK: - Cycles

  /// The strongly connected parts of the waiting situations in which a run may stay indefinitely.
  private func fairCycles(in waiting: Set<Int>) -> [Set<Int>] {
    StrongComponents.find(waiting) { state in
      graph.edges(of: state).filter { continues($0) && waiting.contains($0.target) }.map(\.target)
    }.filter { isFair(Set($0)) }.map { Set($0) }
  }

  /// True if each timer and each work that is outstanding throughout a part ends in it.
  private func isFair(_ part: Set<Int>) -> Bool {
    var throughout: Set<Own>?
    var ending: Set<Own> = []
    for state in part {
      let outstanding = Set(graph.edges(of: state).compactMap { own($0.input) })
        .union(decider.executor.armed(in: graph.states[state]).map { Own.timer($0) })
      throughout = throughout?.intersection(outstanding) ?? outstanding
      for edge in graph.edges(of: state) where edge.entersSecond & bit == 0 && part.contains(edge.target) {
        if let own = own(edge.input) { ending.insert(own) }
        // A step that leaves the state of a timer or a call and enters it again restarts them.
        ending.formUnion(restarted(edge))
      }
    }
    return throughout.map { $0.isSubset(of: ending) } ?? true
  }

  private enum Own: Hashable {
    case timer(Int)
    case work(CallIndex)
    case undo
  }

  private func own(_ input: AbstractInput) -> Own? {
    guard isOwn(input) else { return nil }
    switch input {
    case .timer(let timer): return .timer(timer)
    case .result(let call, _), .item(let call, _), .uncertain(let call, _): return .work(call)
    case .undo: return .undo
    case .start, .event, .message: return nil
    }
  }

  private func restarted(_ edge: AbstractGraph.Edge) -> Set<Own> {
    var found = Set(
      (0..<decider.model.layout.timerCount).filter { edge.armed & (1 << UInt64($0)) != 0 }.map { Own.timer($0) })
    for call in decider.flow.calls.indices where edge.started & (1 << UInt64(call.position % 64)) != 0 {
      found.insert(.work(call))
    }
    return found
  }

  /// A run that goes round a part and comes back to the same situation.
  private func lasso(_ part: Set<Int>) -> CounterExample? {
    guard let start = part.min() else { return nil }
    let inner = guide(goals: part)
    // A stem to the part, and then a way inside of it that repeats a situation.
    let stem = decider.replay.run(along: inner, isGivenUp: decider.isGivenUp) { run, _ in
      self.decider.replay.matches(run, start) || part.contains { self.decider.replay.matches(run, $0) }
    }
    guard let stem else { return nil }
    var run = VirtualRun(stepper: decider.stepper, flow: decider.model.index, now: TestRunner.start)
    for move in stem { _ = run.make(move) }
    guard let loop = loop(from: run, in: part) else { return nil }
    for move in loop { _ = run.make(move) }
    return counterExample(
      of: run, after: stem + loop, saying: "can repeat indefinitely, without entering `\(decider.name(second))`")
  }

  /// A way from a run to the same situation, within a part of the graph.
  private func loop(from origin: VirtualRun, in part: Set<Int>) -> [RunInput]? {
    let goal = decider.replay.situation(origin)
    var open: [(run: VirtualRun, moves: [RunInput])] = [(origin, [])]
    var seen: Set<Replay.Situation?> = []
    var next = 0
    while next < open.count, open.count < 2000, !decider.isGivenUp() {
      let (run, moves) = open[next]
      next += 1
      for state in part where decider.replay.matches(run, state) {
        for edge in graph.edges(of: state) where edge.entersSecond & bit == 0 && part.contains(edge.target) {
          for attempt in decider.replay.moves(for: edge.input, at: state, toward: [edge.target], run) {
            var after = run
            guard attempt.allSatisfy({ after.make($0) != nil }), decider.replay.matches(after, edge.target) else {
              continue
            }
            let situation = decider.replay.situation(after)
            if situation == goal { return moves + attempt }
            if seen.insert(situation).inserted { open.append((after, moves + attempt)) }
          }
        }
      }
    }
    return nil
  }
}
