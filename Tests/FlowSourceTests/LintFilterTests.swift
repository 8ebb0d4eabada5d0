import FlowDiagnostics
import FlowSource
import Testing

/// Selection, severities and the baseline of diagnostics.
@Suite struct LintFilterTests {
  private static func sources(_ texts: String...) -> SourceSet {
    var sources = SourceSet()
    for (index, text) in texts.enumerated() { sources.add(name: "\(index).flow", text: Array(text.utf8)) }
    return sources
  }

  private static func codes(
    _ diagnostics: [Diagnostic], _ selection: RuleSelection, _ sources: SourceSet = sources("ab\nab\n")
  ) -> [String] {
    selection.filter(diagnostics, sources: sources, suppressions: [:]).map(\.code)
  }

  private static let some = [
    Diagnostic("F104", "e", at: SourceRange(0, 0)), Diagnostic("F501", .warning, "w", at: SourceRange(0, 0)),
    Diagnostic("F507", .info, "s", at: SourceRange(0, 0)), Diagnostic("F905", .info, "i", at: SourceRange(0, 0)),
  ]

  @Test(
    "a selection reports its preset, what it adds, and not what it ignores",
    arguments: [
      (RuleSelection(preset: .core), ["F104"]), (RuleSelection(), ["F104", "F501"]),
      (RuleSelection(preset: .strict), ["F104", "F501", "F905"]),
      (RuleSelection(preset: .strict, selected: ["unhandled-event"]), ["F104", "F501", "F507", "F905"]),
      (RuleSelection(preset: .core, selected: ["F5"]), ["F104", "F501", "F507"]),
      (RuleSelection(preset: .strict, ignored: ["F1", "F5", "missing-doc"]), ["F104"]),
      (RuleSelection(selected: ["F9"], ignored: ["F905"]), ["F104", "F501"]),
      (RuleSelection(ignoredByFile: ["0.flow": ["F501"]]), ["F104"]),
      (RuleSelection(ignoredByFile: ["1.flow": ["F501"]]), ["F104", "F501"]),
    ])
  func selectionReports(_ selection: RuleSelection, _ codes: [String]) {
    #expect(LintFilterTests.codes(LintFilterTests.some, selection) == codes)
  }

  @Test("severities change, except those of errors") func severitiesChange() {
    let selection = RuleSelection(severities: ["F104": .info, "F501": .error])
    let reported = selection.filter(LintFilterTests.some, sources: LintFilterTests.sources("ab"), suppressions: [:])
    #expect(reported.map(\.severity) == [.error, .error])
  }

  @Test("a baseline hides as many equal findings as it lists") func baselineCounts() {
    let sources = LintFilterTests.sources("ab\nab\nab\n")
    let found = [0, 3, 6].map { Diagnostic("F501", .warning, "w", at: SourceRange($0, $0 + 1)) }
    let fingerprints = Set(found.map { $0.fingerprint(in: sources) })
    #expect(fingerprints.count == 1)
    for count in 0...3 {
      let baseline = Dictionary(uniqueKeysWithValues: fingerprints.map { ($0, count) })
      let result = RuleSelection(baseline: baseline).apply(to: found, sources: sources, suppressions: [:])
      #expect(result.reported.count == 3 - count)
      #expect(result.suppressed.count == count)
      #expect(result.suppressed.allSatisfy { $0.origin == .baseline })
    }
  }

  @Test("a fingerprint depends on the line, the code and the file") func fingerprints() {
    let sources = LintFilterTests.sources("  event a\nevent b\nevent a", "event a")
    let print = { (code: String, offset: UInt32) in
      Diagnostic(code, .warning, "", at: SourceRange(offset, offset)).fingerprint(in: sources)
    }
    #expect(print("F501", 0) == print("F501", 20))
    #expect(Set([print("F501", 0), print("F501", 12), print("F502", 0), print("F501", 27)]).count == 4)
  }

  @Test(
    "paths match patterns",
    arguments: [
      ("tests/**", "tests/a.flow", true), ("tests/**", "tests/deep/er/a.flow", true), ("tests/**", "a.flow", false),
      ("**/*.flow", "a.flow", true), ("**/*.flow", "x/y/a.flow", true), ("*.flow", "x/a.flow", false),
      ("a?c.flow", "abc.flow", true), ("a?c.flow", "ac.flow", false), ("**/x/**/b", "x/x/a/x/b", true),
      ("**/x/**/b", "x/a/c", false), ("a*b*c", "a-b-b-c", true), ("a*b*c", "a-c-b", false), ("", "a", false),
      ("tests", "tests/a.flow", false), ("**", "any/thing", true), ("x/**/y", "x/y", true),
    ])
  func pathsMatch(_ pattern: String, _ path: String, _ fits: Bool) {
    #expect(PathPattern(pattern).matches(path) == fits)
  }

  @Test("a pattern with many wildcards is matched in bounded time") func manyWildcards() {
    let path = String(repeating: "a/", count: 2000) + "b"
    #expect(!PathPattern(String(repeating: "**/a/", count: 500) + "c").matches(path))
    #expect(!PathPattern(String(repeating: "*a", count: 500) + "c").matches(String(repeating: "a", count: 5000)))
  }
}
