import FlowCompiler
import FlowDiagnostics
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// One flow for each code, with only that mistake. The golden file has the message and the result of the fixes.
@Suite("Sample of each diagnostic code") struct CodesTests {
  static let folder = "Tests/FlowCompilerTests/Corpus/codes"

  /// All diagnostics of a sample, with every rule enabled.
  private func check(_ sample: Sample) -> (sources: SourceSet, diagnostics: [Diagnostic]) {
    let folder = sample.url.deletingLastPathComponent()
    let compilation = FlowCompiler.check(roots: [sample.url.lastPathComponent], isFormChecked: true) { path in
      (try? Data(contentsOf: folder.appending(path: path))).map { Array($0) }
    }
    return (compilation.sources, compilation.filtered(by: RuleSelection(preset: .selected)))
  }

  @Test("each code has a sample with its rendered message and fixes", arguments: Sample.all(in: folder))
  func codeSample(_ sample: Sample) throws {
    let (sources, diagnostics) = check(sample)
    let code = String(sample.name.prefix(4))
    #expect(Set(diagnostics.map(\.code)) == [code])
    let rule = try #require(Rule.named(code))
    #expect(sample.name.dropFirst(5) == rule.name)
    #expect(diagnostics.allSatisfy { $0.severity == rule.severity })
    var text = PrettyRenderer(sources: sources).render(diagnostics) + "\n"
    for fix in diagnostics.flatMap(\.fixes) { text += try applied(fix, to: sample) }
    try expectGolden(text, at: sample.golden)
  }

  /// The lines that a fix changes, after the fix.
  private func applied(_ fix: Fix, to sample: Sample) throws -> String {
    let before = Array(try Data(contentsOf: sample.url))
    var after = before
    for edit in fix.edits.sorted(by: { $0.range.lower > $1.range.lower }) {
      after.replaceSubrange(Int(edit.range.lower)..<Int(edit.range.upper), with: Array(edit.text.utf8))
    }
    let old = String(decoding: before, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let new = String(decoding: after, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let changed = new.difference(from: old).insertions.compactMap { change in
      if case .insert(_, let line, _) = change { line } else { nil }
    }
    #expect(before != after)
    return "\nfix (\(fix.applicability.rawValue)): \(fix.title)\n" + changed.map { "  \($0)\n" }.joined()
  }

  /// Every code that the sources can report has a sample here.
  @Test("every code that the sources report has a sample and a rule") func codesAreCovered() throws {
    // What only a verification finds is tested with the linter.
    let covered = Set(Sample.all(in: CodesTests.folder).map { String($0.name.prefix(4)) }).union(Rule.verified)
    var reported: Set<String> = []
    for target in ["CEL", "FlowDiagnostics", "FlowSource", "FlowSyntax", "FlowChecker", "FlowCompiler"] {
      let folder = packageRoot.appending(path: "Sources/Language/\(target)")
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
      for case let file as URL in files ?? .init() where file.pathExtension == "swift" {
        let text = try String(contentsOf: file, encoding: .utf8)
        for match in text.matches(of: /"(F[0-9]{3})"/) { reported.insert(String(match.1)) }
      }
    }
    #expect(reported.count > 60)
    #expect(reported.subtracting(covered) == [])
    #expect(Set(Rule.all.map(\.code)) == reported.union(Rule.verified))
    #expect(Set(Rule.all.map(\.name)).count == Rule.all.count)
  }
}
