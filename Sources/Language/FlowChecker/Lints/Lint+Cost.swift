import CEL
import FlowSource
import FlowSyntax

/// The assumed size of a list, a map or a string without `max`.
private let assumedSize: UInt64 = 1000
/// The maximum cost of an expression, in accesses to values; an evaluation is stopped there.
private let costLimit: UInt64 = 5_000_000

/// F216: expressions whose work multiplies with the size of the data.
func checkCosts(of flow: CheckedFlow, _ types: TypeRegistry, into problems: inout [Diagnostic]) {
  var sizes: [String: UInt64] = [:]
  for field in (flow.node.parameters ?? []) + flow.fields.compactMap(\.node) {
    if let maximum = field.type.maximum { sizes[field.name.text] = UInt64(max(maximum, 0)) }
  }
  for expression in allExpressions(flow) {
    var unbounded: [String] = []
    let cost = expression.tree.cost { value in
      if value.path.count == 1, let size = sizes[value.path[0]] { return CostRange(0, size) }
      if let size = value.bound(in: types) { return CostRange(0, size) }
      if let name = value.declaredName, !unbounded.contains(name) { unbounded.append(name) }
      return CostRange(0, assumedSize)
    }
    guard cost.maximum > costLimit else { continue }
    let names = unbounded.map { "`\($0)`" }.joined(separator: ", ")
    problems.append(
      Diagnostic(
        "F216", .warning, "this expression may exceed the evaluation limit", at: expression.range,
        label: "visits up to \(grouped(cost.maximum)) values, of at most \(grouped(costLimit))",
        notes: names.isEmpty
          ? [] : ["\(names) \(unbounded.count == 1 ? "has" : "have") no `max`, and may have \(assumedSize) items"],
        help: names.isEmpty
          ? "use lower values of `max`, or a map for lookups"
          : "bound \(unbounded.count == 1 ? "it" : "them") with `max`, or use a map for lookups"))
  }
}

extension SizedValue {
  /// The name of what a `max` could bound; nil for the elements of a list and the results of functions, which have no
  /// declaration of their own.
  fileprivate var declaredName: String? {
    guard SizeBound.isPossible(for: type), let last = path.last, !last.hasPrefix("@") else { return nil }
    guard path.contains(where: { $0.hasPrefix("@") }) else { return path.joined(separator: ".") }
    // The records of results have names that can't be written.
    return record.flatMap { $0.contains("(") ? nil : "\($0).\(last)" }
  }

  /// The bound that the declaration of a field has: of an event, a type or a result.
  fileprivate func bound(in types: TypeRegistry) -> UInt64? {
    guard let record, let name = path.last else { return nil }
    return types.record(named: record)?.field(name)?.maximum.map { UInt64(max($0, 0)) }
  }
}

/// A number with its digits in groups of three.
private func grouped(_ number: UInt64) -> String {
  guard number < 1_000_000_000_000 else { return "a trillion" }
  var digits = Array(String(number))
  for index in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: index) }
  return String(digits)
}

/// Every expression of a flow but its defaults and its arguments.
private func allExpressions(_ flow: CheckedFlow) -> [CheckedExpression] {
  flow.definitions.map(\.value) + flow.invariants
    + (flow.reactions.map(\.rest) + flow.starts.map(\.rest)).compactMap(\.guardExpression)
    + allActs(flow).flatMap(\.expressions)
}
