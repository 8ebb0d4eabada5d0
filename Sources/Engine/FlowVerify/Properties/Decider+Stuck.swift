import FlowIR
import FlowMachine
import FlowTesting

// Situations from which an instance can't continue.
extension Decider {
  /// True if every situation has a way to an end; in parts of a flow that have no end, if
  /// something can still happen.
  func stuck() -> PropertyResult {
    PropertyResult(kind: .stuck, text: "no instance gets stuck", location: flow.location, verdict: stuckVerdict())
  }

  private func stuckVerdict() -> Verdict {
    let regular = graph.statesWithoutIncident()
    let running = (0..<graph.states.count).filter { regular.contains($0) && status($0) == 0 }
    let ending = statesThatEnd()
    let isEnding = running.reduce(into: Set<Int>()) { found, state in
      if leaves(state).allSatisfy(ending.contains) { found.insert(state) }
    }
    if graph.limitation == nil {
      let possible = backward(from: (0..<graph.states.count).filter { status($0) == 1 || status($0) == 2 })
      let stranded = Set(
        running.filter { state in
          isEnding.contains(state) ? !possible.contains(state) : graph.edges(of: state).isEmpty
        })
      if !stranded.isEmpty {
        if let example = example(stranded) { return .refuted(example) }
        return .unknown(reason: "`\(leafNames(stranded.min() ?? 0))` has no way on, and a run to it was not found")
      }
    }
    if let limitation = graph.limitation { return .unknown(reason: limitation) }
    let certain = certainlyEnding(isEnding)
    guard let open = running.first(where: { !certain.contains($0) }) else { return .proved(proof) }
    return .unknown(reason: "the ways out of `\(leafNames(open))` depend on \(conditions(at: open))")
  }

  private func example(_ stranded: Set<Int>) -> CounterExample? {
    let guide = Guide(graph, goals: stranded)
    let isGoal = { (run: VirtualRun, events: [VirtualRun.RunEvent]) in
      stranded.contains { self.replay.matches(run, $0) }
        && !events.contains { if case .refused = $0.outcome { true } else { false } }
        && self.isStranded(run, stranded)
    }
    guard let moves = replay.run(along: guide, isGivenUp: isGivenUp, isGoal: isGoal) else { return nil }
    var run = VirtualRun(stepper: stepper, flow: model.index, now: TestRunner.start)
    for move in moves { _ = run.make(move) }
    let names = run.leafPaths.map { "`\($0)`" }.joined(separator: " and ")
    return CounterExample(
      severity: .error, message: "no event, timer or result can ever lead from \(names) to an end", moves: moves,
      path: path(of: moves),
      test: test(
        "is stuck in \(run.leafPaths.joined(separator: " and "))", moves,
        expectation: "expect state \(run.leafPaths.joined(separator: ", "))"))
  }

  /// True if all situations that a run may be in, as far as states, data, timers and calls show, have no way on.
  private func isStranded(_ run: VirtualRun, _ stranded: Set<Int>) -> Bool {
    (0..<graph.states.count).allSatisfy { stranded.contains($0) || !hasSameWork(run, $0) || !replay.matches(run, $0) }
  }

  private func hasSameWork(_ run: VirtualRun, _ state: Int) -> Bool {
    guard let instance = run.instance else { return false }
    let layout = model.layout
    let cells = Array(graph.states[state])
    let armed = (0..<layout.timerCount).filter { cells[layout.armed + $0 / 32] & (1 << Int32($0 % 32)) != 0 }
    let calls = flow.calls.indices.filter { cells[layout.calls + $0.position] != 0 }
    return Set(armed.map { model.timers[$0] }) == Set(instance.timers.map(\.transition))
      && Set(calls) == Set(instance.calls.map(\.call))
  }

  // MARK: - Ways to an end

  private func leaves(_ state: Int) -> [StateIndex] {
    let active = flow.states.indices.filter { isActive($0, state) && $0 != .root }
    return active.filter { leaf in !active.contains { $0 > leaf && $0 < flow.states[leaf].end } }
  }

  /// The states from which an end could be reached if every guard held.
  private func statesThatEnd() -> Set<StateIndex> {
    var found = Set(flow.states.indices.filter { flow.states[$0].isFinal })
    var isChanged = true
    while isChanged {
      isChanged = false
      for index in flow.states.indices where !found.contains(index) && flow.states[index].children.isEmpty {
        let around = sequence(first: index) { $0 == .root ? nil : flow.states[$0].parent }
        let targets = around.flatMap { flow.states[$0].transitions }.flatMap { model.transitions[$0].entering }
        if targets.contains(where: found.contains) {
          found.insert(index)
          isChanged = true
        }
      }
    }
    return found
  }

  private func backward(from targets: [Int]) -> Set<Int> {
    let before = graph.predecessors()
    var found = Set(targets)
    var open = targets
    while let state = open.popLast() {
      for previous in before[state] where found.insert(Int(previous)).inserted { open.append(Int(previous)) }
    }
    return found
  }

  /// The situations from which the environment can bring about an end whatever the data are: by an event or a result of
  /// its choice, or by waiting, when each timer that may be due first leads on.
  private func certainlyEnding(_ isEnding: Set<Int>) -> Set<Int> {
    var found: Set<Int> = []
    for state in 0..<graph.states.count {
      let isEnded = status(state) == 1 || status(state) == 2
      let goesOn = !isEnding.contains(state) && graph.edges(of: state).contains(where: \.isCertain)
      if isEnded || goesOn { found.insert(state) }
    }
    let before = graph.predecessors()
    var open = Array(found)
    while let state = open.popLast() {
      for previous in before[state].map(Int.init) where !found.contains(previous) && leads(previous, to: found) {
        found.insert(previous)
        open.append(previous)
      }
    }
    return found
  }

  private func leads(_ state: Int, to found: Set<Int>) -> Bool {
    var timers: Set<Int> = []
    for input in executor.inputs(of: graph.states[state]) {
      if case .timer(let timer) = input { timers.insert(timer) }
    }
    for edge in graph.edges(of: state) where edge.isCertain && found.contains(edge.target) {
      guard case .timer(let timer) = edge.input else { return true }
      timers.remove(timer)
      if timers.isEmpty { return true }
    }
    return false
  }

  /// The conditions that were not decided in the steps of a situation.
  private func conditions(at state: Int) -> String {
    var names: [String] = []
    for input in executor.inputs(of: graph.states[state]) {
      executor.execute(input, from: graph.states[state]) { result in
        for name in result.undecided.map(model.graph.shownName(of:)) where !names.contains(name) { names.append(name) }
      }
    }
    return names.isEmpty ? "values that are not followed" : names.prefix(3).joined(separator: ", ")
  }
}
