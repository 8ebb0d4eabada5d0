import CEL
import FlowSource
import FlowSyntax

// The reactions that answer an event, in words.
extension ProgramView {
  /// The answer to an event where it is named: in a state that one, elsewhere a list of states.
  func answers(to event: String, at offset: UInt32, in path: String) -> [String] {
    let name = String(event.split(separator: ".").last ?? "")
    if let chart = chart(at: offset, in: path), !chart.flow.events.contains(where: { $0.range.contains(offset) }) {
      if chart.flow.starts.contains(where: { $0.range.contains(offset) }) {
        return ["Starts `\(chart.flow.name.text)`."]
      }
      return [explain(name, in: chart.state(at: offset), of: chart)]
    }
    return names.flows.compactMap { flow in names.charts[flow].flatMap { summary(of: event, in: $0) } }
  }

  /// The states of a flow that answer an event, in one paragraph.
  private func summary(of event: String, in chart: Chart) -> String? {
    let flow = chart.flow.name.text
    let name = event.hasPrefix(flow + ".") ? String(event.dropFirst(flow.count + 1)) : event
    guard names.event(name, flow: flow) == event else { return nil }
    let starts = chart.flow.starts.contains { start in
      if case .on(let events, _) = start.trigger { events.contains { $0.text == name } } else { false }
    }
    let states = chart.states.indices.filter { !chart.ownAnswers(to: name, in: $0).isEmpty }
    guard starts || !states.isEmpty else { return nil }
    var text = "`\(flow)`: " + (starts ? "started by it" : "")
    if !states.isEmpty {
      text += (starts ? "; " : "") + "answered in " + states.map { "`\(chart.title(of: $0))`" }.joined(separator: ", ")
    }
    return text
  }

  /// The reaction that answers an event in a state, own or inherited, or the reason why none exists.
  public func explain(_ event: String, in state: Int, of chart: Chart) -> String {
    let location = state == 0 ? "In every state of `\(chart.flow.name.text)`" : "In `\(chart.states[state].path)`"
    if chart.isEnd(state) { return "\(location), no event is accepted: the flow has ended." }
    let found = chart.answers(to: event, in: state)
    guard !found.isEmpty else {
      let others = chart.states.indices.filter { !chart.ownAnswers(to: event, in: $0).isEmpty }
      let elsewhere = others.map { "`\(chart.title(of: $0))`" }.joined(separator: ", ")
      return "\(location), `\(event)` is refused: no reaction here or in a state around it."
        + (others.isEmpty ? " No state of the flow answers it." : " It is answered in \(elsewhere).")
    }
    var lines = found.map { "- " + line($0, seenFrom: state, chart) }
    if found.last?.isUnconditional == false { lines.append("- otherwise it is refused") }
    let isInherited = found.allSatisfy { $0.state != state }
    return "\(location), `\(event)` is answered\(isInherited ? " by inheritance" : ""):\n"
      + lines.joined(separator: "\n")
  }

  private func line(_ answer: Chart.Answer, seenFrom state: Int, _ chart: Chart) -> String {
    let origin = answer.state == state ? "" : ", inherited from `\(chart.title(of: answer.state))`"
    switch answer.treatment {
    case .ignored: return "`ignore`\(origin): accepted without effect"
    case .deferred: return "`defer`\(origin): kept until a state answers it"
    case .reaction(let node): return "`\(heading(of: node, in: chart))`\(origin)"
    }
  }

  /// A reaction up to its target, on one line.
  func heading(of node: ReactionNode, in chart: Chart) -> String {
    guard let file = names.definitions[.flow(chart.flow.name.text)]?.location.file, let unit = unit(file) else {
      return ""
    }
    var upper = node.trigger.range.upper
    for role in node.rest.roles { upper = max(upper, role.range.upper) }
    if let condition = node.rest.guardExpression { upper = max(upper, condition.range.upper) }
    if let target = node.rest.target { upper = max(upper, target.range.upper) }
    return unit.text(SourceRange(node.range.lower, upper)).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
