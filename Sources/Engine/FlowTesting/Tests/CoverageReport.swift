public import FlowDiagnostics
public import FlowIR
public import FlowJSON
import FlowMachine

extension Coverage {
  /// The parts of a program that no test covers, as text.
  public func text(of program: Program, style: TerminalStyle) -> String {
    program.flows.indices.map { text(of: program.flows[$0], index: $0, style: style) }.joined()
  }

  private func text(of flow: Flow, index: FlowIndex, style: TerminalStyle) -> String {
    let reached = states[index].count - (states[index].contains(.root) ? 1 : 0)
    var out = "\(style.paint(flow.name, .bold)): \(reached) of \(flow.states.count - 1) states, "
    out += "\(transitions[index].count) of \(flow.transitions.count) transitions\n"
    for (state, node) in flow.states.indexed.dropFirst() where !states[index].contains(state) {
      out += "  never in `\(node.path)`\n"
    }
    for (number, transition) in flow.transitions.enumerated() {
      if !transitions[index].contains(number) {
        out += "  never taken: \(transition.location)\n"
      } else if transition.guardExpression != nil, !refused[index].contains(number) {
        out += "  its guard has always held: \(transition.location)\n"
      }
    }
    return out
  }

  /// The same as JSON.
  public func json(of program: Program) -> JSON {
    .object([
      .init(
        "flows",
        .array(
          program.flows.indexed.map { index, flow in
            [
              "flow": .string(flow.name),
              "states": .array(
                flow.states.indices.dropFirst().map {
                  ["path": .string(flow.states[$0].path), "reached": .bool(states[index].contains($0))]
                }),
              "transitions": .array(
                flow.transitions.enumerated().map { number, transition in
                  [
                    "at": .string("\(transition.location)"), "taken": .bool(transitions[index].contains(number)),
                    "guardRefused": .bool(refused[index].contains(number)),
                  ]
                }),
            ]
          }))
    ])
  }

  /// The trace file format of LCOV: a line for each transition, a branch for each result of a guard.
  public func lcov(of program: Program) -> String {
    var lines: [String: [Int: Int]] = [:]
    var branches: [String: [String]] = [:]
    for (index, flow) in program.flows.indexed {
      for (number, transition) in flow.transitions.enumerated() {
        let taken = transitions[index].contains(number) ? 1 : 0
        lines[transition.location.file, default: [:]][transition.location.line, default: 0] += taken
        guard transition.guardExpression != nil else { continue }
        let line = transition.location.line
        let ways = [held[index].contains(number), refused[index].contains(number)]
        for (way, isTaken) in ways.enumerated() {
          branches[transition.location.file, default: []].append("BRDA:\(line),\(number),\(way),\(isTaken ? 1 : 0)")
        }
      }
    }
    return lines.keys.sorted().map { file in
      let counted = (lines[file] ?? [:]).sorted { $0.key < $1.key }.map { "DA:\($0.key),\($0.value)" }
      return (["TN:", "SF:\(file)"] + (branches[file] ?? []) + counted + ["end_of_record"]).joined(separator: "\n")
        + "\n"
    }.joined()
  }
}
