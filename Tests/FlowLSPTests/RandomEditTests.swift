import FlowCompiler
import FlowDiagnostics
import FlowGenerator
import FlowJSON
import FlowSource
import FlowTestSupport
import Foundation
import Testing

@testable import FlowIDE
@testable import FlowLSP

@Suite("random edits")
struct RandomEditTests {
  private static let host = LanguageServerHost(
    version: "test", readFile: { path in (try? Data(contentsOf: URL(filePath: path))).map { Array($0) } },
    flowFiles: { _ in [] }, selection: { _ in RuleSelection() }, page: { _ in nil }, svg: { _ in nil })

  /// Scraps of text that leave a program in a half-typed condition.
  private static let scraps = [
    "}", "{", "(", ")", "\"", "on ", "-> ", "state x {", "event.", " when ", "do {", "é😀", "\n", "`", "//", "///",
    "'''",
    "flow F {", "30", "m", "&&", "shop.", "import \"payments.flow\"\n", ",", ":", "[", "test \"t\" {", "😀", "call ",
  ]

  @Test("after each edit the findings are those of a fresh check, and every answer is given")
  func edits() throws {
    let count = Int(ProcessInfo.processInfo.environment["FLOW_EDITS"] ?? "") ?? 50
    let samples = Sample.all(below: "samples")
    var generator = SplitMix64(state: 7)
    var done = 0
    while done < count {
      for sample in samples where done < count {
        done += try run(sample, steps: min(25, count - done), &generator)
      }
    }
    #expect(done == count)
  }

  private func run(_ sample: Sample, steps: Int, _ generator: inout SplitMix64) throws -> Int {
    var workspace = Workspace(host: RandomEditTests.host)
    let path = sample.url.path
    var text = Array(sample.text.utf8)
    workspace.open(Document(uri: FileURI.uri(path), path: path, version: 0, text: text))
    var clipboard = "on Cancel -> x"
    var history: [[UInt8]] = [text]
    for step in 0..<steps {
      let change = change(of: text, clipboard: &clipboard, history: &history, by: &generator)
      let encoding: PositionEncoding = step.isMultiple(of: 2) ? .utf16 : .utf8
      workspace.change(path, version: step + 1, changes: [json(change, in: text, encoding)], encoding: encoding)
      text.replaceSubrange(change.range, with: Array(change.text.utf8))
      #expect(workspace.text(of: path) == text, "\(sample.name), step \(step)")
      history.append(text)
      try compare(&workspace, path: path, text: text)
      answer(&workspace, path: path, at: UInt32.random(in: 0...UInt32(text.count), using: &generator))
    }
    return steps
  }

  private struct Change {
    var range: Range<Int>
    var text: String
  }

  private func change(
    of text: [UInt8], clipboard: inout String, history: inout [[UInt8]], by generator: inout SplitMix64
  ) -> Change {
    func border(_ index: Int) -> Int {
      var index = min(index, text.count)
      while index > 0, index < text.count, text[index] & 0xC0 == 0x80 { index -= 1 }
      return index
    }
    let lower = border(Int.random(in: 0...text.count, using: &generator))
    switch Int.random(in: 0..<6, using: &generator) {
    case 0:
      let upper = border(min(text.count, lower + Int.random(in: 0...60, using: &generator)))
      clipboard = String(decoding: text[lower..<max(lower, upper)], as: UTF8.self)
      return Change(range: lower..<max(lower, upper), text: "")
    case 1: return Change(range: lower..<lower, text: clipboard)
    case 2 where history.count > 1:
      let old = history[Int.random(in: 0..<history.count, using: &generator)]
      return Change(range: 0..<text.count, text: String(decoding: old, as: UTF8.self))
    default:
      let scrap = RandomEditTests.scraps.randomElement(using: &generator) ?? ""
      return Change(range: lower..<lower, text: scrap)
    }
  }

  private func json(_ change: Change, in text: [UInt8], _ encoding: PositionEncoding) -> JSON {
    let positions = Positions(source: SourceFile(name: "", text: text), encoding: encoding)
    let range = SourceRange(UInt32(change.range.lowerBound), UInt32(change.range.upperBound))
    return ["range": positions.json(range), "text": .string(change.text)]
  }

  /// Compares the findings of the server with those of the commands.
  private func compare(_ workspace: inout Workspace, path: String, text: [UInt8]) throws {
    let result = try #require(workspace.job(for: path).run(host: RandomEditTests.host))
    workspace.keep(result)
    let fresh = check(roots: [path]) { $0 == path ? text : RandomEditTests.host.readFile($0) }
    let expected = fresh.filtered(by: RuleSelection()).map { Finding($0, in: fresh.sources) }
    #expect(result.findings == expected)
  }

  /// Asks every question at an offset.
  private func answer(_ workspace: inout Workspace, path: String, at offset: UInt32) {
    for view in workspace.views(for: path) {
      _ = view.hover(at: offset, in: path)
      _ = view.completion(at: offset, in: path)
      _ = view.definition(at: offset, in: path)
      _ = view.typeDefinition(at: offset, in: path)
      _ = view.references(at: offset, in: path, includesDeclaration: true)
      _ = try? view.rename(at: offset, in: path, to: "other_name")
      _ = view.signatureHelp(at: offset, in: path)
      _ = view.why(nil, at: offset, in: path)
      _ = view.lenses(in: path)
      guard let unit = view.unit(path) else { continue }
      let tokens = view.semanticTokens(in: path)
      #expect(zip(tokens, tokens.dropFirst()).allSatisfy { $0.range.upper <= $1.range.lower })
      _ = view.inlayHints(in: path, range: unit.range)
      _ = view.codeActions(in: path, range: SourceRange(offset, offset), findings: [])
      _ = (unit.outline, unit.foldingRanges, unit.selectionRanges(at: offset), unit.formattingEdits)
    }
  }
}

@Suite("protocol")
struct ProtocolTests {
  @Test("messages are read in whatever pieces they arrive")
  func framing() {
    let content = Array(#"{"jsonrpc":"2.0","method":"a"}"#.utf8)
    let stream = MessageReader.framed(content) + MessageReader.framed(content)
    for size in [1, 2, 7, 1000] {
      var reader = MessageReader()
      var found: [[UInt8]] = []
      for start in stride(from: 0, to: stream.count, by: size) {
        reader.append(stream[start..<min(start + size, stream.count)])
        while let next = reader.next() { found.append(next) }
      }
      #expect(found == [content, content])
    }
    var broken = MessageReader()
    broken.append(Array("Content-Type: x\r\n\r\n".utf8))
    #expect(broken.next() == nil)
    #expect(broken.isBroken)
  }

  @Test("positions count in the unit of the client")
  func positions() {
    let source = SourceFile(name: "", text: Array("aé😀b\r\nc".utf8))
    let utf16 = Positions(source: source, encoding: .utf16)
    let utf8 = Positions(source: source, encoding: .utf8)
    // The offset of `b` is 1 + 2 + 4.
    #expect(utf16.offset(line: 0, character: 4) == 7)
    #expect(utf8.offset(line: 0, character: 7) == 7)
    #expect(utf16.position(7).line == 0)
    #expect(utf16.position(7).character == 4)
    #expect(utf8.position(7).character == 7)
    #expect(utf16.offset(line: 0, character: 99) == 8)
    #expect(utf16.offset(line: 1, character: 0) == 10)
    #expect(utf16.offset(line: 9, character: 0) == 11)
  }

  @Test("a path survives as a URI")
  func uris() {
    for path in ["/a/b.flow", "/ä b/100%.flow", "/a#b?.flow"] { #expect(FileURI.path(FileURI.uri(path)) == path) }
    #expect(FileURI.uri("/ä b") == "file:///%C3%A4%20b")
  }
}
