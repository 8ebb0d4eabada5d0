public import FlowDiagnostics
public import FlowIR
public import FlowSource

/// What came of compiling: the program, if it holds, and all that there is to say.
public struct Compilation: Sendable {
  public var sources: SourceSet
  public var program: Program?
  public var tests: [TestCase] = []
  public var diagnostics: [Diagnostic]
  /// The comments that silence findings, by the name of the file.
  public var suppressions: [String: [Suppression]] = [:]

  /// What is said of what was found, and what is silenced.
  public func judged(by selection: RuleSelection) -> LintResult {
    selection.judge(diagnostics, sources: sources, suppressions: suppressions)
  }

  /// What is to be said of what was found.
  public func filtered(by selection: RuleSelection) -> [Diagnostic] {
    selection.filter(diagnostics, sources: sources, suppressions: suppressions)
  }
}
