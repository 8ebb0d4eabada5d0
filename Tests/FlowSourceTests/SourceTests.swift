import FlowSource
import FlowTime
import Testing

@Suite struct SourceTests {
  @Test func positionsCountScalarsFromOne() {
    let file = SourceFile(name: "a", text: Array("ab\né😀x\r\n".utf8))
    #expect(file.position(of: 0) == SourcePosition(line: 1, column: 1, offset: 0))
    #expect(file.position(of: 3) == SourcePosition(line: 2, column: 1, offset: 3))
    #expect(file.position(of: 9) == SourcePosition(line: 2, column: 3, offset: 9))
    #expect(file.line(2) == "é😀x")
    #expect(file.position(of: 1000).line == 3)
  }

  @Test func offsetsNameTheirFile() throws {
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

  @Test(arguments: [
    ("aproved", "approved"), ("Paid", "paid"), ("shiping", "shipping"), ("apporved", "approved"),
  ])
  func suggestsWhatWasMeant(_ written: String, _ meant: String) {
    #expect(Suggestion.closest(to: written, among: ["approved", "paid", "shipping"]) == [meant])
  }

  @Test func doesNotGuessWildly() {
    #expect(Suggestion.closest(to: "cat", among: ["approved", "paid", "dog"]).isEmpty)
  }

  @Test(arguments: [
    ("30m", 1_800_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("250ms", 250), ("0s", 0),
  ])
  func lengthsOfTime(_ text: String, _ milliseconds: Int64) {
    #expect(DurationText.milliseconds(text) == milliseconds)
    #expect(DurationText.text(milliseconds) == text)
  }

  @Test(arguments: ["", "5", "m", "5x", "1.5h", "-3d", "99999999999999999999d", "9223372036854775807d"])
  func whatIsNoLengthOfTime(_ text: String) { #expect(DurationText.milliseconds(text) == nil) }
}
