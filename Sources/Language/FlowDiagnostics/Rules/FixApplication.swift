public import FlowSource

/// Applies the fixes of one file. Of two that overlap, the first is applied; another pass may apply the other.
/// - Parameter isUnsafeTaken: Also applies fixes that need review.
/// - Returns: The new text, and the number of fixes applied.
public func applyFixes(
  of diagnostics: [Diagnostic], to file: SourceFile, isUnsafeTaken: Bool
) -> (text: [UInt8], count: Int) {
  var chosen: [Fix.Edit] = []
  var count = 0
  for diagnostic in diagnostics {
    guard let fix = diagnostic.fixes.first(where: { $0.applicability == .safe || isUnsafeTaken }),
      fix.edits.allSatisfy({ file.range.lower <= $0.range.lower && $0.range.upper <= file.range.upper }),
      !fix.edits.contains(where: { edit in chosen.contains { $0.range.overlaps(edit.range) } })
    else { continue }
    chosen += fix.edits
    count += 1
  }
  var text = file.text
  for edit in chosen.sorted(by: { $0.range.lower > $1.range.lower }) {
    text.replaceSubrange(
      Int(edit.range.lower - file.base)..<Int(edit.range.upper - file.base), with: Array(edit.text.utf8))
  }
  return (text, count)
}

extension SourceRange {
  fileprivate func overlaps(_ other: SourceRange) -> Bool { lower <= other.upper && other.lower <= upper }
}
