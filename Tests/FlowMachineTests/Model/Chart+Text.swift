extension Chart {
  /// The chart in the syntax of the language.
  var text: String {
    var lines = ["role boss", "event Begin"] + Chart.events.map { "event \($0) { v: int }" }
    lines += ["flow F {", "  ongoing", "  data {"]
    for (name, value) in zip(Chart.fields, values) { lines.append("    \(name): int = \(value)") }
    lines.append("  }")
    if let bound { lines.append("  invariant a + b + c < \(bound)") }
    lines.append("  start on Begin -> \(name(of: first))" + text(startActs))
    lines += root.reactions.map { "  " + text($0) }
    lines += root.children.flatMap { text($0, "  ") }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  private func name(of path: String) -> String { path.split(separator: ".").last.map { String($0) } ?? "" }

  private func text(_ node: Node, _ indent: String) -> [String] {
    let word =
      switch node.kind {
      case .root, .plain: "state"
      case .parallel: "parallel"
      case .region: "region"
      case .final: "final"
      case .failed: "failed"
      }
    let parameter = node.field.map { "(\(Node.fieldName(node.path)): int = \(text($0)))" } ?? ""
    var lines = [indent + (node.isInitial ? "initial " : "") + "\(word) \(node.name)\(parameter) {"]
    if !node.entry.isEmpty { lines.append("\(indent)  entry" + text(node.entry).dropFirst(3)) }
    if !node.exit.isEmpty { lines.append("\(indent)  exit" + text(node.exit).dropFirst(3)) }
    lines += node.ignored.map { "\(indent)  ignore \(Chart.events[$0])" }
    lines += node.deferred.map { "\(indent)  defer \(Chart.events[$0])" }
    lines += node.reactions.map { "\(indent)  " + text($0) }
    lines += node.children.flatMap { text($0, indent + "  ") }
    return lines + [indent + "}"]
  }

  private func text(_ reaction: Reaction) -> String {
    var line = text(reaction.trigger)
    if reaction.isForBoss { line += " by boss" }
    if let condition = reaction.condition { line += " when " + text(condition) }
    if let target = reaction.target {
      line += " -> " + name(of: target) + (reaction.isHistory ? ".history" : "")
      if let argument = reaction.argument { line += "(\(Node.fieldName(target)): \(text(argument)))" }
      if reaction.isReenter { line += " reenter" }
    }
    return line + text(reaction.statements)
  }

  private func text(_ trigger: Reaction.Trigger) -> String {
    switch trigger {
    case .events(let events): "on " + events.map { Chart.events[$0] }.joined(separator: ", ")
    case .any: "on any"
    case .always: "always"
    case .done: "on done"
    case .error: "on error"
    case .after(let length): "after \(length / 60_000)m"
    case .every(let length): "every \(length / 60_000)m"
    case .at(let length): "at now + duration(\"\(length / 60_000)m\")"
    }
  }

  private func text(_ statements: [ChartAct]) -> String {
    statements.isEmpty ? "" : " do { " + statements.map { text($0) }.joined(separator: " ") + " }"
  }

  private func text(_ act: ChartAct) -> String {
    let kind =
      switch act.kind {
      case .assign(let field, let term): "\(Chart.fields[field]) = \(text(term))"
      case .assignOwn(let path, let term): "\(Node.fieldName(path)) = \(text(term))"
      case .raise(let event, let term): "raise \(Chart.events[event]){v: \(text(term))}"
      case .log(let word, let term): "log \"\(word) \" + string(\(text(term))) + \" in \" + self.state"
      }
    return kind + (act.condition.map { " when " + text($0) } ?? "")
  }

  private func text(_ term: Term) -> String {
    switch term {
    case .number(let number): "\(number)"
    case .field(let field): Chart.fields[field]
    case .own(let path): Node.fieldName(path)
    case .given: "event.v"
    case .sum(let left, let right): "(\(text(left)) + \(text(right)))"
    case .remainder(let left, let right): "\(text(left)) % \(right)"
    case .quotient(let left, let right): "\(left) / (\(text(right)))"
    }
  }

  private func text(_ condition: Condition) -> String {
    switch condition {
    case .less(let left, let right): "\(text(left)) < \(text(right))"
    case .equal(let left, let right): "\(text(left)) == \(text(right))"
    case .mentions(let name): "self.state.contains(\"\(name)\")"
    case .not(let condition): "!(\(text(condition)))"
    case .both(let left, let right): "(\(text(left)) && \(text(right)))"
    }
  }
}
