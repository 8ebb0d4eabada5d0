public import FlowIR
public import FlowMachine

/// Runs flows that emit to, start or call each other together, with random events and results, and searches for the
/// faults that ``Simulation`` searches for in each flow alone.
public struct GroupSimulation {
  public let program: Program
  /// In the order of the program.
  public let flows: [FlowIndex]
  /// Those that another one calls.
  let called: Set<FlowIndex>
  public let stepper: Stepper
  let values: RandomValues

  /// - Throws: `ProgramError` when the program can't be run.
  public init(_ program: Program, flows: [FlowIndex]) throws(ProgramError) {
    self.program = program
    self.flows = flows.sorted()
    called = flows.reduce(into: []) { $0.formUnion(program.flows[$1].calledFlows) }
    stepper = Stepper(try Machine(program))
    values = RandomValues(self.flows.map { program.flows[$0] }, in: program, stepper.machine.types)
  }

  /// The groups of flows of a program that reach each other, each with two flows or more.
  public static func groups(of program: Program) -> [[FlowIndex]] {
    var group = program.flows.indices.map { $0.position }
    func join(_ a: FlowIndex, _ b: FlowIndex) {
      let (low, high) = (min(group[a.position], group[b.position]), max(group[a.position], group[b.position]))
      for index in group.indices where group[index] == high { group[index] = low }
    }
    for (index, flow) in program.flows.indexed {
      for callee in flow.calledFlows { join(index, callee) }
      for event in flow.emittedEvents {
        for receiver in program.flows.indices where program.flows[receiver].reacts(to: event) {
          join(index, receiver)
        }
      }
    }
    return Set(group).sorted().map { number in program.flows.indices.filter { group[$0.position] == number } }
      .filter { $0.count > 1 }
  }

  /// Runs until a fault is found or all runs are complete. The same seed gives the same report.
  public func run(count: Int, seed: UInt64) -> Simulation.Report {
    var report = Simulation.Report(coverage: Coverage(flowCount: program.flows.count))
    for index in 0..<max(count, 0) {
      let own = seed &+ UInt64(index)
      var chance = SeededRandom(seed: own)
      var scene = SimulatedSystem(self)
      report.runs += 1
      for _ in 0..<Simulation.maximumMoves {
        guard scene.problem == nil, let input = scene.choose(&chance) else { break }
        scene.make(input)
      }
      report.steps += scene.moves.count
      report.coverage.add(scene.coverage)
      guard let problem = scene.problem else { continue }
      let moves = shortened(scene.moves) { inputs in
        let again = run(inputs, until: problem.kind)
        return again.problem?.kind == problem.kind ? again.moves : nil
      }
      report.finding = Simulation.Finding(
        message: problem.message, test: text(of: moves, problem.kind), moves: moves.count, seed: own)
      break
    }
    return report
  }

  /// The inputs of one random run.
  public func inputs(seed: UInt64) -> [SystemInput] {
    var chance = SeededRandom(seed: seed)
    var scene = SimulatedSystem(self)
    for _ in 0..<Simulation.maximumMoves {
      guard let input = scene.choose(&chance) else { break }
      scene.make(input)
    }
    return scene.moves
  }

  private func run(_ inputs: [SystemInput], until kind: String) -> SimulatedSystem {
    var scene = SimulatedSystem(self)
    for input in inputs where scene.problem?.kind != kind { scene.make(input) }
    return scene
  }

  /// A `test` that makes inputs, with an expectation after each that is refused.
  /// - Parameters:
  ///   - first: The tested flow.
  ///   - ending: The last line; nil for the expectation of the fault that the inputs show.
  public func test(of moves: [SystemInput], first: String, ending: String? = nil) -> String {
    var scene = SimulatedSystem(self)
    var lines: [String] = []
    for move in moves {
      lines.append(move.testLine(in: scene.system))
      lines += scene.make(move)
    }
    if let last = ending ?? scene.problem?.expectation, !last.isEmpty, lines.last != last { lines.append(last) }
    let others = flows.map { program.flows[$0].name }.filter { $0 != first }
    let body = lines.map { "  " + $0 }.joined(separator: "\n")
    let name = ending == nil ? scene.problem?.name ?? "is refused" : "ends without what it leads to"
    return "test \"\(first) \(name)\" with \(([first] + others).joined(separator: ", ")) {\n\(body)\n}\n"
  }

  /// The test that repeats the inputs, with an expectation after each that is refused.
  private func text(of moves: [SystemInput], _ kind: String) -> String {
    var scene = SimulatedSystem(self)
    var lines: [String] = []
    for move in moves {
      lines.append(move.testLine(in: scene.system))
      lines += scene.make(move)
    }
    if let last = scene.problem?.expectation, !last.isEmpty, lines.last != last { lines.append(last) }
    let first = scene.failed ?? flows[0]
    let names = ([first] + flows.filter { $0 != first }).map { program.flows[$0].name }.joined(separator: ", ")
    let body = lines.map { "  " + $0 }.joined(separator: "\n")
    return "test \"\(scene.problem?.name ?? kind)\" with \(names) {\n\(body)\n}\n"
  }
}

extension Flow {
  /// Returns true if an event starts the flow, or one of its reactions names it.
  fileprivate func reacts(to event: EventIndex) -> Bool {
    starts.contains { $0.event == event } || transitions.contains { $0.trigger == .event(event) }
  }

  /// The flows that the flow calls.
  fileprivate var calledFlows: Set<FlowIndex> {
    Set(calls.compactMap { if case .flow(let flow) = $0.target { flow } else { nil } })
  }
}
