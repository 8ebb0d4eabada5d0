public import FlowIR

/// A flow in the language of Graphviz: states that hold states are clusters, ids are stable.
/// - Parameter active: The paths of the innermost states that are shown as active.
public func dot(_ program: Program, flow index: Int, active: [String] = []) -> String {
  DotWriter(DiagramModel(program, index, active)).text()
}

private struct DotWriter {
  let picture: DiagramModel
  var flow: Flow { picture.flow }

  init(_ picture: DiagramModel) { self.picture = picture }

  func text() -> String {
    var lines = [
      "digraph \(quoted(flow.name)) {",
      "  compound=true; rankdir=TB; nodesep=0.4; ranksep=0.5;",
      "  graph [fontname=\"Helvetica\", fontsize=11, style=rounded, color=\"#9aa0a6\"];",
      "  node [fontname=\"Helvetica\", fontsize=11, shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\"];",
      "  edge [fontname=\"Helvetica\", fontsize=10, color=\"#5f6368\"];",
    ]
    for child in flow.states[0].children { lines += node(child, depth: 1) }
    for (number, start) in flow.starts.enumerated() { lines += edges(of: start, number) }
    for (number, transition) in flow.transitions.enumerated() { lines += edge(transition, number) }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  // MARK: - States

  private func node(_ state: Int, depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let node = flow.states[state]
    let id = quoted(picture.identifier(state))
    guard !node.children.isEmpty else {
      return [indent + "\(id) [id=\(id), label=\(quoted(label(state)))\(look(node))\(activeLook(state))];"]
    }
    var lines = [indent + "subgraph \(quoted("cluster_" + node.path)) {"]
    lines.append(
      indent + "  id=\(id); label=\(quoted(label(state)));" + clusterLook(node)
        + (picture.active.contains(state) ? " class=active; penwidth=2; color=\"#b06000\";" : ""))
    // Edges end at nodes: this one, which is not seen, stands for the cluster.
    lines.append(indent + "  \(anchor(state)) [shape=point, width=0.01, style=invis];")
    for child in node.children { lines += self.node(child, depth: depth + 1) }
    if let initial = node.initial {
      let dotID = quoted("initial." + node.path)
      lines.append(indent + "  \(dotID) [shape=circle, width=0.12, label=\"\", fillcolor=black];")
      let look = flow.states[initial].children.isEmpty ? "" : " [\(clipped("lhead", initial).dropFirst(2))]"
      lines.append(indent + "  \(dotID) -> \(end(initial))\(look);")
    }
    return lines + [indent + "}"]
  }

  private func anchor(_ state: Int) -> String { quoted("anchor." + flow.states[state].path) }

  private func label(_ state: Int) -> String {
    ([flow.states[state].name] + picture.work(in: state)).joined(separator: "\n")
  }

  private func look(_ node: State) -> String {
    switch node.kind {
    case .final: ", peripheries=2, fillcolor=\"#e6f4ea\""
    case .failed: ", peripheries=2, fillcolor=\"#fce8e6\""
    default: ""
    }
  }

  private func activeLook(_ state: Int) -> String {
    picture.active.contains(state) ? ", class=active, penwidth=2, color=\"#b06000\", fillcolor=\"#fde293\"" : ""
  }

  private func clusterLook(_ node: State) -> String {
    switch node.kind {
    case .region: " style=\"rounded,dashed\";"
    case .parallel: " style=\"rounded,bold\";"
    default: ""
    }
  }

  // MARK: - Edges

  /// Where an edge ends: at the state, or at the anchor of a cluster, clipped at its border.
  private func end(_ state: Int) -> String {
    flow.states[state].children.isEmpty ? quoted(picture.identifier(state)) : anchor(state)
  }

  private func edges(of start: Start, _ number: Int) -> [String] {
    let id = quoted("start.\(number)")
    return [
      "  \(id) [shape=circle, width=0.15, label=\"\", fillcolor=black];",
      "  \(id) -> \(end(start.target)) [id=\(quoted("start.\(number).edge")), label=\(quoted(picture.label(start)))"
        + "\(clipped("lhead", start.target))];",
    ]
  }

  private func edge(_ transition: Transition, _ number: Int) -> [String] {
    guard let target = transition.target, transition.source != 0 else { return loose(transition, number) }
    let history = transition.isHistory ? " (history)" : ""
    return [
      "  \(end(transition.source)) -> \(end(target)) [id=\(quoted("transition.\(number)")), "
        + "label=\(quoted(picture.label(transition) + history))"
        + "\(clipped("ltail", transition.source))\(clipped("lhead", target))];"
    ]
  }

  /// What stays in its state, and what the flow itself reacts to.
  private func loose(_ transition: Transition, _ number: Int) -> [String] {
    let label = quoted(picture.label(transition))
    let id = quoted("transition.\(number)")
    if transition.source != 0 {
      let place = end(transition.source)
      return ["  \(place) -> \(place) [id=\(id), label=\(label), style=dashed\(clipped("ltail", transition.source))];"]
    }
    guard let target = transition.target else { return [] }
    let any = quoted("any.\(number)")
    return [
      "  \(any) [shape=plaintext, label=\"any state\", fillcolor=none, style=\"\"];",
      "  \(any) -> \(end(target)) [id=\(id), label=\(label)\(clipped("lhead", target))];",
    ]
  }

  private func clipped(_ attribute: String, _ state: Int) -> String {
    flow.states[state].children.isEmpty ? "" : ", \(attribute)=\(quoted("cluster_" + flow.states[state].path))"
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}
