public import FlowIR

/// A flow in the language of Graphviz. States with children are clusters; ids are stable.
///
/// A transition without a target is a line in the box of its state, and every label that is shortened has the whole
/// text as its tooltip.
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
    for (number, transition) in flow.transitions.enumerated() where !isInner(transition) {
      lines += edge(transition, number)
    }
    let rows = innerRows(of: .root)
    if !rows.isEmpty {
      let label = DotLabel(title: "in any state", lines: [], rows: rows)
      lines.append("  any [shape=box, style=dashed, label=\(label.text)];")
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  // MARK: - States

  private func node(_ state: StateIndex, depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let node = flow.states[state]
    let id = quoted(model.identifier(state))
    guard isCluster(state) else {
      return [indent + "\(id) [id=\(id), label=\(label(state))\(style(of: node))\(activeStyle(of: state))];"]
    }
    var lines = [indent + "subgraph \(quoted("cluster_" + node.path)) {"]
    lines.append(
      indent + "  id=\(id); label=\(label(state));" + clusterStyle(of: node)
        + (model.active.contains(state) ? " class=active; penwidth=2; color=\"#b06000\";" : ""))
    // Edges end at nodes: this invisible node represents the cluster.
    lines.append(indent + "  \(anchor(state)) [shape=point, width=0.01, style=invis];")
    lines += steps(of: state).map { indent + "  " + $0 }
    for child in node.children { lines += self.node(child, depth: depth + 1) }
    if let initial = node.initial {
      let dotID = quoted("initial." + node.path)
      lines.append(indent + "  \(dotID) [shape=circle, width=0.12, label=\"\", fillcolor=black];")
      let clip = isCluster(initial) ? " [\(clipped("lhead", initial).dropFirst(2))]" : ""
      lines.append(indent + "  \(dotID) -> \(end(initial))\(clip);")
    }
    return lines + [indent + "}"]
  }

  /// True if a state contains other nodes: states, or steps that wait for each other.
  private func isCluster(_ state: StateIndex) -> Bool {
    !flow.states[state].children.isEmpty || !model.stepGraph(of: state).isEmpty
  }

  private func anchor(_ state: StateIndex) -> String { quoted("anchor." + flow.states[state].path) }

  private func label(_ state: StateIndex) -> String {
    let isGraph = !model.stepGraph(of: state).isEmpty
    let lines = zip(
      model.work(in: state, withoutSteps: isGraph), model.work(in: state, .whole, withoutSteps: isGraph))
    return DotLabel(title: flow.states[state].name, lines: Array(lines), rows: innerRows(of: state)).text
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

  // MARK: - Steps

  /// The steps of a state as nodes, with an edge from each to those that wait for it.
  private func steps(of state: StateIndex) -> [String] {
    let steps = model.stepGraph(of: state)
    let nodes = steps.map { step in
      "\(name(of: step)) [id=\(name(of: step)), class=step, shape=box, style=filled, height=0.3, "
        + "label=\(quoted(model.label(step: step))), tooltip=\(quoted(model.label(step: step, .whole)))];"
    }
    let edges = steps.flatMap { step in
      flow.calls[step].after.map { "\(name(of: $0)) -> \(name(of: step)) [class=step, arrowsize=0.7];" }
    }
    return nodes + edges
  }

  private func name(of step: CallIndex) -> String {
    quoted("step.\(flow.states[flow.calls[step].state].path).\(flow.calls[step].name)")
  }

  // MARK: - Edges

  /// True if a transition is a line in the box of its state: it has no target, or enters the states around it again.
  private func isInner(_ transition: Transition) -> Bool {
    guard let target = transition.target else { return true }
    return target == transition.source && isCluster(target)
  }

  private func innerRows(of state: StateIndex) -> [DotLabel.Row] {
    flow.transitions.enumerated().filter { $1.source == state && isInner($1) }.map { number, transition in
      let suffix = transition.target == nil ? "" : " (enters again)"
      return DotLabel.Row(
        id: "transition.\(number)", text: model.label(transition) + suffix,
        whole: model.label(transition, .whole) + suffix)
    }
  }

  /// The node at the end of an edge: the state, or the anchor of a cluster, clipped at its border.
  private func end(_ state: StateIndex) -> String {
    isCluster(state) ? anchor(state) : quoted(model.identifier(state))
  }

  private func edges(of start: Start, _ number: Int) -> [String] {
    let id = quoted("start.\(number)")
    let label = labels(model.label(start), whole: model.label(start, .whole))
    return [
      "  \(id) [shape=circle, width=0.15, label=\"\", fillcolor=black];",
      "  \(id) -> \(end(start.target)) "
        + "[id=\(quoted("start.\(number).edge")), \(label)\(clipped("lhead", start.target))];",
    ]
  }

  private func edge(_ transition: Transition, _ number: Int) -> [String] {
    guard let target = transition.target else { return [] }
    let history = transition.isHistory ? " (history)" : ""
    let label = labels(model.label(transition) + history, whole: model.label(transition, .whole) + history)
    let id = quoted("transition.\(number)")
    guard transition.source != .root else {
      let any = quoted("any.\(number)")
      return [
        "  \(any) [shape=plaintext, label=\"any state\", fillcolor=none, style=\"\"];",
        "  \(any) -> \(end(target)) [id=\(id), \(label)\(clipped("lhead", target))];",
      ]
    }
    return [
      "  \(end(transition.source)) -> \(end(target)) [id=\(id), \(label)"
        + "\(clipped("ltail", transition.source))\(clipped("lhead", target))];"
    ]
  }

  /// The label of an edge: guard and effects on lines of their own, with room beside them for the edge.
  private func labels(_ label: String, whole: String) -> String {
    let parts = label.replacing(" [", with: "\n[").replacing(" / ", with: "\n/ ").split(separator: "\n")
    let text = quoted(parts.map { " \($0) " }.joined(separator: "\n"))
    return "label=\(text), tooltip=\(quoted(whole)), labeltooltip=\(quoted(whole))"
  }

  private func clipped(_ attribute: String, _ state: StateIndex) -> String {
    isCluster(state) ? ", \(attribute)=\(quoted("cluster_" + flow.states[state].path))" : ""
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}
