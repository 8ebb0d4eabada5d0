public import FlowSource

/// Suppresses findings of one file: inserts a comment with their codes above each line that has some.
///
/// Errors are not suppressed, nor F511 and F513, which are about such comments.
/// - Returns: The new text, and the number of findings suppressed.
public func addSuppressions(
  of diagnostics: [Diagnostic], to file: SourceFile, reason: String
) -> (text: [UInt8], count: Int) {
  let suppressed = diagnostics.filter {
    $0.severity != .error && Rule.named($0.code)?.canBeSuppressed ?? false && !["F511", "F513"].contains($0.code)
  }
  let byLine = Dictionary(grouping: suppressed) { file.position(of: $0.range.lower).line }
  var text = file.text
  for (line, found) in byLine.sorted(by: { $0.key > $1.key }) {
    let codes = Set(found.map(\.code)).sorted().joined(separator: ", ")
    let indentation = file.line(line).prefix { $0 == " " || $0 == "\t" }
    let words = reason.split { $0.isNewline }.joined(separator: " ")
    let comment = "\(indentation)// flow:ignore[\(codes)]\(words.isEmpty ? "" : " ")\(words)\n"
    text.insert(contentsOf: comment.utf8, at: file.start(ofLine: line))
  }
  return (text, suppressed.count)
}
