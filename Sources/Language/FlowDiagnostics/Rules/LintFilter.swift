public import FlowSource

/// Diagnostics after selection and suppression.
public struct LintResult: Sendable {
  /// A diagnostic hidden by a comment or by the baseline.
  public struct Suppressed: Hashable, Sendable {
    public enum Origin: String, Sendable {
      /// By a comment.
      case source
      /// By the baseline.
      case baseline
    }

    public var diagnostic: Diagnostic
    public var origin: Origin
    /// Empty when none was given.
    public var reason: String

    public init(diagnostic: Diagnostic, origin: Origin, reason: String) {
      self.diagnostic = diagnostic
      self.origin = origin
      self.reason = reason
    }
  }

  public var reported: [Diagnostic] = []
  /// Selected diagnostics hidden by a comment or the baseline. Unselected diagnostics are in neither list.
  public var suppressed: [Suppressed] = []
}

extension RuleSelection {
  /// Applies selection, severities, suppressions and the baseline. Errors are always reported.
  /// - Parameter suppressions: By file name.
  public func apply(
    to diagnostics: [Diagnostic], sources: SourceSet, suppressions: [String: [Suppression]]
  ) -> LintResult {
    var filter = LintFilter(selection: self, sources: sources, suppressions: suppressions)
    for diagnostic in diagnostics { filter.apply(to: diagnostic) }
    filter.checkSuppressions(suppressions, isComplete: !diagnostics.hasErrors)
    filter.result.reported = filter.result.reported.sortedByRange()
    return filter.result
  }

  /// The diagnostics to report.
  public func filter(
    _ diagnostics: [Diagnostic], sources: SourceSet, suppressions: [String: [Suppression]]
  ) -> [Diagnostic] {
    apply(to: diagnostics, sources: sources, suppressions: suppressions).reported
  }
}

private struct LintFilter {
  let selection: RuleSelection
  let sources: SourceSet
  var result = LintResult()
  private let comments: [String: [Suppression.Scope: [Suppression]]]
  /// The names in comments that matched a diagnostic.
  private var used: Set<Use> = []
  /// The remaining count of each baseline finding.
  private var known: [String: Int]

  private struct Use: Hashable {
    var comment: SourceRange
    var name: String
  }

  init(selection: RuleSelection, sources: SourceSet, suppressions: [String: [Suppression]]) {
    self.selection = selection
    self.sources = sources
    comments = suppressions.mapValues { Dictionary(grouping: $0, by: \.scope) }
    known = selection.baseline
  }

  mutating func apply(to diagnostic: Diagnostic) {
    let file = sources.file(at: diagnostic.range.lower)
    let covering = covering(diagnostic, in: file)
    for (comment, name) in covering { used.insert(Use(comment: comment.range, name: name)) }
    var reported = diagnostic
    if let severity = selection.severities[reported.code], reported.severity != .error || severity == .error {
      reported.severity = severity
    }
    if diagnostic.severity == .error {
      if !covering.isEmpty { reported.notes.append("an error can't be suppressed with `flow:ignore`") }
      return result.reported.append(reported)
    }
    guard selection.isEnabled(reported.code, in: file?.name ?? "") else { return }
    if let (comment, _) = covering.first {
      result.suppressed.append(.init(diagnostic: reported, origin: .source, reason: comment.reason))
    } else if isKnown(reported) {
      result.suppressed.append(.init(diagnostic: reported, origin: .baseline, reason: ""))
    } else {
      result.reported.append(reported)
    }
  }

  private func covering(_ diagnostic: Diagnostic, in file: SourceFile?) -> [(comment: Suppression, name: String)] {
    guard let file, let here = comments[file.name] else { return [] }
    let line = file.position(of: diagnostic.range.lower).line
    return ((here[.line(line)] ?? []) + (here[.file] ?? [])).compactMap { comment in
      comment.name(covering: diagnostic.code).map { (comment, $0) }
    }
  }

  /// Each entry of the baseline hides one finding: a second one on an equal line is new.
  private mutating func isKnown(_ diagnostic: Diagnostic) -> Bool {
    guard !known.isEmpty else { return false }
    let fingerprint = diagnostic.fingerprint(in: sources)
    guard let count = known[fingerprint], count > 0 else { return false }
    known[fingerprint] = count - 1
    return true
  }

  // MARK: - Suppressions without effect or reason

  /// With errors, many findings are not computed: then only names without a rule are certain to hide nothing.
  mutating func checkSuppressions(_ suppressions: [String: [Suppression]], isComplete: Bool) {
    for file in sources.files {
      for comment in suppressions[file.name] ?? [] {
        let unused = comment.rules.filter { name in
          !used.contains(Use(comment: comment.range, name: name)) && (isComplete || !LintFilter.isRule(name))
            && !LintFilter.isVerified(name)
        }
        let hasNoEffect = !unused.isEmpty || comment.rules.isEmpty
        if hasNoEffect, selection.isEnabled("F511", in: file.name) {
          report(withoutEffect(comment, unused: unused, in: file))
        }
        if comment.reason.isEmpty, selection.isEnabled("F513", in: file.name) { report(withoutReason(comment)) }
      }
    }
  }

  private mutating func report(_ diagnostic: Diagnostic) {
    var reported = diagnostic
    reported.severity = selection.severities[reported.code] ?? reported.severity
    result.reported.append(reported)
  }

  /// F511: the suppression hides nothing.
  private func withoutEffect(_ comment: Suppression, unused: [String], in file: SourceFile) -> Diagnostic {
    if comment.rules.isEmpty {
      return Diagnostic(
        "F511", .warning, "this names no code and hides nothing", at: comment.range, label: "ignores nothing",
        help: "write `flow:ignore[CODE] reason`")
    }
    let names = unused.map { "`\($0)`" }.joined(separator: ", ")
    let remaining = comment.rules.filter { !unused.contains($0) }
    let fix =
      remaining.isEmpty
      ? Fix("remove the comment", .safe, [.init(file.removal(ofComment: comment.range), "")])
      : Fix("remove \(names)", .safe, [.init(comment.list, remaining.joined(separator: ", "))])
    return Diagnostic(
      "F511", .warning, remaining.isEmpty ? "this hides nothing" : "this hides nothing of \(names)",
      at: comment.range, label: "nothing to ignore here", help: unused.compactMap(suggestion).first, fixes: [fix])
  }

  /// True for the code, the name or the prefix of a rule.
  private static func isRule(_ name: String) -> Bool {
    Rule.all.contains { RuleSelection.matches([name], code: $0.code) }
  }

  /// True for the code or the name of a rule whose findings are not known without a verification.
  private static func isVerified(_ name: String) -> Bool {
    let rules = Rule.all.filter { RuleSelection.matches([name], code: $0.code) }
    return !rules.isEmpty && rules.allSatisfy { Rule.verified.contains($0.code) }
  }

  /// A suggestion for a name without a rule.
  private func suggestion(for name: String) -> String? {
    guard !LintFilter.isRule(name) else { return nil }
    let close = Suggestion.closest(to: name, among: Rule.all.flatMap { [$0.code, $0.name] }).first
    return "there is no rule `\(name)`" + (close.map { ", did you mean `\($0)`?" } ?? "")
  }

  /// F513: the suppression has no reason.
  private func withoutReason(_ comment: Suppression) -> Diagnostic {
    Diagnostic(
      "F513", .info, "this has no reason", at: comment.range, label: "no reason",
      help: "write the reason after the bracket")
  }
}
