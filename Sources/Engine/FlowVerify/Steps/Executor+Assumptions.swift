import CEL

// Facts that hold at the beginning of a step, and conditions whose answers are looked up without a choice.
extension Executor {
  /// The answer to a condition, if it is known; nil also when its evaluation may fail.
  func peek(_ node: NodeIndex) -> Bool? {
    isPeeking = true
    defer { isPeeking = false }
    pending = nil
    do throws(ValueStop) {
      return try truth(node)
    } catch {
      return nil
    }
  }

  /// Assumes an answer as far as that needs no choice. Assuming less is allowed.
  func assume(_ node: NodeIndex, _ wanted: Bool) throws(PathStop) {
    let expression = graph[node]
    switch expression.operation {
    case .not: try assume(expression.children[0], !wanted)
    case .and where wanted, .or where !wanted:
      for child in expression.children { try assume(child, wanted) }
    case .and, .or: try assumeOne(of: expression.children, wanted)
    default: try assumeAtom(node, wanted)
    }
  }

  /// Assumes that one of several conditions has an answer.
  private func assumeOne(of children: [NodeIndex], _ wanted: Bool) throws(PathStop) {
    var open: [NodeIndex] = []
    for child in children {
      guard let known = peek(child) else {
        open.append(child)
        continue
      }
      if known == wanted { return }
    }
    // A failing condition may have been absorbed, so that an empty list proves nothing.
    if open.count == 1 { try assume(open[0], wanted) }
    if open.isEmpty { throw .infeasible }
  }

  private func assumeAtom(_ node: NodeIndex, _ wanted: Bool) throws(PathStop) {
    if let known = peek(node) {
      if known != wanted { throw .infeasible }
      return
    }
    guard let (term, cause) = pending, cause == node else { return }
    assumptions[term] = true
    let answer = peek(node) == wanted
    assumptions[term] = answer
    do throws(ValueStop) {
      try learn(term, answer)
    } catch {
      throw .infeasible
    }
  }
}
