import FlowCompiler
import FlowDiagnostics
import FlowJSON
import FlowSource

/// The findings of a check, limited to a maximum.
struct ReportDocument {
  let result: LintResult
  let sources: SourceSet
  /// The maximum number of findings to report.
  let maximum: Int

  var shown: [Diagnostic] { Array(result.reported.prefix(maximum)) }
  var hiddenCount: Int { max(0, result.reported.count - maximum) }
  /// The line with the number of findings.
  var summary: String { FlowDiagnostics.summary(of: result.reported, fileCount: sources.files.count) }
}

/// The formats of a report.
enum ReportFormat: String, CaseIterable {
  case pretty, concise, json, sarif, github, junit

  /// The format when none is given.
  static var standard: ReportFormat {
    if Terminal.variable("GITHUB_ACTIONS") == "true" { return .github }
    return Terminal.isOutputTerminal ? .pretty : .concise
  }

  func render(_ report: ReportDocument, style: TerminalStyle) -> String {
    let sources = report.sources
    return switch self {
    case .pretty:
      PrettyRenderer(sources: sources, style: style).render(report.shown, outOf: report.result.reported) + "\n"
    case .concise: renderConcise(report.shown, sources: sources) + report.summary + "\n"
    case .json: renderJSON(report.shown, sources: sources).text(.indented) + "\n"
    case .sarif:
      renderSARIF(
        report.shown, suppressed: report.result.suppressed, sources: sources, version: FlowCommandLine.version,
        page: page(of:)
      ).text(.indented) + "\n"
    case .github: renderGitHub(report.shown, sources: sources)
    case .junit: renderJUnit(report.shown, sources: sources)
    }
  }
}

/// Adds a table to the job summary of GitHub Actions, where the number of annotations is limited.
func appendStepSummary(_ report: ReportDocument) {
  guard let path = Terminal.variable("GITHUB_STEP_SUMMARY"), !path.isEmpty else { return }
  let text = renderMarkdown(report.shown, sources: report.sources) + "\n\(report.summary)\n"
  if !appendToFile(path, Array(text.utf8)) { Terminal.error("cannot write `\(path)`") }
}
