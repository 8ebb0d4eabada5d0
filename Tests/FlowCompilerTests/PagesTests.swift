import FlowCompiler
import FlowDiagnostics
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// One page for each code. Its examples are flows: the wrong one has just that mistake, the right one none.
@Suite struct PagesTests {
  static let pages = Sample.all(in: "Docs/diagnostics", withExtension: "md")

  /// What is said of an example with nearly everything reported. Imports find a file that declares something else.
  private func check(_ text: Substring, enabling code: String) -> [Diagnostic] {
    let selection = RuleSelection(preset: .strict, selected: [code])
    return FlowCompiler.check(roots: ["example.flow"], isFormChecked: true) { path in
      switch path {
      case "example.flow": Array(text.utf8)
      case "shop.flow": Array("/// Of a shop.\nevent Opened { id: string }\n".utf8)
      default: nil
      }
    }.filtered(by: selection)
  }

  @Test("the wrong example of a page has only its finding, the right one none", arguments: pages) func pageExamples(
    _ page: Sample
  ) throws {
    let examples = page.text.matches(of: /```flow\n([^`]*(?:`[^`]+)*?)```/).map(\.1)
    try #require(examples.count == 2)
    #expect(Set(check(examples[0], enabling: page.name).map(\.code)) == [page.name])
    #expect(check(examples[1], enabling: page.name).map(\.code) == [])
    let rule = try #require(Rule.named(page.name))
    #expect(
      page.text.hasPrefix("# \(rule.code) \(rule.name)\n\n\(rule.severity.rawValue.capitalized): \(rule.summary)."))
    #expect(page.text.contains("flow:ignore[\(rule.code)]") == rule.canBeSilenced || rule.code == "F513")
  }

  @Test("every rule has a page") func rulesHavePages() {
    #expect(PagesTests.pages.map(\.name) == Rule.all.map(\.code).sorted())
  }

  /// The pages are a part of the program.
  @Test("every page is part of the binary") func pagesAreEmbedded() throws {
    let list = try String(contentsOf: packageRoot.appending(path: "Sources/System/CPages/pages.c"), encoding: .utf8)
    for page in PagesTests.pages { #expect(list.contains("PAGE(\(page.name))")) }
  }
}
