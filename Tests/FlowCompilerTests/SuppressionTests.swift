import FlowCompiler
import FlowDiagnostics
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// `// flow:ignore[…]`: the suppressed findings, and the report of suppressions without effect.
@Suite struct SuppressionTests {
  private func compile(_ lines: String) -> Compilation {
    let text = """
      event Placed { id: string }
      \(lines)
      /// An order.
      flow Order {
        key id
        data { id: string }
        start on Placed -> open do id = event.id
        state open { after 3d -> closed }
        final closed
      }

      """
    return FlowCompiler.check(roots: ["a.flow"]) { $0 == "a.flow" ? Array(text.utf8) : nil }
  }

  @Test(
    "a suppression hides the findings that it names",
    arguments: [
      ("event Unused", ["F501"]),
      ("event Unused  // flow:ignore[F501] later", []),
      ("// flow:ignore[F501] later\nevent Unused", []),
      ("// flow:ignore[unused-event] x\n\n// about it\nevent Unused", []),
      ("// flow:ignore[F5] x\r\n// more\r\nevent Unused\r", []),
      ("\t//flow:ignore[ F501 ,F501 ]x\nevent Unused", []),
      ("event Unused // flow:ignore[F601]", ["F501", "F511"]),
      ("// flow:ignore-file[F5] x\nevent Unused\nevent Other", []),
      ("event Unused\nevent Other // flow:ignore-file[F501] x", []),
      ("// flow:ignore[F501] x\nevent Unused\nevent Other", ["F501"]),
      ("// flow:ignore[F501] x\n// flow:ignore[F501] y\nevent Unused", []),
      ("event Unused // flow:ignore", ["F501", "F511"]),
      ("event Unused // flow:ignore[F501", ["F501", "F511"]),
      ("event Unused // flow:ignore[] x", ["F501", "F511"]),
      ("event Unused // flow:ignored by all", ["F501"]),
      ("event Unused // about flow:ignore[F501]", ["F501"]),
      ("const text = \"// flow:ignore[F501]\"\nevent Unused", ["F505", "F501"]),
      ("event Unused // flow:ignore[F501, F601] x", ["F511"]),
    ])
  func suppression(_ lines: String, _ reported: [String]) {
    #expect(compile(lines).filtered(by: RuleSelection()).map(\.code) == reported)
  }

  @Test("the strict preset requires a reason for a suppression") func strictReason() {
    let strict = RuleSelection(preset: .strict)
    #expect(compile("event Unused // flow:ignore[F501] ").filtered(by: strict).map(\.code) == ["F513"])
    #expect(compile("event Unused // flow:ignore[F501] why").filtered(by: strict).isEmpty)
  }

  @Test("an error cannot be suppressed") func errorsAreReported() throws {
    let reported = compile("fn f() -> int = nope // flow:ignore[F106] x").filtered(by: RuleSelection(ignored: ["F505"]))
    let error = try #require(reported.first { $0.code == "F106" })
    #expect(error.notes == ["an error can't be suppressed with `flow:ignore`"])
    #expect(!reported.contains { $0.code == "F511" })
  }

  @Test("with errors, a suppression counts as unused only if it names no rule") func suppressionsBesideErrors() {
    let lines = "fn f() -> int = nope\nevent A // flow:ignore[F404] x\nevent B // flow:ignore[unused-evnt] x"
    let reported = compile(lines).filtered(by: RuleSelection(ignored: ["F501", "F505"]))
    #expect(reported.map(\.code) == ["F106", "F511"])
  }

  @Test("a misspelt rule in a suppression gets a suggestion") func misspeltRule() throws {
    let reported = compile("event Unused // flow:ignore[unused-evnt] x").filtered(by: RuleSelection())
    let unused = try #require(reported.first { $0.code == "F511" })
    #expect(unused.help == "there is no rule `unused-evnt`, did you mean `unused-event`?")
  }

  /// Only the comment is removed, and the findings stay suppressed.
  @Test(
    "the fix removes a suppression without effect",
    arguments: [
      ("role r  // flow:ignore[F501] x", "role r"), ("  // flow:ignore[F501] x\nrole r", "role r"),
      ("role r  // flow:ignore[F501] x\r", "role r\r"), ("// flow:ignore[F501] x\r\nrole r", "role r"),
      ("role r  // flow:ignore[F514, F501] x", "role r  // flow:ignore[F514] x"),
    ])
  func unusedSuppressionFix(_ before: String, _ after: String) throws {
    let compilation = compile(before)
    let found = compilation.filtered(by: RuleSelection()).filter { $0.code == "F511" }
    let file = try #require(compilation.sources.files.first)
    let (text, count) = applyFixes(of: found, to: file, isUnsafeTaken: false)
    #expect(count == 1 && String(decoding: text, as: UTF8.self).contains("}\n\(after)\n/// An order."))
  }

  /// Suppressed findings are listed with their reason.
  @Test("suppressed findings are listed with their reason") func suppressedAreListed() {
    let result = compile("event Unused // flow:ignore[F501] not yet").lintResult(for: RuleSelection())
    #expect(result.suppressed.map(\.diagnostic.code) == ["F501"])
    #expect(result.suppressed.first?.origin == .source && result.suppressed.first?.reason == "not yet")
  }

  /// Comments are added for all findings, and no finding is reported afterwards.
  @Test("added suppressions hide all warnings of a file", arguments: Sample.all(in: CodesTests.folder))
  func addedSuppressions(_ sample: Sample) throws {
    let name = sample.url.lastPathComponent
    func check(_ text: [UInt8]) -> Compilation {
      FlowCompiler.check(roots: [name]) { path in
        let imported = sample.url.deletingLastPathComponent().appending(path: path)
        return path == name ? text : (try? Data(contentsOf: imported)).map { Array($0) }
      }
    }
    let selection = RuleSelection(preset: .strict, ignored: ["F511", "F513"])
    let before = check(Array(sample.text.utf8))
    let file = try #require(before.sources.files.first { $0.name == name })
    func reported(_ compilation: Compilation) -> [Diagnostic] {
      compilation.filtered(by: selection).filter { compilation.sources.file(at: $0.range.lower)?.name == name }
    }
    let found = reported(before)
    let (text, count) = addSuppressions(of: found, to: file, reason: "known\nbefore")
    let after = reported(check(text))
    #expect(count == found.count { $0.severity != .error })
    #expect(after.count == found.count - count && after.allSatisfy { $0.severity == .error })
  }
}
