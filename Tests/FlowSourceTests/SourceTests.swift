import FlowSource
import Testing

@Suite struct SourceTests {
  @Test("positions count Unicode scalars from 1") func positions() {
    let file = SourceFile(name: "a", text: Array("ab\né😀x\r\n".utf8))
    #expect(file.position(of: 0) == SourcePosition(line: 1, column: 1, offset: 0))
    #expect(file.position(of: 3) == SourcePosition(line: 2, column: 1, offset: 3))
    #expect(file.position(of: 9) == SourcePosition(line: 2, column: 3, offset: 9))
    #expect(file.line(2) == "é😀x")
    #expect(file.position(of: 1000).line == 3)
  }

  @Test("an offset identifies its file") func filesOfOffsets() throws {
    var set = SourceSet()
    set.add(name: "a", text: Array("12345".utf8))
    set.add(name: "b", text: [])
    set.add(name: "c", text: Array("678".utf8))
    let c = set.files[2]
    #expect(set.file(at: 4)?.name == "a")
    #expect(set.file(at: 5)?.name == "a")
    #expect(set.file(at: c.base)?.name == "c")
    #expect(set.string(SourceRange(c.base + 1, c.base + 3)) == "78")
  }

  @Test("diagnostics are sorted by range, code and message, each once") func sorting() {
    func diagnostic(_ lower: UInt32, _ message: String, _ help: String? = nil) -> Diagnostic {
      Diagnostic("F101", message, at: SourceRange(lower, lower + 1), help: help)
    }
    let found = [
      diagnostic(5, "b"), diagnostic(1, "z"), diagnostic(5, "a", "1"), diagnostic(5, "b"), diagnostic(5, "a", "2"),
      diagnostic(5, "a", "1"), diagnostic(1, "z"),
    ]
    let expected = [diagnostic(1, "z"), diagnostic(5, "a", "1"), diagnostic(5, "a", "2"), diagnostic(5, "b")]
    #expect(found.sortedByRange() == expected)
    #expect([Diagnostic]().sortedByRange().isEmpty)
    #expect([expected[0], expected[0]].sortedByRange() == [expected[0]])
  }

  @Test(
    "a misspelt name gets its suggestion",
    arguments: [
      ("aproved", "approved"), ("Paid", "paid"), ("shiping", "shipping"), ("apporved", "approved"),
    ])
  func suggestions(_ written: String, _ meant: String) {
    #expect(Suggestion.closest(to: written, among: ["approved", "paid", "shipping"]) == [meant])
  }

  @Test("distant names are not suggested") func noSuggestion() {
    #expect(Suggestion.closest(to: "cat", among: ["approved", "paid", "dog"]).isEmpty)
  }
}
