public import FlowIR

/// A flow as a Mermaid state diagram.
/// - Parameter active: The paths of the innermost states that are shown as active.
public func mermaid(_ program: Program, flow index: FlowIndex, active: [String] = []) -> String {
  MermaidWriter(DiagramModel(program, flow: index, active: active)).text()
}

private struct MermaidWriter {
  let model: DiagramModel
  var flow: Flow { model.flow }

  init(_ model: DiagramModel) { self.model = model }

  func text() -> String {
    var lines = ["stateDiagram-v2"]
    for child in flow.states[.root].children { lines += state(child, depth: 1) }
    for start in flow.starts { lines.append("  [*] --> \(name(start.target)) : \(escaped(model.label(start)))") }
    for transition in flow.transitions { if let line = edge(transition) { lines.append(line) } }
    for (index, state) in flow.states.indexed where state.isFinal && state.parent == .root {
      lines.append("  \(name(index)) --> [*]")
    }
    return (lines + activeClasses).joined(separator: "\n") + "\n"
  }

  /// The class definitions that highlight the active states.
  private var activeClasses: [String] {
    guard !model.active.isEmpty else { return [] }
    let names = model.active.sorted().map(name).joined(separator: ",")
    return ["  classDef active fill:#fde293,stroke:#b06000,stroke-width:3px", "  class \(names) active"]
  }

  /// Mermaid identifiers contain neither dots nor reserved words.
  private func name(_ state: StateIndex) -> String { "s_" + flow.states[state].path.replacing(".", with: "__") }

  private func state(_ index: StateIndex, depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let node = flow.states[index]
    let label = ([node.name] + model.work(in: index)).map(escaped).joined(separator: "<br/>")
    var lines = [indent + "state \"\(label)\" as \(name(index))"]
    guard !node.children.isEmpty else { return lines }
    lines.append(indent + "state \(name(index)) {")
    for (position, child) in node.children.enumerated() {
      if node.kind == .parallel, position > 0 { lines.append(indent + "  --") }
      lines += state(child, depth: depth + 1)
    }
    if let initial = node.initial { lines.append(indent + "  [*] --> \(name(initial))") }
    return lines + [indent + "}"]
  }

  private func edge(_ transition: Transition) -> String? {
    let label = escaped(model.label(transition) + (transition.isHistory ? " (history)" : ""))
    guard transition.source != .root else {
      guard let target = transition.target else { return nil }
      return "  note right of \(name(target)) : from any state, \(label)"
    }
    let target = transition.target ?? transition.source
    return "  \(name(transition.source)) --> \(name(target)) : \(label)"
  }

  /// Characters that would end a label are written as entities.
  private func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "\"": out += "#quot;"
      case ":": out += "#58;"
      case ";": out += "#59;"
      case "#": out += "#35;"
      case "<": out += "#lt;"
      case ">": out += "#gt;"
      case "\n": out += " "
      default: out.append(character)
      }
    }
    return out
  }
}
