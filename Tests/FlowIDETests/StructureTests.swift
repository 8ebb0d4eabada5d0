import FlowCompiler
import FlowIDE
import FlowSource
import FlowSyntax
import FlowTestSupport
import Foundation
import Testing

@Suite("outline, folding, tokens, hints, lenses, actions")
struct StructureTests {
  @Test("the structure of a flow")
  func golden() throws {
    let url = packageRoot.appending(path: "Tests/FlowIDETests/Corpus/structure.flow")
    let text = try String(contentsOf: url, encoding: .utf8)
    let view = Marked.view(of: text)
    let unit = try #require(view.unit(Marked.path))
    var lines: [String] = ["# outline"]
    func add(_ item: OutlineItem, _ depth: Int) {
      lines.append(String(repeating: "  ", count: depth) + "\(item.kind) \(item.name) \(item.detail)")
      for child in item.children { add(child, depth + 1) }
    }
    for item in unit.outline { add(item, 0) }
    lines.append("# folding")
    lines += unit.foldingRanges.map { "\($0.first)-\($0.last) \($0.kind)" }
    lines.append("# tokens")
    lines += view.semanticTokens(in: Marked.path).map { token in
      let location = unit.source.position(of: token.range.lower)
      return
        "\(location.line):\(location.column) \(unit.source.string(token.range)) \(token.kind) \(token.modifiers.rawValue)"
    }
    lines.append("# hints")
    lines += view.inlayHints(in: Marked.path, range: unit.range).map { hint in
      "\(unit.source.position(of: hint.offset).line)\(hint.text.first == " " ? "" : " ")\(hint.text)"
    }
    lines.append("# lenses")
    lines += view.lenses(in: Marked.path).map { "\(unit.source.position(of: $0.range.lower).line) \($0.title)" }
    try expectGolden(
      lines.map { $0.reversed().drop { $0 == " " }.reversed() }.map { String($0) }.joined(separator: "\n") + "\n",
      at: url.deletingPathExtension().appendingPathExtension("golden"))
  }

  @Test("the selection grows from the word to the file")
  func selection() {
    let marked = Marked("event E\nflow F {\n  start on E -> a\n  state a { on E when (1 + 2‸) > 2 -> b }\n  final b\n}")
    let unit = SourceUnit(path: "", text: Array(marked.text.utf8))
    let texts = unit.selectionRanges(at: marked.offsets[0]).map { unit.source.string($0) }
    #expect(texts.first == "2")
    #expect(texts.contains("1 + 2") && texts.contains("(1 + 2)"))
    #expect(texts.contains { $0.hasPrefix("on E when") } && texts.contains { $0.hasPrefix("state a") })
    #expect(texts.last == marked.text)
  }

  @Test("the edits of the formatter make the formatted text", arguments: Sample.allFlows())
  func formatting(_ sample: Sample) {
    // Each line gets more space and loses its indentation.
    let rough = sample.text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.drop { $0 == " " } }.joined(separator: "\n")
    let unit = SourceUnit(path: "x.flow", text: Array(rough.utf8))
    guard !unit.parsed.diagnostics.hasErrors else { return }
    let edits = unit.formattingEdits
    var bytes = Array(rough.utf8)
    for edit in edits.reversed() {
      bytes.replaceSubrange(
        Int(edit.location.range.lower)..<Int(edit.location.range.upper), with: Array(edit.text.utf8))
    }
    #expect(SourceUnit(path: "x.flow", text: bytes).formattingEdits.isEmpty)
  }

  @Test("a selected expression becomes a `let`, and a `let` its expression")
  func extraction() throws {
    let text =
      """
      event E
      flow F {
        data { n: int = 1 }
        start on E -> a
        state a { on E when ‸n + 2‸ > 2 -> b }
        final b
      }

      """
    let marked = Marked(text)
    let range = SourceRange(marked.offsets[0], marked.offsets[1])
    let action = try #require(
      marked.view.codeActions(in: Marked.path, range: range, findings: []).first { $0.kind == .extract })
    let changed = marked.applying(action.edits)
    #expect(changed.contains("  let value = n + 2\n  start on E -> a\n  state a { on E when value > 2 -> b }"))
    let after = Marked(changed.replacing("let value", with: "let v‸alue"))
    let inline = try #require(
      after.view.codeActions(in: Marked.path, range: SourceRange(after.offsets[0], after.offsets[0]), findings: [])
        .first { $0.kind == .inline })
    #expect(after.applying(inline.edits).contains("on E when (n + 2) > 2 -> b"))
  }

  @Test("an unknown state and an unknown event can be created, and a warning can be silenced")
  func creation() throws {
    let text = "event E\nflow F {\n  start on E -> a\n  state a { on Pay -> nowhere  on E -> b }\n  final b\n}\n"
    let (_, compilation) = analyze(roots: ["/test.flow"]) { _ in Array(text.utf8) }
    let findings = compilation.diagnostics.map { Finding($0, in: compilation.sources) }
    let marked = Marked(text)
    let all = marked.view.codeActions(in: Marked.path, range: SourceRange(0, 200), findings: findings)
    let event = try #require(all.first { $0.title == "create the event `Pay`" })
    #expect(marked.applying(event.edits).hasPrefix("event E\nevent Pay\n\nflow F"))
    let state = try #require(all.first { $0.title == "create the final state `nowhere`" })
    #expect(marked.applying(state.edits).hasSuffix("  final b\n\n  final nowhere\n}\n"))
  }
}
