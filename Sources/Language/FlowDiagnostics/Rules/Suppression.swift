public import FlowSource

/// A suppression comment: `// flow:ignore[F302] reason`.
public struct Suppression: Hashable, Sendable {
  public enum Scope: Hashable, Sendable {
    /// A line, from 1.
    case line(Int)
    case file
  }

  /// The codes, names or prefixes of codes between the brackets, as written; empty without brackets.
  public var rules: [String]
  public var reason: String
  public var scope: Scope
  /// The comment.
  public var range: SourceRange
  /// The range between the brackets.
  public var list: SourceRange

  /// The first of its names that matches a code.
  func name(covering code: String) -> String? { rules.first { RuleSelection.matches([$0], code: code) } }

  /// Reads the suppressions of a file.
  ///
  /// One after code covers its line; one on a line of its own covers the next line that has code;
  /// `flow:ignore-file` covers everything.
  /// - Parameter gaps: The ranges between the tokens of the file, which contain the comments.
  public static func all(in source: SourceFile, gaps: [SourceRange]) -> [Suppression] {
    gaps.flatMap { gap -> [Suppression] in
      // Nearly all gaps between tokens are white space.
      guard source.slice(gap).contains(UInt8(ascii: "/")) else { return [] }
      return comments(in: gap, of: source).compactMap {
        SuppressionReader(source: source, gap: gap, comment: $0).suppression
      }
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
private struct SuppressionReader {
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

  /// The line of the code before it, or the first line with code after it.
  private var coveredLine: Int {
    let position = source.position(of: comment.lower)
    let before = source.line(position.line).prefix(position.column - 1)
    let isAlone = before.allSatisfy { $0 == " " || $0 == "\t" }
    return isAlone ? source.position(of: gap.upper).line : position.line
  }
}

extension SourceFile {
  /// The range to delete with a comment: its whole line when it is alone there, else also the spaces before it.
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
