public import FlowIR
import FlowMachine
import FlowTesting

/// Verifies flows that send each other events or call each other, with one instance of each.
///
/// The surroundings of each flow are the others: an internal event comes from them only, and a called flow ends as it
/// really does.
public struct GroupVerification {
  let program: Program
  let flows: [FlowIndex]
  let stepper: Stepper
  let simulation: GroupSimulation
  let maximumSituations: Int

  /// - Throws: `ProgramError` when the program can't be run.
  public init(
    _ program: Program, flows: [FlowIndex], maximumSituations: Int = Verification.usualSituations
  ) throws(ProgramError) {
    self.program = program
    self.flows = flows.sorted()
    self.maximumSituations = maximumSituations
    simulation = try GroupSimulation(program, flows: flows)
    stepper = simulation.stepper
  }

  /// The groups of flows of a program that reach each other, each with two flows or more.
  public static func groups(of program: Program) -> [[FlowIndex]] { GroupSimulation.groups(of: program) }

  /// Verifies the properties of all flows of the group: a report for each.
  /// - Parameter isGivenUp: Asked now and then; once it is true, the rest is unknown.
  public func run(isGivenUp: @escaping () -> Bool) -> [VerificationReport] {
    var graph = explored(Precision.levels[0], isGivenUp)
    for precision in Precision.levels.dropFirst()
    where graph.limitation != nil && graph.situations.count <= maximumSituations && !isGivenUp() {
      graph = explored(precision, isGivenUp)
    }
    let replay = GroupReplay(graph, stepper, simulation: simulation)
    return graph.group.members.indices.map { member in
      let decider = GroupDecider(
        graph: graph, replay: replay, stepper: stepper, simulation: simulation, member: member, isGivenUp: isGivenUp)
      var report = VerificationReport(
        flow: program.flows[flows[member]].name, situations: graph.situations.count,
        steps: graph.edges.reduce(0) { $0 + $1.count }, properties: decider.declared() + decider.general())
      report.partners = flows.filter { $0 != flows[member] }.map { program.flows[$0].name }
      return report
    }
  }

  private func explored(_ precision: Precision, _ isGivenUp: @escaping () -> Bool) -> GroupGraph {
    let group = Set(flows)
    let members = flows.map {
      GroupMember(program, $0, of: group, precision: precision, isGivenUp: isGivenUp)
    }
    let limit = precision.situations == .max ? maximumSituations : precision.situations * GroupVerification.factor
    return GroupGraph(
      FlowGroup(members, stepper), maximumSituations: Swift.min(maximumSituations, limit), isGivenUp: isGivenUp)
  }

  /// Situations of a group are cheaper than those of a flow, as the steps of its members are known.
  private static let factor = 8
}

/// Decides the properties of one flow of a group.
struct GroupDecider {
  let graph: GroupGraph
  let replay: GroupReplay
  let stepper: Stepper
  let simulation: GroupSimulation
  let member: Int
  let isGivenUp: () -> Bool

  var model: VerifiedFlow { graph.group.members[member].model }
  var flow: Flow { model.flow }

  func declared() -> [PropertyResult] {
    var found: [PropertyResult] = []
    for (position, invariant) in flow.invariants.enumerated() {
      found.append(result(.invariant, "invariant \(invariant.text)") { $0 == .invariant(position) })
    }
    for (position, property) in flow.properties.enumerated() {
      let text = flow.text(ofProperty: position)
      switch property {
      case .never: found.append(result(.never, text) { $0 == .never(position) })
      case .leadsTo(_, let second):
        let verdict = GroupLeadsTo(decider: self, position: position, second: second).verdict()
        found.append(PropertyResult(kind: .leadsTo, text: text, location: flow.location, verdict: verdict))
      }
    }
    return found
  }

  func general() -> [PropertyResult] {
    var found = failures()
    found.append(
      result(.raised, "every raised event is handled") { if case .raised = $0 { true } else { false } })
    found.append(
      result(.endless, "no reactions run on without end") { $0 == .endless || $0 == .endlessTimers })
    found.append(
      PropertyResult(
        kind: .incident, text: "no timer or result becomes an incident", location: flow.location,
        verdict: verdict(on: ownMistakes.filter { $0.key.mistake.isIncident })))
    return found + unused()
  }

  private func failures() -> [PropertyResult] {
    var locations: Set<SourceLocation> = []
    for key in ownMistakes.keys {
      if case .failed(let location, _) = key.mistake.refusal { locations.insert(location) }
    }
    if locations.isEmpty { return [result(.expression, "no expression fails") { _ in false }] }
    return locations.sorted { ($0.file, $0.line) < ($1.file, $1.line) }.map { location in
      result(.expression, "no expression at \(location.file):\(location.line) fails", at: location) {
        if case .failed(location, _) = $0 { true } else { false }
      }
    }
  }

  /// Reactions that never happen in the group.
  private func unused() -> [PropertyResult] {
    guard graph.limitation == nil else { return [] }
    return flow.transitions.indices.filter { !graph.taken[member].contains($0) }.map { index in
      let transition = flow.transitions[index]
      let source = transition.source == .root ? flow.name : flow.states[transition.source].path
      return PropertyResult(
        kind: .transition, text: "`\(transition.text(of: flow, in: model.program))` in `\(source)` can happen",
        location: transition.location,
        verdict: .refuted(
          CounterExample(
            severity: .warning, message: "it never happens: no situation enables it", moves: [], path: [],
            test: nil)))
    }
  }

  // MARK: - Mistakes

  private var ownMistakes: [GroupGraph.Mistake: [GroupGraph.Occurrence]] {
    graph.mistakes.filter { $0.key.member == member }
  }

  private func result(
    _ kind: PropertyResult.Kind, _ text: String, at location: SourceLocation? = nil,
    isMeant: (AbstractRefusal) -> Bool
  ) -> PropertyResult {
    PropertyResult(
      kind: kind, text: text, location: location ?? flow.location,
      verdict: verdict(on: ownMistakes.filter { isMeant($0.key.mistake.refusal) }))
  }

  private func verdict(on mistakes: [GroupGraph.Mistake: [GroupGraph.Occurrence]]) -> Verdict {
    for isIncident in [true, false] {
      let meant = mistakes.filter { $0.key.mistake.isIncident == isIncident }
      if !meant.isEmpty, let example = example(of: meant, isIncident: isIncident) { return .refuted(example) }
    }
    if let limitation = graph.limitation { return .unknown(reason: limitation) }
    return mistakes.isEmpty ? .proved(.together) : .unknown(reason: "a run was not found")
  }

  private func example(
    of mistakes: [GroupGraph.Mistake: [GroupGraph.Occurrence]], isIncident: Bool
  ) -> CounterExample? {
    let refusals = mistakes.keys.map(\.mistake.refusal)
    let goals = Set(mistakes.values.joined().map(\.situation))
    var message = ""
    let moves = replay.run(toward: goals, isGivenUp: isGivenUp) { system, first in
      guard let refusal = refusal(among: refusals, in: system.occurrences[first...]) else { return false }
      message = refusal.message
      return true
    }
    guard let moves else { return nil }
    return CounterExample(
      severity: isIncident ? .error : .info, message: message, moves: [], path: path(of: moves),
      test: simulation.test(of: moves, first: flow.name))
  }

  private func refusal(
    among expected: [AbstractRefusal], in occurrences: ArraySlice<VirtualSystem.Occurrence>
  ) -> Refusal? {
    for occurrence in occurrences where occurrence.name.flow == model.index {
      switch occurrence.outcome {
      case .refused(let refusal):
        if expected.contains(where: { $0.describes(refusal.reason, model) }) { return refusal }
      case .accepted(let step):
        for refused in step.refused
        where expected.contains(where: { $0.describes(refused.refusal.reason, model) }) {
          return refused.refusal
        }
      }
    }
    return nil
  }

  /// The active states of all flows before the first input and after each.
  func path(of moves: [SystemInput]) -> [[String]] {
    var system = VirtualSystem(stepper: stepper, flows: simulation.flows, now: TestRunner.start)
    var path: [[String]] = [[]]
    for move in moves {
      _ = system.make(move)
      path.append(
        system.names.flatMap { name in
          system.leafPaths(of: name).map { "\(model.program.flows[name.flow].name) \($0)" }
        })
    }
    return path
  }
}
