public import FlowIR
import FlowMachine
import FlowTesting

/// Verifies the properties of one flow: explores the abstract situations that it may reach, and searches for a run for
/// each one that a property rules out.
///
/// ```swift
/// let report = try Verification(program, flow: flow).run(isGivenUp: { false })
/// ```
public struct Verification {
  /// The number of abstract situations that are examined by default.
  public static let usualSituations = 100_000

  let model: VerifiedFlow
  let stepper: Stepper
  let maximumSituations: Int
  let solver: (any PathSolver)?

  /// - Parameter solver: Recognizes ways through a step that no values take, where exploration leaves a property open.
  /// - Throws: `ProgramError` when the program can't be run.
  public init(
    _ program: Program, flow: FlowIndex, maximumSituations: Int = Verification.usualSituations,
    solver: (any PathSolver)? = nil
  ) throws(ProgramError) {
    self.solver = solver
    stepper = Stepper(try Machine(program))
    model = VerifiedFlow(program, flow: flow)
    self.maximumSituations = maximumSituations
  }

  /// Verifies all properties.
  /// - Parameter isGivenUp: Asked now and then; once it is true, the rest is unknown.
  public func run(isGivenUp: @escaping () -> Bool) -> VerificationReport {
    var level = 0
    let first = explore(solver: nil, proof: .exploration, &level, isGivenUp)
    guard let solver, first.hasUnknown, !isGivenUp() else { return first }
    var second = explore(solver: solver, proof: .solver, &level, isGivenUp)
    let proved = Set(first.properties.filter { if case .proved = $0.verdict { true } else { false } }.map(\.text))
    for index in second.properties.indices {
      guard case .proved = second.properties[index].verdict, proved.contains(second.properties[index].text) else {
        continue
      }
      second.properties[index].verdict = .proved(.exploration)
    }
    let isBetter = second.undecidedCount < first.undecidedCount
    return isBetter ? second : first
  }

  private func explore(
    solver: (any PathSolver)?, proof: Proof, _ level: inout Int, _ isGivenUp: @escaping () -> Bool
  ) -> VerificationReport {
    var (executor, graph) = explored(solver, level: level, isGivenUp)
    while graph.limitation != nil, level + 1 < Precision.levels.count, graph.states.count <= maximumSituations,
      !isGivenUp()
    {
      level += 1
      (executor, graph) = explored(solver, level: level, isGivenUp)
    }
    let replay = Replay(model, executor: executor, graph: graph, stepper: stepper)
    let decider = Decider(
      model: model, executor: executor, graph: graph, replay: replay, stepper: stepper, proof: proof,
      isGivenUp: isGivenUp)
    let results = decider.declared() + decider.general()
    return VerificationReport(
      flow: model.flow.name, situations: graph.states.count, steps: graph.edges.count, properties: results)
  }

  private func explored(
    _ solver: (any PathSolver)?, level: Int, _ isGivenUp: @escaping () -> Bool
  ) -> (Executor, AbstractGraph) {
    let precision = Precision.levels[level]
    let executor = Executor(model, solver: solver, precision: precision, isGivenUp: isGivenUp)
    let graph = AbstractGraph(
      executor, maximumStates: Swift.min(maximumSituations, precision.situations),
      maximumMicrosteps: precision.microsteps, isGivenUp: isGivenUp)
    return (executor, graph)
  }
}

/// Decides the properties of a flow from its graph.
struct Decider {
  let model: VerifiedFlow
  let executor: Executor
  let graph: AbstractGraph
  let replay: Replay
  let stepper: Stepper
  /// The method of a proof from the graph.
  let proof: Proof
  let isGivenUp: () -> Bool

  var flow: Flow { model.flow }

  /// The properties that the flow declares.
  func declared() -> [PropertyResult] {
    var found: [PropertyResult] = []
    for (position, invariant) in flow.invariants.enumerated() {
      found.append(
        PropertyResult(
          kind: .invariant, text: "invariant \(invariant.text)", location: flow.location,
          decision: decision(on: { $0 == .invariant(position) }, name: "would break the invariant")))
    }
    for (position, property) in flow.properties.enumerated() {
      let text = flow.text(ofProperty: position)
      switch property {
      case .never:
        found.append(
          PropertyResult(
            kind: .never, text: text, location: flow.location,
            decision: decision(on: { $0 == .never(position) }, name: "would break `\(text)`")))
      case .leadsTo(let first, let second):
        let verdict = LeadsTo(decider: self, position: position, first: first, second: second).verdict()
        found.append(PropertyResult(kind: .leadsTo, text: text, location: flow.location, verdict: verdict))
      }
    }
    return found
  }

  /// The properties that every flow should have.
  func general() -> [PropertyResult] {
    var found = [stuck()]
    found += failures()
    found.append(
      general(.raised, text: "every raised event is handled", name: "raises an event that no state handles") {
        if case .raised = $0 { true } else { false }
      })
    found.append(
      general(.endless, text: "no reactions run on without end", name: "runs without end") {
        $0 == .endless || $0 == .endlessTimers
      })
    if !model.deferrable.isEmpty {
      found.append(
        general(.deferred, text: "no more events are deferred than are kept", name: "defers too many events") {
          $0 == .tooManyDeferred
        })
    }
    found.append(incidents())
    return found + deadTransitions() + unreachableStates()
  }

  private func general(
    _ kind: PropertyResult.Kind, text: String, name: String, isMeant: (AbstractRefusal) -> Bool
  ) -> PropertyResult {
    PropertyResult(kind: kind, text: text, location: flow.location, decision: decision(on: isMeant, name: name))
  }

  // MARK: - Mistakes

  /// The verdict on a kind of refusal: it never happens, it happens in a run, or neither is known. Incidents weigh more
  /// than refusals.
  private func decision(on isMeant: (AbstractRefusal) -> Bool, name: String) -> Decision {
    let meant = graph.mistakes.filter { isMeant($0.key.refusal) }
    for isIncident in [true, false] {
      let occurrences = meant.filter { $0.key.isIncident == isIncident }
      guard !occurrences.isEmpty else { continue }
      if let example = example(of: occurrences, name: name) { return Decision(.refuted(example)) }
    }
    return openDecision(on: meant)
  }

  /// The verdict on mistakes that no run was found for.
  private func openDecision(on meant: [AbstractGraph.Mistake: [AbstractGraph.Occurrence]]) -> Decision {
    if meant.isEmpty { return Decision(graph.limitation.map { .unknown(reason: $0) } ?? .proved(proof)) }
    if graph.limitation == nil, let found = provedBySolver(meant) {
      return Decision(.proved(found.proof), facts: found.facts)
    }
    let first = meant.min { String(describing: $0.key) < String(describing: $1.key) }?.value.first
    return Decision(.unknown(reason: first.map(undecided) ?? ""))
  }

  private func example(
    of mistakes: [AbstractGraph.Mistake: [AbstractGraph.Occurrence]], name: String
  ) -> CounterExample? {
    let refusals = Set(mistakes.keys.map(\.refusal))
    let isIncident = mistakes.keys.contains { $0.isIncident }
    let guide = Guide(graph, occurrences: mistakes.values.flatMap { $0 })
    let isGoal = { (run: VirtualRun, events: [VirtualRun.RunEvent]) -> Bool in
      self.refusal(among: refusals, in: events) != nil
    }
    let short: [RunInput]
    if let moves = replay.run(along: guide, isGivenUp: isGivenUp, isGoal: isGoal) {
      short = Shortener(stepper: stepper, flow: model.index).shortened(moves, isGoal)
    } else {
      guard refusals == [.tooManyDeferred], let moves = deferredTooOften(mistakes, isGoal) else { return nil }
      short = moves
    }
    var run = VirtualRun(stepper: stepper, flow: model.index, now: TestRunner.start)
    var message = name
    for move in short {
      if let refusal = refusal(among: refusals, in: run.make(move) ?? []) { message = refusal.message }
    }
    return CounterExample(
      severity: isIncident ? .error : .info, message: message, moves: short, path: path(of: short),
      test: test(name, short, expectation: isIncident ? "expect incident" : "expect refused"))
  }

  /// A run that sends an event again and again where it is deferred.
  private func deferredTooOften(
    _ mistakes: [AbstractGraph.Mistake: [AbstractGraph.Occurrence]],
    _ isGoal: (VirtualRun, [VirtualRun.RunEvent]) -> Bool
  ) -> [RunInput]? {
    for occurrence in mistakes.values.joined().prefix(8) {
      let isThere = { (run: VirtualRun, _: [VirtualRun.RunEvent]) in self.replay.matches(run, occurrence.state) }
      guard case .event = occurrence.input,
        let moves = replay.run(
          along: Guide(graph, goals: [occurrence.state]), isGivenUp: isGivenUp, isGoal: isThere)
      else { continue }
      var run = VirtualRun(stepper: stepper, flow: model.index, now: TestRunner.start)
      for move in moves { _ = run.make(move) }
      let targets = Set(graph.edges(of: occurrence.state).filter { $0.input == occurrence.input }.map(\.target))
      for attempt in replay.moves(for: occurrence.input, at: occurrence.state, toward: targets, run).prefix(4) {
        guard let move = attempt.last, attempt.count == 1 else { continue }
        var again = run
        for count in 1...Stepper.maximumDeferred + 1 {
          guard let events = again.make(move) else { break }
          if isGoal(again, events) { return moves + Array(repeating: move, count: count) }
          if events.contains(where: { if case .refused = $0.outcome { true } else { false } }) { break }
        }
      }
    }
    return nil
  }

  /// The refusal of a run that is one of those that the abstraction expects.
  private func refusal(among expected: Set<AbstractRefusal>, in events: [VirtualRun.RunEvent]) -> Refusal? {
    for event in events {
      switch event.outcome {
      case .refused(let refusal):
        if expected.contains(where: { $0.describes(refusal.reason, model) }) { return refusal }
      case .accepted(let step):
        for refused in step.refused where expected.contains(where: { $0.describes(refused.refusal.reason, model) }) {
          return refused.refusal
        }
      }
    }
    return nil
  }

  /// Expressions that fail, each with its location.
  private func failures() -> [PropertyResult] {
    var locations: [SourceLocation: NodeIndex] = [:]
    for mistake in graph.mistakes.keys {
      if case .failed(let location, let node) = mistake.refusal { locations[location] = node }
    }
    guard !locations.isEmpty else {
      return [general(.expression, text: "no expression fails", name: "fails") { _ in false }]
    }
    return locations.keys.sorted { ($0.file, $0.line) < ($1.file, $1.line) }.map { location in
      let isMeant = { (refusal: AbstractRefusal) in
        if case .failed(location, _) = refusal { true } else { false }
      }
      return PropertyResult(
        kind: .expression, text: "no expression at \(location.file):\(location.line) fails", location: location,
        decision: decision(on: isMeant, name: "fails at \(location.line)"))
    }
  }

  private func incidents() -> PropertyResult {
    let incidents = graph.mistakes.filter(\.key.isIncident)
    let decision: Decision
    if !incidents.isEmpty, let example = example(of: incidents, name: "becomes an incident") {
      decision = Decision(.refuted(example))
    } else {
      decision = openDecision(on: incidents)
    }
    return PropertyResult(
      kind: .incident, text: "no timer or result becomes an incident", location: flow.location, decision: decision)
  }

  /// The expressions that kept an abstract step from being decided.
  func undecided(_ occurrence: AbstractGraph.Occurrence) -> String {
    var names: [String] = []
    var failing: String?
    executor.execute(occurrence.input, from: graph.states[occurrence.state]) { result in
      switch result.kind {
      case .refused(let refusal) where refusal.isMistake, .incident(let refusal) where refusal.isMistake:
        if case .failed(_, let node) = refusal { failing = failing ?? model.graph.shownName(of: node) }
        for name in result.undecided.map(model.graph.shownName(of:)) where !names.contains(name) { names.append(name) }
      default: break
      }
    }
    let list = names.prefix(3).joined(separator: ", ")
    let reason = names.isEmpty ? "a run was not found" : "a run was not found, and \(list) was not decided"
    return failing.map { "\($0) may fail: \(reason)" } ?? reason
  }

  // MARK: - Text

  func test(_ name: String, _ moves: [RunInput], expectation: String) -> String {
    // In a test, timers that are due already fire without a statement.
    let shown = moves.filter { if case .advance(0) = $0 { false } else { true } }
    let lines = shown.map { "  " + $0.testLine(in: stepper.machine, flow: model.index) } + ["  \(expectation)"]
    return "test \"\(flow.name) \(name.replacing("\"", with: "'"))\" {\n" + lines.joined(separator: "\n") + "\n}\n"
  }

  func path(of moves: [RunInput]) -> [[String]] {
    var run = VirtualRun(stepper: stepper, flow: model.index, now: TestRunner.start)
    var path: [[String]] = [[]]
    for move in moves {
      _ = run.make(move)
      path.append(run.leafPaths)
    }
    return path
  }
}
