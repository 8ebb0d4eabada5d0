import CEL
import FlowIR
import FlowSource
import FlowSyntax

// Properties of all runs, and migrations from earlier versions.
extension FlowChecker {
  mutating func property(_ node: PropertyNode) -> CheckedProperty? {
    switch node.kind {
    case .never(let paths):
      let found = paths.compactMap { target($0, from: 0)?.state }
      return found.count == paths.count ? .never(found) : nil
    case .leadsTo(let from, let to):
      guard let first = target(from, from: 0)?.state, let second = target(to, from: 0)?.state else { return nil }
      return .leadsTo(first, second)
    }
  }

  mutating func migration(_ node: MigrationNode) -> CheckedMigration {
    var migration = CheckedMigration(from: node.from, range: node.range)
    let version = self.node.version ?? 1
    if node.from >= version {
      problems.append(
        Diagnostic(
          "F316", "version \(version) can't migrate from version \(node.from)", at: node.range,
          label: "not an earlier one", help: "number this version higher with `version \(node.from + 1)`"))
    }
    for move in node.states where !move.from.isMissing {
      if let state = target(move.to, from: 0)?.state { migration.moves.append((move.from.text, state)) }
    }
    var environment = environment
    // A data field of this name hides the data of the earlier version.
    if !environment.hasVariable("old") {
      _ = environment.declare(variable: "old", type: .map(.string, .dyn), slot: FrameLayout.event)
    }
    for assignment in node.data {
      guard let index = fields.firstIndex(where: { $0.name == assignment.field.text }) else {
        if !assignment.field.isMissing {
          problems.append(
            unknown(
              "data field", named: assignment.field.text, code: "F106", at: assignment.field.range,
              candidates: fields.map(\.name)))
        }
        continue
      }
      guard let value = expression(assignment.value, environment, expecting: fields[index].type) else { continue }
      checkSize(of: value, maximum: fields[index].maximum, fields[index].plainName)
      migration.assignments.append((index, value))
    }
    return migration
  }

  // MARK: - Results

  /// F201, F215: a flow with a result type has a result in each of its `final` states.
  mutating func checkResult(of state: Int, _ node: StateNode) {
    let wanted = callees[self.node.name.text]?.result
    guard let expression = node.result else {
      if wanted != nil, node.kind == .final, states[state].parent == 0, !node.name.isMissing {
        problems.append(
          Diagnostic(
            "F510", "`\(node.name.text)` ends the flow without a result", at: node.name.range,
            label: "returns nothing", help: "write `final \(node.name.text) returns …`"))
      }
      return
    }
    guard node.kind == .final, let wanted else {
      problems.append(
        Diagnostic(
          "F305", "this result is never used", at: expression.range,
          label: node.kind == .final ? "the flow has no `-> type`" : "`\(node.name.text)` is not `final`",
          help: "a flow with `-> type` returns it from its `final` states"))
      return
    }
    let value = self.expression(expression, environment(of: state), expecting: wanted)
    checkSize(of: value, maximum: callees[self.node.name.text]?.resultMaximum, "result")
    states[state].result = value
  }
}

/// F704: flows that call each other in a cycle.
func checkCallCycles(_ flows: [FlowSummary], into problems: inout [Diagnostic]) {
  let nodes = flows.map { DependencyNode(name: $0.name.text, range: $0.name.range, needs: $0.calls) }
  _ = ordered(
    nodes, code: "F704", message: { "flows call each other in a cycle: \($0)" },
    help: "replace one of the calls by an event that starts the other flow", into: &problems)
}
