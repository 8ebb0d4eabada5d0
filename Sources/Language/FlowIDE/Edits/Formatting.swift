public import FlowSource
import FlowSyntax

extension SourceUnit {
  /// The edits that bring the file into its canonical form; none for a file with syntax errors.
  public var formattingEdits: [TextEdit] {
    guard let text = format(source).text else { return [] }
    return edits(to: Array(text.utf8))
  }

  /// The edits of ``formattingEdits`` that touch a range.
  public func formattingEdits(in range: SourceRange) -> [TextEdit] {
    formattingEdits.filter { $0.location.range.lower <= range.upper && range.lower <= $0.location.range.upper }
  }

  /// The edits between the text and another one: one for each run of lines that differ.
  private func edits(to new: [UInt8]) -> [TextEdit] {
    guard new != source.text else { return [] }
    let before = lines(of: source.text)
    let after = lines(of: new)
    var found: [TextEdit] = []
    var starts: [Int] = [0]
    for line in before { starts.append(starts[starts.count - 1] + line.count) }
    let (removed, inserted) = difference(before, after)
    var (old, fresh) = (0, 0)
    while old < before.count || fresh < after.count {
      guard removed.contains(old) || inserted.contains(fresh) else {
        old += 1
        fresh += 1
        continue
      }
      let first = old
      var text: [UInt8] = []
      while removed.contains(old) || inserted.contains(fresh) {
        if removed.contains(old) { old += 1 }
        if inserted.contains(fresh) {
          text += after[fresh]
          fresh += 1
        }
      }
      let range = SourceRange(UInt32(starts[first]), UInt32(starts[old]))
      found.append(TextEdit(Place(file: path, range: range), String(decoding: text, as: UTF8.self)))
    }
    return found
  }

  /// The number of differing lines that are compared one by one, at most: the comparison takes quadratic time.
  private static let longestComparison = 2000

  /// The indices of the lines that only the first text has, and of those that only the second has.
  private func difference(
    _ before: [ArraySlice<UInt8>], _ after: [ArraySlice<UInt8>]
  ) -> (removed: Set<Int>, inserted: Set<Int>) {
    let head = zip(before, after).prefix { $0 == $1 }.count
    let rest = min(before.count, after.count) - head
    let tail = zip(before.reversed(), after.reversed()).prefix { $0 == $1 }.prefix(rest).count
    let old = Array(before[head..<before.count - tail])
    let new = Array(after[head..<after.count - tail])
    guard max(old.count, new.count) <= SourceUnit.longestComparison else {
      return (Set(head..<before.count - tail), Set(head..<after.count - tail))
    }
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in new.difference(from: old) {
      switch change {
      case .remove(let offset, _, _): removed.insert(head + offset)
      case .insert(let offset, _, _): inserted.insert(head + offset)
      }
    }
    return (removed, inserted)
  }

  /// The lines with their line feeds.
  private func lines(of text: [UInt8]) -> [ArraySlice<UInt8>] {
    var found: [ArraySlice<UInt8>] = []
    var start = 0
    for (index, byte) in text.enumerated() where byte == UInt8(ascii: "\n") {
      found.append(text[start...index])
      start = index + 1
    }
    if start < text.count { found.append(text[start...]) }
    return found
  }
}
