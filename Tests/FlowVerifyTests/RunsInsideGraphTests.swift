import CEL
import FlowCompiler
import FlowGenerator
import FlowIR
import FlowMachine
import FlowTestSupport
import Foundation
import Testing

@testable import FlowTesting
@testable import FlowVerify

/// The situations of random runs are situations of the abstract graph, step by step. A proof is then never contradicted
/// by a run.
@Suite struct RunsInsideGraphTests {
  /// The number of random runs of each flow that are followed step by step.
  private static let runs = Soundness.isLong ? 1500 : 60

  static let samples = [
    "approval", "automation", "board", "drip", "order", "pipeline", "process", "payments/card", "payments/transfer",
    "approvals/access", "approvals/quorum", "operations/canary", "operations/incident", "devices/alarm",
    "devices/rollout", "devices/twin",
  ]

  @Test("Random runs of the samples stay inside the abstract graph", arguments: samples)
  func samplesStayInside(_ name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../samples")
    let compilation = compile(folder.appending(path: "\(name).flow").path(percentEncoded: false)) { path in
      (try? Data(contentsOf: URL(filePath: path))).map { Array($0) }
    }
    try check(try #require(compilation.program), runs: Self.runs)
  }

  @Test("Random runs of random programs stay inside the abstract graph", arguments: 1...40)
  func randomProgramsStayInside(_ seed: Int) throws {
    let text = generateProgram(seed: UInt64(seed), size: 2 + seed % 5)
    let compilation = compile("random.flow") { _ in Array(text.utf8) }
    guard let program = compilation.program else { return }
    try check(program, runs: Self.runs / 3)
  }

  private func check(_ program: Program, runs: Int) throws {
    for flow in program.flows.indices {
      let simulation = try Simulation(program, flow: flow)
      let model = VerifiedFlow(program, flow: flow)
      let executor = Executor(model)
      var budget = 3000
      let graph = AbstractGraph(executor, maximumStates: 3000) {
        budget -= 1
        return budget < 0
      }
      guard graph.limitation == nil else { continue }
      let tracker = RunTracker(model, executor, graph, simulation.stepper)
      for seed in 0..<runs {
        var chance = SeededRandom(seed: UInt64(seed))
        var scene = SimulatedRun(simulation)
        var possible: Set<Int> = [0]
        while scene.moves.count < 25, let move = scene.choose(&chance) {
          let events = scene.make(move)
          guard let next = tracker.follow(possible, move, events, to: scene.run) else {
            Issue.record("\(program.flows[flow].name), seed \(seed): \(tracker.text(of: scene.moves))")
            return
          }
          possible = next
        }
      }
    }
  }
}

/// Follows a run through an abstract graph.
private struct RunTracker {
  let model: VerifiedFlow
  let graph: AbstractGraph
  let replay: Replay
  let stepper: Stepper

  init(_ model: VerifiedFlow, _ executor: Executor, _ graph: AbstractGraph, _ stepper: Stepper) {
    self.model = model
    self.graph = graph
    self.stepper = stepper
    replay = Replay(model, executor: executor, graph: graph, stepper: stepper)
  }

  func text(of moves: [RunInput]) -> String {
    moves.map { $0.testLine(in: stepper.machine, flow: model.index) }.joined(separator: "\n")
  }

  /// The abstract states that a run may be in after a move; nil when there is none, or when a mistake is not expected.
  func follow(
    _ states: Set<Int>, _ move: RunInput, _ events: [VirtualRun.RunEvent], to run: VirtualRun
  ) -> Set<Int>? {
    var current = states
    for event in events {
      switch event.outcome {
      case .accepted(let step):
        guard Set(step.transitions).isSubset(of: graph.takenTransitions) else { return nil }
        for refused in step.refused where !isExpected(refused.refusal, isIncident: false) { return nil }
        current = Set(current.flatMap { graph.edges(of: $0).map(\.target) }).union(current)
      case .refused(let refusal):
        let isIncident = if case .send = move { false } else if case .start = move { false } else { true }
        guard isExpected(refusal, isIncident: isIncident) else { return nil }
        if isIncident { current = Set(current.flatMap { graph.edges(of: $0).map(\.target) }).union(current) }
      }
    }
    guard run.instance != nil else { return states }
    let found = current.filter { replay.matches(run, $0) && isArmed(run, $0) }
    return found.isEmpty ? nil : found
  }

  private func isArmed(_ run: VirtualRun, _ state: Int) -> Bool {
    guard let instance = run.instance, instance.status == .running else { return true }
    let layout = model.layout
    let cells = Array(graph.states[state])
    let armed = (0..<layout.timerCount).filter { cells[layout.armed + $0 / 32] & (1 << Int32($0 % 32)) != 0 }
    return Set(armed.map { model.timers[$0] }).isSuperset(of: instance.timers.map(\.transition))
  }

  private func isExpected(_ refusal: Refusal, isIncident: Bool) -> Bool {
    graph.mistakes.keys.contains { mistake in
      guard mistake.isIncident || !isIncident else { return false }
      switch (refusal.reason, mistake.refusal) {
      case (.failed(_, let location), .failed(let expected, _)): return location == expected
      case (.invariant(let text, _), .invariant(let position)): return text == model.flow.invariants[position].text
      case (.invariant(let text, _), .never(let position)): return text == model.flow.text(ofProperty: position)
      case (.raised(let name, _), .raised(let event)): return name == model.program.events[event].name
      case (.tooManyMicrosteps, .endless), (.tooManyDeferred, .tooManyDeferred): return true
      default: return false
      }
    } || !isMistake(refusal)
  }

  private func isMistake(_ refusal: Refusal) -> Bool {
    switch refusal.reason {
    case .failed, .invariant, .raised, .tooManyMicrosteps, .tooManyDeferred: true
    default: false
    }
  }
}
