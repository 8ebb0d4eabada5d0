/// The difference of two texts in the unified format of `diff` and `patch`.
///
/// Common lines are found by the algorithm of Myers ("An O(ND) difference algorithm", 1986).
struct UnifiedDiff {
  /// The maximum number of changed lines; a larger difference replaces the whole text.
  static let maximumEdits = 2000
  /// The number of unchanged lines around a change.
  private static let context = 3

  private enum Line {
    case kept(String)
    case removed(String)
    case added(String)

    var text: String {
      switch self {
      case .kept(let line): " " + line
      case .removed(let line): "-" + line
      case .added(let line): "+" + line
      }
    }

    var isKept: Bool {
      if case .kept = self { true } else { false }
    }
  }

  private let name: String
  private var lines: [Line] = []

  init(name: String, old: String, new: String) {
    self.name = name
    let old = UnifiedDiff.lines(of: old)
    let new = UnifiedDiff.lines(of: new)
    let start = zip(old, new).prefix { $0 == $1 }.count
    let end = zip(old[start...].reversed(), new[start...].reversed()).prefix { $0 == $1 }.count
    lines += old[..<start].map { .kept($0) }
    lines += UnifiedDiff.compare(Array(old[start..<(old.count - end)]), Array(new[start..<(new.count - end)]))
    lines += old[(old.count - end)...].map { .kept($0) }
  }

  private static func lines(of text: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last?.isEmpty == true {
      lines.removeLast()
    } else if let last = lines.popLast() {
      lines.append(last + "\n\\ No newline at end of file")
    }
    return lines
  }

  // MARK: - Comparison

  private static func compare(_ old: [String], _ new: [String]) -> [Line] {
    guard let trace = trace(old, new) else { return old.map { .removed($0) } + new.map { .added($0) } }
    var found: [Line] = []
    var x = old.count
    var y = new.count
    for (edits, reached) in trace.enumerated().reversed() {
      let diagonal = x - y
      let isAddition = goesDown(diagonal, edits: edits, reached: reached)
      let before = isAddition ? diagonal + 1 : diagonal - 1
      let startX = edits == 0 ? 0 : reached[before + edits + 1]
      let startY = edits == 0 ? 0 : startX - before
      while x > startX, y > startY, x > 0, y > 0, old[x - 1] == new[y - 1] {
        found.append(.kept(old[x - 1]))
        (x, y) = (x - 1, y - 1)
      }
      if edits == 0 { break }
      found.append(isAddition ? .added(new[startY]) : .removed(old[startX]))
      (x, y) = (startX, startY)
    }
    return found.reversed()
  }

  /// The furthest position on each diagonal, per number of edits; nil when there are too many.
  ///
  /// The diagonal `k` of step `d` is at index `k + d + 1`, with its value before the step.
  private static func trace(_ old: [String], _ new: [String]) -> [[Int]]? {
    var trace: [[Int]] = []
    var reached = [0, 0, 0]
    for edits in 0...min(old.count + new.count, maximumEdits) {
      trace.append(reached)
      var next = [0] + reached + [0]
      for diagonal in stride(from: -edits, through: edits, by: 2) {
        let isAddition = goesDown(diagonal, edits: edits, reached: reached)
        var x = edits == 0 ? 0 : isAddition ? reached[diagonal + edits + 2] : reached[diagonal + edits] + 1
        while x < old.count, x - diagonal < new.count, x - diagonal >= 0, old[x] == new[x - diagonal] { x += 1 }
        next[diagonal + edits + 2] = x
        if x >= old.count, x - diagonal >= new.count { return trace }
      }
      reached = next
    }
    return nil
  }

  private static func goesDown(_ diagonal: Int, edits: Int, reached: [Int]) -> Bool {
    diagonal == -edits || (diagonal != edits && reached[diagonal + edits] < reached[diagonal + edits + 2])
  }

  // MARK: - Output

  /// The diff; empty when the texts are equal.
  var text: String {
    let hunks = hunks()
    guard !hunks.isEmpty else { return "" }
    return "--- \(name)\n+++ \(name)\n" + hunks.map(text(of:)).joined()
  }

  private func hunks() -> [Range<Int>] {
    var hunks: [Range<Int>] = []
    for (index, line) in lines.enumerated() where !line.isKept {
      let lower = max(0, index - UnifiedDiff.context)
      let upper = min(lines.count, index + UnifiedDiff.context + 1)
      if let last = hunks.last, last.upperBound >= lower {
        hunks[hunks.count - 1] = last.lowerBound..<upper
      } else {
        hunks.append(lower..<upper)
      }
    }
    return hunks
  }

  private func text(of hunk: Range<Int>) -> String {
    let before = counts(lines[..<hunk.lowerBound])
    let inside = counts(lines[hunk])
    let old = "\(inside.old == 0 ? before.old : before.old + 1),\(inside.old)"
    let new = "\(inside.new == 0 ? before.new : before.new + 1),\(inside.new)"
    return "@@ -\(old) +\(new) @@\n" + lines[hunk].map { $0.text + "\n" }.joined()
  }

  private func counts(_ lines: ArraySlice<Line>) -> (old: Int, new: Int) {
    var counts = (old: 0, new: 0)
    for line in lines {
      switch line {
      case .kept: counts = (counts.old + 1, counts.new + 1)
      case .removed: counts.old += 1
      case .added: counts.new += 1
      }
    }
    return counts
  }
}
