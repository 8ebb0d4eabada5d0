/// Finds likely intended names.
public enum Suggestion {
  /// The candidates close to `name`, best first, at most `limit`.
  ///
  /// A candidate that differs only by case comes first; else the Damerau-Levenshtein distance (optimal string
  /// alignment) may be at most a third of the length, and at least 1.
  /// - Complexity: O(candidates × length²).
  public static func closest(to name: String, among candidates: some Sequence<String>, limit: Int = 1) -> [String] {
    let wanted = Array(name.utf8)
    let bound = max(1, wanted.count / 3)
    var found: [(distance: Int, name: String)] = []
    for candidate in Set(candidates) where candidate != name {
      if candidate.lowercased() == name.lowercased() {
        found.append((0, candidate))
      } else {
        let distance = distance(wanted, Array(candidate.utf8))
        if distance <= bound { found.append((distance, candidate)) }
      }
    }
    found.sort { ($0.distance, $0.name) < ($1.distance, $1.name) }
    return found.prefix(limit).map(\.name)
  }

  /// The number of insertions, deletions, replacements and swaps of neighbours that turn one into the other.
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
      var row = [i] + [Int](repeating: 0, count: b.count)
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
