import FlowIR
import FlowMachine
import FlowTesting

/// Leaves out the moves of a run that are not needed to reach its goal.
struct Shortener {
  let stepper: Stepper
  let flow: FlowIndex

  /// A run whose moves are all accepted, except the last.
  /// - Parameter isGoal: Whether a run has reached the goal with its last move.
  func shortened(
    _ moves: [RunInput], _ isGoal: (VirtualRun, [VirtualRun.RunEvent]) -> Bool
  ) -> [RunInput] {
    var kept = reaching(moves, isGoal) ?? moves
    var isChanged = true
    while isChanged {
      isChanged = false
      for index in kept.indices.reversed() {
        var fewer = kept
        fewer.remove(at: index)
        guard let shorter = reaching(fewer, isGoal), shorter.count < kept.count else { continue }
        kept = shorter
        isChanged = true
        break
      }
    }
    return kept
  }

  /// The moves up to the goal; nil when they do not reach it, or one before is refused.
  private func reaching(
    _ moves: [RunInput], _ isGoal: (VirtualRun, [VirtualRun.RunEvent]) -> Bool
  ) -> [RunInput]? {
    var run = VirtualRun(stepper: stepper, flow: flow, now: TestRunner.start)
    for (index, move) in moves.enumerated() {
      guard let events = run.make(move) else { return nil }
      if isGoal(run, events) { return Array(moves[...index]) }
      for event in events { if case .refused = event.outcome { return nil } }
    }
    return nil
  }
}
