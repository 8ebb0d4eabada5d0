import FlowCompiler
import FlowDiagnostics
import FlowJSON
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// Each broken flow of the corpus, with its rendered diagnostics.
@Suite struct DiagnosticsTests {
  static let folder = "Tests/FlowCompilerTests/Corpus/errors"

  private func compileSample(_ sample: Sample) -> Compilation {
    let folder = sample.url.deletingLastPathComponent()
    return compile(sample.url.lastPathComponent) { path in
      (try? Data(contentsOf: folder.appending(path: path))).map { Array($0) }
    }
  }

  @Test("each broken flow gives the messages of its golden file", arguments: Sample.all(in: folder))
  func brokenFlow(_ sample: Sample) throws {
    let compilation = compileSample(sample)
    #expect(compilation.program == nil)
    try expectGolden(
      PrettyRenderer(sources: compilation.sources).render(compilation.diagnostics) + "\n", at: sample.golden)
  }

  static let numbered = "Tests/FlowCompilerTests/Corpus/scxml"

  /// Errors that the W3C tests of SCXML expect at run time and the compiler detects: by number, with the code.
  @Test("run-time errors of the W3C tests are compile-time errors", arguments: Sample.all(in: numbered))
  func scxmlNegatives(_ sample: Sample) throws {
    let compilation = compileSample(sample)
    let name = sample.name.split(separator: "-").map { String($0) }
    #expect(compilation.program == nil)
    #expect(Set(compilation.diagnostics.filter { $0.severity == .error }.map(\.code)) == [name[1]])
    #expect(sample.text.hasPrefix("/// W3C \(name[0]): "))
    try expectGolden(
      PrettyRenderer(sources: compilation.sources).render(compilation.diagnostics) + "\n", at: sample.golden)
  }

  @Test("the negative W3C cases are present") func scxmlNumbers() {
    let numbers = Sample.all(in: DiagnosticsTests.numbered).compactMap { Int($0.name.prefix(3)) }
    #expect(Set(numbers).isSuperset(of: [152, 199, 245, 277, 286, 298, 309, 311, 322, 324, 329, 346, 457, 487]))
  }

  @Test("every golden file has its flow") func goldenFilesHaveFlows() {
    let names = Set(Sample.all(in: DiagnosticsTests.folder).map(\.name))
    #expect(names.count > 20)
    for golden in Sample.all(in: DiagnosticsTests.folder, withExtension: "golden") {
      #expect(names.contains(golden.name), "\(golden.name).golden has no flow")
    }
  }

  @Test("the concise and JSON formats report the same diagnostic") func machineFormats() throws {
    let sample = try #require(Sample.all(in: DiagnosticsTests.folder).first { $0.name == "unknown-state" })
    let compilation = compileSample(sample)
    #expect(
      renderConcise(compilation.diagnostics, sources: compilation.sources)
        .hasPrefix("unknown-state.flow:31:50: error[F104] there is no state named `shiping`"))
    let json = renderJSON(compilation.diagnostics, sources: compilation.sources)
    #expect(json["summary"]?["errors"] == 1)
    #expect(json["diagnostics"]?.array?.first?["code"] == "F104")
  }
}
