import CEL
public import FlowIR
import FlowMachine

/// Runs a flow many times with random events and results, and looks for faults: expressions that fail, invariants and
/// `never`s that would break, timers and results that fail, raised events that no state handles, endless reactions, and
/// instances that are stuck.
public struct Simulation {
  /// How many moves one run has at most.
  public static let maximumMoves = 40

  /// Something that should not be, with the shortest way to it that was found.
  public struct Finding: Sendable {
    public var message: String
    /// A `test` that goes that way.
    public var test: String
    public var moves: Int
    /// The number that gives the run again.
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
    values = RandomValues(program.flows[flow], in: program, stepper.machine.types)
  }

  /// Goes on until something is found or all runs are made. The same seed gives the same report.
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

  /// A way to a state; nil when none of so many random runs came there.
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

  /// Leaves out the moves that are not needed to come to the same.
  private func shortened(_ moves: [RunInput], _ isSame: (SimulatedRun) -> Bool) -> [RunInput] {
    var kept = moves
    while true {
      // What one move needed another for may be left out once that is gone.
      let shorter = shortenedOnce(kept, isSame)
      guard shorter.count < kept.count else { return kept }
      kept = shorter
    }
  }

  private func shortenedOnce(_ moves: [RunInput], _ isSame: (SimulatedRun) -> Bool) -> [RunInput] {
    var kept = moves
    var index = kept.count - 1
    while index >= 0 {
      var fewer = kept
      fewer.remove(at: index)
      var scene = SimulatedRun(self)
      for move in fewer where !isSame(scene) {
        scene.make(move)
        scene.checkStuck()
      }
      if isSame(scene) { kept = scene.moves }
      index = min(index, kept.count) - 1
    }
    return kept
  }

  private func text(of moves: [RunInput], _ problem: SimulatedProblem) -> String {
    let lines = moves.map { "  " + source(of: $0) }
    return "test \"\(problem.name)\" {\n" + lines.joined(separator: "\n") + "\n  \(problem.expectation)\n}\n"
  }

  private func source(of move: RunInput) -> String { move.testLine(in: stepper.machine, flow: flow) }
}

/// What a run came to that it should not have come to.
struct SimulatedProblem {
  /// The same for the same mistake in another run.
  var kind: String
  var name: String
  var message: String
  /// What a test says behind the moves.
  var expectation: String
}
