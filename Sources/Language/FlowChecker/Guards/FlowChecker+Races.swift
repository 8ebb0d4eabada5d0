import CEL
import FlowIR
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F714: one region assigns what the guard of another region reads for the same trigger.
  ///
  /// All guards of a step are evaluated before its actions, so the guard sees the value from before the step.
  mutating func checkRaces() {
    guard states.contains(where: { $0.kind == .parallel }) else { return }
    for writer in reactions {
      guard let trigger = triggerName(writer.trigger) else { continue }
      let written = Set(writer.rest.statements.compactMap(\.assignedSlot))
      guard !written.isEmpty else { continue }
      for reader in reactions where triggerName(reader.trigger) == trigger && reader.range != writer.range {
        guard let condition = reader.rest.guardExpression, areInDifferentRegions(writer.source, reader.source) else {
          continue
        }
        let shared = condition.tree.usedSlots.intersection(written)
        guard let slot = shared.min(), let act = writer.rest.statements.first(where: { $0.assignedSlot == slot }) else {
          continue
        }
        let name = fields[slot - FrameLayout.firstField].plainName
        problems.append(
          Diagnostic(
            "F714", .warning, "one region assigns `\(name)` while another region's guard for `\(trigger)` reads it",
            at: act.range, label: "assigned here",
            labels: [.init(condition.range, "reads the value from before the step")],
            help: "handle `\(trigger)` in one region, or raise an event for the other after the assignment"))
      }
    }
  }

  func areInDifferentRegions(_ first: Int, _ second: Int) -> Bool {
    var state = first
    while state != 0 {
      let parent = states[state].parent
      if states[parent].kind == .parallel, (parent + 1..<states[parent].end).contains(second),
        !(state..<states[state].end).contains(second)
      {
        return true
      }
      state = parent
    }
    return false
  }
}
