import CEL
import FlowSource
import FlowSyntax

/// The assumed size of a list, a map or a string without `max`.
private let assumedSize: UInt64 = 1000
/// The maximum cost of an expression, in accesses to values; an evaluation is stopped there.
private let costLimit: UInt64 = 5_000_000

/// F216: expressions whose work multiplies with the size of the data.
func checkCosts(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  var sizes: [String: UInt64] = [:]
  for field in (flow.node.parameters ?? []) + flow.node.data {
    if let maximum = field.type.maximum { sizes[field.name.text] = UInt64(max(maximum, 0)) }
  }
  for expression in allExpressions(flow) {
    let cost = expression.tree.cost { path in
      CostRange(0, path.count == 1 ? sizes[path[0]] ?? assumedSize : assumedSize)
    }
    guard cost.maximum > costLimit else { continue }
    problems.append(
      Diagnostic(
        "F216", .warning, "this expression may exceed the evaluation limit", at: expression.range,
        label: "iterates over nested lists",
        notes: ["a list without `max` is assumed to have \(assumedSize) items"],
        help: "bound the lists with `max`, or use a map for lookups"))
  }
}

/// Every expression of a flow but its defaults and its arguments.
private func allExpressions(_ flow: CheckedFlow) -> [CheckedExpression] {
  flow.definitions.map(\.value) + flow.invariants
    + (flow.reactions.map(\.rest) + flow.starts.map(\.rest)).compactMap(\.guardExpression)
    + allActs(flow).flatMap(\.expressions)
}
