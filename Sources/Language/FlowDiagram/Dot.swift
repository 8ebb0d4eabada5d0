public import FlowIR

/// A flow in the language of Graphviz. States with children are clusters; ids are stable.
///
/// ```swift
/// let text = dot(program, flow: 0, active: ["review.waiting"])
/// ```
/// - Parameter active: The paths of the innermost states that are shown as active.
public func dot(_ program: Program, flow index: FlowIndex, active: [String] = []) -> String {
  DotWriter(DiagramModel(program, flow: index, active: active)).text()
}

private struct DotWriter {
  let model: DiagramModel
  var flow: Flow { model.flow }

  init(_ model: DiagramModel) { self.model = model }

  func text() -> String {
    var lines = [
      "digraph \(quoted(flow.name)) {",
      "  compound=true; rankdir=TB; nodesep=0.4; ranksep=0.5;",
      "  graph [fontname=\"Helvetica\", fontsize=11, style=rounded, color=\"#9aa0a6\"];",
      "  node [fontname=\"Helvetica\", fontsize=11, shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\"];",
      "  edge [fontname=\"Helvetica\", fontsize=10, color=\"#5f6368\"];",
    ]
    for child in flow.states[.root].children { lines += node(child, depth: 1) }
    for (number, start) in flow.starts.enumerated() { lines += edges(of: start, number) }
    for (number, transition) in flow.transitions.enumerated() { lines += edge(transition, number) }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  // MARK: - States

  private func node(_ state: StateIndex, depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let node = flow.states[state]
    let id = quoted(model.identifier(state))
    guard !node.children.isEmpty else {
      return [indent + "\(id) [id=\(id), label=\(quoted(label(state)))\(style(of: node))\(activeStyle(of: state))];"]
    }
    var lines = [indent + "subgraph \(quoted("cluster_" + node.path)) {"]
    lines.append(
      indent + "  id=\(id); label=\(quoted(label(state)));" + clusterStyle(of: node)
        + (model.active.contains(state) ? " class=active; penwidth=2; color=\"#b06000\";" : ""))
    // Edges end at nodes: this invisible node represents the cluster.
    lines.append(indent + "  \(anchor(state)) [shape=point, width=0.01, style=invis];")
    for child in node.children { lines += self.node(child, depth: depth + 1) }
    if let initial = node.initial {
      let dotID = quoted("initial." + node.path)
      lines.append(indent + "  \(dotID) [shape=circle, width=0.12, label=\"\", fillcolor=black];")
      let clip = flow.states[initial].children.isEmpty ? "" : " [\(clipped("lhead", initial).dropFirst(2))]"
      lines.append(indent + "  \(dotID) -> \(end(initial))\(clip);")
    }
    return lines + [indent + "}"]
  }

  private func anchor(_ state: StateIndex) -> String { quoted("anchor." + flow.states[state].path) }

  private func label(_ state: StateIndex) -> String {
    ([flow.states[state].name] + model.work(in: state)).joined(separator: "\n")
  }

  private func style(of node: State) -> String {
    switch node.kind {
    case .final: ", peripheries=2, fillcolor=\"#e6f4ea\""
    case .failed: ", peripheries=2, fillcolor=\"#fce8e6\""
    default: ""
    }
  }

  private func activeStyle(of state: StateIndex) -> String {
    model.active.contains(state) ? ", class=active, penwidth=2, color=\"#b06000\", fillcolor=\"#fde293\"" : ""
  }

  private func clusterStyle(of node: State) -> String {
    switch node.kind {
    case .region: " style=\"rounded,dashed\";"
    case .parallel: " style=\"rounded,bold\";"
    default: ""
    }
  }

  // MARK: - Edges

  /// The node at the end of an edge: the state, or the anchor of a cluster, clipped at its border.
  private func end(_ state: StateIndex) -> String {
    flow.states[state].children.isEmpty ? quoted(model.identifier(state)) : anchor(state)
  }

  private func edges(of start: Start, _ number: Int) -> [String] {
    let id = quoted("start.\(number)")
    return [
      "  \(id) [shape=circle, width=0.15, label=\"\", fillcolor=black];",
      "  \(id) -> \(end(start.target)) "
        + "[id=\(quoted("start.\(number).edge")), label=\(quoted(lines(model.label(start))))"
        + "\(clipped("lhead", start.target))];",
    ]
  }

  private func edge(_ transition: Transition, _ number: Int) -> [String] {
    guard let target = transition.target, transition.source != .root else { return loose(transition, number) }
    let history = transition.isHistory ? " (history)" : ""
    return [
      "  \(end(transition.source)) -> \(end(target)) [id=\(quoted("transition.\(number)")), "
        + "label=\(quoted(lines(model.label(transition) + history)))"
        + "\(clipped("ltail", transition.source))\(clipped("lhead", target))];"
    ]
  }

  /// A transition without a target, or one of the flow itself.
  private func loose(_ transition: Transition, _ number: Int) -> [String] {
    let label = quoted(lines(model.label(transition)))
    let id = quoted("transition.\(number)")
    if transition.source != .root {
      let node = end(transition.source)
      return ["  \(node) -> \(node) [id=\(id), label=\(label), style=dashed\(clipped("ltail", transition.source))];"]
    }
    guard let target = transition.target else { return [] }
    let any = quoted("any.\(number)")
    return [
      "  \(any) [shape=plaintext, label=\"any state\", fillcolor=none, style=\"\"];",
      "  \(any) -> \(end(target)) [id=\(id), label=\(label)\(clipped("lhead", target))];",
    ]
  }

  /// A label of an edge: guard and effects on lines of their own, with room beside them for the edge.
  private func lines(_ label: String) -> String {
    let parts = label.replacing(" [", with: "\n[").replacing(" / ", with: "\n/ ").split(separator: "\n")
    return parts.map { " \($0) " }.joined(separator: "\n")
  }

  private func clipped(_ attribute: String, _ state: StateIndex) -> String {
    flow.states[state].children.isEmpty ? "" : ", \(attribute)=\(quoted("cluster_" + flow.states[state].path))"
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}
