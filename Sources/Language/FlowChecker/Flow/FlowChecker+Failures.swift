import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F701: the failure of a call is handled, for every code. F705: handlers name codes that exist.
  mutating func checkFailures() {
    var handlersByCall: [Int: [CheckedReaction]] = [:]
    var itemsByCall: [Int: [CheckedReaction]] = [:]
    // The states that handle every failure of their steps.
    var handling: Set<Int> = []
    for reaction in reactions {
      switch reaction.trigger {
      case .failed where reaction.rest.guardExpression == nil: handling.insert(reaction.source)
      case .callFailed(let call): handlersByCall[call, default: []].append(reaction)
      case .itemFailed(let call): itemsByCall[call, default: []].append(reaction)
      default: break
      }
    }
    let guards = guardNodes
    for (index, call) in calls.enumerated() {
      let (handlers, items) = (handlersByCall[index] ?? [], itemsByCall[index] ?? [])
      for handler in handlers + items {
        guard let range = handler.rest.guardExpression?.range, let node = guards[range] else { continue }
        checkCodes(in: node, of: index)
      }
      if let all = items.first(where: { $0.rest.guardExpression == nil && isAround(call.state, $0.source) }) {
        checkUnreachable(handlers, of: call, behind: all)
        continue
      }
      if call.isStep, handling.contains(call.state) { continue }
      guard !handlers.contains(where: { $0.rest.guardExpression == nil && isAround(call.state, $0.source) }) else {
        continue
      }
      problems.append(
        Diagnostic(
          "F701", .warning, "a failure of `\(call.name)` is not handled", at: call.node.action.range,
          label: "may fail", help: "add `on \(call.name).failed -> …`"))
    }
  }

  /// F702: the call can't fail if a reaction handles every failure of an item.
  private mutating func checkUnreachable(
    _ handlers: [CheckedReaction], of call: CheckedCall, behind all: CheckedReaction
  ) {
    for handler in handlers {
      problems.append(
        Diagnostic(
          "F702", "this failure is never handled here: `on \(call.name).item.failed` handles the failures of all items",
          at: handler.range, label: "never tried", labels: [.init(all.range, "this one has no guard")],
          help: "remove it, or give `on \(call.name).item.failed` a guard"))
    }
  }

  private func isAround(_ state: Int, _ source: Int) -> Bool { source <= state && state < states[source].end }

  /// Finds `event.code == "CODE"` in a guard.
  private mutating func checkCodes(in guardExpression: Expression, of call: Int) {
    guard let callee = callee(of: call) else { return }
    for (code, location) in comparedCodes(guardExpression) { checkCode(code, at: location, of: callee) }
  }

  /// The guards of all reactions by their ranges.
  private var guardNodes: [SourceRange: Expression] {
    Dictionary(reactionNodes.compactMap(\.rest.guardExpression).map { ($0.range, $0) }) { first, _ in first }
  }

  private func comparedCodes(_ expression: Expression) -> [(String, SourceRange)] {
    var found = expression.children.flatMap { comparedCodes($0) }
    if case .call(let call) = expression.kind, call.function.name == "_==_" || call.function.name == "_!=_",
      call.arguments.contains(where: { $0.dottedName == ["event", "code"] })
    {
      for argument in call.arguments {
        if case .literal(.string(let code)) = argument.kind { found.append((code, argument.range)) }
      }
    }
    return found
  }
}
