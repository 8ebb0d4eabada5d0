import FlowCompiler
import FlowSource

/// How findings are reported.
enum ReportFormat: String, CaseIterable {
  case pretty, concise, json, sarif, github, junit

  /// What is used when nothing is said.
  static var usual: ReportFormat {
    if Terminal.variable("GITHUB_ACTIONS") == "true" { return .github }
    return Terminal.isOutputTerminal ? .pretty : .concise
  }

  /// A format by its name; says what there is otherwise.
  static func named(_ name: String) -> ReportFormat? {
    if let format = ReportFormat(rawValue: name) { return format }
    let names = allCases.map(\.rawValue)
    let guess = Suggestion.closest(to: name, among: names).first
    Terminal.complain(
      "there is no format `\(name)`",
      help: guess.map { "did you mean `\($0)`?" } ?? "the formats are \(names.joined(separator: ", "))")
    return nil
  }

  func render(_ diagnostics: [Diagnostic], _ sources: SourceSet, _ style: TerminalStyle) -> String {
    switch self {
    case .pretty: PrettyRenderer(sources: sources, style: style).render(diagnostics) + "\n"
    case .concise:
      renderConcise(diagnostics, sources: sources) + summary(of: diagnostics, fileCount: sources.files.count) + "\n"
    case .json: renderJSON(diagnostics, sources: sources).text(.indented) + "\n"
    case .sarif: renderSARIF(diagnostics, sources: sources, version: Flow.version).text(.indented) + "\n"
    case .github: renderGitHub(diagnostics, sources: sources)
    case .junit: renderJUnit(diagnostics, sources: sources)
    }
  }
}
