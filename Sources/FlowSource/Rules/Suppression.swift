/// `// flow:ignore[F302] reason`: what is not to be said, and where.
public struct Suppression: Hashable, Sendable {
  /// The codes and names between the brackets, as they are written.
  public var rules: [String]
  public var reason: String
  /// The lines that it covers, from 1.
  public var lines: ClosedRange<Int>
  /// The comment.
  public var range: SourceRange

  /// Whether it speaks of a code.
  func covers(_ code: String) -> Bool {
    rules.contains { $0 == code || Rule.named($0)?.code == code || $0.hasPrefix("F") && code.hasPrefix($0) }
  }

  /// Reads the suppressions of a file.
  ///
  /// One behind code covers its line; one on a line of its own covers the next line that has code;
  /// `flow:ignore-file` covers everything.
  /// - Parameter comments: The ranges between the tokens of the file, where comments stand.
  public static func all(in source: SourceFile, gaps: [SourceRange]) -> [Suppression] {
    gaps.flatMap { gap -> [Suppression] in
      // Nearly all of what stands between tokens is white space.
      guard source.slice(gap).contains(UInt8(ascii: "/")) else { return [] }
      let text = source.string(gap)
      guard text.contains("flow:ignore") else { return [] }
      var found: [Suppression] = []
      var offset = gap.lower
      for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
        if let comment = line.firstRange(of: "//") {
          let start = offset + UInt32(line[..<comment.lowerBound].utf8.count)
          let range = SourceRange(start, offset + UInt32(line.utf8.count))
          if let read = read(line[comment.upperBound...], at: range, in: source, gap) { found.append(read) }
        }
        offset += UInt32(line.utf8.count) + 1
      }
      return found
    }
  }

  private static func read(
    _ comment: Substring, at range: SourceRange, in source: SourceFile, _ gap: SourceRange
  ) -> Suppression? {
    let text = comment.drop { $0 == " " || $0 == "/" }
    let isWhole = text.hasPrefix("flow:ignore-file[")
    guard isWhole || text.hasPrefix("flow:ignore["), let open = text.firstIndex(of: "["),
      let close = text.firstIndex(of: "]")
    else { return nil }
    let rules = text[text.index(after: open)..<close].split(separator: ",").map { $0.filter { $0 != " " } }
    let reason = String(text[text.index(after: close)...].drop { $0 == " " })
    let lines = isWhole ? 1...max(source.lineCount, 1) : covered(range, in: source, gap)
    return Suppression(rules: rules, reason: reason, lines: lines, range: range)
  }

  /// The line of the code before it, or the first line with code behind it.
  private static func covered(
    _ range: SourceRange, in source: SourceFile, _ gap: SourceRange
  ) -> ClosedRange<Int> {
    let line = source.position(of: range.lower).line
    let before = source.position(of: gap.lower).line
    if gap.lower > source.base, before == line { return line...line }
    let next = source.position(of: gap.upper).line
    return next...next
  }
}
