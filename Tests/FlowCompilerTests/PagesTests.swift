import FlowCompiler
import FlowDiagnostics
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// The page of each rule in `Docs/diagnostics`.
///
/// The explanation and the two examples are written by hand. The first lines, the rendered findings and the note on
/// suppression follow from the rule and the compiler: `UPDATE_GOLDEN=1 swift test --filter PagesTests` refreshes them.
@Suite("Pages of Docs/diagnostics") struct PagesTests {
  static let pages = Sample.all(in: "Docs/diagnostics", withExtension: "md")
  /// The pages whose findings come from the compiler.
  static let compiled = pages.filter { !Rule.verified.contains($0.name) }

  /// Compiles an example with the default rules, the rule of the page and the check of the format.
  private func findings(_ example: Substring, of code: String) -> (sources: SourceSet, diagnostics: [Diagnostic]) {
    let compilation = FlowCompiler.check(roots: ["example.flow"], isFormChecked: true) { path in
      switch path {
      case "example.flow": Array(example.utf8)
      case "shop.flow": Array("/// A shop.\nevent Opened { id: string }\n".utf8)
      default: nil
      }
    }
    return (compilation.sources, compilation.filtered(by: RuleSelection(selected: [code, "F910"])))
  }

  @Test("the wrong example has only the finding of the page, and the right one has none", arguments: compiled)
  func examples(_ sample: Sample) throws {
    let page = try #require(Page(sample.text))
    #expect(Set(findings(page.wrong, of: sample.name).diagnostics.map(\.code)) == [sample.name])
    #expect(findings(page.right, of: sample.name).diagnostics.map(\.message) == [])
  }

  @Test("a page shows what the compiler prints", arguments: compiled)
  func rendering(_ sample: Sample) throws {
    let page = try #require(Page(sample.text))
    let rule = try #require(Rule.named(sample.name))
    let (sources, diagnostics) = findings(page.wrong, of: sample.name)
    let renderer = PrettyRenderer(sources: sources)
    let printed = diagnostics.map { renderer.render($0) }.joined(separator: "\n")
    try expectGolden(page.text(of: rule, printed: printed), at: sample.url)
  }

  @Test("every rule has a page") func completeness() {
    #expect(PagesTests.pages.map(\.name) == Rule.all.map(\.code).sorted())
  }

  @Test("every page is embedded in the program") func embedding() throws {
    let list = try String(contentsOf: packageRoot.appending(path: "Sources/System/CPages/pages.c"), encoding: .utf8)
    for page in PagesTests.pages { #expect(list.contains("PAGE(\(page.name))")) }
  }
}

/// The parts of a page that are written by hand.
private struct Page {
  var explanation: Substring
  var wrong: Substring
  var right: Substring

  /// `nil` for a text that lacks one of the parts.
  init?(_ text: String) {
    let example = /```flow\n(.*?)```\n/.dotMatchesNewlines()
    let examples = text.matches(of: example).map(\.1)
    guard examples.count == 2,
      let explanation = text.firstMatch(of: /^# [^\n]+\n\n[^\n]+\n\n(.+?)\n\n## Wrong\n/.dotMatchesNewlines())
    else { return nil }
    (self.explanation, wrong, right) = (explanation.1, examples[0], examples[1])
  }

  /// The complete page, with the parts generated from the rule and the output of the compiler.
  func text(of rule: Rule, printed: String) -> String {
    """
    # \(rule.code) \(rule.name)

    \(rule.severity.rawValue.capitalized): \(rule.summary). \(condition(of: rule))

    \(explanation)

    ## Wrong

    ```flow
    \(wrong)```

    ```text
    \(printed)```

    ## Right

    ```flow
    \(right)```
    \(rule.canBeSuppressed ? suppression(of: rule) : "")
    """
  }

  private func condition(of rule: Rule) -> String {
    switch rule.preset {
    case _ where rule.severity == .error: "Always reported."
    case .core, .recommended: "Reported unless the preset is `core`."
    case .strict: "Reported with `--preset strict`."
    case .selected: "Reported with `--select \(rule.code)`."
    }
  }

  private func suppression(of rule: Rule) -> String {
    """

    To suppress a finding, write `// flow:ignore[\(rule.code)] reason` at the end of its line or on the line above. For
    a project, add `ignore = ["\(rule.code)"]` under `[lint]` in `flow.toml`.

    """
  }
}
