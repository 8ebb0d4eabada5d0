public import FlowIR

/// A flow as an indented tree of its states with their reactions, for a terminal.
/// - Parameter active: The paths of the innermost states that are shown as active.
public func textDiagram(_ program: Program, flow index: FlowIndex, active: [String] = []) -> String {
  TextWriter(DiagramModel(program, flow: index, active: active)).text()
}

private struct TextWriter {
  let model: DiagramModel
  var flow: Flow { model.flow }

  init(_ model: DiagramModel) { self.model = model }

  func text() -> String {
    var lines = [flow.name]
    for start in flow.starts { lines.append("  ● \(model.label(start)) → \(flow.states[start.target].path)") }
    lines += reactions(of: .root, indent: "  ")
    for child in flow.states[.root].children { lines += state(child, depth: 1) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func state(_ index: StateIndex, depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let node = flow.states[index]
    let isInitial = flow.states[node.parent].initial == index
    let isHere = model.active.contains(index) && !node.children.contains(where: model.active.contains)
    var lines = [
      indent + symbol(of: node) + " " + node.name + (isInitial ? "  (initial)" : "") + (isHere ? "  ← here" : "")
    ]
    lines += model.work(in: index).map { indent + "    " + $0 }
    lines += reactions(of: index, indent: indent + "    ")
    for child in node.children { lines += state(child, depth: depth + 1) }
    return lines
  }

  private func symbol(of node: State) -> String {
    switch node.kind {
    case .final: "◎"
    case .failed: "⊗"
    case .parallel: "⫴"
    case .region: "┊"
    case .plain, .root: "○"
    }
  }

  /// The reactions of a state with their targets in a column.
  private func reactions(of state: StateIndex, indent: String) -> [String] {
    let rows = flow.states[state].transitions.map { index in
      let transition = flow.transitions[index]
      let target = transition.target.map { flow.states[$0].path + (transition.isHistory ? ".history" : "") } ?? "·"
      return (label: model.label(transition), target: target)
    }
    let width = min(rows.map(\.label.count).max() ?? 0, 60)
    return rows.map { row in
      indent + row.label + String(repeating: " ", count: max(width - row.label.count, 0)) + "  → " + row.target
    }
  }
}
