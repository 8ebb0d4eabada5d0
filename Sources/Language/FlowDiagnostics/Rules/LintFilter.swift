public import FlowSource

/// What is said of what was found, and what is not.
public struct LintResult: Sendable {
  /// A finding that somebody wants to hear nothing of.
  public struct Suppressed: Hashable, Sendable {
    public enum Origin: String, Sendable {
      /// By a comment.
      case source
      /// By the baseline.
      case baseline
    }

    public var diagnostic: Diagnostic
    public var place: Origin
    /// Empty when none was given.
    public var reason: String

    public init(diagnostic: Diagnostic, place: Origin, reason: String) {
      self.diagnostic = diagnostic
      self.place = place
      self.reason = reason
    }
  }

  public var heard: [Diagnostic] = []
  /// Findings that would be heard but for a comment or the baseline; what is not selected is in neither list.
  public var silenced: [Suppressed] = []
}

extension RuleSelection {
  /// Judges what was found. Errors are always heard.
  /// - Parameter suppressions: By the name of the file.
  public func judge(
    _ diagnostics: [Diagnostic], sources: SourceSet, suppressions: [String: [Suppression]]
  ) -> LintResult {
    var judge = LintFilter(selection: self, sources: sources, suppressions: suppressions)
    for diagnostic in diagnostics { judge.judge(diagnostic) }
    judge.complain(of: suppressions)
    judge.judgement.heard = judge.judgement.heard.sortedByPlace()
    return judge.judgement
  }

  /// What is to be said of what was found.
  public func filter(
    _ diagnostics: [Diagnostic], sources: SourceSet, suppressions: [String: [Suppression]]
  ) -> [Diagnostic] {
    judge(diagnostics, sources: sources, suppressions: suppressions).heard
  }
}

private struct LintFilter {
  let selection: RuleSelection
  let sources: SourceSet
  var judgement = LintResult()
  private let comments: [String: [Suppression.Scope: [Suppression]]]
  /// Which names of which comments spoke of something that was found.
  private var used: Set<Use> = []
  /// How often each known finding may still be met.
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

  mutating func judge(_ diagnostic: Diagnostic) {
    let file = sources.file(at: diagnostic.range.lower)
    let covering = covering(diagnostic, in: file)
    for (comment, name) in covering { used.insert(Use(comment: comment.range, name: name)) }
    var told = diagnostic
    if let severity = selection.severities[told.code], told.severity != .error || severity == .error {
      told.severity = severity
    }
    if diagnostic.severity == .error {
      if !covering.isEmpty { told.notes.append("an error can't be silenced with `flow:ignore`") }
      return judgement.heard.append(told)
    }
    guard selection.isHeard(told.code, in: file?.name ?? "") else { return }
    if let (comment, _) = covering.first {
      judgement.silenced.append(.init(diagnostic: told, place: .source, reason: comment.reason))
    } else if isKnown(told) {
      judgement.silenced.append(.init(diagnostic: told, place: .baseline, reason: ""))
    } else {
      judgement.heard.append(told)
    }
  }

  private func covering(_ diagnostic: Diagnostic, in file: SourceFile?) -> [(comment: Suppression, name: String)] {
    guard let file, let here = comments[file.name] else { return [] }
    let line = file.position(of: diagnostic.range.lower).line
    return ((here[.line(line)] ?? []) + (here[.file] ?? [])).compactMap { comment in
      comment.name(covering: diagnostic.code).map { (comment, $0) }
    }
  }

  /// One finding for each time that the baseline lists it: a second one on a line like the first is new.
  private mutating func isKnown(_ diagnostic: Diagnostic) -> Bool {
    guard !known.isEmpty else { return false }
    let fingerprint = diagnostic.fingerprint(in: sources)
    guard let count = known[fingerprint], count > 0 else { return false }
    known[fingerprint] = count - 1
    return true
  }

  // MARK: - The comments themselves

  mutating func complain(of suppressions: [String: [Suppression]]) {
    for file in sources.files {
      for comment in suppressions[file.name] ?? [] {
        let unused = comment.rules.filter { !used.contains(Use(comment: comment.range, name: $0)) }
        let hidesNothing = !unused.isEmpty || comment.rules.isEmpty
        if hidesNothing, selection.isHeard("F511", in: file.name) { add(nothing(comment, unused, file)) }
        if comment.reason.isEmpty, selection.isHeard("F513", in: file.name) { add(unexplained(comment)) }
      }
    }
  }

  private mutating func add(_ diagnostic: Diagnostic) {
    var told = diagnostic
    told.severity = selection.severities[told.code] ?? told.severity
    judgement.heard.append(told)
  }

  /// F511: a suppression hides something.
  private func nothing(_ comment: Suppression, _ unused: [String], _ file: SourceFile) -> Diagnostic {
    if comment.rules.isEmpty {
      return Diagnostic(
        "F511", .warning, "this names no code and hides nothing", at: comment.range, label: "ignores nothing",
        help: "write `flow:ignore[CODE] reason`")
    }
    let names = unused.map { "`\($0)`" }.joined(separator: ", ")
    let kept = comment.rules.filter { !unused.contains($0) }
    let fix =
      kept.isEmpty
      ? Fix("remove the comment", .safe, [.init(file.removal(ofComment: comment.range), "")])
      : Fix("take \(names) out", .safe, [.init(comment.list, kept.joined(separator: ", "))])
    return Diagnostic(
      "F511", .warning, kept.isEmpty ? "this hides nothing" : "this hides nothing of \(names)", at: comment.range,
      label: "nothing to ignore here", help: unused.compactMap(guess).first, fixes: [fix])
  }

  /// What may have been meant by a name that there is no rule of.
  private func guess(_ name: String) -> String? {
    guard !Rule.all.contains(where: { RuleSelection.names([name], $0.code) }) else { return nil }
    let close = Suggestion.closest(to: name, among: Rule.all.flatMap { [$0.code, $0.name] }).first
    return "there is no rule `\(name)`" + (close.map { ", did you mean `\($0)`?" } ?? "")
  }

  /// F513: a suppression says why.
  private func unexplained(_ comment: Suppression) -> Diagnostic {
    Diagnostic(
      "F513", .info, "this does not say why", at: comment.range, label: "no reason",
      help: "write the reason behind the bracket")
  }
}
