import CEL
public import FlowIR
import FlowMachine

/// Runs a flow many times with random events and results, and searches for faults: expressions that fail, violated
/// invariants and `never`s, failing timers and results, raised events that no state handles, endless reactions, and
/// stuck instances.
public struct Simulation {
  /// The maximum number of inputs of one run.
  public static let maximumMoves = 40

  /// A fault, with the shortest sequence of inputs found for it.
  public struct Finding: Sendable {
    public var message: String
    /// A `test` that reproduces it.
    public var test: String
    public var moves: Int
    /// The seed that reproduces the run.
    public var seed: UInt64
  }

  public struct Report: Sendable {
    public var runs = 0
    public var steps = 0
    public var finding: Finding?
    public var coverage: Coverage
  }

  let program: Program
  let flow: FlowIndex
  let stepper: Stepper
  let values: RandomValues

  /// - Throws: `ProgramError` when the program can't be run.
  public init(_ program: Program, flow: FlowIndex) throws(ProgramError) {
    self.program = program
    self.flow = flow
    stepper = Stepper(try Machine(program))
    values = RandomValues([program.flows[flow]], in: program, stepper.machine.types)
  }

  /// Runs until a fault is found or all runs are complete. The same seed gives the same report.
  public func run(count: Int, seed: UInt64) -> Report {
    var report = Report(coverage: Coverage(flowCount: program.flows.count))
    for index in 0..<max(count, 0) {
      let own = seed &+ UInt64(index)
      var chance = SeededRandom(seed: own)
      var scene = SimulatedRun(self)
      report.runs += 1
      while scene.moves.count < Simulation.maximumMoves, let move = scene.choose(&chance) {
        scene.make(move)
        scene.checkStuck()
        if scene.problem != nil { break }
      }
      report.steps += scene.moves.count
      report.coverage.add(scene.coverage)
      guard let problem = scene.problem else { continue }
      let moves = shortened(scene.moves) { $0.problem?.kind == problem.kind }
      report.finding = Finding(
        message: problem.message, test: text(of: moves, problem), moves: moves.count, seed: own)
      break
    }
    return report
  }

  /// A sequence of inputs that reaches a state; nil when none of `runs` random runs reached it.
  public func path(to state: StateIndex, runs: Int, seed: UInt64, isGivenUp: () -> Bool) -> [RunInput]? {
    for index in 0..<max(runs, 0) where !isGivenUp() {
      var chance = SeededRandom(seed: seed &+ UInt64(index))
      var scene = SimulatedRun(self)
      while scene.moves.count < Simulation.maximumMoves, !scene.isIn(state), let move = scene.choose(&chance) {
        scene.make(move)
      }
      guard scene.isIn(state) else { continue }
      return shortened(scene.moves) { $0.isIn(state) }
    }
    return nil
  }

  private func shortened(_ moves: [RunInput], _ isSame: (SimulatedRun) -> Bool) -> [RunInput] {
    FlowTesting.shortened(moves) { inputs in
      var scene = SimulatedRun(self)
      for input in inputs where !isSame(scene) {
        scene.make(input)
        scene.checkStuck()
      }
      return isSame(scene) ? scene.moves : nil
    }
  }

  private func text(of moves: [RunInput], _ problem: SimulatedProblem) -> String {
    let lines = moves.map { "  " + source(of: $0) }
    return "test \"\(problem.name)\" {\n" + lines.joined(separator: "\n") + "\n  \(problem.expectation)\n}\n"
  }

  private func source(of move: RunInput) -> String { move.testLine(in: stepper.machine, flow: flow) }
}
