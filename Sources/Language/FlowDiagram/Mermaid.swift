public import FlowIR

/// A flow as a Mermaid state diagram, which many pages draw by themselves.
/// - Parameter active: The paths of the innermost states that are shown as active.
public func mermaid(_ program: Program, flow index: Int, active: [String] = []) -> String {
  MermaidWriter(DiagramModel(program, index, active)).text()
}

private struct MermaidWriter {
  let picture: DiagramModel
  var flow: Flow { picture.flow }

  init(_ picture: DiagramModel) { self.picture = picture }

  func text() -> String {
    var lines = ["stateDiagram-v2"]
    for child in flow.states[0].children { lines += state(child, depth: 1) }
    for start in flow.starts { lines.append("  [*] --> \(name(start.target)) : \(escaped(picture.label(start)))") }
    for transition in flow.transitions { if let line = edge(transition) { lines.append(line) } }
    for (index, state) in flow.states.enumerated() where state.isFinal && state.parent == 0 {
      lines.append("  \(name(index)) --> [*]")
    }
    return (lines + marks).joined(separator: "\n") + "\n"
  }

  /// What shows the active states.
  private var marks: [String] {
    guard !picture.active.isEmpty else { return [] }
    let names = picture.active.sorted().map(name).joined(separator: ",")
    return ["  classDef active fill:#fde293,stroke:#b06000,stroke-width:3px", "  class \(names) active"]
  }

  /// Names may hold neither dots nor words of Mermaid's own.
  private func name(_ state: Int) -> String { "s_" + flow.states[state].path.replacing(".", with: "__") }

  private func state(_ index: Int, depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let node = flow.states[index]
    let label = ([node.name] + picture.work(in: index)).map(escaped).joined(separator: "<br/>")
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
    let label = escaped(picture.label(transition) + (transition.isHistory ? " (history)" : ""))
    guard transition.source != 0 else {
      guard let target = transition.target else { return nil }
      return "  note right of \(name(target)) : from any state, \(label)"
    }
    let target = transition.target ?? transition.source
    return "  \(name(transition.source)) --> \(name(target)) : \(label)"
  }

  /// Signs that would end a label are written as entities.
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
