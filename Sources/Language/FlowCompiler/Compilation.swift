public import FlowDiagnostics
public import FlowIR
public import FlowSource

/// The result of a compilation: the program, if it has no errors, and all diagnostics.
public struct Compilation: Sendable {
  public var sources: SourceSet
  public var program: Program?
  public var tests: [TestCase] = []
  public var diagnostics: [Diagnostic]
  /// The comments that suppress findings, by the name of the file.
  public var suppressions: [String: [Suppression]] = [:]

  /// The reported and the suppressed diagnostics.
  public func lintResult(for selection: RuleSelection) -> LintResult {
    selection.apply(to: diagnostics, sources: sources, suppressions: suppressions)
  }

  /// The reported diagnostics.
  public func filtered(by selection: RuleSelection) -> [Diagnostic] {
    selection.filter(diagnostics, sources: sources, suppressions: suppressions)
  }
}
