import FlowDiagnostics
import FlowJSON
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// The same findings in each format.
@Suite struct RendererTests {
  static let formats: [(name: String, render: @Sendable (Findings) -> String)] = [
    ("pretty", { PrettyRenderer(sources: $0.sources).render($0.reported) + "\n" }),
    ("coloured", { PrettyRenderer(sources: $0.sources, style: .coloured).render($0.reported) + "\n" }),
    ("concise", { renderConcise($0.reported, sources: $0.sources) }),
    ("json", { renderJSON($0.reported, sources: $0.sources).text(.indented) + "\n" }),
    (
      "sarif",
      {
        renderSARIF($0.reported, suppressed: $0.suppressed, sources: $0.sources, version: "1.2.3") { "# \($0)\n" }
          .text(.indented) + "\n"
      }
    ),
    ("github", { renderGitHub($0.reported, sources: $0.sources) }),
    ("markdown", { renderMarkdown($0.reported, sources: $0.sources) }),
    ("junit", { renderJUnit($0.reported, sources: $0.sources) }),
  ]

  @Test("each format is rendered as recorded", arguments: formats.map(\.name)) func rendering(_ name: String) throws {
    let format = try #require(RendererTests.formats.first { $0.name == name })
    let folder = packageRoot.appending(path: "Tests/FlowSourceTests/Corpus")
    try expectGolden(format.render(Findings()), at: folder.appending(path: "\(name).golden"))
  }

  @Test("every golden file is compared") func goldenFiles() {
    let golden = Sample.all(in: "Tests/FlowSourceTests/Corpus", withExtension: "golden").map(\.name)
    #expect(golden == RendererTests.formats.map(\.name).sorted())
  }

  @Test("an empty report is well-formed") func emptyReport() throws {
    let sources = Findings().sources
    #expect(PrettyRenderer(sources: sources).render([]) == "no problems in 2 files")
    #expect(renderGitHub([], sources: sources) == "" && renderMarkdown([], sources: sources) == "")
    let run = try #require(renderSARIF([], sources: sources, version: "1")["runs"]?.array?.first)
    #expect(run["results"] == [] && run["tool"]?["driver"]?["rules"] == [])
  }

  @Test("control characters are replaced in XML") func controlCharacters() throws {
    #expect(escapedXML("a\u{0}\u{1B}<&>\"\u{FFFE}") == "a??&lt;&amp;&gt;&quot;?")
  }

  @Test(
    "the summary counts findings by severity",
    arguments: [(1, 0, 0, "1 error in 2 files"), (2, 1, 3, "2 errors, 1 warning, 3 notes in 2 files")])
  func findingsAreCounted(_ errors: Int, _ warnings: Int, _ infos: Int, _ text: String) {
    let severities: [Diagnostic.Severity] =
      Array(repeating: .error, count: errors) + Array(repeating: .warning, count: warnings)
      + Array(repeating: .info, count: infos)
    let found = severities.map { Diagnostic("F101", $0, "m", at: SourceRange(0, 0)) }
    #expect(summary(of: found, fileCount: 2) == text)
  }
}

/// Findings of two files with all possible parts, and with characters that need escaping.
struct Findings {
  var sources = SourceSet()
  var reported: [Diagnostic]
  var suppressed: [LintResult.Suppressed]

  init() {
    sources.add(name: "a b/größe,1:2.flow", text: Array("event Paid\n\tstate \"😀\" -> näht\nend\n".utf8))
    sources.add(name: "/srv/shop.flow", text: Array("event Opened\r\nevent Closed".utf8))
    let (first, second) = (sources.files[0], sources.files[1])
    func location(_ text: String, in file: SourceFile) -> SourceRange {
      let start = String(decoding: file.text, as: UTF8.self).utf8.firstRange(of: text.utf8)?.lowerBound
      let whole = String(decoding: file.text, as: UTF8.self)
      let offset = UInt32(start.map { whole.utf8.distance(from: whole.startIndex, to: $0) } ?? 0) + file.base
      return SourceRange(offset, offset + UInt32(text.utf8.count))
    }
    let näht = location("näht", in: first)
    reported = [
      Diagnostic(
        "F401", "an earlier reaction wins, 100%:\nalways", at: näht, label: "never <tried>",
        labels: [
          .init(location("Paid", in: first), "the event"), .init(location("Closed", in: second), "declared | here"),
        ], notes: ["tried top to bottom", "a second note"], help: "move it",
        fixes: [
          Fix("move it", .maybe, [.init(näht, "genäht"), .init(location("Opened", in: second), "\"x\"")])
        ]),
      Diagnostic(
        "F511", .warning, "this hides nothing", at: location("end\n", in: first),
        fixes: [
          Fix("remove the comment", .safe, [.init(location("end\n", in: first), "")])
        ]),
      Diagnostic("F910", .info, "not in form", at: SourceRange(second.range.upper, second.range.upper)),
    ]
    suppressed = [
      .init(
        diagnostic: Diagnostic("F601", .warning, "may wait", at: location("Opened", in: second)), origin: .source,
        reason: "for ever"),
      .init(
        diagnostic: Diagnostic("F601", .warning, "may wait", at: location("Closed", in: second)), origin: .baseline,
        reason: ""),
    ]
  }
}
