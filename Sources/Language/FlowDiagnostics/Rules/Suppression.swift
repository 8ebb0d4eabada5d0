public import FlowSource

/// `// flow:ignore[F302] reason`: what is not to be said, and where.
public struct Suppression: Hashable, Sendable {
  public enum Scope: Hashable, Sendable {
    /// A line, from 1.
    case line(Int)
    case file
  }

  /// The codes, names or beginnings of codes between the brackets, as they are written; none without brackets.
  public var rules: [String]
  public var reason: String
  public var scope: Scope
  /// The comment.
  public var range: SourceRange
  /// What stands between the brackets.
  public var list: SourceRange

  /// The first of its names that speaks of a code.
  func name(covering code: String) -> String? { rules.first { RuleSelection.names([$0], code) } }

  /// Reads the suppressions of a file.
  ///
  /// One behind code covers its line; one on a line of its own covers the next line that has code;
  /// `flow:ignore-file` covers everything.
  /// - Parameter gaps: The ranges between the tokens of the file, where comments stand.
  public static func all(in source: SourceFile, gaps: [SourceRange]) -> [Suppression] {
    gaps.flatMap { gap -> [Suppression] in
      // Nearly all of what stands between tokens is white space.
      guard source.slice(gap).contains(UInt8(ascii: "/")) else { return [] }
      return comments(in: gap, of: source).compactMap { Reader(source: source, gap: gap, comment: $0).suppression }
    }
  }

  /// The `//` comments of a gap, each without the end of its line.
  private static func comments(in gap: SourceRange, of source: SourceFile) -> [SourceRange] {
    var found: [SourceRange] = []
    var lower = gap.lower
    for line in source.slice(gap).split(separator: 0x0A, omittingEmptySubsequences: false) {
      let upper = lower + UInt32(line.count)
      if let slash = line.firstIndex(of: UInt8(ascii: "/")) {
        let hasReturn = line.last == 0x0D
        found.append(SourceRange(lower + UInt32(slash - line.startIndex), hasReturn ? upper - 1 : upper))
      }
      lower = upper + 1
    }
    return found
  }
}

/// One comment, which may be a suppression.
private struct Reader {
  let source: SourceFile
  let gap: SourceRange
  let comment: SourceRange

  var suppression: Suppression? {
    let text = source.string(comment)
    let words = text.drop { $0 == "/" || $0 == " " || $0 == "\t" }
    guard let keyword = ["flow:ignore-file", "flow:ignore"].first(where: { words.hasPrefix($0) }) else { return nil }
    let rest = words.dropFirst(keyword.count)
    guard rest.first.map({ !$0.isLetter && $0 != "-" }) ?? true else { return nil }
    let scope: Suppression.Scope = keyword == "flow:ignore" ? .line(coveredLine) : .file
    guard rest.first == "[", let close = rest.firstIndex(of: "]") else {
      return Suppression(rules: [], reason: trimmed(rest), scope: scope, range: comment, list: comment)
    }
    let list = rest.dropFirst()[..<close]
    let start = comment.lower + UInt32(text[..<list.startIndex].utf8.count)
    return Suppression(
      rules: list.split(separator: ",").map(trimmed).filter { !$0.isEmpty },
      reason: trimmed(rest[rest.index(after: close)...]), scope: scope, range: comment,
      list: SourceRange(start, start + UInt32(list.utf8.count)))
  }

  private func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" }
    return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }

  /// The line of the code before it, or the first line with code behind it.
  private var coveredLine: Int {
    let position = source.position(of: comment.lower)
    let before = source.line(position.line).prefix(position.column - 1)
    let isAlone = before.allSatisfy { $0 == " " || $0 == "\t" }
    return isAlone ? source.position(of: gap.upper).line : position.line
  }
}

extension SourceFile {
  /// What goes when a comment goes: its whole line when nothing else stands there, else the spaces before it as well.
  func removal(ofComment comment: SourceRange) -> SourceRange {
    var lower = Int(comment.lower - base)
    while lower > 0, text[lower - 1] == 0x20 || text[lower - 1] == 0x09 { lower -= 1 }
    var upper = Int(comment.upper - base)
    if lower == 0 || text[lower - 1] == 0x0A {
      if upper < text.count, text[upper] == 0x0D { upper += 1 }
      if upper < text.count, text[upper] == 0x0A { upper += 1 }
    }
    return SourceRange(base + UInt32(lower), base + UInt32(upper))
  }
}
