import FlowCompiler
import FlowDiagnostics
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// Findings that the checker must report, and must not. The name of a sample ends in the expected codes.
@Suite("Samples of checker rules") struct RulesTests {
  static let folder = "Tests/FlowCompilerTests/Corpus/rules"
  /// The codes under test; others, such as unused names, are ignored.
  static let subjects: Set<String> = [
    "F106", "F116", "F215", "F216", "F301", "F302", "F305", "F306", "F309", "F314", "F401", "F404", "F405", "F407",
    "F411", "F503", "F510", "F518", "F712", "F713", "F714", "F804", "F805",
  ]

  @Test("a sample gives the codes in its name, with the message of its golden file", arguments: Sample.all(in: folder))
  func rule(_ sample: Sample) throws {
    let compilation = FlowCompiler.check(roots: [sample.url.lastPathComponent]) { _ in Array(sample.text.utf8) }
    let found = compilation.diagnostics.filter { RulesTests.subjects.contains($0.code) || $0.severity == .error }
    let expected = sample.name.split(separator: "-").map(String.init).filter { $0.hasPrefix("F") }
    #expect(Set(found.map(\.code)) == Set(expected))
    guard !expected.isEmpty else { return }
    try expectGolden(PrettyRenderer(sources: compilation.sources).render(found) + "\n", at: sample.golden)
  }
}
