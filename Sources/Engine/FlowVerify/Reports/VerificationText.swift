public import FlowDiagnostics
import FlowIR

/// Verdicts as a table, with a run for each counter-example.
/// - Parameter showsRuns: Whether counter-examples are followed by their tests.
public func renderVerification(
  _ reports: [VerificationReport], style: TerminalStyle, showsRuns: Bool = true
) -> String {
  reports.map { report in
    let size = "\(report.situations) situations, \(report.steps) steps"
    let partners = report.partners.isEmpty ? "" : " with \(report.partners.joined(separator: ", "))"
    var lines = ["\(style.paint(report.flow, .bold))\(partners)  \(style.paint(size, .dim))"]
    for result in report.properties { lines += text(result, style: style, showsRuns: showsRuns) }
    return lines.joined(separator: "\n") + "\n"
  }.joined(separator: "\n")
}

private func text(_ result: PropertyResult, style: TerminalStyle, showsRuns: Bool) -> [String] {
  switch result.verdict {
  case .proved(let proof):
    let line = "  \(style.paint("proved", .green))   \(result.text)  \(style.paint(proof.rawValue, .dim))"
    return [line] + result.facts.map { "           \(style.paint($0, .dim))" }
  case .unknown(let reason):
    return ["  \(style.paint("unknown", .yellow))  \(result.text)", "           \(reason)"]
  case .refuted(let example):
    let (word, color): (String, TerminalStyle.Colour) =
      switch example.severity {
      case .error: ("broken", .red)
      case .warning: ("unused", .yellow)
      case .info: ("refuses", .cyan)
      }
    let padded = word + String(repeating: " ", count: 9 - word.count)
    var lines = ["  \(style.paint(word, color))\(padded.dropFirst(word.count))\(result.text)"]
    lines.append("           \(example.message)")
    if example.path.count > 1 { lines.append("           \(style.paint(diagram(of: example.path), .dim))") }
    if showsRuns, let test = example.test {
      lines += test.split(separator: "\n").map { "           \($0)" }
    }
    return lines
  }
}

/// The active states along a run, as `unpaid → shipping → stuck`.
func diagram(of path: [[String]]) -> String {
  var steps: [String] = []
  for states in path.dropFirst() {
    let text = states.isEmpty ? "·" : states.joined(separator: " + ")
    if steps.last != text { steps.append(text) }
  }
  return steps.joined(separator: " → ")
}
