import CEL
import FlowIR

/// The conditions whose answers are kept between steps: those that compare data with data.
enum Predicates {
  /// Comparisons come before conditions that are not followed.
  static func choose(_ model: VerifiedFlow, maximumCount: Int) -> [NodeIndex] {
    var found: [NodeIndex] = []
    for root in conditions(of: model) {
      for node in model.graph.below(root).sorted(by: { $0.rawValue < $1.rawValue })
      where isKept(node, model.graph) && !found.contains(node) { found.append(node) }
    }
    guard found.count > maximumCount else { return found }
    let comparisons = found.filter { isComparison($0, model.graph) }
    let others = found.filter { !isComparison($0, model.graph) }
    return Array((comparisons + others).prefix(maximumCount))
  }

  private static func isComparison(_ node: NodeIndex, _ graph: ExpressionGraph) -> Bool {
    switch graph[node].operation {
    case .equal, .less, .lessOrEqual: true
    default: false
    }
  }

  /// The expressions that decide about steps.
  static func conditions(of model: VerifiedFlow) -> [NodeIndex] {
    var roots = model.invariants.map(\.node)
    let statements = model.states.flatMap { $0.entry + $0.exit } + model.transitions.flatMap(\.statements)
    roots += model.transitions.compactMap(\.condition) + statements.compactMap(\.condition)
    roots += model.calls.compactMap(\.condition)
    return roots
  }

  /// An atom of a condition over data only. Comparisons with one constant are followed as sets.
  private static func isKept(_ node: NodeIndex, _ graph: ExpressionGraph) -> Bool {
    let expression = graph[node]
    guard expression.type == .bool else { return false }
    let slots = graph.slots(of: node)
    guard !slots.isEmpty, slots.allSatisfy({ $0 >= FrameLayout.firstField }) else { return false }
    switch expression.operation {
    case .equal, .less, .lessOrEqual:
      return !expression.children.contains { isConstant($0, graph) && isPlace(other($0, expression), graph) }
    case .opaque, .contained: return true
    default: return false
    }
  }

  private static func other(_ child: NodeIndex, _ node: ExpressionNode) -> NodeIndex {
    node.children[0] == child ? node.children[1] : node.children[0]
  }

  private static func isConstant(_ node: NodeIndex, _ graph: ExpressionGraph) -> Bool {
    if case .constant = graph[node].operation { true } else { false }
  }

  /// A field, a part of one, or the size of one.
  private static func isPlace(_ node: NodeIndex, _ graph: ExpressionGraph) -> Bool {
    switch graph[node].operation {
    case .slot: true
    case .select, .size: isPlace(graph[node].children[0], graph)
    default: false
    }
  }
}
