import FlowCompiler
import FlowDiagnostics
import FlowJSON
import FlowSource

/// What a check has to say, and how much of it.
struct ReportDocument {
  let judgement: LintResult
  let sources: SourceSet
  /// No more than so many findings are shown.
  let maximum: Int

  var shown: [Diagnostic] { Array(judgement.heard.prefix(maximum)) }
  var hiddenCount: Int { max(0, judgement.heard.count - maximum) }
  /// The line that counts all of them.
  var summary: String { FlowDiagnostics.summary(of: judgement.heard, fileCount: sources.files.count) }
}

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

  func render(_ report: ReportDocument, _ style: TerminalStyle) -> String {
    let sources = report.sources
    return switch self {
    case .pretty:
      PrettyRenderer(sources: sources, style: style).render(report.shown, outOf: report.judgement.heard) + "\n"
    case .concise: renderConcise(report.shown, sources: sources) + report.summary + "\n"
    case .json: renderJSON(report.shown, sources: sources).text(.indented) + "\n"
    case .sarif:
      renderSARIF(
        report.shown, silenced: report.judgement.silenced, sources: sources, version: FlowCommandLine.version,
        page: page(of:)
      ).text(.indented) + "\n"
    case .github: renderGitHub(report.shown, sources: sources)
    case .junit: renderJUnit(report.shown, sources: sources)
    }
  }
}

/// Adds a table to the summary of a run of GitHub Actions, which shows only so many annotations.
func appendStepSummary(_ report: ReportDocument) {
  guard let path = Terminal.variable("GITHUB_STEP_SUMMARY"), !path.isEmpty else { return }
  let text = renderMarkdown(report.shown, sources: report.sources) + "\n\(report.summary)\n"
  if !appendToFile(path, Array(text.utf8)) { Terminal.complain("cannot write `\(path)`") }
}
