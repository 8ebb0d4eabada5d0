import FlowCompiler
import FlowIDE
import FlowSource

/// A program of one file in which `‸` marks positions; the marks are no part of the text.
struct Marked {
  static let path = "/test.flow"

  let view: ProgramView
  let text: String
  let offsets: [UInt32]

  init(_ marked: String, others: [String: String] = [:]) {
    let parts = marked.split(separator: "‸", omittingEmptySubsequences: false)
    text = parts.joined()
    var offsets: [UInt32] = []
    var length = 0
    for part in parts.dropLast() {
      length += part.utf8.count
      offsets.append(UInt32(length))
    }
    self.offsets = offsets
    view = Marked.view(of: text, others: others)
  }

  static func view(of text: String, path: String = Marked.path, others: [String: String] = [:]) -> ProgramView {
    var files = others
    files[path] = text
    let programs = analyze(roots: [path]) { files[$0].map { Array($0.utf8) } }.programs
    let paths = programs[0].files
    let units = paths.map { SourceUnit(path: $0, text: Array(files[$0, default: ""].utf8)) }
    return ProgramView(units, analysis: programs[0].analysis)
  }

  /// The hover at the only mark.
  var hover: String { view.hover(at: offsets[0], in: Marked.path)?.text ?? "" }

  /// The labels of the proposals at the only mark.
  var labels: [String] { view.completion(at: offsets[0], in: Marked.path)?.items.map(\.label) ?? [] }

  /// The text after edits of this file.
  func applying(_ edits: [TextEdit]) -> String {
    var bytes = Array(text.utf8)
    for edit in edits.sorted(by: { $0.location.range.lower > $1.location.range.lower }) {
      bytes.replaceSubrange(
        Int(edit.location.range.lower)..<Int(edit.location.range.upper), with: Array(edit.text.utf8))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
