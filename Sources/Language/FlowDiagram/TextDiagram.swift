public import FlowIR

/// A flow as an indented tree of its states with what each reacts to, for a terminal.
/// - Parameter active: The paths of the innermost states that are shown as active.
public func textDiagram(_ program: Program, flow index: Int, active: [String] = []) -> String {
  TextWriter(DiagramModel(program, index, active)).text()
}

private struct TextWriter {
  let picture: DiagramModel
  var flow: Flow { picture.flow }

  init(_ picture: DiagramModel) { self.picture = picture }

  func text() -> String {
    var lines = [flow.name]
    for start in flow.starts { lines.append("  ● \(picture.label(start)) → \(flow.states[start.target].path)") }
    lines += reactions(of: 0, indent: "  ")
    for child in flow.states[0].children { lines += state(child, depth: 1) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func state(_ index: Int, depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let node = flow.states[index]
    let isInitial = flow.states[node.parent].initial == index
    let isHere = picture.active.contains(index) && !node.children.contains(where: picture.active.contains)
    var lines = [
      indent + sign(node) + " " + node.name + (isInitial ? "  (initial)" : "") + (isHere ? "  ← here" : "")
    ]
    lines += picture.work(in: index).map { indent + "    " + $0 }
    lines += reactions(of: index, indent: indent + "    ")
    for child in node.children { lines += state(child, depth: depth + 1) }
    return lines
  }

  private func sign(_ node: State) -> String {
    switch node.kind {
    case .final: "◎"
    case .failed: "⊗"
    case .parallel: "⫴"
    case .region: "┊"
    case .plain, .root: "○"
    }
  }

  /// The reactions of a state with their targets in a column.
  private func reactions(of state: Int, indent: String) -> [String] {
    let rows = flow.states[state].transitions.map { index in
      let transition = flow.transitions[index]
      let target = transition.target.map { flow.states[$0].path + (transition.isHistory ? ".history" : "") } ?? "·"
      return (label: picture.label(transition), target: target)
    }
    let width = min(rows.map(\.label.count).max() ?? 0, 60)
    return rows.map { row in
      indent + row.label + String(repeating: " ", count: max(width - row.label.count, 0)) + "  → " + row.target
    }
  }
}
